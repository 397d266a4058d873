"""Views of line drawings as another pen, hand and sensor would have given them.

A drawing is kept as its distance map (how far each point is from the nearest ink), so that a view
can be drawn with a pen of any thickness. Each view goes through a random affine map and a smooth
warp onto a page, the page is counted in coarse cells, as a scanner of that resolution does, and
enlarged again with a cubic kernel to 20 pixels in a frame of 28, as MNIST's digits stand.

Why: characters drawn once with a thin digital pen teach a backbone little about digits that were
written thickly and scanned at 8 × 8; seen through many pens and sensors they do.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wszoo.arguments import array, checked, count

PAGE = 32  # pixels of the page on which a view is drawn
FRAME, DIGIT = 28, 20  # MNIST: a digit of 20 pixels in a frame of 28 (LeCun et al. 1998)
GRID = 52  # cells of a stored distance map that the drawing's image takes …
MARGIN = 12  # … and cells of paper around it


@dataclass(frozen=True)
class Pen:
    """How much views vary. Lengths are in pixels of the 32-pixel page."""

    radius: tuple[float, float] = (0.9, 2.8)  # of the pen, drawn log-uniformly
    angle: float = 7.0  # standard deviation, degrees
    shear: float = 0.18  # standard deviation
    log_scale: float = 0.1  # standard deviation; views are a little smaller than the page
    log_aspect: float = 0.1  # standard deviation
    shift: float = 1.2  # standard deviation
    warp: float = 0.6  # standard deviation of a smooth displacement
    stretch: float = 0.5  # share of views whose narrow side is widened towards the square
    cells: tuple[int, int] = (8, 20)  # of the sensor, along one side
    coarsest: float = 0.5  # share of views at the fewest cells
    gain: float = 0.1  # the sensor's, ± uniformly


class Drawings(NamedTuple):
    """Distance maps `(n, side, side)` in cells, and the ink's centre and half size `(n, 2)`."""

    distance: np.ndarray
    centre: np.ndarray
    half: np.ndarray


@checked(images=array)
def prepare(images: np.ndarray) -> Drawings:
    """Distance maps of drawings `(n, side, side, 1)`, ink 1 on paper 0.

    Raises `ValueError` for images that are not square and grey, or that hold no ink.
    """
    from scipy.ndimage import distance_transform_edt, zoom

    if images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[3] != 1:
        raise ValueError(f"drawings are (n, side, side, 1); received {images.shape}")
    side = images.shape[1]
    fine = max(1, round(2 * GRID / side))  # distances are measured on a grid finer than stored
    cell = side * fine / GRID  # fine pixels a stored cell
    margin = round(MARGIN * cell)
    steps = ((np.arange(GRID + 2 * MARGIN) + 0.5) * cell).astype(int)
    maps: list[np.ndarray] = []
    centres, halves = [], []
    for image in images[..., 0]:
        ink = (
            zoom(image, fine, order=1, grid_mode=True, mode="nearest") if fine > 1 else image
        ) > 0.5
        rows, columns = np.nonzero(ink)
        if not len(rows):
            raise ValueError(f"drawing {len(maps)} holds no ink above 0.5")
        distance = distance_transform_edt(np.pad(~ink, margin, constant_values=True))
        maps.append((distance[np.ix_(steps, steps)] / cell).astype("float32"))
        low, high = (np.array([f(rows), f(columns)]) + margin for f in (np.min, np.max))
        centres.append((low + high + 1) / 2 / cell - 0.5)
        halves.append(np.maximum((high - low) / 2 / cell, 1))
    return Drawings(np.stack(maps), np.array(centres, "float32"), np.array(halves, "float32"))


@checked(index=array, turns=array, chunk=count)
def views(
    drawings: Drawings,
    index: np.ndarray,
    turns: np.ndarray,
    rng: np.random.Generator,
    pen: Pen | None = None,
    *,
    chunk: int = 2048,
) -> np.ndarray:
    """One fresh view `(28, 28, 1)` of each drawing in `index`, turned by `turns` quarter turns.

    A pure function of its arguments; returns float32 `(len(index), 28, 28, 1)` in [0, 1].
    """
    out = np.empty((len(index), FRAME, FRAME, 1), "float32")
    for start in range(0, len(index), chunk):
        rows = slice(start, start + chunk)
        page = _draw(drawings, index[rows], turns[rows] % 4, rng, pen or Pen())
        out[rows, ..., 0] = _sense(page, rng, pen or Pen())
    return out


def _draw(
    drawings: Drawings, index: np.ndarray, turns: np.ndarray, rng: np.random.Generator, pen: Pen
) -> np.ndarray:
    """Pages `(n, 32, 32)` of ink in [0, 1]."""
    n = len(index)
    thin, thick = np.log(pen.radius)
    radius = np.exp(rng.uniform(thin, thick, n)).astype("float32")
    half, centre = drawings.half[index], drawings.centre[index]
    half = np.where(turns[:, None] % 2, half[:, ::-1], half)  # as seen on the page
    scale = _scale(half, PAGE / 2 - 0.8 * radius, rng, pen)  # page pixels a cell, (n, 2)
    y, x = _page_to_drawing(n, scale, rng, pen)
    turn = turns[:, None, None]
    y, x = np.choose(turn, [y, x, -y, -x]), np.choose(turn, [x, -y, -x, y])
    distance = _look_up(
        drawings.distance, index, y + centre[:, 0, None, None], x + centre[:, 1, None, None]
    )
    distance *= np.sqrt(scale.prod(1))[:, None, None]  # cells → page pixels
    return np.clip(radius[:, None, None] - distance + 0.5, 0, 1)


def _scale(half: np.ndarray, room: np.ndarray, rng: np.random.Generator, pen: Pen) -> np.ndarray:
    """Scales `(n, 2)` at which the drawing's longer side fills the page, then jittered."""
    n = len(half)
    longer = half.max(1, keepdims=True)
    stretch = np.where(rng.random(n) < pen.stretch, 0.6 * rng.random(n), 0)[:, None]
    scale = room[:, None] / (longer ** (1 - stretch) * half**stretch)
    scale = np.minimum(scale, 3 * room[:, None] / longer)
    size = np.exp(pen.log_scale * (rng.standard_normal(n) - 0.7))
    aspect = np.exp(pen.log_aspect * rng.standard_normal(n))
    return (scale * np.stack([size * aspect, size / aspect], 1)).astype("float32")


def _page_to_drawing(
    n: int, scale: np.ndarray, rng: np.random.Generator, pen: Pen
) -> tuple[np.ndarray, np.ndarray]:
    """For each page pixel, the point `(y, x)` of the drawing that it shows, from its centre."""

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype="float32")

    axis = np.arange(PAGE, dtype="float32") + 0.5 - PAGE / 2
    smooth = cubic(4, PAGE)
    y = axis[:, None] + pen.warp * (smooth @ normal(n, 4, 4) @ smooth.T)
    x = axis[None] + pen.warp * (smooth @ normal(n, 4, 4) @ smooth.T)
    y -= pen.shift * normal(n, 1, 1)
    x -= pen.shift * normal(n, 1, 1)
    angle = np.deg2rad(pen.angle) * normal(n, 1, 1)
    x += pen.shear * normal(n, 1, 1) * y
    cosine, sine = np.cos(angle), np.sin(angle)
    y, x = cosine * y - sine * x, sine * y + cosine * x
    return y / scale[:, 0, None, None], x / scale[:, 1, None, None]


def _look_up(maps: np.ndarray, index: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Bilinear values of map `index[i]` at the points `(y[i], x[i])`, clamped to its edge."""
    side = maps.shape[1]
    y, x = np.clip(y, 0, side - 1.001), np.clip(x, 0, side - 1.001)
    row, column = y.astype("int32"), x.astype("int32")
    dy, dx = y - row, x - column
    flat = maps.reshape(-1)
    at = (index.astype("int64")[:, None, None] * side + row) * side + column
    above = (1 - dx) * flat[at] + dx * flat[at + 1]
    below = (1 - dx) * flat[at + side] + dx * flat[at + side + 1]
    return (1 - dy) * above + dy * below


def _sense(page: np.ndarray, rng: np.random.Generator, pen: Pen) -> np.ndarray:
    """Pages counted in coarse cells and enlarged again, in a frame: `(n, 28, 28)`."""
    n = len(page)
    fewest, most = pen.cells
    cells = np.where(rng.random(n) < pen.coarsest, fewest, rng.integers(fewest, most + 1, n))
    gain = rng.uniform(1 - pen.gain, 1 + pen.gain, (n, 1, 1)).astype("float32")
    out = np.zeros((n, FRAME, FRAME), "float32")
    edge = (FRAME - DIGIT) // 2
    inside = slice(edge, edge + DIGIT)
    for side in np.unique(cells):
        rows = np.flatnonzero(cells == side)
        shrink, enlarge = area(PAGE, side), cubic(side, DIGIT)
        small = np.clip(shrink @ page[rows] @ shrink.T * gain[rows], 0, 1)
        out[rows, inside, inside] = np.clip(enlarge @ small @ enlarge.T, 0, 1)
    return out


def area(size: int, cells: int) -> np.ndarray:
    """`(cells, size)`: means over equal cells, pixels on a border shared out."""
    edges = np.arange(cells + 1) * size / cells
    left = np.arange(size)
    overlap = np.minimum(edges[1:, None], left + 1) - np.maximum(edges[:-1, None], left)
    overlap = np.maximum(overlap, 0)
    return (overlap / overlap.sum(1, keepdims=True)).astype("float32")


def cubic(size: int, pixels: int) -> np.ndarray:
    """`(pixels, size)`: enlarges with the cubic kernel of Keys 1981 (a = -1/2)."""
    at = (np.arange(pixels) + 0.5) * size / pixels - 0.5
    d = np.abs(at[:, None] - np.arange(size))
    near, far = 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    kernel = np.where(d < 1, near, np.where(d < 2, far, 0))
    return (kernel / kernel.sum(1, keepdims=True)).astype("float32")
