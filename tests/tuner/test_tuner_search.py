"""wszoo.tuner.search: KerasTuner runs it, kills do not lose it, its points can be rebuilt."""

import json
import os
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
from wszoo.tuner import Schedule, SearchSpace, TieHyperModel, TieOracle, TieTuner, search
from wszoo.tuner.oracle import run_of

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
        ({"epochs": 0}, "epochs is a whole number above 0"),
    ],
)
def test_what_search_refuses(whole, settings, message):
    with pytest.raises(ValueError, match=message):
        run(whole[0], **settings)


def test_data_and_parents_that_do_not_fit(tmp_path):
    (x, y), held = arrays()
    with pytest.raises(ValueError, match=r"train examples have shape \(3,\); 'little' takes"):
        search(net(), (x[:, :3], y), held, tmp_path)
    with pytest.raises(ValueError, match="held has 20 examples and 3 targets"):
        search(net(), (x, y), (held[0], held[1][:3]), tmp_path)
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match="no two of the sites can share"):
        search(plain, (x, y), held, tmp_path)
    with pytest.raises(keras_tuner.errors.FatalValueError, match="weights of other shapes"):
        search(net(), (x, y), held, tmp_path, objective="val_loss", parent=net(sites=2), plans=2)


def start(folder, seconds, **environment):
    root = Path(wszoo.__file__).parents[1]
    here = {**os.environ, "PYTHONPATH": str(root), **environment}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", SCRIPT, str(folder), str(seconds)],
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
