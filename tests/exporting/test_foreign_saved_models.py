"""What stock Keras exports and loads, wszoo does too, with the same outputs call after call."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from wszoo.exporting.names import output_names
from wszoo.exporting.parity import random_inputs
from wszoo.exporting.saved_model import checker
from wszoo.exporting.saved_model.write import write_saved_model

L = keras.layers


def chain(*layers, shape=(4,), **options):
    inputs = x = keras.Input(shape, **options)
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


def quantized():
    model = chain(L.Dense(8, activation="silu"), L.Dense(2), shape=(16,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that an InputLayer is not quantised
        model.quantize("int8")
    return model


def mixed():
    policy = keras.DTypePolicy("mixed_float16")
    layers = L.Conv2D(4, 3, activation="swish", dtype=policy), L.GlobalMaxPooling2D(dtype=policy)
    return chain(*layers, L.Dense(2, dtype="float32"), shape=(6, 6, 3))


def texts():
    vectorize = L.TextVectorization(20, output_sequence_length=4)
    vectorize.adapt(["a b c", "b c", "é e"])
    return chain(vectorize, L.Embedding(20, 3), shape=(1,), dtype="string")


def two_way():
    words = ["red", "blue"]
    layers = L.StringLookup(vocabulary=words), L.StringLookup(vocabulary=words, invert=True)
    return chain(*layers, dtype="string")


def columns():
    """Lookups without a place for unknown words, each with its own."""
    color = keras.Input((1,), dtype="string", name="color")
    size = keras.Input((1,), dtype="int64", name="size")
    one = L.StringLookup(vocabulary=["red", "blue"], num_oov_indices=0)(color)
    two = L.IntegerLookup(vocabulary=[7, 9], num_oov_indices=0, output_mode="one_hot")(size)
    return keras.Model({"color": color, "size": size}, {"color": one, "size": two})


def stateful():
    inputs = keras.Input(batch_shape=(2, 3, 4))
    return keras.Model(inputs, L.LSTM(3, stateful=True)(inputs))


class Draws(L.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seeds = keras.random.SeedGenerator(3)

    def call(self, x):
        return x + keras.random.normal(keras.ops.shape(x), seed=self.seeds)


class Counts(L.Layer):
    """How often it was called, in a variable that Keras does not know of."""

    def __init__(self, **options):
        super().__init__(**options)
        self.calls = tf.Variable(0.0, trainable=False)

    def call(self, x):
        return x + self.calls.assign_add(1.0)


class Tables(L.Layer):
    """A table in a list, and one with an asset."""

    def __init__(self, path, **options):
        super().__init__(**options)
        pairs = tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([5, 6], "int64"))
        self.tables = [tf.lookup.StaticHashTable(pairs, -1)]
        whole, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        lines = tf.lookup.TextFileInitializer(path, tf.string, whole, tf.int64, number)
        self.words = tf.lookup.StaticVocabularyTable(lines, 1)

    def call(self, x):
        return self.tables[0].lookup(x) + 10 * self.words.lookup(x)

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, "int64")


def over_batch():
    inputs = keras.Input((4,), name="x")
    mean = keras.ops.mean(inputs, axis=0)
    return keras.Model(inputs, [keras.ops.sum(inputs), mean, L.Dense(2)(inputs)])


def free_images():
    """Halved five times and set beside itself: only sides that are multiples of 32 go."""
    inputs = keras.Input((None, None, 3))
    x = L.UpSampling2D(32)(L.Conv2D(2, 3, padding="same")(L.AveragePooling2D(32)(inputs)))
    return keras.Model(inputs, L.Concatenate()([inputs, x]))


GRAPHS = {
    "silu": lambda: chain(L.Dense(4, activation="silu"), L.Dense(2)),
    "gelu": lambda: chain(L.Dense(4, activation="gelu"), shape=(3, 4)),
    "int8": quantized,
    "mixed": mixed,
    "text": texts,
    "strings out": two_way,
    "columns": columns,
    "stateful": stateful,
    "draws": lambda: chain(Draws()),
    "counts": lambda: chain(Counts()),
    "over the batch": over_batch,
    "free images": free_images,
    "infinite": lambda: chain(L.Lambda(lambda x: keras.ops.log(x - x[:1]))),
}


def stock_outputs(model, folder, calls):
    """What `model.export` gives for each call, by the names that wszoo gives outputs."""
    model.export(folder, verbose=False)
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    specs = serve.structured_input_signature[1]
    keys = [f"output_{i}" for i in range(len(model.outputs))]
    keys = list(model.output) if isinstance(model.output, dict) else keys
    for call in calls:
        given = zip([tensor.name for tensor in model.inputs], call.values(), strict=True)
        outputs = serve(**{name: tf.cast(value, specs[name].dtype) for name, value in given})
        yield {n: outputs[key].numpy() for n, key in zip(output_names(model), keys, strict=True)}


def same(got, wanted):
    assert np.shape(got) == np.shape(wanted)
    if np.asarray(wanted).dtype == object:
        assert np.ravel(got).tolist() == np.ravel(wanted).tolist()
    else:
        np.testing.assert_allclose(got, np.asarray(wanted, "float32"), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", GRAPHS)
def test_it_is_written_and_gives_what_stock_export_gives(name, tmp_path):
    keras.utils.set_random_seed(0)
    model = GRAPHS[name]()
    written = write_saved_model(model, tmp_path / "ours")
    assert written.mean_error <= written.max_error <= 1e-2
    calls = [random_inputs(model, 3, seed=seed) for seed in (1, 2)]
    runs = checker.outputs(tmp_path / "ours", "serving_default", calls)
    for number, wanted in enumerate(stock_outputs(model, tmp_path / "stock", calls)):
        for outputs in runs.values():
            assert set(outputs[number]) == set(wanted) == set(output_names(model))
            for key, value in wanted.items():
                same(outputs[number][key], value)


def test_tables_are_written_with_their_assets(tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("a\nb\nc\n")
    model = chain(Tables(str(words)), dtype="string", name="text")
    write_saved_model(model, tmp_path / "ours")
    words.unlink()
    call = {"text": np.array([["a", "c", "x", "b"]])}
    runs = checker.outputs(tmp_path / "ours", "serving_default", [call])
    for (outputs,) in runs.values():
        (values,) = outputs.values()
        assert values.tolist() == [[5, 19, 29, 16]]


def test_exporting_does_not_change_the_model(tmp_path):
    for model in (stateful(), chain(Counts()), chain(Draws())):
        x = random_inputs(model, 2)
        before = [v.numpy().copy() for v in states(model)]
        write_saved_model(model, tmp_path / "1", inputs=x)
        for variable, value in zip(states(model), before, strict=True):
            np.testing.assert_array_equal(variable.numpy(), value)


def states(model):
    layer = model.layers[1]
    if isinstance(layer, Counts):
        return [layer.calls]
    held = layer.states if isinstance(layer, L.LSTM) else [layer.seeds.state]
    return [variable.value for variable in held]


class Eager(L.Layer):
    """Something else in a graph than in Keras."""

    def call(self, x):
        return x + (1.0 if tf.executing_eagerly() else 2.0)


class Wider(L.Layer):
    """Twice as wide in a graph."""

    def call(self, x):
        return x if tf.executing_eagerly() else tf.concat([x, x], -1)


class Python(L.Layer):
    """Runs Python, which no other process has."""

    def call(self, x):
        return tf.ensure_shape(tf.numpy_function(lambda value: value + 1, [x], "float32"), x.shape)


class Unseeded(L.Layer):
    def call(self, x):
        return x + tf.random.normal(keras.ops.shape(x))


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (Eager, "'serving_default'.* differs from Keras by 0"),
        (Wider, r"has 'wider' of shape \(4, 8\), in Keras \(4, 4\)"),
        (Python, "cannot be used: tf.saved_model.load says: .*python.*PyFunc"),
    ],
)
def test_a_file_that_differs_or_cannot_run_is_refused(layer, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        write_saved_model(chain(layer()), tmp_path / "1")
    assert not list(tmp_path.iterdir())


NOBODYS = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [5]), -1)


class Loose(L.Layer):
    """Uses a table that no layer holds."""

    def call(self, x):
        return NOBODYS.lookup(x)

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, "int32")


def test_a_table_that_no_layer_holds_is_named_as_the_fault(tmp_path):
    with pytest.raises(ValueError, match="keep it as an attribute of the layer"):
        write_saved_model(chain(Loose(), dtype="string"), tmp_path / "1")


def test_a_difference_may_be_allowed_and_chance_is_no_difference(tmp_path):
    allowed = write_saved_model(chain(Eager()), tmp_path / "1", bound=10)
    assert 0.1 < allowed.mean_error <= allowed.max_error < 10
    assert write_saved_model(chain(Unseeded()), tmp_path / "2").max_error is None


def test_a_batch_that_the_model_fixes_stays(tmp_path):
    inputs = keras.Input(batch_shape=(2, 4), name="x")
    model = keras.Model(inputs, keras.ops.reshape(L.Dense(3, name="d")(inputs), (2, 3)))
    write_saved_model(model, tmp_path / "1", inputs={"x": np.ones((5, 4))})
    serve = tf.saved_model.load(tmp_path / "1").signatures["serving_default"]
    assert serve.structured_input_signature[1]["x"].shape == (2, 4)


def test_inputs_that_keras_cannot_take_are_named(tmp_path):
    model = chain(L.Dense(2), name="x")
    with pytest.raises(ValueError, match="cannot run on the inputs given"):
        write_saved_model(model, tmp_path / "1", inputs={"x": np.ones((2, 7))})
