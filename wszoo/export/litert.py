"""A `.tflite` file for LiteRT in which every shared weight stands once."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wszoo.export import flatbuffer, parity
from wszoo.export.inspect import inspect_tflite
from wszoo.export.share_constants import Report, share_constants

if TYPE_CHECKING:
    import keras

BYTES = {"float32": 4, "float16": 2, "dynamic_int8": 1}  # a weight
# Largest difference to Keras in units of an output's largest magnitude. For int8 it is a guard
# against nonsense; what int8 costs shows in the task's own metric.
BOUNDS = {"float32": 1e-5, "float16": 1e-2, "dynamic_int8": 0.25}
KEEP = "wszoo_keep_"  # names of outputs that exist during conversion alone


@dataclass(frozen=True)
class LiteRT:
    """An exported file: its path, sizes in bytes, and its distance from the Keras model.

    `stored_bytes` are the model's weights, each once, at the file's precision; `ratio` is
    `file_bytes ÷ stored_bytes`, graph and metadata included. `max_error` is relative to the
    largest magnitude of an output.
    """

    path: Path
    precision: str
    stored_bytes: int
    file_bytes: int
    max_error: float
    sharing: Report

    @property
    def ratio(self) -> float:
        return self.file_bytes / max(self.stored_bytes, 1)


def litert(
    model: "keras.Model",
    path: str | os.PathLike,
    precision: str = "float32",
    *,
    inputs: Mapping[str, Any] | None = None,
    bound: float | None = None,
    prefer: str = "speed",
    batch: int | None = None,
    per_channel: bool | None = None,
) -> LiteRT:
    """Writes `path` and says what it holds. The file appears whole and checked, or not at all.

    The file has the signature `serving_default` with the model's own input and output names and a
    free batch dimension, or a fixed one with `batch`, which the converter needs for loops such as
    those of a GRU. The file is run on `inputs` (arrays by input name; random ones by default) and
    compared with Keras. Needs Keras' TensorFlow backend.

    `dynamic_int8` stores weights as int8 and quantises activations as they come. A kernel and its
    transpose have other channels, so only with one scale a tensor can they be one constant; with
    `per_channel=None` weights get a scale a channel if every weight still stands once, and else
    one a tensor. A scale takes 12 bytes; without one a channel, depthwise convolutions can lose all
    sense.

    Raises:
        ValueError: for an unknown precision, another backend, a model without a graph, and a
            difference to Keras above `bound` (by default that of `BOUNDS`); it says by how much.
    """
    if precision not in BYTES:
        raise ValueError(f"precision must be one of {', '.join(BYTES)}; received {precision!r}")
    from wszoo.sharing.files import written_whole
    from wszoo.sharing.graph import as_functional

    model = as_functional(model)
    if per_channel is None:
        per_channel = precision == "dynamic_int8" and _channels_share(model, prefer, batch)
    converted = convert(model, precision, batch=batch, per_channel=per_channel)
    data, sharing = share_constants(converted, prefer=prefer)
    inputs = parity.random_inputs(model, batch or 4) if inputs is None else inputs
    error = parity.relative_error(parity.run(data, inputs), parity.keras_outputs(model, inputs))
    bound = BOUNDS[precision] if bound is None else bound
    if not error <= bound:
        raise ValueError(
            f"the {precision} file of {model.name!r} differs from Keras by {error:.2g} of the "
            f"largest output; the bound is {bound:.2g}. Nothing was written"
        )
    path = Path(path)
    with written_whole(path) as part:
        part.write_bytes(data)
    stored = stored_bytes(model, precision)
    return LiteRT(path, precision, stored, len(data), error, sharing)


def _channels_share(model: Any, prefer: str, batch: int | None) -> bool:
    """Whether int8 with a scale a channel stores no more constants than with one a tensor."""
    files = [
        share_constants(
            convert(model, "dynamic_int8", batch=batch, per_channel=per_channel), prefer=prefer
        )[0]
        for per_channel in (True, False)
    ]
    with_channels, without = (inspect_tflite(data).stored_bytes for data in files)
    return with_channels <= 1.01 * without


def convert(
    model: Any,
    precision: str = "float32",
    *,
    shareable: bool = True,
    per_channel: bool = False,
    batch: int | None = None,
) -> bytes:
    """What the TFLite converter makes of a functional model, before constants are shared.

    With `shareable` norms behind shared sites are kept from being folded into a kernel a site, and
    int8 weights get one scale a tensor unless `per_channel`. Without it this is the stock
    conversion. Raises `ValueError` where the converter wants a fixed `batch`.
    """
    import keras
    import tensorflow as tf

    from wszoo.export.saved_model import serving_module

    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f".tflite files are written with KERAS_BACKEND=tensorflow, not "
            f"{keras.backend.backend()}"
        )
    extra = _before_norms(model) if shareable else {}
    with tempfile.TemporaryDirectory() as folder:
        module = serving_module(model, extra, batch)
        tf.saved_model.save(module, folder, signatures={"serving_default": module.serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if precision == "dynamic_int8" and shareable and not per_channel:
            converter._experimental_disable_per_channel = True
            converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        data = _run(converter, model, batch)
    if not extra:
        return data
    converted = flatbuffer.read(data)
    flatbuffer.drop_outputs(converted, KEEP)
    return flatbuffer.write(converted)


def _run(converter: Any, model: Any, batch: int | None) -> bytes:
    try:
        return converter.convert()
    except Exception as error:
        if batch is None and "TensorListReserve" in str(error):
            raise ValueError(
                f"{model.name!r} has a loop whose state the converter cannot size with a free "
                "batch dimension; give one, such as batch=1, or unroll the layer"
            ) from error
        raise


def stored_bytes(model: Any, precision: str) -> int:
    """Bytes of the model's float weights, each once, at a precision; other weights as they are."""
    total = 0
    for variable in {id(v): v for v in model.weights}.values():
        total += prod(variable.shape) * (BYTES[precision] if "float" in variable.dtype else 4)
    return total


def _before_norms(model: Any) -> dict[str, Any]:
    """Inputs of norms that follow a shared site, by the names of outputs to be.

    The converter folds a norm into the kernel before it, which gives each site a kernel of its
    own, unless something else reads the value between them: an output does.
    """
    import keras

    from wszoo.sharing.graph import layer_calls

    calls = layer_calls(model)
    shared = _shared_layers(calls)
    made_by = {id(tensor): node for node in calls for tensor in node.output_tensors}
    found = {}
    for node in calls:
        if not isinstance(node.operation, keras.layers.BatchNormalization):
            continue
        (tensor,) = node.input_tensors
        source = made_by.get(id(tensor))
        while source is not None and _is_thin(source.operation):
            source = made_by.get(id(source.input_tensors[0]))
        if source is not None and id(source.operation) in shared:
            found[id(tensor)] = tensor
    return {f"{KEEP}{i}": tensor for i, tensor in enumerate(found.values())}


def _is_thin(operation: Any) -> bool:
    """A layer through which the converter folds a norm: a bias, dropout, a linear activation."""
    return type(operation).__name__ in ("Bias", "Dropout", "Activation", "SpatialDropout2D")


def _shared_layers(calls: list[Any]) -> set[int]:
    """Layers called at several sites, and layers that hold a variable together with another."""
    times: dict[int, int] = {}
    holders: dict[int, set[int]] = {}
    for node in calls:
        times[id(node.operation)] = times.get(id(node.operation), 0) + 1
        for variable in getattr(node.operation, "variables", []):
            holders.setdefault(id(variable), set()).add(id(node.operation))
    together = [held for held in holders.values() if len(held) > 1]
    return {layer for layer, n in times.items() if n > 1}.union(*together)
