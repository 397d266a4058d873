"""Fixtures that several test folders share: real data, without a network."""

from __future__ import annotations

import contextlib
import fcntl
import fnmatch
import gc
import hashlib
import importlib.util
import os
import runpy
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "tfds"  # prepared sets survive between runs; ignored by git
os.environ["WSZOO_CACHE_DIR"] = str(ROOT / ".cache" / "wszoo")  # so do converted weights
SLOW = 20  # twice what the mark `slow` says: a busy machine takes more
LEFT = pytest.StashKey[list[str]]()


def top_of_the_repository() -> set[str]:
    """Names at the top of the checkout, but for those that git ignores."""
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split()]
    return {
        path.name
        for path in ROOT.iterdir()
        if not any(fnmatch.fnmatch(path.name, pattern) for pattern in ignored)
    }


BEFORE = top_of_the_repository()


def pytest_sessionfinish(session):
    """A run of the tests leaves nothing behind: they write where `tmp_path` is."""
    left = sorted(top_of_the_repository() - BEFORE)
    if left and not hasattr(session.config, "workerinput"):
        session.config.stash[LEFT] = left
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    for name in config.stash.get(LEFT, []):
        terminalreporter.write_line(f"ERROR: the tests left {name} at the top of the checkout")
    for report in terminalreporter.stats.get("passed", []):  # how long depends on the machine
        for seconds in [value for key, value in report.user_properties if key == "unmarked"]:
            terminalreporter.write_line(
                f"SLOW {report.nodeid} took {seconds} s of CPU: make it cheaper, or mark it slow"
            )


def pytest_collection_modifyitems(items):
    """Whatever uses the raw files, even through another fixture, is marked `data`."""
    for item in items:
        if "raw_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.data)


def seconds_of_cpu() -> float:
    """What this process and those that it has waited for have taken."""
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """What is slow should say so, or `make quick` would not stay quick."""
    before = seconds_of_cpu()
    result = yield
    taken = seconds_of_cpu() - before
    if taken > SLOW and item.get_closest_marker("slow") is None:
        item.user_properties.append(("unmarked", round(taken)))
    return result


def pytest_collection_finish():
    """What is imported stays: a full collection need not look at its half million objects again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def raw_data() -> Path:
    """The folder of raw data beside the checkout."""
    folder = (ROOT / ".." / "shared" / "data").resolve()
    if not (folder / "seed_tfds.py").is_file():
        pytest.skip(f"the raw data folder {folder} is missing")
    return folder


@pytest.fixture(scope="session")
def seed_tfds(raw_data):
    """The module that puts raw files where TFDS looks for its downloads."""
    spec = importlib.util.spec_from_file_location("seed_tfds", raw_data / "seed_tfds.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tfds_dir(raw_data) -> Path:
    """A TFDS data_dir in which `load` prepared fashion_mnist and mnist from their raw files.

    That takes the better part of a minute, and is done again when the code that does it changes.
    """
    import tensorflow_datasets as tfds

    from wszoo.data import load

    tfds.disable_progress_bar()
    code = sorted((ROOT / "wszoo" / "data" / "sets").glob("tfds_*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in code)).hexdigest()
    folder = CACHE / f"raw_{digest[:12]}"
    with _one_process():
        for name in ("fashion_mnist", "mnist"):
            load(name, max_per_split=20, data_dir=folder, manual_dir=raw_data)
        for old in CACHE.glob("raw_*"):
            if old != folder:
                shutil.rmtree(old)
    return folder


@pytest.fixture(scope="session")
def omniglot_dirs(raw_data) -> dict[str, Path]:
    """Keyword arguments for `load("omniglot_small", …)`; the set is prepared."""
    import tensorflow_datasets as tfds

    from wszoo.data import load

    tfds.disable_progress_bar()
    dirs = {"data_dir": CACHE, "manual_dir": raw_data}
    with _one_process():
        load("omniglot_small", max_per_split=300, **dirs)
    return dirs


@pytest.fixture(scope="session")
def spoken_digit_dirs(raw_data, seed_tfds) -> dict[str, Path]:
    """Keyword arguments for `load("spoken_digit", …)`; the set is prepared, which needs pydub."""
    import tensorflow_datasets as tfds

    from wszoo.data import load

    tfds.disable_progress_bar()
    if importlib.util.find_spec("pydub") is None:
        pytest.skip("pydub is not installed (pip install 'wszoo[audio]')")
    with _one_process():
        if not (CACHE / "spoken_digit").is_dir():
            seed_tfds.seed("spoken_digit", raw_data, CACHE)
        load("spoken_digit", max_per_split=20, data_dir=CACHE)
    return {"data_dir": CACHE}


@pytest.fixture(scope="session")
def text_dirs(raw_data, seed_tfds) -> dict[str, Path]:
    """Keyword arguments for `load` of tiny_shakespeare and clinc_oos; the sets are prepared."""
    import tensorflow_datasets as tfds

    from wszoo.data import load

    tfds.disable_progress_bar()
    with _one_process():
        for name in ("tiny_shakespeare", "clinc_oos"):
            if not (CACHE / name).is_dir():
                seed_tfds.seed(name, raw_data, CACHE)
            load(name, max_per_split=20, data_dir=CACHE)
    return {"data_dir": CACHE}


@pytest.fixture(scope="session")
def clothes(raw_data, tmp_path_factory) -> Path:
    """The folder `clothing10` of photos, `{train,test}/CLASS/NAME.jpg`."""
    folder = tmp_path_factory.mktemp("photos")
    with zipfile.ZipFile(raw_data / "clothing10" / "clothing10.zip") as file:
        file.extractall(folder)
    return folder / "clothing10"


@contextlib.contextmanager
def _one_process():
    """Lets one test process at a time prepare; the others find it done."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE.parent / "tfds.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def refusal(monkeypatch, capsys):
    """`refusal(folder, script, *arguments)`: exit code and stderr of a command that is refused.

    It runs in this process, which has imported what takes a script of its own five seconds.
    """

    def refused(folder, script, *arguments):
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", [str(script), *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(script), run_name="__main__")
        return end.value.code, capsys.readouterr().err

    return refused
