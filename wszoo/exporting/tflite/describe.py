"""The metadata of a `.tflite` file from the facts of its model."""

from typing import TYPE_CHECKING

from wszoo.checksums import sealed
from wszoo.exporting import parity
from wszoo.exporting.facts import LABELS, MEMBER, Facts
from wszoo.exporting.names import input_names, output_names
from wszoo.exporting.tflite import file as flatbuffer
from wszoo.exporting.tflite.metadata import Image, Metadata, Tensor, with_metadata
from wszoo.sharing.about import image_size

if TYPE_CHECKING:
    import keras

COMMENT = len(sealed(b""))  # what the checksum takes behind the files


def described(data: bytes, model: "keras.Model", facts: Facts) -> bytes:
    """The file with standard metadata, and `wszoo.json` and labels packed behind it."""
    inputs, outputs = _in_order(data, model)
    metadata = Metadata(
        name=model.name,
        description=_sentence(facts),
        licence=str(facts.about.get("licence", "")),
        about=MEMBER,
        inputs=[_input(model, name, facts) for name in inputs],
        outputs=[_output(name, facts) for name in outputs],
    )
    return with_metadata(data, metadata, facts.files, COMMENT)


def _in_order(data: bytes, model: "keras.Model") -> tuple[list[str], list[str]]:
    """The names of inputs and outputs in the order in which the file's graph has them."""
    file = flatbuffer.read(data)
    (signature,), graph = file.signatureDefs, file.subgraphs[0]
    names = {entry.tensorIndex: entry.name.decode() for entry in signature.inputs}
    ends = {entry.tensorIndex: entry.name.decode() for entry in signature.outputs}
    inputs = [names[int(t)] for t in graph.inputs]
    outputs = [ends[int(t)] for t in graph.outputs]
    assert set(inputs) == set(input_names(model)) and set(outputs) <= set(output_names(model))
    return inputs, outputs


def _sentence(facts: Facts) -> str:
    task = str(facts.about.get("task", "model")).replace("_", " ")
    if facts.labels is not None:
        task = f"{task} of {len(facts.labels)} classes"
    return f"{facts.plain['model']}: {task}; written by wszoo {facts.plain['wszoo']}"


def _input(model: "keras.Model", name: str, facts: Facts) -> Tensor:
    size = image_size(model)
    if size is None:
        return Tensor(name, f"Input {name!r} of {model.name!r}.")
    low, high = parity.input_range(model)
    std = 255 / (high - low)
    resize = facts.about.get("resize")
    how = f", resized by {resize!r}" if resize else ""
    image = Image(*size, model.inputs[0].shape[3], 0.0 - low * std, std)
    return Tensor(name, f"An image of {size[0]} x {size[1]} pixels{how}.", image)


def _output(name: str, facts: Facts) -> Tensor:
    if facts.labels is None:
        return Tensor(name, f"Output {name!r} of {facts.plain['model']!r}.")
    return Tensor(name, "How likely each class is.", labels=LABELS)
