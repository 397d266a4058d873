"""The result of a search: the front, and choices that name no winner inside the noise."""

import pytest

from wszoo.tuner.front import Front, Point


def front(better="max", **scores):
    sizes = {"AAAA": 100, "AABB": 200, "ABAB": 200, "AABC": 300, "ABCD": 400}
    points = tuple(Point(p, sizes[p], 4 * sizes[p], tuple(s)) for p, s in scores.items())
    return Front("val_accuracy", better, points, "ABCD", trials=9)


FRONT = front(
    AAAA=[0.80, 0.82], AABB=[0.89, 0.91], ABAB=[0.85, 0.87], AABC=[0.895, 0.915], ABCD=[0.90, 0.92]
)


def test_the_front_is_what_nothing_smaller_matches():
    assert [p.pattern for p in FRONT.front] == ["AAAA", "AABB", "AABC", "ABCD"]
    losses = front("min", AAAA=[0.3], AABB=[0.4], ABCD=[0.2])
    assert [p.pattern for p in losses.front] == ["AAAA", "ABCD"]


def test_of_equals_the_smaller_is_taken():
    assert FRONT.best_under(max_parameters=400).pattern == "AABB"  # within the noise of ABCD
    assert FRONT.best_under(max_parameters=0.25).pattern == "AAAA"
    assert FRONT.smallest_within(points=1.0).pattern == "AABB"
    assert FRONT.smallest_within(points=0.5).pattern == "AABC"
    assert FRONT.smallest_within(points=20).pattern == "AAAA"
    single = front(AAAA=[0.9], ABCD=[0.91])
    assert single.noise == 0 and single.best_under(max_parameters=400).pattern == "ABCD"


def test_what_cannot_be_chosen():
    with pytest.raises(ValueError, match=r"at most 50 parameters; the smallest, AAAA, stores 100"):
        FRONT.best_under(max_parameters=50)
    with pytest.raises(ValueError, match="ABCD, was not measured"):
        front(AAAA=[0.8]).smallest_within()
    with pytest.raises(ValueError, match="no project"):
        FRONT.build(FRONT.points[0])


def test_table_and_picture(tmp_path):
    table = FRONT.table()
    assert table.row_count == 5
    FRONT.picture(tmp_path / "front.png")
    assert (tmp_path / "front.png").read_bytes()[:4] == b"\x89PNG"
    assert FRONT.to_dict()["front"] == ["AAAA", "AABB", "AABC", "ABCD"]
