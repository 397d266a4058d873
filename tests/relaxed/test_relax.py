"""relax and merge_relaxed: a shared kernel, private low-rank parts, and the way back."""

import keras
import numpy as np
import pytest
from keras import layers

import wszoo
from wszoo.layers import LowRankPart, ReversibleDense
from wszoo.sharing import graph
from wszoo.sharing.calls import all_calls
from wszoo.sharing.files.arrays import file_parameters
from wszoo.sharing.specs import spec

BLOCKS = ("attention_*", "ffn_*")
FULL = 1000  # taken as the full rank of each kernel


def randomised(model, seed=0):
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    return model


def dense_net():
    """Activations, a layer at three places, one on three axes, one without bias."""
    inputs = x = keras.Input((5, 4))
    for i in range(3):
        x = layers.Dense(4, activation="tanh", name=f"d_{i}")(x)
    for i in range(2):
        x = layers.Dense(4, use_bias=False, name=f"e_{i}")(x)
    return keras.Model(inputs, x), "AAABB"


def conv_net():
    inputs = x = keras.Input((20, 9, 3))
    for _ in range(2):
        x = layers.Conv2D(3, (3, 2), strides=(2, 1), padding="same", activation="relu")(x)
    for _ in range(2):
        x = layers.Conv2D(3, 2, dilation_rate=2, use_bias=False)(x)
    return keras.Model(inputs, x), "AABB"


def conv_1d_net():
    inputs = x = keras.Input((9, 3))
    for _ in range(3):
        x = layers.Conv1D(3, 2)(x)
    return keras.Model(inputs, x), "ABA"


def einsum_net():
    """A projection to heads, one back, and a bias over places."""
    inputs = x = keras.Input((5, 6))
    for i in range(2):
        x = layers.EinsumDense("btw,whu->bhtu", (2, 5, 3), bias_axes="hu", name=f"to_{i}")(x)
        x = layers.EinsumDense("bhtu,huw->btw", (5, 6), bias_axes="tw", name=f"from_{i}")(x)
    for i in range(2):
        x = layers.EinsumDense("...w,wu->...u", 6, activation="relu", name=f"last_{i}")(x)
    return keras.Model(inputs, x), "ABABCC"


def both_ways():
    """One kernel forward and backward, as in a tied autoencoder."""
    inputs = keras.Input((6,))
    code = ReversibleDense(4, name="encode")(inputs)
    back = ReversibleDense(4, input_dim=6, name="decode")(code, reverse=True)
    return keras.Model(inputs, back), "AA"


def language_model():
    settings = {"input_shape": (6,), "vocabulary": 7, "width": 8, "heads": 2, "depth": 3}
    return wszoo.get("tied_lm", sharing="depth:ABC", **settings), "depth:tied"


def vision_model():
    model = wszoo.get(
        "shared_vit", input_shape=(8, 8, 1), width=4, heads=2, depth=2, sharing="untied"
    )
    return model, "depth:tied"


BUILDERS = {
    f.__name__: f
    for f in (
        dense_net,
        conv_net,
        conv_1d_net,
        einsum_net,
        both_ways,
        language_model,
        vision_model,
    )
}


def make(name):
    """`(model of random weights, plan, the sites to relax, an input)`."""
    model, plan = BUILDERS[name]()
    rng = np.random.default_rng(1)
    shape = (3, *model.input_shape[1:])
    integers = model.inputs[0].dtype == "int32"
    x = rng.integers(0, 7, shape) if integers else rng.normal(size=shape).astype("float32")
    named = BLOCKS if name in ("language_model", "vision_model") else None
    return randomised(model), plan, named, x


def outputs(model, x):
    return keras.ops.convert_to_numpy(model(x))


def parts_of(model):
    return [c.operation for c in all_calls(model) if isinstance(c.operation, LowRankPart)]


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("weights", ["mean", "owner"])
def test_full_rank_loses_nothing_and_folds_back(name, weights):
    model, plan, named, x = make(name)
    before = outputs(model, x)
    relaxed = wszoo.relax(model, rank=FULL, plan=plan, sites=named, weights=weights)
    assert parts_of(relaxed) and all(part.rank == part.full_rank for part in parts_of(relaxed))
    assert np.ptp(before) > 0.1
    np.testing.assert_allclose(outputs(relaxed, x), before, atol=2e-5)
    merged = wszoo.merge_relaxed(relaxed)
    np.testing.assert_allclose(outputs(merged, x), before, atol=2e-5)
    assert graph.names_of(merged) == graph.names_of(model)
    for ours, theirs in zip(graph.weighted_calls(merged), graph.weighted_calls(model), strict=True):
        assert spec(ours.operation, initial=False) == spec(theirs.operation, initial=False)
    np.testing.assert_array_equal(outputs(model, x), before)  # untouched


@pytest.mark.parametrize("name", BUILDERS)
def test_what_was_tied_starts_unchanged_trains_apart_and_folds(name):
    model, plan, named, x = make(name)
    tied = wszoo.retie(model, plan)
    before = outputs(tied, x)
    relaxed = wszoo.relax(tied, rank=2, sites=named)
    np.testing.assert_allclose(outputs(relaxed, x), before, rtol=0, atol=1e-6)
    assert not any(part.kernel().any() for part in parts_of(relaxed))
    relaxed.compile("sgd", "mse")
    relaxed.fit(x, before + 1, epochs=2, verbose=0)  # the first step moves `up` off zero
    assert all(part.kernel().any() for part in parts_of(relaxed))
    after = outputs(relaxed, x)
    assert not np.allclose(after, before, atol=1e-4)
    merged = wszoo.merge_relaxed(relaxed)
    np.testing.assert_allclose(outputs(merged, x), after, atol=1e-5)


def test_the_start_is_the_truncated_svd_of_what_averaging_lost():
    model, plan, _, _ = make("dense_net")
    kernels = np.array([model.get_layer(f"d_{i}").get_weights()[0] for i in range(3)])
    for weights, middle in (("mean", kernels.mean(0)), ("owner", kernels[0])):
        relaxed = wszoo.relax(model, rank=2, plan=plan, weights=weights)
        np.testing.assert_allclose(relaxed.get_layer("d_0").kernel, middle, atol=1e-6)
        for i, kernel in enumerate(kernels):
            part = relaxed.get_layer(f"d_{i}_low_rank")
            left, values, right = np.linalg.svd(kernel - middle)
            best = (left[:, :2] * values[:2]) @ right[:2]
            np.testing.assert_allclose(part.kernel(), best, atol=1e-5)
            np.testing.assert_array_equal(part.bias, model.get_layer(f"d_{i}").bias)


def test_error_falls_with_the_rank():
    model, plan, named, x = make("language_model")
    before = outputs(model, x)
    lost = [
        np.abs(outputs(wszoo.relax(model, rank=r, plan=plan, sites=named), x) - before).mean()
        for r in (1, 4, 8)
    ]
    assert lost[0] > lost[1] > 100 * lost[2]


def test_audit_counts_the_private_parts():
    model, plan, named, _ = make("language_model")
    tied = wszoo.retie(model, plan)
    relaxed = wszoo.relax(tied, rank=2, sites=named)
    found, before = wszoo.audit(relaxed), wszoo.audit(tied)
    width, depth, rank = 8, 3, 2
    ends = ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width))
    private = sum(rank * (n + m) + m for n, m in ends)
    biases = sum(m for _, m in ends)  # of the tied layers: now private
    stored = before.stored_parameters - biases + depth * private
    assert found.stored_parameters == relaxed.count_params() == stored
    shared = {group.owner: group for group in found.shared}
    assert shared["attention_0_qkv"].sites == tuple(f"attention_{i}_qkv" for i in range(depth))
    assert shared["attention_0_qkv"].parameters == width * 3 * width
    assert all(len(g.sites) == 1 for g in found.groups if g.layer == "LowRankPart")


@pytest.mark.parametrize("name", BUILDERS)
def test_a_file_keeps_all_of_it(name, tmp_path):
    model, plan, named, x = make(name)
    relaxed = wszoo.relax(model, rank=1, plan=plan, sites=named)
    wszoo.save(relaxed, tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    np.testing.assert_array_equal(outputs(loaded, x), outputs(relaxed, x))
    assert graph.names_of(loaded) == graph.names_of(relaxed)
    assert wszoo.plan_of(loaded) == wszoo.plan_of(relaxed)
    assert file_parameters(tmp_path / "model.keras") == wszoo.audit(relaxed).stored_parameters
    merged = wszoo.merge_relaxed(loaded)
    np.testing.assert_allclose(outputs(merged, x), outputs(relaxed, x), atol=2e-5)


def test_the_twin_of_a_relaxed_model_and_its_other_plans():
    model, plan, named, x = make("language_model")
    relaxed = wszoo.relax(model, rank=1, plan=plan, sites=named)
    twin = wszoo.untied_twin(relaxed)
    np.testing.assert_array_equal(outputs(twin, x), outputs(relaxed, x))
    again = wszoo.retie(twin, wszoo.plan_of(relaxed))
    np.testing.assert_array_equal(outputs(again, x), outputs(relaxed, x))
    assert wszoo.plan_of(wszoo.retie(relaxed, "depth:AAB")).owner("ffn_2_up") == "ffn_2_up"


def test_groups_that_are_not_named_stay_tied():
    model, plan, _, x = make("dense_net")
    relaxed = wszoo.relax(model, rank=FULL, plan=plan, sites=["d_1"])  # one site names its group
    assert len(parts_of(relaxed)) == 3
    merged = wszoo.merge_relaxed(relaxed)
    assert wszoo.plan_of(merged).pattern == "ABCDD"
    mixed = wszoo.retie(model, wszoo.SharingPlan.tied(["e_0", "e_1"]), weights="mean")
    np.testing.assert_allclose(outputs(merged, x), outputs(mixed, x), atol=1e-5)


def test_flags_settings_and_masks_carry_over():
    def dense(i):
        return layers.Dense(
            4, kernel_regularizer="l2", bias_regularizer="l1", activity_regularizer="l2",
            dtype="mixed_float16", name=f"d_{i}",
        )  # fmt: skip

    inputs = keras.Input((6,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True)(inputs)
    for i in range(2):
        x = dense(i)(x)
    model = randomised(keras.Model(inputs, layers.GRU(3, name="last")(x)))
    model.get_layer("d_1").trainable = False
    x = np.array([[1, 2, 0, 0, 0, 0], [3] * 6])
    relaxed = wszoo.relax(model, rank=FULL, plan=wszoo.SharingPlan.tied(["d_0", "d_1"]))
    np.testing.assert_allclose(outputs(relaxed, x), outputs(model, x), atol=1e-2)
    unmasked = outputs(model, np.where(x, x, 0))
    np.testing.assert_array_equal(unmasked, outputs(model, x))
    assert not relaxed.get_layer("d_1_low_rank").trainable
    assert relaxed.get_layer("d_0_low_rank").trainable
    merged = wszoo.merge_relaxed(relaxed)
    for i in range(2):
        new, old = (m.get_layer(f"d_{i}") for m in (merged, model))
        assert spec(new, initial=False) == spec(old, initial=False)
        assert new.trainable == old.trainable
    assert relaxed.get_layer("d_0_low_rank").compute_dtype == "float16"


def test_an_exported_file_stores_the_shared_kernel_once(tmp_path):
    model, plan, _, _ = make("conv_net")
    relaxed = wszoo.relax(model, rank=1, plan=plan)
    (file,) = wszoo.export(relaxed, tmp_path, ["litert"]).files
    assert file.max_error < 1e-5
    # Beside the weights a few shapes.
    assert wszoo.audit(relaxed).stored_bytes <= file.file.stored_bytes < file.stored_bytes + 200


def norms():
    inputs = keras.Input((4,))
    shared = layers.LayerNormalization(name="norm")
    d = layers.Dense(4, name="d")
    return keras.Model(inputs, shared(d(shared(d(inputs)))))


def alone(**kwargs):
    inputs = keras.Input((8, 8, 2))
    conv = layers.Conv2D(2, 3, padding="same", **kwargs)
    return keras.Model(inputs, conv(conv(inputs)))


def untied():
    return dense_net()[0]


def relaxed_already():
    return wszoo.relax(dense_net()[0], rank=1, plan="AAABB")


@pytest.mark.parametrize(
    ("build", "options", "match"),
    [
        (untied, {"rank": 0}, "rank must be a whole number of at least 1; received 0"),
        (untied, {"rank": 2.5}, "rank must be a whole number .*received 2.5"),
        (untied, {"rank": 2}, "no two sites .* share a layer; give a plan"),
        (untied, {"rank": 2, "plan": "AAABC", "sites": ["e_*"]}, "share a layer among"),
        (untied, {"rank": 2, "plan": "AAABB", "sites": ["nothing"]}, "no site matches 'nothing'"),
        (untied, {"rank": 2, "plan": "AAAAA"}, "cannot share one layer"),
        (norms, {"rank": 2}, r"norm, norm.1: a LayerNormalization is none of(.|\n)*\['d'\]"),
        (lambda: alone(groups=2), {"rank": 2}, "convolution of 2 groups"),
        (lambda: alone(kernel_constraint="non_neg"), {"rank": 2}, "constraint"),
        (relaxed_already, {"rank": 2}, "relaxed already"),
    ],
)
def test_what_cannot_be_relaxed_is_refused(build, options, match):
    with pytest.raises(ValueError, match=match):
        wszoo.relax(build(), **options)


def test_an_einsum_that_is_no_matrix_is_refused():
    inputs = keras.Input((5, 4))
    each = layers.EinsumDense("btw,twu->btu", (5, 4))  # a kernel a place
    model = keras.Model(inputs, each(each(inputs)))
    with pytest.raises(ValueError, match="is not"):
        wszoo.relax(model, rank=2)
    with pytest.raises(ValueError, match="no relaxed sites"):
        wszoo.merge_relaxed(model)
