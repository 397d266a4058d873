"""What the TFLite converter makes of a Keras model, before constants are shared."""

import tempfile
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo import private
from wszoo.exporting import parity
from wszoo.exporting.names import input_names
from wszoo.exporting.refusals import standard_error_caught, unconvertible
from wszoo.exporting.tflite import file as flatbuffer
from wszoo.exporting.tflite.operators import drop_outputs

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

KEEP = "wszoo_keep_"  # names of outputs that exist during conversion alone


class LoopOfFreeBatch(ValueError):
    """A loop over time, such as a GRU's, which the converter takes with a fixed batch alone."""


def convert(
    model: "keras.Model",
    precision: str = "float32",
    *,
    shareable: bool = True,
    per_channel: bool = False,
    batch: int | None = None,
    calibration: Mapping[str, np.ndarray] | None = None,
    uint8: bool = False,
) -> bytes:
    """A functional model as a `.tflite` file.

    With `shareable` norms behind shared sites are kept from being folded into a kernel a site, and
    int8 weights get one scale a tensor unless `per_channel`. Without it this is the stock
    conversion. `calibration` are arrays by input name on which `int8` measures its ranges, one
    example at a time; `uint8` makes the inputs uint8, divided by 255 in the graph. Raises
    `ValueError` where the converter fails, a `LoopOfFreeBatch` where a fixed `batch` would help.
    """
    import keras
    import tensorflow as tf

    from wszoo.exporting.saved_model.module import serving_module

    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f".tflite files are written with KERAS_BACKEND=tensorflow, not "
            f"{keras.backend.backend()}"
        )
    extra = before_norms(model) if shareable else {}
    with tempfile.TemporaryDirectory() as folder:
        module = serving_module(model, extra, batch, uint8=uint8)
        tf.saved_model.save(module, folder, signatures={"serving_default": module.serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if precision == "int8":
            _refuse_what_crashes(module, model.name)
            given = calibration or {}
            if uint8:
                given = parity.as_bytes(given, parity.input_range(model))
            converter.representative_dataset = lambda: _examples(model, given, batch)
        if "int8" in precision and shareable and not per_channel:
            private.scales_per_tensor(converter)
        data = _run(converter, model, batch)
    if not extra:
        return data
    converted = flatbuffer.read(data)
    drop_outputs(converted, KEEP)
    return flatbuffer.write(converted)


def _examples(
    model: "keras.Model", calibration: Mapping[str, np.ndarray], batch: int | None
) -> Iterator[dict[str, np.ndarray]]:
    names = input_names(model)
    size = batch or 1
    for start in range(0, len(calibration[names[0]]) - size + 1, size):
        yield {name: np.asarray(calibration[name][start : start + size]) for name in names}


def _refuse_what_crashes(module: "tf.Module", name: str) -> None:
    """TensorFlow Lite 2.21 dies (SIGSEGV) while it measures ranges in the body of a loop, and reads
    beyond its memory at products of matrices that broadcast."""
    graph = module.serve.get_concrete_function().graph
    definition = graph.as_graph_def()
    inside = [node for function in definition.library.function for node in function.node_def]
    if any(node.op in ("While", "StatelessWhile") for node in (*definition.node, *inside)):
        raise ValueError(
            f"{name!r} has a loop, and int8 ranges cannot be measured inside one: unroll the layer "
            "as in keras.layers.GRU(units, unroll=True), or take dynamic_int8"
        )
    for operation in graph.get_operations():
        if operation.type.startswith("BatchMatMul"):
            ranks = [x.shape.rank or 0 for x in operation.inputs]
            outer = {tuple(x.shape[:-2]) for x in operation.inputs if min(ranks) > 2}
            if len(outer) > 1:
                raise ValueError(
                    f"{name!r} multiplies matrices {' and '.join(map(str, outer))} that broadcast, "
                    "at which int8 ranges cannot be measured; take dynamic_int8"
                )


def _run(converter: "tf.lite.TFLiteConverter", model: "keras.Model", batch: int | None) -> bytes:
    with standard_error_caught() as caught:
        try:
            with warnings.catch_warnings():  # that tf.lite's interpreter, its own, will go
                warnings.filterwarnings(
                    "ignore", message=".*tf.lite.Interpreter", category=UserWarning
                )
                return converter.convert()
        except Exception as error:  # ConverterError, and whatever else the converter runs into
            if batch is None and "TensorListReserve" in str(error):
                raise LoopOfFreeBatch(
                    f"{model.name!r} has a loop whose state the converter cannot size with a free "
                    "batch dimension; fix the batch size, or unroll the layer"
                ) from None
            raise unconvertible(model, "LiteRT", error, caught()) from None


def before_norms(model: "keras.Model") -> "dict[str, keras.KerasTensor]":
    """Inputs of norms and scales that follow a shared site, by the names of outputs to be.

    The converter folds a norm into the kernel before it, which gives each site a kernel of its
    own, unless something else reads the value between them: an output does.
    """
    import keras

    from wszoo.layers import Scale
    from wszoo.sharing.calls import all_calls

    calls = all_calls(model, nested=False)
    shared = _shared_layers(calls)
    made_by = {id(tensor): node for node in calls for tensor in node.outputs}
    found = {}
    for node in calls:
        if not isinstance(node.operation, keras.layers.BatchNormalization | Scale):
            continue
        (tensor,) = node.input_tensors
        source = made_by.get(id(tensor))
        while source is not None and _is_thin(source.operation):
            source = made_by.get(id(source.input_tensors[0]))
        if source is not None and id(source.operation) in shared:
            found[id(tensor)] = tensor
    return {f"{KEEP}{i}": tensor for i, tensor in enumerate(found.values())}


def _is_thin(operation: "keras.Operation") -> bool:
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
