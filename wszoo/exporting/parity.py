"""Runs a Keras model beside the file that was made of it, and measures how far they differ."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo import private
from wszoo.arguments import checked, count, some
from wszoo.exporting.names import by_input, input_names, output_names

if TYPE_CHECKING:
    import keras

Arrays = dict[str, np.ndarray]


@checked(data=some(bytes, "the bytes of a file"), threads=count, batch=count)
def run(
    data: bytes, inputs: Mapping[str, Any], *, threads: int = 1, batch: int | None = None
) -> Arrays:
    """Outputs of a `.tflite` file by name, in an interpreter of its own.

    `inputs` are arrays by the names of the file's one signature, batch first; they are run in
    parts of 64, or of `batch` where the file's batch dimension is fixed. XNNPACK is on, as it is
    by default. Raises `ValueError` if the inputs do not make up whole batches of a fixed size.
    """
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_content=data, num_threads=threads).get_signature_runner()

    def call(part: Mapping[str, Any]) -> Arrays:
        # A copy: what the runner gives back lies in the interpreter's own memory.
        return {name: np.array(value) for name, value in runner(**part).items()}

    return in_parts(call, inputs, 64, fixed=batch)


def keras_outputs(
    model: "keras.Model", inputs: Mapping[str, Any], scope: Any = None, *, batch: int | None = None
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

    def call(part: Mapping[str, Any]) -> Arrays:
        arrays = [
            keras.ops.convert_to_tensor(np.asarray(part[name]), tensor.dtype)
            for name, tensor in zip(names, tensors, strict=True)
        ]
        values = keras.tree.flatten(whole(arrays, training=False))
        return dict(zip(ends, map(keras.ops.convert_to_numpy, values), strict=True))

    # On the CPU, where files are run too: a GPU multiplies in another precision.
    with keras.device("cpu"), keras.StatelessScope() if scope is None else scope:
        return in_parts(call, inputs, 256, fixed=fixed_batch(model, batch))


def in_parts(
    call: Callable[[Mapping[str, Any]], Arrays],
    inputs: Mapping[str, Any],
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


def random_inputs(model: "keras.Model", batch: int = 4, seed: int = 0) -> Arrays:
    """Inputs for a functional model by name: floats in [0, 1), token ids below every vocabulary,
    words of the lookup layers that read them.

    Axes of unknown length get the least length, of some powers of two, at which every layer gives
    something: at least 8, of images 32. A batch that the model fixes stays.
    """
    rng = np.random.default_rng(seed)
    layers = private.parts_of(model)
    vocabularies = [layer.input_dim for layer in layers if _is_table(layer)]
    shapes = _shapes(model, batch)
    inputs: Arrays = {}
    for name, tensor, shape in zip(input_names(model), model.inputs, shapes, strict=True):
        words = _words(model, tensor)
        if words:
            chosen = rng.choice(np.array(words), shape)
            inputs[name] = chosen if tensor.dtype == "string" else chosen.astype(tensor.dtype)
        elif "int" in tensor.dtype:
            inputs[name] = rng.integers(0, min(vocabularies, default=2), shape).astype(tensor.dtype)
        elif tensor.dtype == "bool":
            inputs[name] = rng.random(shape) < 0.5
        else:
            inputs[name] = rng.random(shape).astype(_in_numpy(tensor.dtype))
    return inputs


def _shapes(model: "keras.Model", batch: int) -> list[tuple[int, ...]]:
    """A shape for each input."""
    rank = max((len(tensor.shape) for tensor in model.inputs), default=0)
    free = any(n is None for tensor in model.inputs for n in tensor.shape[1:])
    for length in (8, 16, 32, 64, 128, 256, 512) if free else (8,):
        shapes = [
            (tensor.shape[0] or batch, *(n or length for n in tensor.shape[1:]))
            if tensor.shape
            else ()
            for tensor in model.inputs
        ]
        large_enough = length >= (32 if rank > 3 else 8)
        if not free or (large_enough and _every_layer_gives(model, shapes)):
            break
    return shapes


def _every_layer_gives(model: "keras.Model", shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether no layer of the graph refuses these shapes, or is left without values."""
    import keras

    from wszoo.sharing.calls import all_calls

    tensors = [tensor for call in all_calls(model, nested=False) for tensor in call.outputs]
    given = [keras.KerasTensor(s, t.dtype) for s, t in zip(shapes, model.inputs, strict=True)]
    try:
        results = keras.Model(model.inputs, tensors, name="m").compute_output_spec(given)
    except Exception:  # of any kind: it comes from within a layer
        return False
    return all(n != 0 for result in keras.tree.flatten(results) for n in result.shape)


def _words(model: "keras.Model", tensor: Any) -> list[Any]:
    """What a lookup layer that reads this input knows; some words for another input of texts."""
    from wszoo.sharing.calls import all_calls

    texts = tensor.dtype == "string"
    for node in all_calls(model, nested=False):
        if any(tensor is read for read in node.input_tensors):
            layer = node.operation
            if hasattr(layer, "get_vocabulary") and not getattr(layer, "invert", False):
                words = list(layer.get_vocabulary(include_special_tokens=False))
                if words and isinstance(words[0], str) == texts:
                    return words[:100]
    return ["one", "two", "three", "one two"] if texts else []


def _in_numpy(dtype: str) -> str:
    return "float32" if dtype == "bfloat16" or dtype.startswith("float8") else dtype


def as_bytes(inputs: Mapping[str, Any]) -> Arrays:
    """Images in [0, 1] as uint8; uint8 ones as they are."""
    return {
        name: value if value.dtype == np.uint8 else np.round(255 * value).astype(np.uint8)
        for name, value in ((name, np.asarray(value)) for name, value in inputs.items())
    }


def as_floats(inputs: Mapping[str, Any]) -> Arrays:
    """What a file that takes uint8 images makes of them: float32 in steps of 1/255."""
    return {name: (value / 255).astype("float32") for name, value in as_bytes(inputs).items()}


def relative_error(got: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    """The largest difference, over all outputs, in units of that output's largest magnitude.

    Infinite where a name or a shape differs, a text, or a value that is not finite.
    """
    if set(got) != set(wanted):
        return float("inf")
    return max((_difference(got[n], want)[0] for n, want in wanted.items()), default=0.0)


def mean_error(got: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    """The mean difference, in the same units, of the output in which it is largest."""
    return max((_difference(got[n], want)[1] for n, want in wanted.items()), default=0.0)


def outputs_that_differ(got: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """In words, which outputs are missing, which are new and which have another shape, if any."""
    words = [f"no output {name!r}" for name in wanted if name not in got]
    words += [f"an output {name!r} that Keras does not give" for name in got if name not in wanted]
    for name in [name for name in wanted if name in got]:
        have, want = np.shape(got[name]), np.shape(wanted[name])
        if have != want:
            words.append(f"{name!r} of shape {have}, in Keras {want}")
    return "; ".join(words)


def _difference(have: Any, want: Any) -> tuple[float, float]:
    """The largest and the mean difference, in units of the largest magnitude of `want`."""
    have, want = np.asarray(have), np.asarray(want)
    if have.shape != want.shape:
        return float("inf"), float("inf")
    if want.dtype.kind in "OSU":  # text: bytes or str
        return (0.0, 0.0) if _text(have) == _text(want) else (float("inf"), float("inf"))
    have, want = have.astype(float), want.astype(float)
    finite = np.isfinite(want)
    if not np.array_equal(have[~finite], want[~finite], equal_nan=True):
        return float("inf"), float("inf")
    have, want = have[finite], want[finite]
    if not np.isfinite(have).all():
        return float("inf"), float("inf")
    apart = np.abs(want - have)
    scale = max(float(np.abs(want).max(initial=0.0)), 1e-30)
    return float(apart.max(initial=0.0)) / scale, float(apart.sum() / max(apart.size, 1)) / scale


def _text(values: np.ndarray) -> Sequence[bytes]:
    return [v.encode() if isinstance(v, str) else bytes(v) for v in values.ravel().tolist()]


def _is_table(layer: "keras.Layer") -> bool:
    import keras

    return isinstance(layer, keras.layers.Embedding) and layer.input_dim is not None
