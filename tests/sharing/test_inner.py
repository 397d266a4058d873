"""Sharing inside layers: a row a site, and totals that are sums over the model's variables."""

import json

import keras
import pytest
from keras import layers

import wszoo
from wszoo.layers import InnerSharing


def rows(*chain, shape, **kwargs):
    x = inputs = keras.Input(shape, **kwargs)
    for layer in chain:
        x = layer(x)
    return wszoo.audit(keras.Model(inputs, x)).inner


@pytest.mark.parametrize(
    ("layer", "shape", "positions"),
    [
        (layers.Conv2D(3, 3), (9, 8, 2), 7 * 6),
        (layers.Conv2D(3, 3, strides=2, padding="same"), (9, 8, 2), 5 * 4),
        (layers.Conv1D(3, 4, dilation_rate=2), (20, 2), 14),
        (layers.Conv1D(3, 4, padding="causal"), (20, 2), 20),
        (layers.Conv3D(2, 2), (3, 4, 5, 1), 2 * 3 * 4),
        (layers.DepthwiseConv2D(3), (5, 5, 2), 9),
        (layers.SeparableConv2D(4, 3), (5, 5, 2), 9),
        (layers.Conv2DTranspose(3, 3, strides=2), (4, 5, 2), 4 * 5),
    ],
)
def test_a_convolution_shares_over_its_positions(layer, shape, positions):
    (row,) = rows(layer, shape=shape)
    assert (row.over, row.sites, row.groups) == ("positions", positions, 1)
    assert row.parameters == layer.count_params()
    assert row.unrolled_parameters == positions * layer.count_params()


def test_positions_of_channels_first():
    layer = layers.Conv2DTranspose(3, 2, strides=2, data_format="channels_first")
    (row,) = rows(layer, shape=(2, 4, 5))
    assert row.sites == 20


@pytest.mark.parametrize(
    "layer",
    [
        layers.GRU(3),
        layers.LSTM(3, return_sequences=True),
        layers.SimpleRNN(3),
        layers.Bidirectional(layers.GRU(3)),
        layers.TimeDistributed(layers.Dense(3)),
    ],
)
def test_a_recurrent_layer_shares_over_time(layer):
    (row,) = rows(layer, shape=(7, 2))
    assert (row.over, row.sites, row.groups) == ("time", 7, 1)
    assert row.unrolled_parameters == 7 * row.parameters == 7 * layer.count_params()


def test_what_is_not_known_or_not_shared_has_no_row():
    assert rows(layers.GRU(3), shape=(None, 2)) == ()
    assert rows(layers.Conv2D(3, 3), layers.GlobalMaxPooling2D(), shape=(None, 8, 2)) == ()
    assert rows(layers.Dense(3), layers.BatchNormalization(), shape=(4,)) == ()
    assert wszoo.audit(wszoo.get("tied_ae")).inner_table() is None


class Speaks(layers.Dense):
    def inner_sharing(self):
        return self.answer


@pytest.mark.parametrize("answer", [None, InnerSharing("rotations", 4, 2, 20, 40)])
def test_any_other_layer_speaks_for_itself(answer):
    layer = Speaks(4, name="speaks")
    layer.answer = answer
    found = rows(layer, layer, shape=(4,))
    if answer is None:
        assert found == ()
        return
    assert [row.site for row in found] == ["speaks", "speaks.1"]
    assert {(row.owner, row.layer, row.over) for row in found} == {
        ("speaks", "Speaks", "rotations")
    }
    assert {(r.sites, r.groups, r.parameters, r.unrolled_parameters) for r in found} == {
        (4, 2, 20, 40)
    }


def test_a_reversible_kernel_shares_over_the_smaller_grid_in_both_roles():
    model = wszoo.get("tied_conv_ae", filters=(4, 8))
    found = {row.site: row for row in wszoo.audit(model).inner}
    assert [(s, r.sites) for s, r in found.items()] == [
        ("encoder_0", 14 * 14),
        ("encoder_1", 7 * 7),
        ("decoder_1", 7 * 7),
        ("decoder_0", 14 * 14),
    ]
    assert found["decoder_0"].owner == "encoder_0"


def test_totals_and_table():
    model = wszoo.get("conv_net", sharing="AABBCC", width=4)
    found = wszoo.audit(model)
    inside = {row.site for row in found.inner}
    assert inside == {"stem", *(f"block_{i}" for i in range(6))}
    kernel = 3 * 3 * 4 * 4
    blocks = kernel * (3 * 14 * 14 + 3 * 7 * 7)
    stem = 14 * 14 * model.get_layer("stem").count_params()
    rest = found.stored_parameters - 3 * kernel - stem // 196
    assert found.inner_unrolled_parameters == blocks + stem + rest
    data = json.loads(json.dumps(found.to_dict()))
    assert data["inner_unrolled_parameters"] == found.inner_unrolled_parameters
    assert [row["site"] for row in data["inner"]] == [row.site for row in found.inner]
    table = found.inner_table()
    # block_2 and block_3 are one group at two sizes: two rows.
    merged = ["stem", "block_0, block_1", "block_2", "block_3", "block_4, block_5"]
    assert list(table.columns[0].cells) == merged
    unrolled = {row.site: row.unrolled_parameters for row in found.inner}
    assert list(table.columns[-1].cells)[:3] == [
        f"{unrolled['stem']:,}", f"{2 * unrolled['block_0']:,}", f"{unrolled['block_2']:,}"
    ]  # fmt: skip
    assert table.columns[-1].footer == f"{found.inner_unrolled_parameters:,}"
