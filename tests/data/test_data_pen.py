"""Views of line drawings: pure, in range, and turned as asked."""

import dataclasses

import numpy as np
import pytest

from wszoo.data.sets import pen

STILL = pen.Pen(
    radius=(1.5, 1.5), angle=0, shear=0, log_scale=0, log_aspect=0, shift=0, warp=0,
    stretch=0, cells=(20, 20), coarsest=0, gain=0,
)  # fmt: skip


def drawings(side: int = 28) -> pen.Drawings:
    """An L and a ring: neither looks the same after a quarter turn, or after any but a half."""
    images = np.zeros((2, side, side, 1), "float32")
    u = side // 28
    images[0, 5 * u : 24 * u, 8 * u : 10 * u] = 1
    images[0, 22 * u : 24 * u, 8 * u : 18 * u] = 1
    images[1, 6 * u : 22 * u, 10 * u : 12 * u] = 1
    images[1, 6 * u : 8 * u, 10 * u : 20 * u] = 1
    return pen.prepare(images)


def see(which=(0, 1), turns=(0, 0), how=None, seed=0):
    rng = np.random.default_rng(seed)
    return pen.views(drawings(), np.array(which), np.array(turns), rng, how)


def test_views_depend_on_their_arguments_alone():
    assert np.array_equal(see(seed=3), see(seed=3))
    assert not np.array_equal(see(seed=3), see(seed=4))


def test_views_are_images_with_ink():
    x = see([0, 1] * 50, [0] * 100)
    assert x.shape == (100, 28, 28, 1) and x.dtype == np.float32
    assert x.min() >= 0 and x.max() <= 1
    assert (x.sum((1, 2, 3)) > 5).all()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turns_are_quarter_turns(turns):
    still, turned = see(how=STILL), see(turns=(turns, turns), how=STILL)
    same = [np.abs(np.rot90(still, k, (1, 2)) - turned).max() for k in range(4)]
    assert min(same) < 1e-4 < sorted(same)[1]  # one rotation and no other
    assert int(np.argmin(same)) % 2 == turns % 2


def test_a_thicker_pen_leaves_more_ink():
    thin, thick = (see(how=dataclasses.replace(STILL, radius=(r, r))).sum() for r in (0.8, 2.5))
    assert thick > 1.3 * thin


def test_the_resolution_of_the_source_hardly_matters():
    coarse, fine = drawings(28), drawings(112)
    views = [
        pen.views(d, np.array([0]), np.array([0]), np.random.default_rng(0), STILL)
        for d in (coarse, fine)
    ]
    assert np.abs(views[0] - views[1]).mean() < 0.02


def test_chunks_cover_every_view():
    rng = np.random.default_rng(0)
    index = np.zeros(7, int)
    x = pen.views(drawings(), index, index, rng, STILL, chunk=3)
    assert np.allclose(x, x[:1])


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((1, 28, 28, 1)), "no ink"),
        (np.ones((1, 28, 20, 1)), r"\(n, side, side, 1\)"),
        (np.ones((1, 28, 28, 3)), r"\(n, side, side, 1\)"),
    ],
)
def test_what_is_no_drawing_is_refused(images, words):
    with pytest.raises(ValueError, match=words):
        pen.prepare(images)


@pytest.mark.parametrize(("size", "cells"), [(32, 8), (32, 9), (8, 20), (20, 20)])
def test_resizing_keeps_flat_images_flat(size, cells):
    matrix = pen.area(size, cells) if cells <= size else pen.cubic(size, cells)
    assert matrix.shape == (cells, size)
    assert np.allclose(matrix.sum(1), 1, atol=1e-6)
