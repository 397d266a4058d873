"""Small generated images and a clean environment for the tests of wszoo.data."""

from __future__ import annotations

import numpy as np
import pytest

from wszoo.data import from_arrays


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    """The tests name their folders; the machine's settings must not matter."""
    monkeypatch.delenv("WSZOO_DATA_DIR", raising=False)
    monkeypatch.delenv("WSZOO_MANUAL_DIR", raising=False)


def make_images(count, shape=(6, 6, 1), classes=3, seed=0):
    """uint8 images (count, *shape), no two equal, and labels that go round the classes."""
    x = np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)
    return x, np.arange(count) % classes


@pytest.fixture
def pictures():
    return make_images


@pytest.fixture
def small():
    """90 images of three classes, carved 72 / 9 / 9."""
    return from_arrays(*make_images(90), name="small")
