"""Models of KerasHub, small and with random weights: layers that call layers in Python code."""

import keras
import keras_hub
import numpy as np
import pytest

import wszoo

hub = keras_hub.models


def albert():
    return hub.AlbertBackbone(50, 4, 2, 8, 16, 32, num_groups=2, max_sequence_length=16)


def gpt2():
    return hub.GPT2CausalLM(hub.GPT2Backbone(50, 2, 2, 16, 32, max_sequence_length=16))


def deberta():
    return hub.DebertaV3Backbone(50, 2, 2, 16, 32, max_sequence_length=16, bucket_size=8)


def inputs_of(model):
    rng = np.random.default_rng(0)
    names = [tensor.name for tensor in model.inputs]
    others = {name: np.ones((2, 9), "int32") for name in names if name != "token_ids"}
    return {"token_ids": rng.integers(1, 50, (2, 9)), **others}


def predicted(model, inputs):
    return keras.tree.flatten(model.predict(inputs, verbose=0))


def assert_equal(one, other, inputs):
    for a, b in zip(predicted(one, inputs), predicted(other, inputs), strict=True):
        np.testing.assert_array_equal(a, b)


def test_sharing_of_a_backbone_is_seen_in_the_task_around_it():
    backbone = albert()
    task = hub.AlbertTextClassifier(backbone=backbone, num_classes=3)
    alone, within = wszoo.audit(backbone), wszoo.audit(task)
    saved = [a.unrolled_parameters - a.stored_parameters for a in (alone, within)]
    assert saved[0] == saved[1] > 0
    assert [f"albert_backbone.{g.owner}" for g in alone.shared] == [g.owner for g in within.shared]
    twin = wszoo.untied_twin(task)
    assert wszoo.audit(twin).stored_parameters == within.unrolled_parameters
    inputs = inputs_of(task)
    assert_equal(task, twin, inputs)
    assert_equal(task, wszoo.flatten(task), inputs)


def test_a_language_models_head_and_embedding_hold_one_variable_that_a_file_keeps(tmp_path):
    model = gpt2()
    vocabulary = model.backbone.token_embedding.embeddings
    assert wszoo.audit(model).stored_parameters == model.count_params()
    wszoo.save(model, tmp_path / "model.keras")
    with pytest.warns(UserWarning, match="`compile\\(\\)` method is custom"):  # Keras' word
        loaded = wszoo.load(tmp_path / "model.keras")
    assert len(loaded.weights) == len(model.weights)
    assert wszoo.plan_of(loaded) == wszoo.plan_of(model)
    inputs = inputs_of(model)
    assert_equal(model, loaded, inputs)
    for either in (model, loaded):
        embedding = either.backbone.token_embedding.embeddings
        embedding.assign(2 * np.asarray(vocabulary) if either is model else 2 * embedding)
    assert_equal(model, loaded, inputs)  # the head moved with the embedding


def test_composites_come_back_from_the_file_of_a_twin(tmp_path):
    with pytest.warns(UserWarning, match="still shares inside: it calls 'query' 2 times"):
        twin = wszoo.untied_twin(deberta())
    wszoo.save(twin, tmp_path / "model.keras")
    assert_equal(twin, wszoo.load(tmp_path / "model.keras"), inputs_of(twin))
