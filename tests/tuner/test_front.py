"""The result of a search: the front, and choices that name no winner inside the noise."""

import numpy as np
import pytest

from wszoo.tuner.searching.front import Front, Point, hypervolume


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


def test_of_equals_one_is_on_the_front():
    larger = front(AAAA=[0.8], AABB=[0.8], AABC=[0.9], ABCD=[0.9])
    assert [p.pattern for p in larger.front] == ["AAAA", "AABC"]  # as good is not better
    as_small = front(AAAA=[0.8], AABB=[0.85], ABAB=[0.9])
    assert [p.pattern for p in as_small.front] == ["AAAA", "ABAB"]  # the better of one size
    alike = front("min", AAAA=[0.3], AABB=[0.2], ABAB=[0.2])
    assert [p.pattern for p in alike.front] == ["AAAA", "AABB"]


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


def counted(points, reference):
    """The area as a count of unit cells that some point dominates."""
    corners = [(x, y) for x in range(reference[0]) for y in range(reference[1])]
    return sum(any(a <= x and b <= y for a, b in points) for x, y in corners)


def test_hypervolume_is_the_number_of_cells_that_are_dominated():
    assert hypervolume([], (3, 3)) == 0
    assert hypervolume([(1, 1)], (3, 3)) == 4
    assert hypervolume([(0, 2), (1, 1), (1, 1), (2, 2), (2, 0)], (3, 3)) == 6
    rng = np.random.default_rng(0)
    for _ in range(200):
        points = [tuple(point) for point in rng.integers(0, 12, (rng.integers(1, 9), 2)).tolist()]
        assert hypervolume(points, (9, 8)) == counted(points, (9, 8))


def test_hypervolume_of_a_front_is_the_mean_gain_over_budgets():
    two = front(AAAA=[0.80, 0.82], ABCD=[0.90, 0.92])
    # a quarter of the budgets up to 400 holds no plan, and ABCD is as large as the largest
    assert two.hypervolume((400, 0.7)) == pytest.approx(0.75 * 0.11)
    assert two.hypervolume((500, 0.7)) == pytest.approx(0.8 * 0.11 + 0.2 * 0.1)
    losses = front("min", AAAA=[0.5], ABCD=[0.25])
    assert losses.hypervolume((500, 1.0)) == pytest.approx(0.8 * 0.5 + 0.2 * 0.25)
    assert losses.hypervolume((500, 0.5)) == pytest.approx(0.2 * 0.25)
    with pytest.raises(ValueError, match="parameters above 0, not 0"):
        two.hypervolume((0, 0.7))
