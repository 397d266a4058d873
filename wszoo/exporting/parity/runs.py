"""Runs a Keras model, and the `.tflite` file that was made of it, on the same inputs."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from wszoo.arguments import checked, count, some
from wszoo.exporting.names import by_input, input_names, output_names
from wszoo.sharing.about import about

if TYPE_CHECKING:
    import keras

Inputs = Mapping[str, np.ndarray]
Arrays = dict[str, np.ndarray]
MOST_EXAMPLES, MOST_NUMBERS = 256, 2**27  # at once in Keras; 512 MiB of float32


@checked(data=some(bytes, "the bytes of a file"), threads=count, batch=count)
def run(data: bytes, inputs: Inputs, *, threads: int = 1, batch: int | None = None) -> Arrays:
    """Outputs of a `.tflite` file by name, in an interpreter of its own.

    `inputs` are arrays by the names of the file's one signature, batch first; they are run in
    parts of 64, or of `batch`, by default the batch dimension that the file fixes. XNNPACK is on,
    as it is by default. Raises `ValueError` if the inputs do not make up whole batches of a fixed
    size.
    """
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_content=data, num_threads=threads).get_signature_runner()

    shapes = [detail["shape_signature"] for detail in runner.get_input_details().values()]
    batch = batch or max(
        (int(shape[0]) for shape in shapes if len(shape) and shape[0] > 0), default=None
    )

    def call(part: Inputs) -> Arrays:
        # A copy: what the runner gives back lies in the interpreter's own memory.
        return {name: np.array(value) for name, value in runner(**part).items()}

    return in_parts(call, inputs, 64, fixed=batch)


def keras_outputs(
    model: "keras.Model",
    inputs: Inputs,
    scope: "keras.StatelessScope | None" = None,
    *,
    batch: int | None = None,
) -> Arrays:
    """Outputs of a functional model by the names that an exported signature gives them.

    `inputs` are arrays by the names of the inputs, run `batch` at a time if that is given. What
    the model writes as it runs (a recurrent state, a random generator's) is kept in `scope`, a
    `keras.StatelessScope`, from one call to the next; the model itself stays as it is.
    """
    import keras

    inputs, names, ends = by_input(model, inputs), input_names(model), output_names(model)
    tensors = model.inputs
    whole = keras.Model(tensors, model.outputs, name="m")

    def call(part: Inputs) -> Arrays:
        arrays = [
            keras.ops.convert_to_tensor(np.asarray(part[name]), tensor.dtype)
            for name, tensor in zip(names, tensors, strict=True)
        ]
        values = keras.tree.flatten(whole(arrays, training=False))
        return dict(zip(ends, map(keras.ops.convert_to_numpy, values), strict=True))

    # On the CPU, where files are run too: a GPU multiplies in another precision.
    with keras.device("cpu"), keras.StatelessScope() if scope is None else scope:
        return in_parts(call, inputs, _part(model), fixed=fixed_batch(model, batch))


def _part(model: "keras.Model") -> int:
    """How many examples to run at once: Keras keeps all that layers give until a call ends."""
    from wszoo.sharing.calls import all_calls

    tensors = [tensor for call in all_calls(model, nested=False) for tensor in call.outputs]
    each = sum(math.prod(size or 1 for size in tensor.shape[1:]) for tensor in tensors)
    return min(MOST_EXAMPLES, max(1, MOST_NUMBERS // max(each, 1)))


def keras_side(
    model: "keras.Model", inputs: Inputs, *, chosen: bool, batch: int | None = None
) -> Arrays:
    """What a file is compared with; `chosen` says whether the caller gave the inputs.

    Raises `ValueError` where Keras itself cannot run on them.
    """
    try:
        return keras_outputs(model, inputs, batch=batch)
    except Exception as error:  # of any kind: it comes from within a layer
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{model.name!r} cannot run on {'the inputs given' if chosen else 'random inputs'}, so "
            "that no file of it can be checked. Give inputs=, arrays by input name that it takes "
            f"({type(error).__name__}: {reason[:300]})"
        ) from error


def in_parts(
    call: Callable[[Inputs], Arrays],
    inputs: Inputs,
    size: int,
    fixed: int | None = None,
) -> Arrays:
    """What `call` gives for parts of `size` examples (or exactly `fixed`), put together.

    Where an output does not have an example a row, as a mean over the batch, all examples go in
    at once; with a fixed batch the outputs of its parts are stacked. Raises `ValueError` if the
    inputs do not make up whole batches of a fixed size.
    """
    examples = max((len(value) for value in inputs.values() if np.ndim(value)), default=1)
    size = fixed or size
    if fixed and examples % fixed:
        raise ValueError(
            f"the model takes {fixed} examples at a time; received {examples}, which is no "
            f"multiple of {fixed}"
        )

    def part_at(start: int) -> Arrays:
        whole = {n: np.ndim(value) == 0 or len(value) != examples for n, value in inputs.items()}
        return call({n: v if whole[n] else v[start : start + size] for n, v in inputs.items()})

    parts = [part_at(0)]
    if examples <= size:
        return parts[0]
    by_row = {name: np.ndim(v) > 0 and len(v) == size for name, v in parts[0].items()}
    if not fixed and not all(by_row.values()):
        return call(inputs)
    parts += [part_at(start) for start in range(size, examples, size)]
    return {
        name: (np.concatenate if by_row[name] else np.stack)([part[name] for part in parts])
        for name in by_row
    }


def fixed_batch(model: "keras.Model", asked: int | None = None) -> int | None:
    """The batch size that a model's inputs fix (`Input(batch_shape=…)`), else the one asked for.

    Raises `ValueError` where the two differ.
    """
    fixed = {tensor.shape[0] for tensor in model.inputs if tensor.shape and tensor.shape[0]}
    if asked and fixed - {asked}:
        raise ValueError(
            f"{model.name!r} takes {max(fixed)} examples at a time, by the batch_shape of its "
            f"Input; received a batch of {asked}. Leave the batch out, or build the model with a "
            "free one"
        )
    return asked or max(fixed, default=None)


def input_range(model: "keras.Model") -> tuple[float, float]:
    """The values of black and white in the images that a model takes: [0, 1] unless it says so."""
    low, high = about(model).get("input_range", (0, 1))
    return low, high


def as_bytes(inputs: Inputs, span: tuple[float, float]) -> Arrays:
    """Images in a range as uint8; uint8 ones as they are."""
    low, high = span
    return {
        name: value
        if value.dtype == np.uint8
        else np.round(255 * (value - low) / (high - low)).astype(np.uint8)
        for name, value in ((name, np.asarray(value)) for name, value in inputs.items())
    }


def as_floats(inputs: Inputs, span: tuple[float, float]) -> Arrays:
    """What a file that takes uint8 images makes of them: float32 in 255 steps of the range."""
    low, high = span
    return {
        name: (low + value / 255 * (high - low)).astype("float32")
        for name, value in as_bytes(inputs, span).items()
    }
