"""More of foreign_graphs.py: sequences, attention, preprocessing."""

import keras
import numpy as np
from keras import layers

from benchmarks.foreign.graphs import BATCH, graph, normed, numbers, tokens


@graph
def seq2seq():
    """An encoder's states start a decoder."""
    source, target = (keras.Input((7, 5), name=name) for name in ("source", "target"))
    _, h, c = layers.LSTM(6, return_state=True, name="encoder")(source)
    x = layers.LSTM(6, return_sequences=True, name="decoder")(target, initial_state=[h, c])
    return keras.Model([source, target], layers.Dense(5, name="out")(x)), {
        "source": numbers(7, 5),
        "target": numbers(7, 5, seed=2),
    }


@graph
def masked_text():
    """An embedding's mask, which Keras passes from layer to layer."""
    inputs = keras.Input((9,), dtype="int32", name="words")
    x = layers.Embedding(20, 8, mask_zero=True, name="table")(inputs)
    x = layers.LSTM(8, return_sequences=True, name="lower")(x)
    x = layers.LSTM(8, return_sequences=True, name="middle")(x)
    x = layers.GRU(8, name="upper")(x)
    words = tokens(9, most=20)
    words[0, 4:] = 0
    return keras.Model(inputs, layers.Dense(3, name="out")(x)), {"words": words}


@graph
def masked_series():
    inputs = keras.Input((8, 3), name="series")
    x = layers.Masking(0.0, name="mask")(inputs)
    x = layers.SimpleRNN(6, return_sequences=True, name="rnn")(x)
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    series = numbers(8, 3)
    series[1, 5:] = 0
    return keras.Model(inputs, layers.Dense(2, name="out")(x)), {"series": series}


@graph
def bidirectional():
    inputs = keras.Input((6, 8), name="series")
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="lower")(inputs)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="upper")(x)
    x = layers.GlobalMaxPooling1D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(2, name="out")(x)), {"series": numbers(6, 8)}


@graph
def unrolled_gru():
    inputs = keras.Input((5, 4), name="series")
    x = layers.GRU(4, unroll=True, return_sequences=True, name="lower")(inputs)
    x = layers.GRU(4, unroll=True, name="upper")(x)
    return keras.Model(inputs, layers.Dense(2, name="out")(x)), {"series": numbers(5, 4)}


@graph
def stacked_cells():
    cells = [layers.GRUCell(4, name=f"cell_{i}") for i in range(2)]
    inputs = keras.Input((5, 4), name="series")
    x = layers.RNN(layers.StackedRNNCells(cells), name="rnn")(inputs)
    return keras.Model(inputs, layers.Dense(2, name="out")(x)), {"series": numbers(5, 4)}


@graph
def stateful():
    inputs = keras.Input(batch_shape=(BATCH, 5, 4), name="series")
    x = layers.LSTM(4, stateful=True, return_sequences=True, name="lower")(inputs)
    x = layers.LSTM(4, stateful=True, name="upper")(x)
    return keras.Model(inputs, layers.Dense(2, name="out")(x)), {"series": numbers(5, 4)}


@graph
def conv_lstm():
    inputs = keras.Input((4, 8, 8, 2), name="film")
    x = layers.ConvLSTM2D(3, 3, padding="same", name="film_lstm")(inputs)
    x = layers.Flatten(name="flat")(x)
    return keras.Model(inputs, layers.Dense(2, name="out")(x)), {"film": numbers(4, 8, 8, 2)}


@graph
def time_distributed():
    inputs = keras.Input((4, 10, 10, 1), name="film")
    x = layers.TimeDistributed(layers.Conv2D(3, 3, activation="relu"), name="each")(inputs)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D(), name="pool")(x)
    x = layers.TimeDistributed(layers.Dense(3), name="dense_a")(x)
    x = layers.TimeDistributed(layers.Dense(3), name="dense_b")(x)
    return keras.Model(inputs, layers.Flatten(name="flat")(x)), {"film": numbers(4, 10, 10, 1)}


@graph
def wavenet():
    inputs = x = keras.Input((16, 4), name="wave")
    for i in range(3):
        h = layers.Conv1D(4, 2, dilation_rate=2**i, padding="causal", name=f"conv_{i}")(x)
        gate = layers.Conv1D(4, 1, activation="sigmoid", name=f"gate_{i}")(h)
        x = layers.Add(name=f"add_{i}")([x, layers.Multiply(name=f"mul_{i}")([h, gate])])
    return keras.Model(inputs, layers.Conv1D(1, 1, name="out")(x)), {"wave": numbers(16, 4)}


@graph
def transformer():
    """Composite layers, one of them frozen in part."""
    inputs = x = keras.Input((6, 32), name="tokens")
    for i in range(2):
        y = layers.LayerNormalization(name=f"norm_{i}")(x)
        y = layers.MultiHeadAttention(2, 16, dropout=0.1, name=f"attention_{i}")(y, y)
        x = layers.Add(name=f"add_{i}")([x, y])
        y = layers.Dense(32, activation="gelu", name=f"ffn_{i}")(x)
        x = layers.Add(name=f"sum_{i}")([x, y])
    model = keras.Model(inputs, layers.Dense(3, name="out")(x))
    model.get_layer("attention_0").trainable = False
    model.get_layer("attention_1")._query_dense.trainable = False
    return model, {"tokens": numbers(6, 32)}


@graph
def tied_language_model():
    """An embedding that is also the output projection."""
    table = layers.ReversibleEmbedding(130, 16, name="table")
    inputs = keras.Input((6,), dtype="int32", name="words")
    x = table(inputs)
    y = layers.GroupQueryAttention(8, 2, 1, name="attention")(x, x, use_causal_mask=True)
    x = layers.RMSNormalization(name="norm")(layers.Add(name="add")([x, y]))
    return keras.Model(inputs, table(x, reverse=True)), {"words": tokens(6, most=130)}


@graph
def einsum_dense():
    inputs = keras.Input((6, 8), name="x")
    x = layers.EinsumDense("abc,cd->abd", (None, 8), bias_axes="d", name="a")(inputs)
    x = layers.EinsumDense("abc,cd->abd", (None, 8), bias_axes="d", name="b")(x)
    return keras.Model(inputs, layers.Dense(3, name="out")(x)), {"x": numbers(6, 8)}


@graph
def adapted_numbers():
    """Normalization and bins, with what `adapt` learnt."""
    scale, bins = layers.Normalization(name="scale"), layers.Discretization(num_bins=5, name="bins")
    data = np.random.default_rng(3).normal(4, 3, (200, 3)).astype("float32")
    scale.adapt(data)
    bins.adapt(data)
    inputs = keras.Input((3,), name="row")
    table = layers.Embedding(5, 4, name="table")(bins(inputs))
    x = layers.Concatenate(name="all")([scale(inputs), layers.Flatten(name="flat")(table)])
    x = layers.Dense(8, activation="relu", name="b")(layers.Dense(15, name="a")(x))
    row = 10 * numbers(3)
    return keras.Model(inputs, layers.Dense(8, name="out")(x)), {"row": row}


@graph
def string_lookup():
    lookup = layers.StringLookup(name="lookup")
    lookup.adapt(np.array(["red", "green", "green", "blue"]))
    inputs = keras.Input((2,), dtype="string", name="colours")
    x = layers.Embedding(lookup.vocabulary_size(), 4, name="table")(lookup(inputs))
    x = layers.Dense(4, name="b")(layers.Dense(4, name="a")(x))
    colours = np.array(
        [["red", "green"], ["blue", "pink"], ["green", "blue"], ["red", "red"]], object
    )
    return keras.Model(inputs, layers.Flatten(name="flat")(x)), {"colours": colours}


@graph
def text_vectorization():
    words = layers.TextVectorization(max_tokens=20, output_sequence_length=5, name="words")
    words.adapt(np.array(["the cat sat", "the dog ran", "a cat ran away"]))
    inputs = keras.Input((1,), dtype="string", name="text")
    x = layers.Embedding(20, 6, name="table")(words(inputs))
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    x = layers.Dense(6, name="b")(layers.Dense(6, name="a")(x))
    text = np.array([["the cat ran"], ["a dog sat away"], ["birds"], ["dog cat"]], object)
    return keras.Model(inputs, x), {"text": text}


@graph
def categories():
    """Integer lookup, hashing, crossing, multi-hot."""
    known = layers.IntegerLookup(name="known")
    known.adapt(np.array([10, 20, 20, 35]))
    a, b = (keras.Input((1,), dtype="int64", name=name) for name in ("place", "day"))
    wide = layers.CategoryEncoding(4, output_mode="one_hot", name="wide")(known(a))
    crossed = layers.HashedCrossing(6, output_mode="one_hot", name="crossed")((a, b))
    hashed = layers.Embedding(5, 4, name="table")(layers.Hashing(5, name="hashed")(b))
    x = layers.Concatenate(name="all")([wide, crossed, layers.Flatten(name="flat")(hashed)])
    x = layers.Dense(14, name="b")(layers.Dense(14, name="a")(x))
    return keras.Model([a, b], x), {
        "place": np.array([[10], [20], [99], [35]]),
        "day": np.array([[1], [2], [3], [4]]),
    }


@graph
def augmenting():
    """Augmentation layers, which do nothing outside training, and a scale of its own."""
    inputs = keras.Input((16, 16, 3), name="image")
    x = layers.RandomFlip("horizontal", seed=1, name="flip")(inputs)
    x = layers.RandomRotation(0.1, seed=2, name="turn")(x)
    x = layers.Rescaling(1 / 255, name="scale")(x)
    x = layers.Dropout(0.3, seed=3, name="drop")(normed(normed(x, 3, "conv_0"), 3, "conv_1"))
    x = layers.Dense(3, name="out")(layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(inputs, x), {"image": 255 * numbers(16, 16, 3)}


@graph
def always_dropping():
    """Dropout in use, too: the state of its random numbers is part of the model."""
    inputs, drop = keras.Input((8,), name="x"), layers.Dropout(0.5, seed=7, name="drop")
    x = drop(layers.Dense(8, name="a")(inputs), training=True)
    return keras.Model(inputs, layers.Dense(8, name="b")(x)), {"x": numbers(8)}
