"""What Keras and tf2onnx make of a model, with the names of its signature."""

import tempfile
from typing import TYPE_CHECKING

from wszoo import private
from wszoo.exporting import parity
from wszoo.exporting.names import input_names, output_names, told_apart
from wszoo.exporting.onnx.file import package, rename
from wszoo.exporting.refusals import lacking, standard_error_caught, unconvertible

if TYPE_CHECKING:
    import keras


def convert(model: "keras.Model") -> bytes:
    """What Keras and tf2onnx make of a functional model, with the names of its signature."""
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"an ONNX file is written with KERAS_BACKEND=tensorflow, not {keras.backend.backend()}"
        )
    onnx = package("onnx")
    package("tf2onnx")
    from wszoo.exporting.tflite.convert import before_norms

    kept = list(before_norms(model).values())  # given out, so that no norm is folded into a kernel
    whole = keras.Model(model.inputs, [*model.outputs, *kept])
    _refuse_state(model, whole)
    with tempfile.TemporaryDirectory() as folder, standard_error_caught() as caught:
        try:
            whole.export(f"{folder}/model.onnx", format="onnx", verbose=False)
            graph = (file := onnx.load(f"{folder}/model.onnx")).graph
        except Exception as error:  # whatever tf2onnx runs into
            raise unconvertible(model, "ONNX", error, caught()) from None
        unknown = [n for n in graph.node if not onnx.defs.has(n.op_type, n.domain)]
        if unknown:
            places: dict[str, list[str]] = {}
            for node in unknown:
                places.setdefault(node.op_type, []).append(node.name)
            raise lacking(model, "ONNX", places, f"{caught()}{unknown}")
        if captured := [value.name for value in graph.input[len(model.inputs) :]]:
            asks = ValueError(f"the file asks for {captured}, values of layers, as inputs")
            raise unconvertible(model, "ONNX", asks, caught())
    del graph.output[len(model.outputs) :]
    ends = [*graph.input, *graph.output]
    # In two steps: the new name of one end may be the old name of another.
    for names in ([f"wszoo_end_{i}" for i in range(len(ends))], names_of_ends(model)):
        for end, name in zip(ends, names, strict=True):
            rename(graph, end.name, name)
            end.name = name
    return file.SerializeToString()


def names_of_ends(model: "keras.Model") -> list[str]:
    """Names of the graph's inputs, then of its outputs. In ONNX they may not be alike, so an
    output that bears an input's name is numbered."""
    return told_apart([*input_names(model), *output_names(model)])


def _refuse_state(model: "keras.Model", whole: "keras.Model") -> None:
    """Runs the model once, as Keras' export wants it, and refuses one that remembers its calls."""
    import keras

    with keras.StatelessScope() as scope:
        whole(list(parity.random_inputs(model, 1).values()), training=False)
    if not scope.state_mapping:
        return
    layers = [
        layer.name
        for layer in private.parts_of(model)
        if getattr(layer, "stateful", False)
        or {id(variable) for variable in layer.variables if layer is not model}
        & set(scope.state_mapping)
    ]
    raise ValueError(
        f"{model.name!r} changes variables as it runs (in {', '.join(map(repr, layers))}), and an "
        "ONNX file keeps nothing from one call to the next: build the model without such a state, "
        "or give the state in and out as tensors; a SavedModel keeps it"
    )
