"""wszoo.transfer(...): what it trains, what it keeps, and that a killed run goes on."""

import contextlib
import importlib.util
import io
import threading

import keras
import numpy as np
import pytest
import yaml
from rich.console import Console

import wszoo
from wszoo.sharing.about import about
from wszoo.tasks import heads
from wszoo.transferring.freezing.freeze_plan import FreezePlan
from wszoo.transferring.training import in_graph as on_features
from wszoo.transferring.training.backup import Backup


def arrays(n=60, classes=3, size=8):
    """Images whose brightest column says the class."""
    rng = np.random.default_rng(0)
    x, y = rng.random((n, size, size, 1), "float32"), np.arange(n) % classes
    for image, label in zip(x, y, strict=True):
        image[:, 2 * label] += 2
    return x, y


def data():
    x, y = arrays()
    cuts = {"train": slice(0, 36), "validation": slice(36, 48), "test": slice(48, 60)}
    return {split: (x[rows], y[rows]) for split, rows in cuts.items()}


@pytest.fixture
def net():
    return small()


def small():
    """A small network of dense layers, which XLA compiles quickly."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Dense(6, name="block_0")(keras.layers.Flatten()(inputs))
    x = keras.layers.BatchNormalization(momentum=0.9, name="block_0_norm")(x)
    x = keras.layers.Dense(6, activation="relu", name="block_1")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name="last_norm")(x)
    return keras.Model(inputs, x, name="small")


def same(a, b, **close):
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        if close:
            np.testing.assert_allclose(x, y, **close)
        else:
            np.testing.assert_array_equal(x, y)


QUICK = {"batch_size": 8, "epochs": 3, "verbose": 0}
PLAN = {
    "phases": [
        {"name": "head", "train": "head", "epochs": 2},
        {"name": "top", "train": ["head", "block_1", "last*"], "epochs": 2, "batch_norm": "train"},
        {"name": "again", "train": "head", "epochs": 2, "learning_rate": 0.01},
    ]
}


@pytest.mark.parametrize("extra", [{}, {"augment": "jitter", "views": 2}])
def test_cached_and_uncached_runs_agree(net, extra, tmp_path):
    kept = {"cache": tmp_path} if extra else {}
    cached = wszoo.transfer(net, data=data(), **kept, **QUICK, **extra)
    plain = wszoo.transfer(net, data=data(), cache=False, **QUICK, **extra)
    assert cached.cache == {"train": None} and plain.cache == {"train": "cache=False"}
    assert len(list(tmp_path.glob("*.features"))) == (5 if extra else 0)
    same(cached.model.get_weights(), plain.model.get_weights(), rtol=1e-4, atol=1e-5)
    assert cached.metrics["test"] == pytest.approx(plain.metrics["test"], abs=1e-4)
    assert [row["phase"] for row in cached.history] == ["start", *["train"] * 3]


def test_what_is_frozen_is_bit_identical_and_the_given_model_too(net, tmp_path):
    before = net.get_weights()
    result = wszoo.transfer(net, data=data(), **QUICK)
    same(before, net.get_weights())
    same(before, result.model.get_weights()[: len(before)])
    assert result.frozen["train"].trains == ("head",)
    wszoo.save(result.model, tmp_path / "m.keras")
    loaded = wszoo.load(tmp_path / "m.keras")
    same(loaded.get_weights(), result.model.get_weights())
    assert [x.trainable for x in loaded.layers] == [x.trainable for x in result.model.layers]
    assert wszoo.sites(loaded)[-1] == "head"
    x = data()["test"][0]
    same([loaded.predict(x, verbose=0)], [result.model.predict(x, verbose=0)], atol=1e-6)


def check_report(result, path):
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(result.table())
    text = console.export_text()
    assert all(word in text for word in ("start", "head", "top", "again", "test", "accuracy"))
    result.picture(path)
    assert path.stat().st_size > 1000
    x, y = data()["test"]
    assert np.mean(result.predict(x) == y) == pytest.approx(result.metrics["test"]["accuracy"])


def test_a_plan_caches_the_phases_that_it_may(net, tmp_path):
    result = wszoo.transfer(net, data=data(), freeze=PLAN, batch_size=8, verbose=0)
    assert result.cache["head"] is None and result.cache["again"] is None
    assert "below the head" in result.cache["top"]
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(PLAN))
    plan = tmp_path / "plan.yaml"
    plain = wszoo.transfer(net, data=data(), freeze=plan, batch_size=8, verbose=0, cache=False)
    assert plain.freeze_plan == result.freeze_plan == FreezePlan.from_dict(PLAN)
    same(result.model.get_weights(), plain.model.get_weights(), rtol=1e-3, atol=1e-4)
    assert [row["epoch"] for row in result.history[1:]] == list(range(6))
    check_report(result, tmp_path / "p.png")


class Killed(Exception):
    pass


def kill_after(monkeypatch, writes, *, before=False):
    """The process ends at a write of the backup: before it is renamed, or after."""
    write, left = Backup.write, [writes]

    def counted(self, *args):
        left[0] -= 1
        if left[0] < 0 and before:
            raise Killed
        write(self, *args)
        if left[0] == 0 and not before:
            raise Killed

    monkeypatch.setattr(Backup, "write", counted)


@pytest.mark.parametrize(
    ("options", "kills"),
    [
        ({"accumulate": 2, "lr_decay": 0.7, "l2_sp": 0.1}, (3,)),
        ({"early_stopping": 1, "learning_rate": 0.1, "augment": "jitter"}, (2,)),
    ],
)
def test_a_killed_run_goes_on_in_its_phase_and_ends_as_an_unbroken_one(
    net, tmp_path, monkeypatch, options, kills
):
    options = {"data": data(), "freeze": PLAN, "batch_size": 8, "verbose": 0} | options
    whole = wszoo.transfer(net, **options)
    for writes in kills:
        folder = tmp_path / str(writes)
        with monkeypatch.context() as patch, contextlib.suppress(Killed):
            kill_after(patch, writes, before=bool(writes % 2))
            wszoo.transfer(net, resume=folder, **options)
            pytest.fail("it ended before it could be killed")
        again = wszoo.transfer(net, resume=folder, **options)
        assert again.history == whole.history and again.stopped == whole.stopped
        assert again.metrics == whole.metrics
        same(again.model.get_weights(), whole.model.get_weights())


def test_a_finished_run_is_not_run_again_and_another_call_is_refused(net, tmp_path, monkeypatch):
    first = wszoo.transfer(net, data=data(), resume=tmp_path, **QUICK)
    for owner, name in ((keras.Model, "fit"), (on_features.HeadTrainer, "train")):
        monkeypatch.setattr(owner, name, lambda *a, **k: pytest.fail("trained again"))
    again = wszoo.transfer(net, data=data(), resume=tmp_path, **QUICK)
    assert again.metrics == first.metrics and again.history == first.history
    with pytest.raises(ValueError, match="seed=0, not seed=1"):
        wszoo.transfer(net, data=data(), resume=tmp_path, seed=1, **QUICK)
    (tmp_path / "state.weights.h5").write_bytes(b"half")
    with pytest.raises(ValueError, match="remove its folder"):
        wszoo.transfer(net, data=data(), resume=tmp_path, **QUICK)


def test_another_augmentation_or_optimizer_is_another_run(net, tmp_path):
    """Two lambdas have one name, and two optimizers of one class another rate."""

    def go(strength, **options):
        brighter = {"augment": lambda x, seed: x * strength, "resume": tmp_path / "run"}
        return wszoo.transfer(net, **{**QUICK, "epochs": 1, "data": data(), **brighter, **options})

    go(1.1)
    go(1.1)
    with pytest.raises(ValueError, match=r"begun with augment='<lambda> \(code .*, not augment='<"):
        go(1.2)
    with pytest.raises(ValueError, match=r"learning_rate=0.001.*, not .*learning_rate=0.0"):
        go(1.1, learning_rate=0.002)
    x, y = data()["test"]
    with pytest.raises(ValueError, match="begun with data='"):
        go(1.1, data={**data(), "test": (x, y[::-1])})


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"freeze": PLAN, "optimizer": "schedule"},
        {"augment": "lock"},
        {"freeze": "nothing*"},
    ],
)
def test_a_call_that_is_refused_writes_nothing(net, tmp_path, wrong):
    lock = threading.Lock()
    if "optimizer" in wrong:
        rate = keras.optimizers.schedules.CosineDecay(0.1, 10)
        wrong = wrong | {"optimizer": keras.optimizers.SGD(rate)}
    if wrong.get("augment") == "lock":
        wrong = {"augment": lambda x, seed: x if lock else -x}
    with pytest.raises(ValueError):
        wszoo.transfer(net, data=data(), resume=tmp_path / "run", **QUICK | wrong)
    assert not (tmp_path / "run").exists()


def own_head(features):
    x = keras.layers.Dense(5, name="hidden")(features)
    x = keras.layers.BatchNormalization(momentum=0.5, name="fresh")(x)
    return keras.layers.Dense(3, name="logits")(keras.layers.ReLU()(x))


@pytest.mark.parametrize("freeze", [None, "all", ["head", "block_1", "last*"], PLAN])
def test_norms_of_a_new_head_train_and_those_of_the_backbone_follow_the_policy(net, freeze):
    before = dict(zip((w.path for w in net.weights), net.get_weights(), strict=True))
    result = wszoo.transfer(net, data=data(), head=own_head, freeze=freeze, **QUICK)
    fresh = result.model.get_layer("fresh")
    for value, start in zip(fresh.get_weights(), (1, 0, 0, 1), strict=True):
        assert not np.allclose(value, start)  # gamma, beta, mean, variance
    moved = {
        w.path for w in result.model.weights if "norm" in w.path and w.path in before
        and not np.array_equal(before[w.path], w)
    }  # fmt: skip
    assert bool(moved) == (freeze is PLAN) and all("last_norm" in path for path in moved)
    phases = {phase for phase, state in result.frozen.items() if state.norms}
    chosen = {"all": ("block_0_norm", "last_norm"), None: ()}
    chosen |= {} if isinstance(freeze, str | None) else {str(freeze): ("last_norm",)}
    names = chosen[freeze if isinstance(freeze, str | None) else str(freeze)]
    assert phases == ({"top"} if freeze is PLAN else {"train"} if names else set())
    said = [note for note in result.notes if "BatchNormalization" in note]
    assert len(said) == (1 if names and freeze is not PLAN else 0)
    assert all(all(name in note for name in names) and "fresh" not in note for note in said)
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(result.table())
    text = " ".join(console.export_text().split())  # a caption is as wide as its table
    assert all(note in text for note in result.notes)


def test_norms_inside_of_a_nested_backbone_follow_the_policy(net):
    inputs = keras.Input((8, 8, 1))
    outer = keras.Model(inputs, net(inputs), name="outer")
    before = net.get_layer("block_0_norm").get_weights()
    result = wszoo.transfer(outer, data=data(), freeze="all", probe_first=False, **QUICK)
    inside = list(result.model._flatten_layers(include_self=False))
    norms = [x for x in inside if isinstance(x, keras.layers.BatchNormalization)]
    same(norms[0].get_weights(), before)
    assert len(norms) == 2 and norms[0].name.endswith("block_0_norm")
    (dense,) = [x for x in inside if x.name.endswith("block_0")]
    assert not np.array_equal(dense.kernel, net.get_layer("block_0").kernel)
    (note,) = [note for note in result.notes if "BatchNormalization" in note]
    assert "block_0_norm, " in note and "last_norm stay as they are" in note


def test_a_backbone_that_scales_its_inputs_itself_gets_them_in_its_range():
    x = np.random.default_rng(0).integers(0, 255, (30, 8, 8, 1), dtype="uint8")
    inputs = keras.Input((8, 8, 1))
    own = keras.layers.Rescaling(1 / 255, name="own")(inputs)
    features = keras.layers.Dense(4, name="block_0")(keras.layers.Flatten()(own))
    backbone = keras.Model(inputs, features)
    result = wszoo.transfer(backbone, data=(x, np.arange(30) % 3), **QUICK)
    own = keras.Model(result.model.inputs, result.model.get_layer("own").output)
    np.testing.assert_allclose(own.predict(x / 255.0, verbose=0), x / 255.0, atol=1e-6)
    assert any("0 to 255" in note for note in result.notes)
    assert about(result.model)["input_range"] == [0, 1]
    asked = wszoo.transfer(backbone, data=(x, np.arange(30) % 3), input_range=(0, 1), **QUICK)
    assert "input_range" not in [layer.name for layer in asked.model.layers] and not asked.notes
    with pytest.raises(ValueError, match="leave out input_range"):
        wszoo.transfer("keras:MobileNet", data=(x, np.arange(30) % 3), input_range=(0, 255))


def test_early_stopping_ends_with_the_best_weights(net):
    worse = keras.optimizers.SGD(50.0)
    result = wszoo.transfer(net, data=data(), early_stopping=2, optimizer=worse, **QUICK)
    assert result.stopped == ["train"] and len(result.history) == 3
    losses = [row["val_loss"] for row in result.history]
    assert result.metrics["validation"]["loss"] == pytest.approx(min(losses), rel=1e-5)
    assert min(losses) == losses[0]  # the closed form was best


def test_l2_sp_holds_the_backbone_near_its_start(net):
    def moved(strength):
        model = wszoo.transfer(
            net, data=data(), freeze="all", learning_rate=0.03, l2_sp=strength, **QUICK
        ).model
        assert not model.losses  # the penalty does not stay in the model
        pairs = zip(net.get_weights(), model.get_weights(), strict=False)
        return sum(float(np.sum((a - b) ** 2)) for a, b in pairs)

    assert moved(10.0) < 0.2 * moved(0.0)


def test_dropout_of_a_frozen_backbone_is_off(net):
    x = keras.layers.Dropout(0.5, name="drop")(net.outputs[0])
    noisy = keras.Model(net.inputs[0], x)
    cached = wszoo.transfer(noisy, data=data(), **QUICK)
    plain = wszoo.transfer(noisy, data=data(), cache=False, **QUICK)
    same(cached.model.get_weights(), plain.model.get_weights(), rtol=1e-4, atol=1e-5)
    assert plain.model.get_layer("drop").rate == 0.5


def test_augmentation_refuses_the_cache_with_the_reason(net):
    result = wszoo.transfer(net, data=data(), augment="jitter", **QUICK)
    assert "augmented anew" in result.cache["train"]


def test_mixed_precision_keeps_the_head_in_float32(net):
    result = wszoo.transfer(
        net, data=data(), mixed_precision="mixed_float16", freeze="all", **QUICK
    )
    assert result.model.get_layer("block_0").compute_dtype == "float16"
    assert result.model.output.dtype == "float32" and np.isfinite(result.metrics["test"]["loss"])


def test_a_head_of_your_own(net):
    def head(features):
        x = keras.layers.Dense(8, activation="relu", name="hidden")(features)
        return keras.layers.Dense(3, name="logits")(keras.layers.Dropout(0.2)(x))

    cached = wszoo.transfer(net, data=data(), head=head, **QUICK)
    plain = wszoo.transfer(net, data=data(), head=head, cache=False, **QUICK)
    assert wszoo.sites(cached.model)[-2:] == ("head.hidden", "head.logits")
    assert cached.frozen["train"].trains == ("hidden", "logits")
    same(cached.model.get_weights(), plain.model.get_weights(), rtol=1e-4, atol=1e-5)
    one = heads.attach(net, keras.layers.Dense(3))
    assert one.sites == ("head",) and wszoo.sites(one.model)[-1] == "head"


@pytest.mark.parametrize(
    ("name", "task", "sites"),
    [
        ("cosine", "classification", ("head",)),
        ("mlp", "classification", ("head.hidden", "head.head")),
        ("mlp", "regression", ("head.hidden", "head.head")),
    ],
)
def test_heads_by_name(net, name, task, sites):
    result = wszoo.transfer(net, task, data(), head=name, learning_rate=0.01, **QUICK)
    assert wszoo.sites(result.model)[-len(sites) :] == sites
    first, last = result.history[0], result.history[-1]
    assert last["loss"] < result.history[-3]["loss"]
    assert (first["phase"] == "start") == (name == "cosine")
    if name == "cosine":
        norms = np.linalg.norm(result.model.get_layer("prototypes").get_weights()[0], axis=0)
        np.testing.assert_allclose(norms, 1, atol=1e-5)


def test_adapters_train_in_place_of_the_kernels_and_merge(net):
    from wszoo.transferring.lora import merge

    result = wszoo.transfer(net, data=data(), lora=2, learning_rate=0.01, **QUICK)
    assert "below the head trains" in result.cache["train"]
    model = result.model
    assert {v.path.split("/")[-1] for v in model.trainable_variables} >= {"kernel", "bias"}
    plain = merge(model)
    assert plain.count_params() < model.count_params()
    x = data()["test"][0]
    same([plain.predict(x, verbose=0)], [model.predict(x, verbose=0)], rtol=1e-4, atol=1e-4)
    assert not np.array_equal(plain.get_layer("block_0").get_weights()[0], net.get_weights()[0])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"freeze": "block_9"}, "'block_9' matches no stage"),
        ({"freeze": {"phases": [PLAN["phases"][0]] * 2}}, "different names"),
        ({"task": "clasification"}, "'clasification'; did you mean 'classification'.*; valid are"),
        ({"data": None}, "name the data"),
        ({"head": "cosin"}, "unknown head 'cosin'; did you mean 'cosine'.*; valid are"),
        ({"head": "cosine", "task": "ordinal"}, "not ordinal"),
        ({"class_weight": {0: 1.0}}, "each class 0 to 2"),
        ({"schedule": "linear"}, "one of cosine, constant"),
        ({"views": 2}, "give augment too"),
        ({"augment": "jiter"}, "'jitter'"),
        ({"augment": lambda x, seed: x[:, :4]}, "augment made"),
        ({"accumulate": 0}, "accumulate"),
        ({"l2_sp": -1.0}, "l2_sp"),
        ({"batch_size": 0}, "batch_size"),
        ({"head": keras.layers.Dense(4)}, r"wants \(3,\)"),
        ({"head": lambda x: 3}, "gives one tensor"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_before_anything_is_trained(net, options, words, monkeypatch):
    monkeypatch.setattr(Backup, "write", lambda *a: pytest.fail("trained"))
    with pytest.raises(ValueError, match=words):
        wszoo.transfer(net, **({"data": data()} | QUICK | options))


@pytest.mark.skipif(bool(importlib.util.find_spec("tensorboard")), reason="it is installed")
def test_logs_need_tensorboard(net, tmp_path):
    with pytest.raises(ImportError, match="pip install tensorboard"):
        wszoo.transfer(net, data=data(), tensorboard=tmp_path, **QUICK)


def test_a_folder_that_cannot_be_written_to_is_named(net, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        wszoo.transfer(net, data=data(), cache=tmp_path / "file", **QUICK)
