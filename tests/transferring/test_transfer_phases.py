"""Freeze plans as data, and training by them."""

import io

import keras
import numpy as np
import pytest

import wszoo
from wszoo.transferring.freezing.freeze_plan import FreezePlan, start_phase

PLAN = {
    "phases": [
        {"name": "head", "train": "head", "epochs": 1},
        {"name": "top", "train": ["head", "block_3", "last*"], "epochs": 2, "learning_rate": 0.02},
        {"name": "all", "train": "all", "epochs": 1, "batch_norm": "train"},
    ]
}


def net():
    keras.utils.set_random_seed(0)
    model = wszoo.get("conv_net", depth=4, width=4, input_shape=(8, 8, 1), head=3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss=loss)
    return model


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.random((32, 8, 8, 1), "float32"), rng.integers(0, 3, 32)


class Watch(keras.callbacks.Callback):
    """Layers that moved, and the learning rate, of each epoch."""

    def __init__(self):
        super().__init__()
        self.seen = {}

    def on_epoch_begin(self, epoch, logs=None):
        self.before = self.model.get_weights()

    def on_epoch_end(self, epoch, logs=None):
        pairs = zip(self.model.weights, self.before, strict=True)
        moved = {w.path.split("/")[0] for w, old in pairs if not np.array_equal(w, old)}
        self.seen[epoch] = moved, float(self.model.optimizer.learning_rate)


def test_each_phase_trains_what_it_says(data):
    model, watch, freeze_plan, done = net(), Watch(), FreezePlan.from_dict(PLAN), 0
    for phase in freeze_plan.phases:
        state = start_phase(model, freeze_plan, phase)
        epochs = {"initial_epoch": done, "epochs": done + phase.epochs}
        model.fit(*data, **epochs, verbose=0, callbacks=[watch])
        state.verify()
        done += phase.epochs
    assert list(watch.seen) == [0, 1, 2, 3]
    assert watch.seen[0] == ({"head"}, pytest.approx(0.01))
    assert watch.seen[1] == watch.seen[2] == ({"head", "block_3"}, pytest.approx(0.02))
    assert watch.seen[3][0] >= {"stem", "block_0", "block_0_norm", "head"}


def test_yaml_dict_and_table(tmp_path):
    import yaml
    from rich.console import Console

    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(PLAN))
    plan = FreezePlan.from_yaml(tmp_path / "plan.yaml")
    assert plan == FreezePlan.from_dict(PLAN) == FreezePlan.from_dict(plan.to_dict())
    assert plan.epochs == 4
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(plan.table(net()))
    rows = {line.split()[1]: line for line in console.export_text().splitlines() if "│" in line}
    assert rows["stem"].count("train") == 1 and rows["head"].count("train") == 3
    assert rows["block_3"].count("train") == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"phases": []}, "phases must be a list of 1 or more"),
        ({"phases": [PLAN["phases"][0]] * 2}, "different names"),
        ({"stages": 3}, r"unknown keys \['stages'\]"),
        ({"phases": [{"name": "a", "train": "all"}]}, r"lacks \['epochs'\]"),
        (
            {"phases": [{"name": "a", "train": "all", "epochs": 0}]},
            "'a': epochs must be a whole number",
        ),
        ({"phases": ["head"]}, "must be a mapping"),
        (
            {"phases": [{"name": "a", "train": "all", "epochs": 1, "batch_norm": "x"}]},
            "frozen, statistics, train",
        ),
    ],
)
def test_a_plan_that_is_none_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        FreezePlan.from_dict(PLAN | change)


def test_a_freeze_plan_that_does_not_fit_trains_nothing(data, monkeypatch):
    backbone = wszoo.get("conv_net", depth=4, width=4, input_shape=(8, 8, 1), head=None)
    phases = [*PLAN["phases"], {"name": "b", "train": "block_9", "epochs": 1}]
    monkeypatch.setattr(keras.Model, "fit", lambda *a, **k: pytest.fail("trained"))
    with pytest.raises(ValueError, match="phase 'b': 'block_9' matches no stage"):
        wszoo.transfer(backbone, data=data, freeze={"phases": phases}, verbose=0)


def test_a_schedule_and_a_rate_contradict():
    model = net()
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    model.compile(keras.optimizers.SGD(schedule), loss="sparse_categorical_crossentropy")
    plan = {"phases": [{"name": "a", "train": "head", "epochs": 1, "learning_rate": 0.1}]}
    with pytest.raises(ValueError, match="has a schedule"):
        FreezePlan.from_dict(plan).check(model)


def test_a_file_that_is_no_plan_is_named(tmp_path):
    (tmp_path / "p.yaml").write_text("phases: [")
    with pytest.raises(ValueError, match=r"p\.yaml"):
        FreezePlan.from_yaml(tmp_path / "p.yaml")


LAUGHS = "a0: &a0 [x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)
HOSTILE = {
    "an object of Python": ("phases: !!python/object/apply:os.system [touch ran]", "no YAML"),
    "aliases that multiply": (f"{LAUGHS}phases: *a9", "more than 10,000 values"),
    "a list that holds itself": ("phases: &a [*a]", "more than 10,000 values"),
    "brackets without end": ("phases: " + "[" * 10**4, "brackets are too deep"),
    "a time of nonsense": ("phases: !!timestamp x", "no YAML"),
    "a large file": ("#" * 2**20 + "#", "has 1,048,577 bytes"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_plan_is_refused_with_its_name(tmp_path, monkeypatch, name):
    text, words = HOSTILE[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(ValueError, match=rf"plan\.yaml.*{words}"):
        FreezePlan.from_yaml(tmp_path / "plan.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["plan.yaml"]
