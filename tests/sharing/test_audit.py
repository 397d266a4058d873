"""audit: counts are sums over variables, stored once or once a site."""

import json

import hand_built
import keras
import pytest
from keras import layers

import wszoo


@pytest.mark.parametrize("name", hand_built.BUILDERS)
def test_stored_and_unrolled_are_those_of_the_model_and_its_twin(name):
    model, _ = hand_built.make(name)
    found = wszoo.audit(model)
    twin = wszoo.audit(wszoo.untied_twin(model))
    assert found.stored_parameters == model.count_params()
    assert found.unrolled_parameters == twin.stored_parameters == twin.unrolled_parameters
    assert found.unrolled_bytes == twin.stored_bytes
    assert twin.shared == ()
    saved = sum(group.saved_parameters for group in found.groups)
    assert found.stored_parameters + saved == found.unrolled_parameters
    saved = sum(group.saved_bytes for group in found.groups)
    assert found.stored_bytes + saved == found.unrolled_bytes


@pytest.mark.parametrize("name", hand_built.BUILDERS)
def test_groups_are_those_of_the_plan(name):
    model, _ = hand_built.make(name)
    found, plan = wszoo.audit(model), wszoo.plan_of(model)
    assert {group.owner: group.sites for group in found.groups} == plan.groups
    assert set(found.shared) == {group for group in found.groups if len(group.sites) > 1}
    assert sum(group.parameters for group in found.groups) == found.stored_parameters


def test_a_group_by_hand():
    inputs, shared = keras.Input((4,)), layers.Dense(4, name="shared")
    own = layers.Dense(3, use_bias=False, name="own")
    found = wszoo.audit(keras.Model(inputs, own(shared(shared(shared(inputs))))))
    (group,) = found.shared
    assert (group.owner, group.layer, group.parameters) == ("shared", "Dense", 4 * 4 + 4)
    assert group.sites == ("shared", "shared.1", "shared.2")
    assert found.stored_parameters == 20 + 12
    assert found.unrolled_parameters == 3 * 20 + 12
    assert found.stored_bytes == 4 * 32


@pytest.mark.parametrize(
    ("dtype", "width"), [("float32", 4), ("float16", 2), ("bfloat16", 2), ("float64", 8)]
)
def test_bytes_follow_the_type_of_the_variables(dtype, width):
    inputs, shared = keras.Input((4,)), layers.Dense(4, dtype=dtype)
    found = wszoo.audit(keras.Model(inputs, shared(shared(inputs))))
    assert found.stored_bytes == width * found.stored_parameters
    assert found.unrolled_bytes == 2 * found.stored_bytes


def test_plain_data_and_table_say_the_same():
    model, _ = hand_built.make("repeated")
    found = wszoo.audit(model)
    data = json.loads(json.dumps(found.to_dict()))
    assert data["stored_parameters"] == found.stored_parameters
    for group, row in zip(found.groups, data["groups"], strict=True):
        assert row["sites"] == list(group.sites)
        assert row["saved_parameters"] == group.saved_parameters
    table = found.table()
    assert table.row_count == len(found.shared) + 1
    assert [column.footer for column in table.columns][-3:] == [
        f"{n:,}"
        for n in (
            found.stored_parameters,
            found.unrolled_parameters,
            found.unrolled_parameters - found.stored_parameters,
        )
    ]


class Borrowed(layers.Layer):
    """Computes with the kernel of another layer."""

    def __init__(self, kernel, **kwargs):
        super().__init__(**kwargs)
        self.kernel = kernel

    def call(self, inputs):
        return keras.ops.matmul(inputs, keras.ops.transpose(self.kernel))


def test_a_variable_that_two_layers_hold_is_reported_and_stored_once():
    inputs, one = keras.Input((4,)), layers.Dense(3, name="one")
    x = one(inputs)
    model = keras.Model(inputs, Borrowed(one.kernel, name="other")(x), name="held")
    assert wszoo.sites(model) == ("one", "other")
    assert wszoo.plan_of(model).pattern == "AB"  # no layer is called twice
    found = wszoo.audit(model)
    (held,) = found.held
    assert (held.variable, held.owners, held.parameters) == (one.kernel.path, ("one", "other"), 12)
    assert found.stored_parameters == model.count_params() == 15
    assert found.unrolled_parameters == 15 + 12
    assert (found.stored_bytes, found.unrolled_bytes) == (4 * 15, 4 * 27)
    (row,) = json.loads(json.dumps(found.to_dict()))["held"]
    assert (row["owners"], row["saved_parameters"]) == (["one", "other"], 12)
    assert_columns_add_up(found.table())


def assert_columns_add_up(table):
    for column in table.columns[-3:]:
        cells = [int(cell.replace(",", "")) for cell in column.cells]
        assert sum(cells) == int(column.footer.replace(",", ""))


def test_a_shared_random_state_counts_no_parameters():
    inputs, seeds = keras.Input((4,)), keras.random.SeedGenerator(1)
    noisy = [layers.Dense(4, name=name) for name in "ab"]
    for layer in noisy:
        layer.seeds = seeds
    model = keras.Model(inputs, noisy[1](noisy[0](inputs)))
    found = wszoo.audit(model)
    assert [(held.owners, held.parameters) for held in found.held] == [(("a", "b"), 0)]
    assert found.unrolled_parameters == found.stored_parameters == 40


def test_weights_that_no_output_depends_on_are_counted_apart():
    inside, inputs = keras.Input((4,)), keras.Input((4,))
    x = layers.Dense(4, name="used")(inside)
    both = keras.Model(inside, [x, layers.Dense(2, name="pooler")(x)], name="both")
    model = keras.Model(inputs, both(inputs)[0])
    found = wszoo.audit(model)
    assert [group.owner for group in found.groups] == ["both.used"]
    assert (found.stored_parameters, found.unused_parameters) == (30, 10)
    assert_columns_add_up(found.table())
    assert wszoo.audit(wszoo.flatten(model)).stored_parameters == 20


class Composite(layers.Layer):
    """Calls one layer twice, where nobody sees it."""

    def build(self, shape):
        self.part = layers.Dense(shape[-1], name="dense_part")
        self.norm = layers.LayerNormalization()
        self.part.build(shape)
        self.norm.build(shape)

    def call(self, inputs):
        return self.part(self.norm(self.part(inputs)))


def test_composites_are_listed_with_the_way_to_open_them():
    inputs = keras.Input((5, 4))
    x = layers.MultiHeadAttention(2, 3, name="known")(inputs, inputs)
    x = Composite(name="shut")(x)
    block = keras.Sequential([keras.Input((4,)), layers.Dense(4)], name="block")
    x = layers.TimeDistributed(block, name="wrapped")(x)
    model = keras.Model(inputs, Composite(name="other")(x), name="mixed")
    found = wszoo.audit(model)
    assert [(row.site, row.layer, row.parts) for row in found.opaque] == [
        ("shut", "Composite", 2),
        ("wrapped", "TimeDistributed", 1),
        ("other", "Composite", 2),
    ]
    assert [row.repeated for row in found.opaque] == [{"dense_part": 2}, {}, {"dense_part": 2}]
    assert all("call" not in vars(layer) for layer in model._flatten_layers())
    told = r"twin's '(shut|other)'.*still shares.*'dense_part' 2"
    with pytest.warns(UserWarning, match=told) as warned:
        twin = wszoo.untied_twin(model)
    places = {each.filename for each in warned if each.category is UserWarning}
    assert places == {__file__}  # where a twin was asked for
    assert wszoo.audit(twin).opaque == found.opaque
    assert all("keras.Model(inputs, outputs)" in row.why for row in found.opaque)
    assert found.opaque_table().row_count == 3
    assert json.loads(json.dumps(found.to_dict()))["opaque"][0]["site"] == "shut"
    with pytest.raises(ValueError, match=r"no site 'shut\.part': 'shut' \(Composite\) is one site"):
        wszoo.retie(model, wszoo.SharingPlan.untied(["shut.part"]))
    with pytest.raises(ValueError, match=r"no site matches 'shutter'"):
        wszoo.retie(model, wszoo.SharingPlan.untied(["shutter"]))


def test_a_call_that_a_layer_was_given_stays():
    inputs = keras.Input((5, 4))
    layer = Composite(name="shut")
    model = keras.Model(inputs, layer(inputs))
    own = layer.call
    layer.call = own  # of this one object, as whoever patches a layer sets it
    assert wszoo.audit(model).opaque[0].repeated == {"dense_part": 2}
    assert vars(layer)["call"] is own


def test_where_all_is_seen_nothing_is_opaque():
    for name in hand_built.BUILDERS:
        found = wszoo.audit(hand_built.make(name)[0])
        assert (found.opaque, found.held, found.unused_parameters) == ((), (), 0)
        assert found.opaque_table() is None
