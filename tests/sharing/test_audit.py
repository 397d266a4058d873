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
