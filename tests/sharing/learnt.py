"""Models whose layers hold more than their variables say; name → (model, an input for it)."""

from pathlib import Path

import keras
import numpy as np
from hand_built import numbers
from keras import layers, ops

register = keras.saving.register_keras_serializable(package="wszoo_tests")
WORDS = np.array(["the cat sat", "a cat on a mat", "the dog"])


def discretized():
    bins = layers.Discretization(num_bins=4)
    bins.adapt(np.arange(100.0))
    inputs = keras.Input((2,))
    x = layers.Flatten()(layers.Embedding(6, 3)(bins(inputs)))
    return keras.Model(inputs, layers.Dense(2)(x)), np.array([[3.0, 80.0], [30.0, 60.0]])


def _looked_up(lookup, values, width, dtype):
    """The lookup before a kernel, so that every index gives other outputs."""
    inputs = keras.Input((width,), dtype=dtype)
    return keras.Model(inputs, layers.Dense(3)(lookup(inputs))), ops.convert_to_tensor(values)


def strings():
    lookup = layers.StringLookup(output_mode="multi_hot")
    lookup.adapt(["b", "c", "c", "a", "c", "b"])
    return _looked_up(lookup, [["a", "b"], ["c", "?"]], 2, "string")


def document_frequencies():
    lookup = layers.StringLookup(output_mode="tf_idf")
    lookup.adapt([["a", "b", "b"], ["a", "c", "c"], ["c", "c", "c"]])
    return _looked_up(lookup, [["a", "b"], ["c", "?"]], 2, "string")


def integers():
    lookup = layers.IntegerLookup(output_mode="multi_hot", num_oov_indices=2)
    lookup.adapt([7, 5, 7, 9])
    return _looked_up(lookup, [[7, 5], [9, 8]], 2, "int64")


def texts():
    words = layers.TextVectorization(output_sequence_length=5)
    words.adapt(WORDS)
    inputs = keras.Input((1,), dtype="string")
    x = layers.Flatten()(layers.Embedding(12, 3)(words(inputs)))
    return keras.Model(inputs, layers.Dense(2)(x)), ops.convert_to_tensor(WORDS[:, None])


def inside():
    """An adapted layer in a nested model that is a site."""
    part, x = texts()
    inputs = keras.Input((1,), dtype="string")
    return keras.Model(inputs, layers.Dense(2)(part(inputs))), x


@register
class Worded(layers.Layer):
    """A composite: words and their embedding, of which its config says nothing."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.words = layers.TextVectorization(output_sequence_length=5)
        self.embedding = layers.Embedding(12, 3)

    def build(self, input_shape):
        self.words.build(input_shape)
        self.embedding.build((None, 5))

    def call(self, inputs):
        return ops.sum(self.embedding(self.words(inputs)), axis=-2)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 3)


def worded(name, texts):
    layer = Worded(name=name)
    layer.words.adapt(texts)
    return layer


def composite():
    inputs = keras.Input((1,), dtype="string")
    outputs = layers.Dense(2)(worded("worded", WORDS)(inputs))
    return keras.Model(inputs, outputs), ops.convert_to_tensor(WORDS[:, None])


def standardised():
    scale = layers.Normalization()
    scale.adapt(numbers(4, seed=5))
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(3)(scale(inputs))), numbers(4)


@register
class Remembering(layers.Layer):
    """Learns an offset that no variable holds, and a text that no config holds."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._offset, self._text = np.zeros(4), ""

    def adapt(self, rows, text):
        self._offset, self._text = rows.mean(0), text

    def call(self, inputs):
        return inputs * len(self._text) + ops.convert_to_tensor(self._offset.astype("float32"))

    def save_own_variables(self, store):
        store["offset"] = self._offset

    def load_own_variables(self, store):
        self._offset = np.array(store["offset"])

    def save_assets(self, folder):
        Path(folder, "text.txt").write_text(self._text)

    def load_assets(self, folder):
        self._text = Path(folder, "text.txt").read_text()


def own_layer():
    layer = Remembering()
    layer.adapt(numbers(4, seed=7), "four")
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(3)(layer(inputs))), numbers(4)


BUILDERS = {
    build.__name__: build
    for build in (
        discretized,
        strings,
        document_frequencies,
        integers,
        texts,
        inside,
        composite,
        standardised,
        own_layer,
    )
}


def make(name):
    """`(model, input)`; kernels are random."""
    keras.utils.set_random_seed(1)
    return BUILDERS[name]()
