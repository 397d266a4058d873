"""Small generated images and a clean environment for the tests of wszoo.data."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from wszoo.data import from_arrays
from wszoo.data.splits import SPLITS


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    """The tests name their folders; the machine's settings must not matter."""
    monkeypatch.delenv("WSZOO_DATA_DIR", raising=False)
    monkeypatch.delenv("WSZOO_MANUAL_DIR", raising=False)


def make_images(count, shape=(6, 6, 1), classes=3, seed=0):
    """uint8 images (count, *shape), no two equal, and labels that go round the classes."""
    x = np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)
    return x, np.arange(count) % classes


def digest_of(rows):
    return hashlib.sha256(np.asarray(rows, "<i8").tobytes()).hexdigest()[:16]


@pytest.fixture(scope="session")
def digest():
    """The first 16 hex digits of the sha256 of whole numbers."""
    return digest_of


@pytest.fixture(scope="session")
def label_digests():
    """A digest of the labels of each split of a source: which examples it has, and their order."""
    return lambda source: [digest_of(source.arrays(split)[1]) for split in SPLITS]


@pytest.fixture
def pictures():
    return make_images


@pytest.fixture
def small():
    """90 images of three classes, carved 72 / 9 / 9."""
    return from_arrays(*make_images(90), name="small")
