"""What can be measured on the image of a stroke."""

import numpy as np
from scipy.ndimage import distance_transform_edt


def attributes(images: np.ndarray) -> dict[str, np.ndarray]:
    """Slant (degrees, leaning right is positive) and thickness (pixels) of strokes `(n, r, c, 1)`.

    Slant is the shear that makes the image upright; thickness four times the mean distance of the
    stroke's pixels to the background, which is the width of a long bar.
    """
    mass = images[..., 0].astype("float64") + 1e-9
    mass /= mass.sum(axis=(1, 2), keepdims=True)
    rows, columns = np.mgrid[: mass.shape[1], : mass.shape[2]]
    middle = [(mass * axis).sum(axis=(1, 2), keepdims=True) for axis in (rows, columns)]
    across = (mass * (rows - middle[0]) * (columns - middle[1])).sum(axis=(1, 2))
    down = (mass * np.square(rows - middle[0])).sum(axis=(1, 2))
    strokes = images[..., 0] > 0.5 * images[..., 0].max(axis=(1, 2), keepdims=True)
    widths = [4 * distance_transform_edt(s)[s].mean() if s.any() else 0.0 for s in strokes]
    return {
        "slant": np.degrees(np.arctan2(-across, down)).astype("float32"),
        "thickness": np.asarray(widths, "float32"),
    }
