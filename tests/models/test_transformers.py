"""Transformers: what the ids, the mask and the order of blocks must and must not change."""

import numpy as np
import pytest

import wszoo
from wszoo.sharing import graph

LM = {"input_shape": (10,), "vocabulary": 12, "width": 16, "heads": 4}
ENCODER = {"input_shape": (8,), "vocabulary": 20, "width": 16, "heads": 4, "head": 3}


def stirred(model):
    rng = np.random.default_rng(0)
    for w in model.weights:
        w.assign(w + rng.normal(0, 0.3, w.shape))
    return model


def ids(vocabulary, shape, seed=0, first=1):
    return np.random.default_rng(seed).integers(first, vocabulary, shape).astype("int32")


@pytest.mark.parametrize("place", [0, 4, 9])
def test_tied_lm_never_sees_what_comes_later(place):
    model = stirred(wszoo.get("tied_lm", **LM))
    x = ids(12, (3, 10))
    other = x.copy()
    other[:, place:] = (other[:, place:] + 5) % 12
    one, two = np.asarray(model(x)), np.asarray(model(other))
    np.testing.assert_allclose(one[:, :place], two[:, :place], rtol=1e-5, atol=1e-5)
    assert (np.abs(one[:, place:] - two[:, place:]).max(axis=(0, 2)) > 1e-3).all()


def test_tied_lm_has_one_table_for_both_ends():
    model = wszoo.get("tied_lm", **LM)
    assert graph.layer_at(model, "embed") is graph.layer_at(model, "unembed")
    untied = wszoo.get("tied_lm", sharing=wszoo.plan_of(model).restrict(
        graph.names_of(model).declared).untie("unembed"), **LM)  # fmt: skip
    assert untied.count_params() - model.count_params() == 12 * 16


@pytest.mark.parametrize(("spec", "blocks"), [("untied", 4), ("depth:sandwich", 3),
                                              ("depth:cycle:2", 2), ("depth:tied", 1)])  # fmt: skip
def test_a_schedule_over_depth_ties_whole_blocks(spec, blocks):
    model = wszoo.get("tied_lm", sharing=spec, **LM)
    plan = wszoo.plan_of(model)
    for kind in ("attention_{}", "ffn_{}_up", "ffn_{}_down"):
        assert len({plan.owner(kind.format(i)) for i in range(4)}) == blocks
    norms = [site for site in plan.sites if site.endswith(("_norm", "_scale"))]
    assert len(norms) == 17 and all(plan.groups[site] == (site,) for site in norms)


def test_padding_changes_nothing():
    model = stirred(wszoo.get("shared_encoder", **ENCODER))
    x = ids(20, (4, 8))
    x[:, 5:] = 0
    whole = np.asarray(model(x))
    table = model.get_layer("embed")
    values = table.get_weights()[0]
    values[0] += 100.0  # what stands in the padding's row must not matter
    table.set_weights([values])
    np.testing.assert_allclose(model(x), whole, rtol=1e-4, atol=1e-4)
    short = wszoo.get("shared_encoder", **ENCODER | {"input_shape": (5,)})
    for layer in short.layers:
        wanted = [np.asarray(w) for w in model.get_layer(layer.name).weights]
        layer.set_weights([w[:5] if layer.name == "positions" else w for w in wanted])
    np.testing.assert_allclose(short(x[:, :5]), whole, rtol=1e-4, atol=1e-4)


def test_a_text_without_tokens_has_features_of_zero():
    backbone = stirred(wszoo.get("shared_encoder", **ENCODER | {"head": None}))
    np.testing.assert_array_equal(backbone(np.zeros((2, 8), "int32")), np.zeros((2, 16)))


@pytest.mark.parametrize("name", ["shared_encoder", "shared_vit"])
def test_depth_costs_norms_and_scales_alone(name):
    two, three = (wszoo.get(name, depth=depth, width=32) for depth in (2, 3))
    assert three.count_params() - two.count_params() == 4 * 32


def test_patches_must_fit():
    with pytest.raises(ValueError, match="patch=5"):
        wszoo.get("shared_vit", patch=5)
    with pytest.raises(ValueError, match="heads=3 for width 64"):
        wszoo.get("tied_lm", heads=3)
