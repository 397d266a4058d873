"""One run at a time in a folder, versions of exports that nobody loses, disks that are full."""

import ast
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest

import wszoo
from wszoo import claims, comparison, files, locks
from wszoo.data.arrays import from_arrays
from wszoo.exporting.stored import as_next_version
from wszoo.sharing.files.writing import write_weights
from wszoo.transferring.training.processes import Processes
from wszoo.tuner import search

# KerasTuner 1.4.8 still calls threading.currentThread().getName()
pytestmark = [
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
]
ROOT = Path(__file__).resolve().parents[1]


def net():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(inputs)
    for i in range(2):
        x = keras.layers.Dense(64, name=f"block_{i}")(x)
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(x), name="net")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def data():
    x, y = np.random.default_rng(0).random((36, 8, 8, 1), "float32"), np.arange(36) % 2
    cuts = {"train": slice(0, 24), "validation": slice(24, 30), "test": slice(30, 36)}
    return {split: (x[rows], y[rows]) for split, rows in cuts.items()}


def begin_transfer(folder, **options):
    features = keras.Model(*(lambda m: (m.input, m.layers[-2].output))(net()), name="net")
    return wszoo.transfer(features, data=data(), epochs=1, resume=folder, verbose=0, **options)


def begin_search(folder):
    pair = data()["train"]
    return search(net(), pair, pair, folder, plans=2, epochs=1, seeds=1, parent=None)


def begin_study(folder):
    x, y = data()["train"]
    source = from_arrays(x, y, name="d")
    arms, task = comparison.registered(
        "conv_net", source, plans=["default", "untied"], settings={"width": 2, "depth": 1}
    )
    conditions = comparison.Conditions(task, steps=2, points=1, batch_size=8, rates=(1e-3,))
    return comparison.Study(arms, source, conditions, [8], 2, folder).run()


def snapshot(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("begin", [begin_transfer, begin_search, begin_study])
def test_a_second_run_in_a_folder_is_refused_before_it_does_anything(tmp_path, begin):
    with locks.only_one(tmp_path, "a test"):
        with pytest.raises(ValueError, match=r"is under way in .* or name another folder"):
            begin(tmp_path)
        assert snapshot(tmp_path) == {locks.LOCK}
    assert snapshot(tmp_path) == set()


def test_processes_that_train_one_model_share_its_folder(tmp_path):
    with locks.only_one(tmp_path, "the chief's run"):
        begin_transfer(tmp_path, distribution=Processes(number=1, index=1))
    assert snapshot(tmp_path) == set()


def test_workers_of_a_chief_share_its_folder(tmp_path, monkeypatch):
    from wszoo.tuner.searching import search as searching

    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker_1")
    with locks.only_one(tmp_path, "the chief's search"), searching._taken(tmp_path, {"a": 1}):
        pass
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    with (
        locks.only_one(tmp_path, "another chief's search"),
        pytest.raises(ValueError, match="a search is under way"),
        searching._taken(tmp_path, {"a": 1}),
    ):
        pass


def test_locks_and_what_the_dead_left_are_no_results(tmp_path):
    with claims.claimed(tmp_path, {"epochs": 1}, "a run"):
        (tmp_path / f"{files.PREFIX}dead").mkdir()
    with claims.claimed(tmp_path, {"epochs": 2}, "a run"):
        assert snapshot(tmp_path) == {claims.FILE, locks.LOCK}  # and the dead's are swept
        (tmp_path / "result").touch()
    with (
        pytest.raises(ValueError, match="epochs=2, not epochs=1"),
        claims.claimed(tmp_path, {"epochs": 1}, "a run"),
    ):
        pass


def test_every_export_gets_a_version_of_its_own_that_is_never_seen_empty(tmp_path):
    served, stop, empty = tmp_path / "served", threading.Event(), []

    def watch():
        while not stop.is_set():
            empty.extend(p for p in served.glob("*") if not (p / "saved_model.pb").exists())

    def export(i):
        made = tmp_path / f"made_{i}"
        made.mkdir()
        (made / "saved_model.pb").write_text(str(i))
        return as_next_version(made, served)

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(export, range(100)))
    stop.set()
    watcher.join()
    assert sorted(int(path.name) for path in paths) == list(range(1, 101))
    assert {int((path / "saved_model.pb").read_text()) for path in paths} == set(range(100))
    assert empty == []


def test_a_version_that_cannot_be_moved_is_said(tmp_path):
    with pytest.raises(FileNotFoundError):
        as_next_version(tmp_path / "nothing", tmp_path / "served")


def test_threads_that_save_to_one_path_all_succeed(tmp_path):
    models = [net() for _ in range(4)]
    for i, model in enumerate(models):
        model.set_weights([np.full_like(w, i) for w in model.get_weights()])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda model: wszoo.save(model, tmp_path / "m.keras"), models * 2))
    values = {float(v) for w in wszoo.load(tmp_path / "m.keras").get_weights() for v in w.flat}
    assert len(values) == 1 and values <= {0.0, 1.0, 2.0, 3.0}
    assert snapshot(tmp_path) == {"m.keras"}


def test_a_folder_is_removed_whole(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "a").touch()
    with locks.only_one(tmp_path / "run", "a test"):
        files.remove_whole(tmp_path / "run")
        with locks.only_one(tmp_path / "run", "a new one"):
            pass
    files.remove_whole(tmp_path / "nothing")
    assert snapshot(tmp_path) == set()


def test_weights_made_in_memory_are_read_by_keras(tmp_path):
    model, (x, y) = net(), data()["train"]
    model.fit(x, y, verbose=0)
    write_weights(model, tmp_path / "a.weights.h5", {"note": np.arange(3)})
    other = net()
    other.optimizer.build(other.trainable_variables)
    other.load_weights(tmp_path / "a.weights.h5")
    ours = [*model.weights, *model.optimizer.variables]
    for mine, theirs in zip(ours, [*other.weights, *other.optimizer.variables], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_hdf5_is_written_by_one_file_alone():
    """h5py that closes a file on a full disk ends Python: nothing else may write one."""
    writers = {"save_weights", "save_model"}
    for file in [*(ROOT / "wszoo").rglob("*.py"), *(ROOT / "recipes").glob("*.py")]:
        calls = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Call)]
        names = {n.func.attr for n in calls if isinstance(n.func, ast.Attribute)}
        opened = [n for n in calls if ast.unparse(n.func) == "h5py.File" and len(n.args) > 1]
        if file != ROOT / "wszoo" / "sharing" / "files" / "writing.py":
            assert not names & writers and not opened, file


FULL = """
import sys, keras, numpy as np, wszoo
from pathlib import Path
from wszoo import training, weights
from wszoo.files import written_whole
from wszoo.sharing.files.writing import write_weights
disk, limit = Path(sys.argv[1]), int(sys.argv[2])
model = keras.Sequential([keras.Input((400,)), keras.layers.Dense(500), keras.layers.Dense(10)])
model.compile("sgd", "mse")
x, y = np.ones((4, 400)), np.ones((4, 10))
def plain():
    with written_whole(disk / "a.weights.h5") as part:
        write_weights(model, part)
def fit():
    keep = training.Resume(disk / "run", delete_checkpoint=False)
    model.fit(x, y, verbose=0, callbacks=[keep])
writers = [plain, fit, lambda: wszoo.save(model, disk / "m.keras")]
plain()
before = (disk / "a.weights.h5").read_bytes()
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
else:
    (disk / "filler").write_bytes(b"0" * (1_400_000 - len(before)))
for write in writers:
    try:
        write()
    except OSError as error:
        assert error.errno in (27, 28) and str(disk) in str(error), error
    else:
        raise AssertionError(write)
assert (disk / "a.weights.h5").read_bytes() == before
print("alive")
"""


def test_a_full_disk_is_an_error_that_names_the_file_and_loses_nothing(tmp_path):
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(tmp_path)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    try:
        child = [sys.executable, "-c", FULL, str(tmp_path), "0" if mounted else "300000"]
        done = subprocess.run(child, capture_output=True, text=True, check=False)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(tmp_path)], check=True)
    assert done.stdout.endswith("alive\n"), (done.returncode, done.stderr[-2000:])


def test_a_disk_that_fails_ends_a_search_and_is_no_fault_of_its_plans(tmp_path, monkeypatch):
    from wszoo.tuner.searching import tuner

    def full(model, path):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(tuner, "write_weights", full)
        begin_search(tmp_path)
    front = begin_search(tmp_path)
    assert front.complete and not front.failed and len(front.points) == 2
