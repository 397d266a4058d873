"""Models of any dtype policy are exported in float32, and stay what they are."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import wszoo
from wszoo.exporting import parity
from wszoo.exporting.float32 import in_float32, other_floats

# tf2onnx 1.17 calls NumPy and protobuf in ways that are deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
POLICIES = ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64"]


@keras.saving.register_keras_serializable("wszoo_tests")
class Two(layers.Layer):
    """One layer made with a policy of its own in the constructor, one when it is built."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units, self.first = units, layers.Dense(units, dtype="mixed_bfloat16")

    def build(self, shape):
        self.first.build(shape)
        self.second = layers.Dense(self.units)
        self.second.build((*shape[:-1], self.units))

    def call(self, x):
        return self.second(self.first(x))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@pytest.fixture(params=POLICIES)
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def nested():
    """Nested models, wrappers, layers within layers, a cast, a tied layer, statistics, a Lambda."""
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 3))
    y = layers.BatchNormalization()(layers.Conv2D(4, 3)(image))
    inner = keras.Model(image, layers.Dense(6)(layers.Flatten()(y)), name="inner")
    head = keras.Sequential([keras.Input((6,)), layers.Dense(6), layers.LayerNormalization()])
    x = keras.Input((6, 6, 3), name="x", dtype="float32")
    tied = layers.Dense(6, name="tied")
    y = tied(tied(head(inner(layers.Rescaling(0.5)(x)))))
    y = ops.cast(ops.cast(y, "float16"), keras.config.dtype_policy().compute_dtype)
    y = layers.Reshape((6, 1))(layers.Lambda(lambda t: t * 2)(y))
    y = layers.MultiHeadAttention(2, 4)(y, y)
    start = "glorot_uniform"  # of bfloat16 there is no orthogonal one
    rnn = layers.GRU(3, unroll=True, return_sequences=True, recurrent_initializer=start)
    y = layers.Bidirectional(rnn)(y)
    y = layers.TimeDistributed(Two(3, name="two"))(y)
    return keras.Model(x, layers.Dense(4, dtype="float32", name="out")(layers.Flatten()(y)))


def state(model):
    policies = [layer.dtype_policy.name for layer in model._flatten_layers()]
    return policies, [np.asarray(variable.numpy()) for variable in model.variables]


def test_a_copy_computes_in_float32_and_the_model_stays(policy):
    model = nested()
    before = state(model)
    made = in_float32(model)
    assert "float16" in other_floats(model) and not other_floats(made)
    assert {v.dtype for v in made.variables if "float" in v.dtype} == {"float32"}
    assert before[0] == state(model)[0]
    for old, kept, new in zip(before[1], model.variables, made.variables, strict=True):
        np.testing.assert_array_equal(old, kept.numpy())
        np.testing.assert_array_equal(old.astype(new.dtype), new.numpy())
    assert made.name == model.name and wszoo.plan_of(made) == wszoo.plan_of(model)
    x = parity.random_inputs(model)
    assert (
        parity.relative_error(parity.keras_outputs(made, x), parity.keras_outputs(model, x)) < 0.2
    )


def test_a_model_of_float32_is_itself():
    model = wszoo.get("tied_ae")
    assert in_float32(model) is model


def small():
    x = keras.Input((8, 8, 3), name="x")
    y = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3)(x))
    return keras.Model(x, layers.Dense(4, dtype="float32", name="out")(y), name="small")


@pytest.mark.parametrize("policy", POLICIES[:2], indirect=True)
def test_files_compute_in_float32_and_say_so(policy, tmp_path):
    model = small()
    lite, onnx = wszoo.export(model, tmp_path, ["litert", "onnx"]).files
    for made in (lite, onnx):
        (note,) = made.notes
        assert "computes in float32" in note and policy.removeprefix("mixed_") in note
        assert made.max_error <= 1e-5
    got = parity.run(lite.path.read_bytes(), x := parity.random_inputs(model, seed=3))
    assert parity.relative_error(got, parity.keras_outputs(in_float32(model), x)) <= 1e-5


def test_a_layer_that_cannot_be_rebuilt_is_named(tmp_path):
    class Own(layers.Layer):
        def __init__(self, function, **options):
            super().__init__(**options)

        def call(self, x):
            return x

    x = keras.Input((3,))
    model = keras.Model(x, Own(object(), name="own", dtype="mixed_float16")(x))
    with pytest.raises(ValueError, match="'own'") as refusal:
        wszoo.export(model, tmp_path, "litert")
    assert "get_config" in str(refusal.value)


def test_a_recurrent_state_goes_along(tmp_path):
    x = keras.Input(batch_shape=(2, 5, 3), name="x")
    remembers = layers.LSTM(4, stateful=True, dtype="mixed_float16")
    model = keras.Model(x, layers.Dense(2)(remembers(x)))
    model.predict(np.ones((2, 5, 3), "float32"), verbose=0)
    before = [np.asarray(state.numpy()) for state in remembers.states]
    assert all(state.any() for state in before)
    (made,) = wszoo.export(model, tmp_path, "litert").files
    x = parity.random_inputs(model)
    got, wanted = parity.run(made.path.read_bytes(), x, batch=2), parity.keras_outputs(model, x)
    assert parity.relative_error(got, wanted) < 1e-2
    for old, state in zip(before, remembers.states, strict=True):
        np.testing.assert_array_equal(old, state.numpy())
