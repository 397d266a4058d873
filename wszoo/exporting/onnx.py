"""An ONNX file in which every shared weight stands once.

Keras writes ONNX with tf2onnx, which like the TFLite converter makes a kernel that is used forward
and transposed two constants. Here the copy becomes a Transpose of the original: ONNX Runtime folds
it when it loads the file, so that a call costs what it cost.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo import private
from wszoo.arguments import checked
from wszoo.checksums import sealed, unsealed
from wszoo.exporting import gate, parity
from wszoo.exporting.inspect import Inspection, inspection
from wszoo.exporting.names import by_input, input_names, output_names, told_apart
from wszoo.exporting.refusals import does_not_run, lacking, standard_error_caught, unconvertible
from wszoo.exporting.tflite.constants import Constant, equal_sets, permutation, transposed_sets

if TYPE_CHECKING:
    import keras

BOUND = 1e-5  # largest difference to Keras, relative to the largest output
MIN_BYTES = 1024
# An entry of ModelProto.metadata_props (field 14), which may stand behind all others: the key
# wszoo_sha256, and a value of 64 characters, which are the checksum of the bytes before.
_SUM = b"\x72\x50\x0a\x0cwszoo_sha256\x12\x40"


@dataclass(frozen=True)
class Onnx:
    """A file that was written: sizes in bytes, and its distance from the Keras model."""

    path: Path
    stored_bytes: int
    file_bytes: int
    max_error: float
    mean_error: float
    notes: tuple[str, ...] = ()


@checked()
def onnx_file(
    model: "keras.Model",
    path: str | os.PathLike,
    *,
    inputs: Mapping[str, Any] | None = None,
    bound: float = BOUND,
) -> Onnx:
    """Writes `path`, in float32 with a free batch dimension. It appears whole and checked, or not.

    A model that computes in other floats is rebuilt in float32 (`wszoo.exporting.float32`). Inputs
    and outputs bear the names of `wszoo.exporting.names`. The file is run by ONNX Runtime on
    `inputs` (arrays by input name; random ones by default) and compared with Keras.

    Raises:
        ImportError: without the extra `onnx`.
        ValueError: for another backend than TensorFlow, a model that was not built, and a
            difference to Keras above `bound` or outputs that are no numbers, and where the
            converter fails or ONNX Runtime does not run what it made: the error names a file with
            the log.
    """
    from wszoo.exporting.float32 import in_float32, rebuilt_note
    from wszoo.exporting.tflite.write import stored_bytes
    from wszoo.exporting.whole import exportable
    from wszoo.files import written_whole

    given = exportable(model)
    model = in_float32(given)
    chosen = inputs is not None
    inputs = by_input(model, inputs) if inputs is not None else parity.random_inputs(model)
    wanted = gate.keras_side(model, inputs, chosen=chosen)
    data = share_initializers(convert(model))
    got = dict(zip(output_names(model), _run_checked(model, data, inputs), strict=True))
    error = parity.relative_error(got, wanted)
    gate.check_difference(f"the ONNX file of {given.name!r}", wanted, error, bound)
    said: tuple[str, ...] = ()
    if model is not given:
        own = gate.keras_side(given, inputs, chosen=chosen)
        said = (rebuilt_note(given, parity.relative_error(got, own)),)
    path = Path(path)
    with written_whole(path) as part:
        part.write_bytes(sealed(data, _SUM, b""))
    mean = parity.mean_error(got, wanted)
    return Onnx(path, stored_bytes(model, "float32"), path.stat().st_size, error, mean, said)


def _run_checked(model: "keras.Model", data: bytes, inputs: Mapping[str, Any]) -> list[np.ndarray]:
    """Outputs of the file in ONNX Runtime, or one sentence that it does not run there."""
    with standard_error_caught() as caught:
        try:
            return list(run(data, inputs).values())
        except ImportError:
            raise
        except Exception as error:  # ONNX Runtime's classes of errors have no common one
            raise does_not_run(model, "ONNX Runtime", "tf2onnx", error, caught()) from None


def convert(model: "keras.Model") -> bytes:
    """What Keras and tf2onnx make of a functional model, with the names of its signature."""
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"an ONNX file is written with KERAS_BACKEND=tensorflow, not {keras.backend.backend()}"
        )
    onnx = _package("onnx")
    _package("tf2onnx")
    from wszoo.exporting.tflite.convert import before_norms

    kept = list(before_norms(model).values())  # given out, so that no norm is folded into a kernel
    whole = keras.Model(model.inputs, [*model.outputs, *kept])
    _refuse_state(model, whole)
    with tempfile.TemporaryDirectory() as folder, standard_error_caught() as caught:
        try:
            whole.export(f"{folder}/model.onnx", format="onnx", verbose=False)
            graph = (made := onnx.load(f"{folder}/model.onnx")).graph
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
            _rename(graph, end.name, name)
            end.name = name
    return made.SerializeToString()


def names_of_ends(model: "keras.Model") -> list[str]:
    """Names of the graph's inputs, then of its outputs. In ONNX they may not be alike, so an
    output that bears an input's name is numbered."""
    return told_apart([*input_names(model), *output_names(model)])


def _refuse_state(model: "keras.Model", whole: Any) -> None:
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


def share_initializers(data: bytes, min_bytes: int = MIN_BYTES) -> bytes:
    """The same ONNX model with equal and transposed initializers stored once."""
    onnx = _package("onnx")
    model = onnx.load_from_string(data)
    graph = model.graph
    found = list(_constants(graph, min_bytes))
    owners = []
    for owner, *copies in equal_sets(found):
        owners.append(owner)
        for copy in copies:
            _rename(graph, copy.name, owner.name)
            _drop(graph, copy.name)
    for owner, *copies in transposed_sets(owners):
        for copy in copies:
            axes = permutation(copy.values, owner.values)
            if axes is None or copy.values.transpose(axes).shape != owner.values.shape:
                continue
            back = [int(axis) for axis in np.argsort(axes)]
            node = onnx.helper.make_node("Transpose", [owner.name], [copy.name], perm=back)
            graph.node.insert(0, node)
            _drop(graph, copy.name)
    return model.SerializeToString()


def inspect_onnx(data: bytes, min_bytes: int = MIN_BYTES) -> Inspection:
    """The initializers of an ONNX file. Raises `ValueError` for a damaged file."""
    onnx = _package("onnx")
    try:
        graph = onnx.load_from_string(unsealed(data, _SUM, b"")).graph
        found = list(_constants(graph, 0))
    except Exception as error:
        raise ValueError(f"not an ONNX file, or a damaged one: {error}") from error
    large = [constant for constant in found if constant.bytes >= min_bytes]
    return inspection(len(data), sum(constant.bytes for constant in found), large)


def run(data: bytes, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Outputs of an ONNX model by name, from ONNX Runtime on the CPU."""
    runtime = _package("onnxruntime")
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def _package(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError("ONNX files need `pip install 'wszoo[onnx]'`") from error


def _constants(graph: Any, min_bytes: int) -> Iterator[Constant]:
    from onnx import numpy_helper

    inputs = {value.name for value in graph.input}  # such an initializer is a default alone
    for i, tensor in enumerate(graph.initializer):
        if tensor.data_location == tensor.EXTERNAL:
            raise ValueError(f"its constant {tensor.name!r} lies in another file")
        values = numpy_helper.to_array(tensor)
        if values.nbytes < min_bytes or tensor.name in inputs or values.dtype == object:
            continue
        bits = np.ascontiguousarray(values).view(f"<u{values.dtype.itemsize}")
        yield Constant(i, (tensor.data_type,), bits.reshape(values.shape), (), tensor.name, True)


def _drop(graph: Any, name: str) -> None:
    (initializer,) = (tensor for tensor in graph.initializer if tensor.name == name)
    graph.initializer.remove(initializer)


def _rename(graph: Any, old: str, new: str) -> None:
    """Renames a value wherever it is made or read, bodies of loops and branches included."""
    for node in graph.node:
        for ends in (node.input, node.output):
            for i, name in enumerate(ends):
                if name == old:
                    ends[i] = new
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                _rename(body, old, new)
