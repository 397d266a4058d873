"""What a model means travels in every file, and is read from each without wszoo."""

import io
import json
import zipfile

import flatbuffers
import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

import wszoo
from wszoo import weights
from wszoo.exporting import facts
from wszoo.exporting.tflite.write import litert
from wszoo.sharing.about import about, describe

NAMES = ["ant", "bee", "Ölkäfer"]
SAID = {"class_names": NAMES, "licence": "CC0", "resize": "pad", "input_range": [-1, 1]}
MEANT = {**SAID, "task": "classification", "image_size": [8, 12]}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 12, 3), name="photo")
    x = keras.layers.Flatten()(inputs)
    made = keras.Model(inputs, keras.layers.Dense(3, name="head")(x), name="insects")
    describe(made, **SAID)
    return made


@pytest.fixture(scope="module")
def files(model, tmp_path_factory):
    """Paths of what one export wrote, by format, and of a `.keras` file."""
    folder = tmp_path_factory.mktemp("files")
    wszoo.save(model, folder / "insects.keras")
    paths = {item.format: item.path for item in wszoo.export(model, folder / "out").files}
    return paths | {"keras": folder / "insects.keras"}


def table(data, place=None):
    """A table of a flatbuffer as a function from a field's place to its place in the bytes."""
    start = flatbuffers.encode.Get(flatbuffers.packer.uoffset, data, 0) if place is None else place
    return flatbuffers.table.Table(data, start)


def text(inside, field):
    offset = inside.Offset(4 + 2 * field)
    return inside.String(inside.Pos + offset).decode() if offset else None


def tables(inside, field):
    offset = inside.Offset(4 + 2 * field)
    start = inside.Vector(offset) if offset else 0
    places = range(start, start + 4 * inside.VectorLen(offset), 4) if offset else ()
    return [table(inside.Bytes, inside.Indirect(place)) for place in places]


def child(inside, field):
    return table(inside.Bytes, inside.Indirect(inside.Pos + inside.Offset(4 + 2 * field)))


def number(inside, field, flags):
    return inside.Get(flags, inside.Pos + inside.Offset(4 + 2 * field))


def metadata(path):
    """The root table of the standard metadata in a `.tflite` file."""
    model = schema.Model.GetRootAsModel(path.read_bytes(), 0)
    entries = [model.Metadata(i) for i in range(model.MetadataLength())]
    (buffer,) = (e.Buffer() for e in entries if e.Name() == b"TFLITE_METADATA")
    data = model.Buffers(buffer).DataAsNumpy().tobytes()
    assert data[4:8] == b"M001"
    return table(data)


def test_every_card_says_it():
    cards = {
        path.parent.name: json.loads(path.read_text())
        for path in weights.home().glob("*/card.json")
    }
    assert len(cards) > 10
    for name, card in cards.items():
        assert card["licence"], name
        if len(card["config"]["input_shape"]) == 3:
            assert card["input_range"] == [0, 1] and card["resize"] == "crop", name
            assert card["image_size"] == card["config"]["input_shape"][0]
        if card["task"] == "classification":
            assert len(card["class_names"]) == card["config"]["head"], name


def test_a_pretrained_model_knows_what_its_card_says():
    card = weights.find("conv_net", "mnist").card
    said = about(wszoo.get("conv_net.mnist"))
    assert {"task", "class_names", "input_range", "image_size", "resize", "licence"} == set(said)
    assert {fact: card[fact] for fact in said} == said


def test_a_keras_file_says_it(files):
    with zipfile.ZipFile(files["keras"]) as archive:
        note = json.loads(archive.read("wszoo.json"))
    assert note["about"] == SAID and note["sites"] == ["head"]
    assert keras.saving.load_model(files["keras"]).name == "insects"


def test_a_saved_model_says_it_and_classifies_by_name(files, model):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(files["saved_model"]))
    paths = {name: asset.asset_path.numpy().decode() for name, asset in loaded.assets.items()}
    with open(paths["wszoo"], encoding="utf-8") as file:  # noqa: PTH123
        note = json.load(file)
    assert note["about"] == {**MEANT, "scores": False} and note["pattern"] == "A"
    with open(paths["labels"], encoding="utf-8") as file:  # noqa: PTH123
        assert file.read().splitlines() == NAMES
    x = np.random.default_rng(0).random((2, 8, 12, 3), "float32")
    got = loaded.signatures["classify"](photo=tf.constant(x))
    scores = keras.ops.convert_to_numpy(keras.ops.softmax(model(x)))
    names = [name.decode() for name in got["classes"].numpy()[0]]
    assert names == [NAMES[i] for i in np.argsort(-scores[0])]
    np.testing.assert_allclose(got["scores"], -np.sort(-scores), rtol=1e-5)


def test_a_tflite_file_says_it_and_gives_scores(files, model):
    with zipfile.ZipFile(files["litert"]) as archive:
        note = json.loads(archive.read("wszoo.json"))
        assert archive.read("labels.txt").decode().splitlines() == NAMES
    assert note["about"] == {**MEANT, "scores": True} and note["model"] == "insects"
    runner = Interpreter(str(files["litert"])).get_signature_runner()
    assert runner.get_input_details()["photo"]["shape_signature"].tolist() == [1, 8, 12, 3]
    x = np.random.default_rng(0).random((1, 8, 12, 3), "float32")
    np.testing.assert_allclose(runner(photo=x)["scores"], keras.ops.softmax(model(x)), rtol=1e-5)


def test_a_tflite_file_has_the_standard_metadata(files):
    root = metadata(files["litert"])
    assert text(root, 0) == "insects" and text(root, 5) == "CC0" and text(root, 7) == "1.0.0"
    assert text(root, 1).startswith("insects: classification of 3 classes")
    assert [text(file, 0) for file in tables(root, 6)] == ["wszoo.json"]
    (graph,) = tables(root, 3)
    (photo,), (scores,) = tables(graph, 2), tables(graph, 3)
    assert text(photo, 0) == "photo" and "8 x 12" in text(photo, 1) and text(scores, 0) == "scores"
    content, flags = child(photo, 3), flatbuffers.number_types
    assert number(content, 0, flags.Uint8Flags) == 2  # ImageProperties
    image = child(content, 1)
    size = child(image, 1)
    assert number(image, 0, flags.Uint8Flags) == 1  # RGB
    assert [number(size, field, flags.Uint32Flags) for field in (0, 1)] == [12, 8]
    (unit,) = tables(photo, 4)
    assert number(unit, 0, flags.Uint8Flags) == 1  # NormalizationOptions
    options = child(unit, 1)
    values = [
        options.GetVectorAsNumpy(flags.Float32Flags, options.Offset(4 + 2 * i)) for i in (0, 1)
    ]
    assert [value.tolist() for value in values] == [[127.5], [127.5]]  # bytes to [-1, 1]
    (labels,) = tables(scores, 6)
    assert text(labels, 0) == "labels.txt" and number(labels, 2, flags.Uint8Flags) == 2


def test_other_models_have_names_and_a_licence(tmp_path):
    model = wszoo.get("tied_seq_ae")
    describe(model, licence="public domain", task="reconstruction")
    path = litert(model, tmp_path / "m.tflite").path
    root = metadata(path)
    assert text(root, 5) == "public domain" and "reconstruction" in text(root, 1)
    (graph,) = tables(root, 3)
    detail = Interpreter(str(path)).get_signature_list()["serving_default"]
    assert [text(t, 0) for t in tables(graph, 2)] == detail["inputs"]
    assert [text(t, 0) for t in tables(graph, 3)] == detail["outputs"]
    assert zipfile.ZipFile(path).namelist() == ["wszoo.json"]


def test_bytes_are_said_and_scaled_as_the_model_wants_them(model, tmp_path):
    path = litert(model, tmp_path / "m.tflite", uint8=True, labels=["a", "b\nc", "d"]).path
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        note = json.loads(archive.read("wszoo.json"))["about"]
        assert archive.read("labels.txt") == b"a\nb c\nd\n"
    assert note["input_range"] == [0, 255] and note["class_names"] == ["a", "b\nc", "d"]
    x = np.random.default_rng(0).integers(0, 256, (1, 8, 12, 3)).astype("uint8")
    got = Interpreter(str(path)).get_signature_runner()(photo=x)["scores"]
    np.testing.assert_allclose(got, keras.ops.softmax(model(x / 127.5 - 1)), rtol=1e-4)


def test_scores_are_made_once_and_by_the_task():
    def made(activation, **said):
        inputs = keras.Input((4,), name="x")
        net = keras.Model(inputs, keras.layers.Dense(3, activation=activation)(inputs))
        describe(net, **said)
        return net

    x = np.random.default_rng(0).random((2, 4), "float32")
    for ready in (made("softmax"), made("sigmoid", task="multi_label")):
        assert facts.with_scores(ready) is ready
    logits = made(None, task="multi_label", class_names=NAMES)
    scored = facts.with_scores(logits)
    np.testing.assert_allclose(scored(x), keras.ops.sigmoid(logits(x)), rtol=1e-6)
    assert scored.layers[1] is logits.layers[1] and wszoo.sites(scored) == wszoo.sites(logits)


def test_names_that_do_not_fit_are_not_taken_from_the_model():
    inputs = keras.Input((4,), name="x")
    net = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    for said in ({"class_names": NAMES}, {"class_names": NAMES[:2], "task": "regression"}):
        describe(net, **{"task": None, **said})
        assert facts.labels_of(net) is None
    describe(net, task="embedding")
    assert facts.labels_of(net) == ("ant", "bee")
    with pytest.raises(ValueError, match="3 labels need one output"):
        facts.labels_of(net, NAMES)
