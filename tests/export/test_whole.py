"""Models without a graph are exported as one layer of one."""

import keras
import numpy as np
import pytest
from keras import layers

import wszoo
from wszoo.export.whole import exportable


@keras.saving.register_keras_serializable("test_whole")
class Tied(keras.Model):
    """Calls one layer twice, where no graph shows it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(4, activation="tanh")

    def call(self, x):
        return self.dense(self.dense(x))


class OfTwo(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense, self.embedding = layers.Dense(3), layers.Embedding(5, 3)

    def call(self, x):
        return {"sum": self.dense(x["a"]) + self.embedding(x["b"])}


class OwnCall(keras.Model):
    """A functional model whose `call` does more than its graph."""

    def call(self, x, training=None):
        return 2 * super().call(x)


def numbers(*shape):
    return np.random.default_rng(0).random(shape, dtype="float32")


def test_a_subclassed_model_is_exported_with_each_weight_once(tmp_path):
    model = Tied(name="tied")
    x = numbers(3, 4)
    model(x)
    formats = ["saved_model", "litert"]
    report = wszoo.export(model, tmp_path, formats, inputs={"x": x})
    assert [item.format for item in report.files] == ["litert", "saved_model"]
    for item in report.files:
        assert item.stored_bytes == 4 * (16 + 4)
        assert item.max_error < 1e-5
    assert (tmp_path / "tied" / "1" / "saved_model.pb").is_file()


def test_inputs_keep_their_structure():
    model = OfTwo()
    x = {"a": numbers(2, 3), "b": np.array([1, 4])}
    wanted = model(x)
    whole = exportable(model)
    assert set(whole.input) == {"a", "b"}
    assert set(whole.output) == {"sum"}
    np.testing.assert_array_equal(whole(x)["sum"], wanted["sum"])


def test_a_call_of_ones_own_is_what_is_exported():
    inputs = keras.Input((3,))
    model = OwnCall(inputs, layers.Dense(2)(inputs))
    x = numbers(2, 3)
    np.testing.assert_array_equal(exportable(model)(x), model(x))


def test_functional_models_are_themselves_and_sequential_ones_what_they_hold():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layers.Dense(2)(inputs))
    assert exportable(model) is model
    held = exportable(keras.Sequential([inputs, layers.Dense(2)]))
    assert not isinstance(held, keras.Sequential)


def test_what_has_not_been_called_is_refused():
    with pytest.raises(ValueError, match=r"'tied' has no graph.*call it once"):
        exportable(Tied(name="tied"))


def test_what_takes_several_arguments_is_refused():
    class Several(keras.Model):
        def call(self, a, b):
            return a + b

    model = Several(name="several")
    model(numbers(2, 3), numbers(2, 3))
    with pytest.raises(ValueError, match=r"'several' has no graph.*keras\.Model\(inputs, model"):
        exportable(model)


def test_what_is_no_model_is_refused():
    with pytest.raises(ValueError, match="functional Keras model"):
        exportable(layers.Dense(3))
