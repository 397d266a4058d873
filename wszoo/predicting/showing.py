"""Predictions as files: their data, and photos with what was said of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wszoo.files import write_json, written_whole
from wszoo.predicting.predictions import Prediction
from wszoo.predicting.reading import Inputs

COLUMNS, MOST = 5, 40  # photos of a row, and of a sheet
WIDTH = 30  # letters of a line under a photo


def write(folder: Path, inputs: Inputs, predictions: Sequence[Prediction]) -> None:
    """Writes predictions.json and, of photos, predictions.png."""
    write_json(folder / "predictions.json", [each.to_dict() for each in predictions])
    if inputs.pixels is not None:
        captions = [f"{Path(each.input).name}\n{each.words}" for each in predictions]
        sheet(folder / "predictions.png", inputs.pixels, captions)


def written(inputs: Inputs) -> str:
    """The names of the files that `write` writes."""
    return "predictions.json" + ("" if inputs.pixels is None else " and predictions.png")


def sheet(path: Path, pixels: np.ndarray, captions: Sequence[str]) -> None:
    """A contact sheet of photos `(n, height, width, 1 or 3)` in [0, 1], the first few, with words.

    A caption's first line stays one; what is longer than the photo is wide is cut off.
    """
    from matplotlib.figure import Figure

    photos = pixels[:MOST]
    rows = -(-len(photos) // COLUMNS)
    columns = min(COLUMNS, len(photos))
    figure = Figure(figsize=(2 * columns, 2.5 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, photo, caption in zip(axes, photos, captions, strict=False):
        lines = (line[:WIDTH] for line in caption.splitlines())
        axis.imshow(np.clip(photo.squeeze(-1) if photo.shape[-1] == 1 else photo, 0, 1),
                    cmap="gray", vmin=0, vmax=1)  # fmt: skip
        axis.set_title("\n".join(lines).replace("$", r"\$"), fontsize=7)
    with written_whole(path) as part:
        figure.savefig(part, dpi=100, format="png")
