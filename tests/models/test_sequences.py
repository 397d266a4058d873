"""Models of sequences: plans over time inside a model, row images, odd numbers of steps."""

import numpy as np
import pytest

import wszoo
from wszoo.sharing import graph

SMALL = {"input_shape": (6, 3), "units": 4, "depth": 2}


def groups(model):
    layers = [graph.layer_at(model, site) for site in graph.names_of(model).declared]
    return [layer.inner_sharing().groups for layer in layers]


@pytest.mark.parametrize(
    ("steps", "count"),
    [(None, 1), ("tied", 1), ("cycle:2", 2), ("sequence:3", 3), ("untied", 6), ("AABBAA", 2)],
)
@pytest.mark.parametrize("cell", ["simple", "gru", "lstm"])
def test_rnn_takes_any_spelling_of_a_plan_over_time(steps, count, cell):
    model = wszoo.get("rnn", steps=steps, cell=cell, sharing="tied", **SMALL)
    assert groups(model) == [count, count]
    alone = wszoo.get("rnn", cell=cell, sharing="tied", **SMALL)
    one = alone.get_layer("recurrent_0").count_params()
    assert model.count_params() - alone.count_params() == (count - 1) * one


def test_loops_and_unrolled_steps_compute_the_same():
    unrolled = wszoo.get("rnn", **SMALL)
    loops = wszoo.get("rnn", unroll=False, **SMALL)
    loops.set_weights(unrolled.get_weights())
    x = np.random.default_rng(0).normal(size=(3, 6, 3)).astype("float32")
    np.testing.assert_allclose(loops(x), unrolled(x), atol=1e-5)


def test_rnn_reads_images_by_rows():
    rows = wszoo.get("rnn", **SMALL)
    images = wszoo.get("rnn", **SMALL | {"input_shape": (6, 3, 1)})
    images.set_weights(rows.get_weights())
    x = np.random.default_rng(0).normal(size=(3, 6, 3)).astype("float32")
    np.testing.assert_array_equal(images(x[..., None]), rows(x))
    with pytest.raises(ValueError, match=r"\(steps, features\); received \(6, 3, 2\)"):
        wszoo.get("rnn", **SMALL | {"input_shape": (6, 3, 2)})
    with pytest.raises(ValueError, match="2 labels for 6 sites"):
        wszoo.get("rnn", steps="AB", **SMALL)


def test_rnn_without_a_head_gives_the_features():
    backbone = wszoo.get("rnn", head=None, **SMALL)
    assert backbone.output_shape == (None, 2 * SMALL["units"])


@pytest.mark.parametrize("steps", [1, 5, 64, 67])
def test_tied_seq_ae_gives_any_number_of_steps_back(steps):
    model = wszoo.get("tied_seq_ae", input_shape=(steps, 2), filters=(3, 4, 2))
    x = np.random.default_rng(0).normal(size=(2, steps, 2)).astype("float32")
    assert model(x).shape == x.shape
