"""wszoo.tuner.search: KerasTuner runs it, kills do not lose it, its points can be rebuilt."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest
import tie_search
from tie_search import SETTINGS, arrays, net, run

import wszoo
from wszoo.tuner import Effort, Schedule, SearchSpace, TieHyperModel, TieOracle, TieTuner, search
from wszoo.tuner.searching.builds import Builds, fitted_plan
from wszoo.tuner.searching.oracle import run_of

# KerasTuner 1.4.8 still calls threading.currentThread().getName()
pytestmark = [
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
]
SCRIPT = Path(tie_search.__file__)


def trials_in(folder):
    """(plan, epochs, seed) → (status, score) of every trial in a project folder."""
    found = {}
    for path in sorted(Path(folder).glob("trials/trial_*/trial.json")):
        trial = json.loads(path.read_text())
        values = trial["hyperparameters"]["values"]
        key = (values["plan"], values["tuner/epochs"], values["tuner/seed"])
        assert key not in found, f"{key} was run twice"
        found[key] = (trial["status"], trial["score"])
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One search from beginning to end: its folder and front."""
    folder = tmp_path_factory.mktemp("whole") / "search"
    return folder, run(folder)


def test_a_search_ends_with_a_front_of_models_that_can_be_rebuilt(whole):
    folder, front = whole
    trials = trials_in(folder)
    assert front.complete and front.trials == len(trials)
    assert {status for status, _ in trials.values()} == {"COMPLETED"}
    assert {pattern for pattern, *_ in trials} == {"AAA", "AAB", "ABA", "ABB", "ABC"}
    assert list(trials)[:2] == [("ABC", 1, 0), ("AAA", 1, 0)]  # the controls
    measured = {point.pattern: point for point in front.points}
    assert {"ABC", "AAA"} <= set(measured)
    assert max(len(point.scores) for point in front.points) == 2
    for point in front.points:
        model = front.build(point)
        assert model.count_params() == point.parameters
        assert wszoo.plan_of(model).restrict([f"block_{i}" for i in range(3)]).pattern == (
            point.pattern
        )
        loss = model.evaluate(*arrays()[1], verbose=0)[0]
        assert loss == pytest.approx(point.scores[0], rel=1e-4)
    assert front.best_under(max_parameters=0.8).parameters <= 0.8 * net().count_params()


def test_the_same_call_again_trains_nothing(whole):
    folder, front = whole
    before = {path: path.stat().st_mtime_ns for path in folder.glob("trials/trial_*/trial.json")}
    again = run(folder)
    assert again.to_dict() == front.to_dict()
    assert before == {p: p.stat().st_mtime_ns for p in folder.glob("trials/trial_*/trial.json")}


def test_an_interrupted_search_goes_on(whole, tmp_path):
    left = []

    def stop(oracle):
        left.append(len(oracle.end_order))
        if left[-1] == 4:
            raise KeyboardInterrupt

    part = run(tmp_path / "s", report=stop)
    assert not part.complete and part.trials == 4
    assert run(tmp_path / "s").complete
    assert trials_in(tmp_path / "s").keys() == trials_in(whole[0]).keys()


def project(folder, **settings):
    """Oracle and tuner as `search` makes them, on an untrained parent."""
    model = net()
    space = SearchSpace.of(model, "block_*")
    counts = {k: v for k, v in SETTINGS.items() if k != "batch_size"}
    oracle = TieOracle(Schedule(space, **counts), "val_loss", **settings)
    oracle.verbose = 0
    hypermodel = TieHyperModel(lambda hp: model, space, parent=model)
    return oracle, TieTuner(oracle, hypermodel, directory=str(folder), project_name="trials")


def test_files_that_disagree_are_put_right(tmp_path):
    """A kill between a trial's file and the oracle's: begun or ended, but not yet in the list."""
    oracle, tuner = project(tmp_path)
    done = oracle.create_trial("tuner0")
    tuner.save()
    before = Path(oracle._get_oracle_fname()).read_bytes()
    oracle.update_trial(done.trial_id, {"val_loss": 1.0})
    done.status = "COMPLETED"
    oracle.end_trial(done)
    begun = oracle.create_trial("tuner0")
    Path(oracle._get_oracle_fname()).write_bytes(before)  # as if killed before these were saved
    again, _ = project(tmp_path)
    assert again.end_order == [done.trial_id]
    assert again.create_trial("tuner0").trial_id == begun.trial_id
    assert len(again.results()) == 1


def test_the_trial_of_a_worker_that_died_goes_to_another(tmp_path):
    oracle, _ = project(tmp_path, patience=0.5)
    lost, mine = oracle.create_trial("dead"), oracle.create_trial("live")
    seen = set()
    deadline = time.monotonic() + 60
    while mine.status != "STOPPED" and time.monotonic() < deadline:
        if mine.status == "RUNNING":
            seen.add(mine.trial_id)
            oracle.update_trial(mine.trial_id, {"val_loss": 1.0})
            mine.status = "COMPLETED"
            oracle.end_trial(mine)
        else:
            time.sleep(0.1)
        mine = oracle.create_trial("live")
    assert mine.status == "STOPPED" and lost.trial_id in seen
    assert seen == set(oracle.trials) and not oracle.ongoing_trials
    lost.status = "COMPLETED"
    oracle.end_trial(lost)  # it was only slow: nothing happens
    assert len(oracle.end_order) == len(seen)
    time.sleep(0.6)
    assert not oracle.tuner_ids  # so the chief can leave


def test_hyperparameters_of_the_users_ride_along(tmp_path):
    def build(hp):
        model = net(width=4)
        model.optimizer.learning_rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
        return model

    space = SearchSpace.of(net(), "block_*")
    oracle = TieOracle(Schedule(space, epochs=1, short=1, plans=5, seeds=1), "val_accuracy")
    oracle.verbose = 0
    tuner = TieTuner(oracle, TieHyperModel(build, space), directory=str(tmp_path), project_name="p")
    train, held = arrays()
    tuner.search(*train, validation_data=held, verbose=0)
    assert len(oracle.trials) == 5
    rates = {t.hyperparameters.values["rate"] for t in oracle.trials.values()}
    assert len({run_of(t) for t in oracle.trials.values()}) == 5 and rates <= {1e-3} | rates


def test_the_hypermodel_serves_keras_tuners_own_tuners(tmp_path):
    space = SearchSpace.of(net(), "block_*")

    class Tuner(keras_tuner.RandomSearch):
        _configure_tensorboard_dir = TieTuner._configure_tensorboard_dir

    tuner = Tuner(
        TieHyperModel(lambda hp: net(), space), objective="val_loss", max_trials=2,
        directory=str(tmp_path), project_name="p", seed=1,
    )  # fmt: skip
    train, held = arrays()
    tuner.search(*train, validation_data=held, epochs=1, verbose=0)
    patterns = [hp.values["plan"] for hp in tuner.get_best_hyperparameters(2)]
    assert len(set(patterns)) == 2 and all(space.plan(p) in space for p in patterns)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"objective": "val_f1"}, "no metric 'val_f1' is logged; the model's are val_"),
        ({"plans": 7}, "was begun with plans=6, not plans=7"),
        ({"epochs": 0}, "epochs must be a whole number"),
    ],
)
def test_what_search_refuses(whole, settings, message):
    with pytest.raises(ValueError, match=message):
        run(whole[0], **settings)


def dense(rate=1e-3, loss=None, seed=0):
    keras.utils.set_random_seed(seed)
    model = net()
    model.compile(keras.optimizers.Adam(rate), loss or model.loss, metrics=["accuracy"],
                  run_eagerly=True)  # fmt: skip
    return model


def test_another_search_is_told_by_what_it_trains_and_not_by_names(whole, tmp_path):
    (x, y), held = arrays()
    few = {**SETTINGS, "objective": "val_loss", "plans": 2, "seeds": 1, "epochs": 1}

    def go(model, train=(x, y), held=held, **options):
        return search(model, train, held, tmp_path / "run", **few | options)

    first = go(dense())
    assert go(dense()).to_dict() == first.to_dict()
    other = [(dense(), (x, 1 - y), held), (dense(), (x, y), (held[0] + 1, held[1]))]
    for arguments, name in zip(other, ("train.1='int", "held.0='float"), strict=True):
        with pytest.raises(ValueError, match=f"begun with {name}.* not {name}"):
            go(*arguments)
    with pytest.raises(ValueError, match=r"learning_rate=0.001.* not .*learning_rate=0.003"):
        go(dense(3e-3))
    with pytest.raises(ValueError, match=r"model.loss=.*MeanSquared|model.loss='mse'"):
        go(dense(loss="mse"))
    with pytest.raises(ValueError, match=r"begun with model.weights="):
        go(dense(seed=1))
    with pytest.raises(ValueError, match=r"callbacks=\[\], not callbacks"):
        go(dense(), callbacks=[keras.callbacks.TerminateOnNaN()])


def build(hp):
    """As KerasTuner's guide writes it: layers without names, and as many as `hp` says."""
    model = keras.Sequential([keras.Input((4,))])
    for _ in range(hp.Int("depth", 2, 4)):
        model.add(keras.layers.Dense(hp.Choice("width", [4, 5]), activation="tanh"))
    model.add(keras.layers.Dense(3))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"], run_eagerly=True)
    return model


def values(**given):
    hp = keras_tuner.HyperParameters()
    hp.values |= given
    return hp


def test_builds_name_their_sites_by_place_and_span_the_largest():
    builds = Builds(build, seed=0)
    assert wszoo.sites(builds.largest) == ("dense", "dense_1", "dense_2", "dense_3", "dense_4")
    space = builds.space()  # with a width of 5 the first layer is not like the others
    assert set(space.kinds) == {(0,), (1, 2, 3), (4,)}
    again = Builds(build, seed=0)
    assert again.space() == space
    for a, b in zip(builds.largest.get_weights(), again.largest.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_plan_over_a_smaller_build():
    builds = Builds(build, seed=0)
    space, small = builds.space(), builds.named(values(depth=3, width=5))
    plan = fitted_plan(space, "ABBBC", small, builds.largest)
    assert dict(plan.groups) == {"dense": ("dense",), "dense_1": ("dense_1", "dense_2"),
                                 "dense_3": ("dense_3",)}  # fmt: skip
    tied = wszoo.retie(small, plan)
    assert tied.count_params() == small.count_params() - (5 * 5 + 5)
    wide = SearchSpace.of(builds.largest)  # in which the first layer may share
    assert (0, 1, 2, 3) in wide.kinds
    with pytest.raises(keras_tuner.errors.FailedTrialError, match="dense and dense_1 cannot share"):
        fitted_plan(wide, "AABBC", small, builds.largest)
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, use_bias=False)])
    with pytest.raises(keras_tuner.errors.FailedTrialError, match="is no part of the largest"):
        fitted_plan(space, "ABBBC", other, builds.largest)


@pytest.mark.slow
def test_a_search_of_an_ordinary_build_function(tmp_path):
    keras.layers.Dense(1)  # so that Keras numbers the layers of builds otherwise
    settings = {**SETTINGS, "epochs": 1, "plans": 4, "seeds": 1, "seed": 2}
    front = search(build, *arrays(), tmp_path, objective="val_loss", **settings)
    assert front.complete and not front.failed
    trials = trials_in(tmp_path)
    assert {status for status, _ in trials.values()} == {"COMPLETED"}
    for point in front.points:
        assert front.build(point).count_params() == point.parameters
    again = search(build, *arrays(), tmp_path, objective="val_loss", **settings)
    assert again.to_dict() == front.to_dict()


def test_a_trial_trains_the_model_of_its_own_hyperparameters_from_the_parent():
    """Not the parent's graph, which has another activation."""

    def made(hp):
        x = inputs = keras.Input((4,))
        for _ in range(2):
            x = keras.layers.Dense(4, activation=hp.Choice("activation", ["tanh", "relu"]))(x)
        model = keras.Model(inputs, x)
        model.compile("adam", "mse")
        return model

    builds = Builds(made, seed=0)
    hypermodel = TieHyperModel(
        builds.named, builds.space(), parent=builds.largest, largest=builds.largest
    )
    model = hypermodel.build(values(activation="relu", plan="AB"))
    assert {layer.activation.__name__ for layer in model.layers[1:]} == {"relu"}
    for mine, parents in zip(model.get_weights(), builds.largest.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, parents)


def test_trials_that_are_nan_say_so(tmp_path):
    x = arrays()[0][0]
    model = net()
    model.compile(keras.optimizers.SGD(1e30), "mse", run_eagerly=True)
    y = np.ones((len(x), 3), "float32")
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"val_loss was NaN \(ABCD, "):
        search(model, (x, y), (x, y), tmp_path, objective="val_loss", parent=None,
               **{**SETTINGS, "plans": 4})  # fmt: skip


def test_a_plan_that_fails_is_named_and_the_others_count(tmp_path):
    (x, y), held = arrays()

    class Fails(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            if len({id(v) for v in self.model.weights}) and "AAA" in plan_in(tmp_path):
                raise keras_tuner.errors.FailedTrialError("too small")

    def plan_in(folder):
        running = sorted(folder.glob("trials/trial_*/trial.json"))
        return json.loads(running[-1].read_text())["hyperparameters"]["values"]["plan"]

    few = {**SETTINGS, "plans": 3, "seeds": 1, "epochs": 1, "objective": "val_loss"}
    space = SearchSpace.of(net(), "block_*")
    front = search(
        net(), (x, y), held, tmp_path, callbacks=[Fails()], parent=None, space=space, **few
    )
    assert front.failed == "too small (AAA)" and "AAA" not in {p.pattern for p in front.points}
    assert len(front.points) >= 2 and "failed: too small (AAA)" in front.table().caption


def test_data_and_parents_that_do_not_fit(tmp_path):
    (x, y), held = arrays()
    with pytest.raises(ValueError, match=r"train examples have shape \(3,\); 'little' takes"):
        search(net(), (x[:, :3], y), held, tmp_path)
    with pytest.raises(ValueError, match="held must be as many x as y; received 20 and 3"):
        search(net(), (x, y), (held[0], held[1][:3]), tmp_path)
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match="no two of the sites can share"):
        search(plain, (x, y), held, tmp_path)
    with pytest.raises(keras_tuner.errors.FatalValueError, match="weights of other shapes"):
        search(net(), (x, y), held, tmp_path, objective="val_loss", parent=net(sites=2), plans=2)
    with pytest.raises(ValueError, match=r"give effort= or plans=, not both: .*Effort\(plans=…\)"):
        search(net(), (x, y), held, tmp_path, effort=Effort(epochs=1), plans=2)
    with pytest.raises(ValueError, match="seeds must be a whole number of at least 1"):
        search(net(), (x, y), held, tmp_path, seeds=0)
    with pytest.raises(
        TypeError, match="unexpected keyword argument 'epoch'; did you mean 'epochs'"
    ):
        search(net(), (x, y), held, tmp_path, epoch=2)
    assert not list(tmp_path.iterdir())


def start(folder, seconds, **environment):
    root = Path(wszoo.__file__).parents[1]
    here = {**os.environ, "PYTHONPATH": str(root), "WSZOO_SECONDS": str(seconds), **environment}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", SCRIPT, str(folder)],
        env=here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)


@pytest.mark.slow
def test_kill_9_in_mid_trial_repeats_none_and_loses_none(whole, tmp_path):
    process = start(tmp_path, 0.3)
    wait_for(lambda: len(ended(tmp_path)) >= 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = ended(tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in before}
    out, _ = start(tmp_path, 0).communicate(timeout=120)
    assert "complete True" in out, out
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
    assert trials_in(tmp_path).keys() == trials_in(whole[0]).keys()


def ended(folder):
    paths = Path(folder).glob("trials/trial_*/trial.json")
    return [path for path in paths if '"COMPLETED"' in path.read_text()]


@pytest.mark.slow
def test_a_chief_and_two_workers_do_the_same_trials_even_if_one_is_killed(whole, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    where = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": port,
             "WSZOO_PATIENCE": "2"}  # fmt: skip
    chief = start(tmp_path, 0.3, KERASTUNER_TUNER_ID="chief", **where)
    workers = [start(tmp_path, 0.3, KERASTUNER_TUNER_ID=f"worker{i}", **where) for i in range(2)]
    try:
        wait_for(lambda: len(ended(tmp_path)) >= 2)
        workers[0].send_signal(signal.SIGKILL)
        out, _ = workers[1].communicate(timeout=180)
        assert workers[1].returncode == 0, out
        out, _ = chief.communicate(timeout=60)
        assert "complete True" in out, out
    finally:
        for process in (chief, *workers):
            process.kill()
            process.communicate()
    trials = trials_in(tmp_path)
    assert trials.keys() == trials_in(whole[0]).keys()
    scores = {key: score for key, (_, score) in trials_in(whole[0]).items()}
    assert all(np.isclose(trials[key][1], scores[key], rtol=1e-3) for key in scores)


@pytest.mark.parametrize("name", ["trial_0000/trial.json", "oracle.json", "tuner0.json"])
def test_a_damaged_search_is_refused_with_its_file(whole, tmp_path, name):
    folder = shutil.copytree(whole[0], tmp_path / "search")
    path = folder / "trials" / name
    text = path.read_text()
    place = next(i for i in range(len(text) // 2, len(text)) if text[i].isalnum())
    path.write_text(text[:place] + ("1" if text[place] != "1" else "2") + text[place + 1 :])
    with pytest.raises(ValueError, match=rf"{Path(name).name}.*cannot be read.*start anew"):
        run(folder)


def test_damaged_weights_of_a_trial_are_refused(whole, tmp_path):
    folder = shutil.copytree(whole[0], tmp_path / "search")
    front = run(folder)
    point = front.points[0]
    path = folder / "trials" / f"trial_{point.trial}" / "checkpoint.weights.h5"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"checkpoint\.weights\.h5.*checksum.*start anew"):
        front.build(point)
