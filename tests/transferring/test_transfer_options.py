"""What a transfer run may be asked for: groups and plain keywords are one."""

import inspect
from dataclasses import fields

import keras
import numpy as np
import pytest

import wszoo
from wszoo.arguments import parameters
from wszoo.transferring import Features, Freezing, Preparation, Running, Training
from wszoo.transferring.keywords import TransferOptions, grouped

GROUPS = (Freezing, Features, Training, Preparation, Running)
OF_GROUPS = {field.name: field.type for group in GROUPS for field in fields(group)}


def test_the_signature_can_be_read():
    assert len(inspect.signature(wszoo.transfer).parameters) <= 15
    assert {"data", "head", "epochs", "lora", "training"} <= set(parameters(wszoo.transfer))
    assert {group.__name__.lower() for group in GROUPS} < set(parameters(wszoo.transfer))


def test_plain_keywords_are_the_fields_of_all_groups_and_say_so():
    assert len(OF_GROUPS) == sum(len(fields(group)) for group in GROUPS)
    spelt = {key: getattr(kind, "__forward_arg__", kind) for key, kind in
             TransferOptions.__annotations__.items()}  # fmt: skip
    assert spelt == OF_GROUPS
    said = wszoo.transfer.__doc__ or ""
    assert all(f"`{name}`" in said for name in OF_GROUPS)
    for group in GROUPS:
        assert all(f" {f.name}" in (group.__doc__ or "") for f in fields(group)), group


def test_plain_keywords_make_groups():
    wanted = grouped({"epochs": 5, "lora": 4}, running=Running(seed=3))
    assert wanted.training == Training(epochs=5) and wanted.freezing == Freezing(lora=4)
    assert wanted.running.seed == 3 and wanted.features == Features()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"training": Training(), "epochs": 3, "batch_size": 4},
            r"training= or epochs=, batch_size=, not both: write training=Training\(epochs=…, bat",
        ),
        ({"training": {"epochs": 3}}, "training must be a Training; received"),
        ({"epochs": 0}, "epochs must be a whole number"),
        ({"views": 2}, "give augment too"),
    ],
)
def test_what_does_not_go_together_is_said(options, words):
    with pytest.raises(ValueError, match=words):
        wszoo.transfer("conv_net.omniglot", data="digits", **options)


def test_unknown_keywords_name_near_ones():
    with pytest.raises(TypeError, match=r"transfer: .*keyword argument 'epoch'; did you mean 'epo"):
        wszoo.transfer("conv_net.omniglot", data="digits", epoch=3)
    with pytest.raises(TypeError, match=r"Training: .*'batchsize'; did you mean 'batch_size'"):
        Training(batchsize=3)


def test_groups_and_plain_keywords_train_alike():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    net = keras.Model(inputs, keras.layers.Dense(3, name="hidden")(inputs))
    data = np.random.default_rng(0).random((30, 4), "float32"), np.arange(30) % 2
    plain = wszoo.transfer(net, data=data, epochs=2, learning_rate=0.1, seed=1, verbose=0)
    groups = wszoo.transfer(
        net, data=data, training=Training(epochs=2, learning_rate=0.1),
        running=Running(seed=1, verbose=0),
    )  # fmt: skip
    assert plain.history == groups.history and len(plain.history) == 3
