"""What is saved of a model: one `tf.function` over its weights, and files that go with it."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wszoo.exporting import parity
from wszoo.exporting.names import input_names, output_names
from wszoo.exporting.saved_model.resources import resources

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


@contextmanager
def assets(files: Mapping[str, bytes]) -> Iterator[dict[str, "tf.saved_model.Asset"]]:
    """Files as TensorFlow copies them into the folder `assets` of a SavedModel, by their stems."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        assets = {}
        for name, contents in files.items():
            path = Path(folder) / name
            path.write_bytes(contents)
            assets[path.stem] = tf.saved_model.Asset(str(path))
        yield assets


def serving_module(
    model: "keras.Model",
    extra: "Mapping[str, keras.KerasTensor] | None" = None,
    batch: int | None = None,
    *,
    uint8: bool = False,
) -> "tf.Module":
    """A `tf.Module` that holds what the model does and `serve`, the function to export.

    `extra` are further tensors of the model's graph to give out, by name; `batch` is the batch
    dimension, by default the model's own, mostly a free one; with `uint8` inputs are uint8 images,
    which the graph brings to the range that the model takes. Raises `ValueError` for uint8 where
    inputs are no floats.
    """
    import keras
    import tensorflow as tf

    from wszoo.exporting.whole import exportable

    model = exportable(model)
    extra = dict(extra or {})
    batch = parity.fixed_batch(model, batch)
    inputs = dict(zip(input_names(model), model.inputs, strict=True))
    low, high = parity.input_range(model)
    unit = (low, high) == (0, 1)
    for name, tensor in inputs.items():
        if uint8 and "float" not in tensor.dtype:
            raise ValueError(
                f"uint8 inputs are images of floats; the input {name!r} of {model.name!r} "
                f"takes {tensor.dtype}. Export it without uint8"
            )
    specs = [
        tf.TensorSpec(
            (tensor.shape[0] or batch, *tensor.shape[1:]) if tensor.shape else (),
            "uint8" if uint8 else tensor.dtype,
            name,
        )
        for name, tensor in inputs.items()
    ]
    names = [*output_names(model), *extra]
    # The name stands before that of each node, so a long one makes the file larger.
    whole = keras.Model(model.inputs, [*model.outputs, *extra.values()], name="m")

    def serve(*values: "tf.Tensor") -> "dict[str, tf.Tensor]":
        if uint8:
            pixels = (tf.cast(v, t.dtype) / 255 for v, t in zip(values, model.inputs, strict=True))
            values = tuple(p if unit else low + p * (high - low) for p in pixels)
        outputs = keras.tree.flatten(whole(list(values), training=False))
        return dict(zip(names, outputs, strict=True))

    module = tf.Module()
    module.serve = tf.function(serve, input_signature=specs, autograph=False)
    module.resources = resources(model, module.serve.get_concrete_function())
    return module
