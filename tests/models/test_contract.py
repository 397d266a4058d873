"""The contract of the zoo: laws that hold for every registered model, under every plan."""

import ast
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest

import wszoo
from wszoo import registry
from wszoo.exporting.parity import random_inputs
from wszoo.exporting.saved_model.write import write_saved_model
from wszoo.exporting.stored import inspect_file
from wszoo.sharing import graph
from wszoo.sharing.bank import Bank
from wszoo.sharing.files.arrays import file_parameters

# At a width of 0.1 the stages 2 to 4 expand from 8 channels to 48.
REPEATS_TIED = "ABCDEFDGFDHIJKLMNOPQRS"
# name → settings that keep a test short, and plans beside the model's own (None). A model that is
# not here is tested as it is.
SHORT = {
    "conv_net": ({"input_shape": (12, 12, 1), "width": 8}, ["AABBCC", "cycle:2", "tied"]),
    "dense_net": ({"input_shape": (6, 5, 2), "widths": (9, 7)}, []),
    "efficientnet_lite0": (
        {"input_shape": (32, 32, 3), "width": 0.1, "depth": 0.25, "head": 5},
        [REPEATS_TIED],
    ),
    "local_net": ({"input_shape": (14, 12, 1), "filters": (3, 4), "kernel_size": 4}, []),
    "tiled_net": (
        {"input_shape": (14, 14, 1), "filters": (3, 4), "kernel_size": 4, "tiles": (2, 1)},
        [],
    ),
    "rnn": ({"input_shape": (4, 3), "units": 5, "depth": 3}, ["ABA", "tied"]),
    "shared_encoder": (
        {"input_shape": (5,), "vocabulary": 9, "factor": 3, "width": 8, "heads": 2},
        ["untied", "depth:sandwich"],
    ),
    "shared_vit": (
        {"input_shape": (8, 12, 1), "width": 8, "heads": 2, "dropout": 0.1},
        ["untied", "depth:sequence:2"],
    ),
    "tied_ae": ({"input_shape": (6, 5, 2), "widths": (12, 7, 3)}, ["untied"]),
    "tied_conv_ae": ({"input_shape": (12, 12, 1), "filters": (4, 6, 5)}, ["untied"]),
    "tied_lm": (
        {"input_shape": (6,), "vocabulary": 7, "width": 8, "heads": 2},
        ["untied", "depth:tied", "depth:cycle:2"],
    ),
    "tied_seq_ae": ({"input_shape": (14, 2), "filters": (4, 6, 5)}, ["untied"]),
}
ZOO = {name: SHORT.get(name, ({}, [])) for name in wszoo.list_models()}
CASES = [
    pytest.param(name, plan, marks=pytest.mark.xdist_group(f"zoo {name} {plan}"))
    for name, (_, plans) in ZOO.items()
    for plan in [None, *plans]
]  # the laws of a case run in one process, which builds its model once
every_case = pytest.mark.parametrize(("name", "plan"), CASES)


def builders():
    """The functions under `@register` in the files of the zoo."""
    for file in sorted(Path(wszoo.__file__).parent.glob("models/*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef):
                marks = [getattr(mark, "func", mark) for mark in node.decorator_list]
                if "register" in [getattr(mark, "id", "") for mark in marks]:
                    yield node.name


def test_the_contract_covers_the_whole_zoo():
    assert sorted(ZOO) == sorted(builders()) and len(ZOO) >= 12
    assert set(SHORT) <= set(ZOO)


def randomised(model):
    rng = np.random.default_rng(0)
    for w in model.weights:
        value = rng.normal(0, 0.3, w.shape)
        w.assign(np.abs(value) + 0.5 if "variance" in w.name else value)
    return model


def make(name, plan):
    return randomised(wszoo.get(name, sharing=plan, **ZOO[name][0]))


@cache
def read_only(name, plan):
    """The model for laws that leave it as it is."""
    return make(name, plan)


@cache
def twin_of(name, plan):
    return wszoo.untied_twin(read_only(name, plan))


@cache
def partly_frozen(name, plan):
    return frozen_here_and_there(make(name, plan))


def images(model, count=4):
    (x,) = random_inputs(model, count, seed=1).values()  # token ids for models of text
    return x


def assert_same_outputs(one, other):
    x = images(one)
    np.testing.assert_array_equal(one(x), other(x))


def frozen_here_and_there(model):
    """Two layers frozen with all their parts, and every third weight alone."""
    model.layers[1].trainable = model.layers[-2].trainable = False
    for weight in model.weights[::3]:
        weight.trainable = False
    return model


def flags(model):
    """Whether each part and each weight trains."""
    parts = [(type(part), part.trainable) for part in model._flatten_layers()]
    return parts, [weight.trainable for weight in model.weights]


@every_case
def test_law_1_the_groups_are_those_of_the_plan(name, plan):
    entry, config = registry.entry(name), ZOO[name][0]
    declared = tuple(entry.sites(**entry.settings(config)))
    asked = entry.plan(plan, **config)
    bank = Bank(asked)
    model = bank.finish(entry.build(bank, **config))
    assert tuple(bank.asked) == declared == asked.sites
    assert graph.names_of(model).declared == declared
    found = wszoo.plan_of(model)
    assert found.restrict(declared) == asked
    private = [site for site in found.sites if site not in declared]
    assert all(found.groups[found.owner(site)] == (site,) for site in private)


@every_case
def test_law_2_twin_and_back_compute_the_same(name, plan):
    model, twin = read_only(name, plan), twin_of(name, plan)
    back = wszoo.retie(twin, wszoo.plan_of(model))
    assert wszoo.plan_of(twin) == wszoo.SharingPlan.untied(wszoo.sites(model))
    assert wszoo.plan_of(back) == wszoo.plan_of(model)
    assert_same_outputs(model, twin)
    assert_same_outputs(model, back)


@every_case
def test_law_3_tied_sites_stay_one_object_with_one_value(name, plan):
    model = make(name, plan)
    found = wszoo.plan_of(model)
    kernels = {o: np.asarray(graph.layer_at(model, o).weights[0]).copy() for o in found.groups}
    model.compile("adam", "mse", run_eagerly=True)  # no graph for one step
    model.fit(images(model), np.zeros((4, *model.output_shape[1:])), verbose=0)
    assert wszoo.plan_of(model) == found
    for site in found.sites:
        layer, owner = graph.layer_at(model, site), graph.layer_at(model, found.owner(site))
        assert layer is owner
    for owner in found.restrict(graph.names_of(model).declared).groups:
        assert not np.array_equal(graph.layer_at(model, owner).weights[0], kernels[owner])


@every_case
def test_law_4_model_files_round_trip(name, plan, tmp_path):
    model = partly_frozen(name, plan)
    wszoo.save(model, tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    assert wszoo.plan_of(loaded) == wszoo.plan_of(model)
    assert graph.names_of(loaded) == graph.names_of(model)
    assert len(loaded.variables) == len(model.variables)
    assert flags(loaded) == flags(model)
    assert_same_outputs(model, loaded)
    assert_same_outputs(model, keras.saving.load_model(tmp_path / "model.keras"))


@every_case
def test_law_4_copies_keep_the_flags(name, plan):
    model = partly_frozen(name, plan)
    assert flags(wszoo.retie(model, wszoo.plan_of(model))) == flags(model)
    twin = graph.layers_of(wszoo.untied_twin(model))
    for site, layer in graph.layers_of(model).items():
        assert flags(twin[site]) == flags(layer)


@every_case
def test_law_4_weight_files_round_trip(name, plan, tmp_path):
    model = read_only(name, plan)
    path = tmp_path / "model.weights.h5"
    model.save_weights(path)
    again = wszoo.get(name, sharing=plan, weights=path, **ZOO[name][0])
    assert wszoo.plan_of(again) == wszoo.plan_of(model)
    assert len(again.variables) == len(model.variables)
    assert_same_outputs(model, again)


@pytest.mark.parametrize("name", ZOO)
def test_law_5_another_process_reads_the_same_numbers_and_each_weight_once(name, tmp_path):
    model = read_only(name, None)
    written = write_saved_model(model, tmp_path / "1", inputs={"input": images(model)})
    assert written.mean_error <= written.max_error <= 1e-5
    assert inspect_file(written.path).stored_bytes == wszoo.audit(model).stored_bytes


@every_case
def test_law_6_stored_parameters_are_the_unique_variables(name, plan, tmp_path):
    model = read_only(name, plan)
    wszoo.save(model, tmp_path / "model.keras")
    found = wszoo.audit(model)
    unique = {id(w): int(np.prod(w.shape)) for w in model.weights}
    assert found.stored_parameters == sum(unique.values())
    assert file_parameters(tmp_path / "model.keras") == found.stored_parameters
    assert found.unrolled_parameters == twin_of(name, plan).count_params()


@every_case
def test_building_under_a_plan_and_retying_to_it_give_the_same_model(name, plan):
    built = make(name, plan)
    declared = graph.names_of(built).declared
    asked = wszoo.plan_of(built).restrict(declared)
    start = read_only(name, "untied" if plan != "untied" else None)
    retied = wszoo.retie(start, asked)
    assert wszoo.sites(retied) == wszoo.sites(built)
    assert wszoo.plan_of(retied) == wszoo.plan_of(built)
    for site in wszoo.sites(built):
        graph.layer_at(built, site).set_weights(graph.layer_at(retied, site).get_weights())
    assert_same_outputs(built, retied)


@pytest.mark.parametrize("name", ZOO)
def test_default_settings_build_and_run(name):
    model = wszoo.get(name)
    x = images(model, 2)
    assert model(x).shape == (2, *model.output_shape[1:])
    assert model.name == name
    declared = graph.names_of(model).declared
    assert wszoo.plan_of(model).restrict(declared).pattern == wszoo.info(name).sharing


@pytest.mark.parametrize("name", ["tied_ae", "tied_conv_ae", "tied_seq_ae"])
def test_an_autoencoders_kernels_are_half_of_its_twins(name):
    model, twin = read_only(name, None), twin_of(name, None)

    def kernels(m):
        return sum(int(np.prod(w.shape)) for w in m.weights if w.name == "kernel")

    assert 2 * kernels(model) == kernels(twin)
    assert model.count_params() - kernels(model) == twin.count_params() - kernels(twin)
    assert model.output_shape == model.input_shape


@pytest.mark.parametrize("size", [(7, 9), (5, 8), (1, 3), (28, 27)])
def test_tied_conv_ae_gives_odd_sizes_back(size):
    model = wszoo.get("tied_conv_ae", input_shape=(*size, 2), filters=(3, 4, 2))
    assert model(images(model, 2)).shape == (2, *size, 2)


def test_conv_net_without_a_head_gives_the_features():
    whole = make("conv_net", "cycle:2")
    config = ZOO["conv_net"][0] | {"head": None}
    backbone = wszoo.get("conv_net", sharing="cycle:2", **config)
    assert {la.name for la in whole.layers} - {la.name for la in backbone.layers} == {"head"}
    assert backbone.output_shape == whole.get_layer("features").output.shape


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("conv_net", {"depth": 0}),
        ("tied_ae", {"widths": ()}),
        ("tied_conv_ae", {"filters": ()}),
        ("dense_net", {"widths": ()}),
        ("tiled_net", {"filters": ()}),
        ("rnn", {"depth": 0}),
        ("tied_seq_ae", {"filters": ()}),
        ("tied_lm", {"depth": 0}),
        ("shared_encoder", {"depth": 0}),
        ("shared_vit", {"depth": 0}),
    ],
)
def test_a_model_needs_a_layer(name, config):
    with pytest.raises(ValueError, match=r"at least (one|1)"):
        wszoo.get(name, **config)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_conv_net_of_any_depth(depth):
    model = wszoo.get("conv_net", depth=depth, sharing="tied", **ZOO["conv_net"][0])
    assert len(graph.names_of(model).declared) == depth
    assert [g.owner for g in wszoo.audit(model).shared] == ["block_0"] * (depth > 1)


SMALL = {"input_shape": (14, 14, 1), "filters": (3, 4), "kernel_size": 4, "pool": True}


def test_tiled_net_ends_at_local_net_and_at_a_convolutional_network():
    keras.utils.set_random_seed(0)
    local = wszoo.get("local_net", **SMALL)
    # 14 → 6 → 2 positions a side: with two tiles the last layer shares nothing.
    sizes = [wszoo.audit(wszoo.get("tiled_net", tiles=t, **SMALL)).inner[-1] for t in (1, 2)]
    assert [row.groups for row in sizes] == [1, 4] and sizes[1].sites == 4
    twins = [wszoo.get("tiled_net", tiles=t, **SMALL) for t in (1, (2, 1), 2)]
    twins = [*twins, local]
    counts = [model.count_params() for model in twins]
    assert counts == sorted(set(counts))
    whole = {wszoo.audit(model).inner_unrolled_parameters for model in twins}
    assert whole == {wszoo.audit(local).stored_parameters}
    one, (first, second, head) = twins[0], (la for la in twins[0].layers if la.weights)
    x = inputs = keras.Input((14, 14, 1))
    for layer in (first, second):
        conv = keras.layers.Conv2D(layer.filters, 4, strides=2, activation="relu")
        x = conv(x)
        values = zip(conv.weights, layer.get_weights(), strict=True)
        conv.set_weights([value.reshape(w.shape) for w, value in values])
    plain = keras.Model(inputs, head(keras.layers.GlobalAveragePooling2D()(x)))
    np.testing.assert_array_equal(one(images(one)), plain(images(one)))


@pytest.mark.parametrize("name", ["dense_net", "local_net", "tiled_net"])
def test_position_nets_without_a_head_give_features(name):
    config = ZOO[name][0] | {"head": None}
    backbone = wszoo.get(name, **config)
    assert len(backbone.output_shape) == 2
    assert "head" not in {layer.name for layer in backbone.layers}


def test_tiles_that_do_not_fit_are_named_with_those_that_do():
    with pytest.raises(ValueError, match=r"'layer_0': tiles=\(5, 5\) .* 1, 2, 3, 4, 6, 12 tiles"):
        wszoo.get("tiled_net", tiles=5)
