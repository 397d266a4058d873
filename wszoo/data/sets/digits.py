"""`digits`: the 1,797 real 8×8 digits that scikit-learn carries, so that nothing is downloaded.

E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, 1998, https://doi.org/10.24432/C50P49, CC BY 4.0: its test part, 43 people.
"""

from __future__ import annotations

import numpy as np

from wszoo.data import images
from wszoo.data.findings import Notes, examined
from wszoo.data.registering import source
from wszoo.data.source import Source
from wszoo.data.splitting import first_stratified, stratified_order

SIZES = {"test": 800, "validation": 200, "train": 797}
LEVELS = 16  # a pixel counts the set pixels of a 4×4 block of the scan: 0 to 16
DIGIT_OF_FRAME = 20 / 28  # MNIST: 20×20 digits in 28×28 frames, http://yann.lecun.com/exdb/mnist/


@source("digits")
def load(
    *,
    image_size: int | None = None,
    resize: str | None = None,
    max_per_split: int | None = None,
) -> Source:
    """The digits as they are, x (n, 8, 8, 1), or, of another size, framed as in MNIST.

    They are square, so that every way of resizing gives the same.
    The split is stratified and fixed: 797 train, 200 validation, 800 test.
    """
    from sklearn.datasets import load_digits

    how = images.check_resize(resize, image_size)
    bunch = load_digits()
    x = (bunch.images[..., None] / LEVELS).astype(np.float32)
    y = bunch.target.astype(np.int32)
    x = x if image_size in (None, x.shape[1]) else frame(x, image_size)
    cuts = np.cumsum(list(SIZES.values()))[:-1]
    rows = {s: np.sort(r) for s, r in zip(SIZES, np.split(stratified_order(y), cuts), strict=True)}
    kept = {s: r[first_stratified(y[r], max_per_split)] for s, r in rows.items()}
    raw = Source(
        name="digits",
        splits={split: (x[r], y[r]) for split, r in kept.items()},
        class_names=tuple(map(str, range(10))),
        resize=how,
        licence="CC BY 4.0",
        origin="Alpaydin & Kaynak (1998), Optical Recognition of Handwritten Digits, UCI, "
        "https://doi.org/10.24432/C50P49; the part embedded in scikit-learn",
    )
    return examined(raw, Notes("digits"), published=True)


def frame(x: np.ndarray, size: int) -> np.ndarray:
    """(n, h, h, 1) to (n, size, size, 1): resized to round(size · 20/28), zeros around it."""
    inner = max(1, round(size * DIGIT_OF_FRAME))
    before = (size - inner) // 2
    margin = (before, size - inner - before)
    return np.pad(images.resize(x, inner), ((0, 0), margin, margin, (0, 0)))
