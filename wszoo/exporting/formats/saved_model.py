"""TensorFlow's SavedModel, a folder a version."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wszoo.exporting.facts import check_labels
from wszoo.exporting.formats.format import exported, register
from wszoo.exporting.report import Exported
from wszoo.exporting.saved_model.serving import first_request, how_to_serve, messages

if TYPE_CHECKING:
    import keras


def _check(
    model: "keras.Model",
    *,
    labels: Sequence[str] | None = None,
    warmup: bool = False,
    **_: object,
) -> None:
    if labels is not None:
        check_labels(model, labels)
    if warmup:
        messages()


@register(check=_check, serving=how_to_serve)
def saved_model(
    model: "keras.Model",
    folder: Path,
    *,
    inputs: Mapping[str, np.ndarray] | None = None,
    bound: float | None = None,
    labels: Sequence[str] | None = None,
    uint8: bool = False,
    warmup: bool = False,
) -> Exported:
    """A SavedModel for TF Serving and TensorFlow."""
    from wszoo.exporting.saved_model.write import write_saved_model

    written = write_saved_model(
        model,
        folder / model.name / "1",
        labels=labels,
        uint8=uint8,
        warmup=first_request(model, inputs, uint8) if warmup else None,
        inputs=inputs,
        bound=bound,
    )
    return exported("saved_model", written)
