"""EfficientNet-Lite: sizes as published, stages by name, photos of any size, repeated blocks."""

import numpy as np
import pytest

import wszoo
from wszoo.models import efficientnet_lite
from wszoo.sharing import graph
from wszoo.transferring.freezing.stages import stages

SMALL = {"width": 0.1, "depth": 0.75, "head": None}


def test_lite0_has_the_parameters_that_were_published():
    whole = wszoo.get("efficientnet_lite0")
    assert whole.count_params() == 4_694_024
    assert whole.count_params() - whole.get_layer("head").count_params() == 3_413_024


@pytest.mark.parametrize(
    ("width", "depth", "filters", "repeats"),
    [
        (1.0, 1.0, (16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 3, 3, 4, 1)),
        (1.0, 1.1, (16, 24, 40, 80, 112, 192, 320), (1, 3, 3, 4, 4, 5, 1)),
        (1.1, 1.2, (16, 24, 48, 88, 120, 208, 352), (1, 3, 3, 4, 4, 5, 1)),
        (1.2, 1.4, (24, 32, 48, 96, 136, 232, 384), (1, 3, 3, 5, 5, 6, 1)),
        (1.4, 1.8, (24, 32, 56, 112, 160, 272, 448), (1, 4, 4, 6, 6, 8, 1)),
    ],
)
def test_stages_are_scaled_as_published(width, depth, filters, repeats):
    """By `round_filters` and `round_repeats` of Google's efficientnet_model.py."""
    found = efficientnet_lite.scaled(width, depth)
    assert tuple(stage.filters for stage in found) == filters
    assert tuple(stage.repeats for stage in found) == repeats


def test_stages_have_names_for_detectors_and_for_freezing():
    model = wszoo.get("efficientnet_lite0", input_shape=(64, 96, 3), **SMALL)
    for name, stride in efficientnet_lite.STRIDES.items():
        assert model.get_layer(name).output.shape[1:3] == (64 // stride, 96 // stride)
    numbered = [f"stage_{i}" for i in range(1, 8)]
    assert list(stages(model)) == ["stem", "stem_norm", *numbered, "top", "top_norm"]
    assert model.output_shape == (None, 1280)


def test_photos_of_any_size_go_in():
    small = SMALL | {"depth": 0.25}
    free = wszoo.get("efficientnet_lite0", input_shape=(None, None, 3), **small)
    fixed = wszoo.get("efficientnet_lite0", input_shape=(45, 33, 3), **small)
    fixed.set_weights(free.get_weights())
    x = np.random.default_rng(0).random((2, 45, 33, 3), "float32")
    np.testing.assert_array_equal(free(x), fixed(x))


def test_equal_blocks_of_a_stage_may_share():
    plan = wszoo.plan_of(wszoo.get("efficientnet_lite0", **SMALL))
    for i in (4, 5, 6):
        for part in ("expand", "depthwise", "project"):
            plan = plan.tie(f"stage_{i}_block_[12]_{part}")
    declared = efficientnet_lite.sites(width=0.1, depth=0.75)
    model = wszoo.get("efficientnet_lite0", sharing=plan.restrict(declared), **SMALL)
    assert [len(group.sites) for group in wszoo.audit(model).shared] == [2] * 9
    norms = [site for site in wszoo.sites(model) if site.endswith("_norm")]
    assert len({id(graph.layer_at(model, site)) for site in norms}) == len(norms)
    with pytest.raises(ValueError, match="stage_4_block_0_expand' and 'stage_4_block_1_expand"):
        plan = plan.restrict(declared).tie("stage_4_block_*_expand")
        wszoo.get("efficientnet_lite0", sharing=plan, **SMALL | {"width": 1.0})


@pytest.mark.parametrize("setting", ["width", "depth"])
def test_nothing_is_scaled_to_nothing(setting):
    with pytest.raises(ValueError, match="above 0; received"):
        wszoo.get("efficientnet_lite0", **{setting: 0.0})
