"""Layers whose configuration does not make them again: copied right, or refused in one sentence."""

import hand_built
import keras
import numpy as np
import pytest
from hand_built import dense, numbers, randomise
from keras import layers, ops

import wszoo
from wszoo.sharing import graph
from wszoo.transferring.lora import add_lora


class Closed(layers.Layer):
    """No `**kwargs`: its own configuration, with `name`, does not fit its constructor."""

    def __init__(self, width, slope=0.1):
        super().__init__()
        self.inner, self.slope = layers.Dense(width), slope

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return ops.leaky_relu(self.inner(x), self.slope)


class Forgetful(Closed):
    """Its configuration leaves out an argument that Keras noted."""

    def get_config(self):
        return {"name": self.name, "width": self.inner.units}


class Derived(layers.Dense):
    """Its configuration holds what follows from the arguments, which is no argument itself."""

    def get_config(self):
        return super().get_config() | {"area": self.units**2}


class Activated(layers.Layer):
    """Keras notes plain arguments alone: what is left out here is lost."""

    def __init__(self, units, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.inner, self.act = layers.Dense(units), activation

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return self.act(self.inner(x)) if self.act else self.inner(x)

    def get_config(self):
        return super().get_config() | {"units": self.inner.units}


class Regular(layers.Dense):
    def get_config(self):
        return super().get_config() | {"kernel_regularizer": None}


class Needing(layers.Layer):
    """Its configuration lacks an argument without a default, which is not plain."""

    def __init__(self, table, **kwargs):
        super().__init__(**kwargs)
        self.table = self.add_weight(shape=table.shape, initializer="normal")

    def call(self, x):
        return x @ self.table


class Other(layers.Dense):
    @classmethod
    def from_config(cls, config):
        return layers.Dense.from_config(config)


class Wider(layers.Dense):
    def get_config(self):
        return super().get_config() | {"units": 5}


class Keeping(Activated):
    """Keeps its arguments under their names, and has no configuration at all."""

    def __init__(self, units, activation=None, **kwargs):
        super().__init__(units, activation, **kwargs)
        self.units, self.activation = units, activation

    def get_config(self):
        raise AttributeError("no attribute 'scaling'")


class Broken(Activated):
    def get_config(self):
        raise AttributeError("no attribute 'scaling'\nand a second line")


class Hidden(layers.Layer):
    """Keeps what it leaves out under a private name."""

    def __init__(self, activation=None, **kwargs):
        super().__init__(**kwargs)
        self._act = activation

    def build(self, shape):
        self.scale = self.add_weight(shape=shape[-1:], name="scale")

    def call(self, x):
        return self._act(x * self.scale)

    def get_config(self):
        return super().get_config()


def around(layer):
    """`layer` between others, in a nested model."""
    inside, inputs = keras.Input((4,)), keras.Input((4,))
    nested = keras.Model(inside, layer(dense("before")(inside)), name="nested")
    return randomise(keras.Model(inputs, nested(inputs)))


@pytest.mark.parametrize(
    "make",
    [Closed, lambda n: Closed(n, slope=0.7), Derived, Other, Wider, lambda n: Keeping(n, ops.tanh)],
)
@pytest.mark.parametrize("act", [wszoo.untied_twin, wszoo.flatten])
def test_a_layer_that_its_arguments_make_is_copied(make, act):
    model, x = around(make(4)), numbers(4)
    np.testing.assert_array_equal(act(model)(x), model(x))


def test_an_argument_that_the_configuration_leaves_out_is_not_lost():
    model, x = around(Forgetful(4, slope=0.7)), numbers(4)
    np.testing.assert_array_equal(wszoo.flatten(model)(x), model(x))


REFUSED = {
    "activation": (lambda: Activated(4, ops.tanh), r"leaves out act=tanh, and a copy has None"),
    "private": (lambda: Hidden(ops.tanh), r"a copy cannot be called|leaves out _act=tanh"),
    "regularizer": (
        lambda: Regular(4, kernel_regularizer=keras.regularizers.L2()),
        "leaves out kernel_regularizer=.*, and a copy has None",
    ),
    "argument": (lambda: Needing(np.zeros((4, 4))), "non-serializable argument"),
    "error": (lambda: Broken(4, activation=ops.tanh), "no attribute 'scaling' and a second"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("act", ["retie", "twin", "flatten", "relax", "lora"])
def test_other_layers_are_refused_in_one_sentence(name, act):
    make, why = REFUSED[name]
    layer = make()
    layer.name = "odd"
    x = inputs = keras.Input((4,))
    shared = dense("shared")
    model = keras.Model(inputs, shared(layer(shared(x))))
    actions = {
        "retie": lambda: wszoo.retie(model, wszoo.plan_of(model)),
        "twin": lambda: wszoo.untied_twin(model),
        "flatten": lambda: wszoo.flatten(model),
        "relax": lambda: wszoo.relax(model, rank=1),
        "lora": lambda: add_lora(model, "shared", rank=1),
    }
    kind = type(layer).__qualname__
    with pytest.raises(ValueError, match=why) as caught:
        actions[act]()
    text = str(caught.value)
    assert text.startswith(f"the layer 'odd' ({__name__}.{kind}) cannot be copied: ")
    assert "get_config()" in text
    assert "\n" not in text


@pytest.mark.parametrize("name", hand_built.BUILDERS)
def test_layers_of_keras_are_copied_as_they_are(name):
    model, _ = hand_built.make(name)
    copies = graph.layers_of(wszoo.flatten(model))
    for site, layer in graph.layers_of(model).items():
        assert type(copies[site]) is type(layer)
        assert copies[site].get_config() | {"name": ""} == layer.get_config() | {"name": ""}


class Untold(layers.Layer):
    """Its `get_config` fails; its arguments it keeps under their names."""

    def __init__(self, width, slope=0.1, **kwargs):
        super().__init__(**kwargs)
        self.width, self.slope = width, slope

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.width), name="kernel")

    def call(self, x):
        return ops.leaky_relu(x @ self.kernel, self.slope)

    def get_config(self):
        return {**super().get_config(), "width": self.units}


def test_layers_whose_config_fails_share_by_the_arguments_that_they_keep():
    inputs = keras.Input((4,))
    first, second, other = (
        Untold(4, slope, name=n) for n, slope in (("a", 0.1), ("b", 0.1), ("c", 0.3))
    )
    model = randomise(keras.Model(inputs, other(second(first(inputs)))))
    tied = wszoo.retie(model, wszoo.SharingPlan.tied(("a", "b")))
    second.kernel.assign(first.kernel)
    np.testing.assert_array_equal(tied(numbers(4)), model(numbers(4)))
    with pytest.raises(ValueError, match=r"(?s)cannot share one layer.*slope=0.1.*slope=0.3"):
        wszoo.retie(model, wszoo.SharingPlan.tied(("a", "c")))
