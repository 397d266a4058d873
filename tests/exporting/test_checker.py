"""The process that loads SavedModels as strangers do: it answers, or its silence is reported."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from wszoo.exporting.saved_model import checker


@pytest.fixture(scope="module")
def doubled(tmp_path_factory):
    """A SavedModel made without Keras: twice its input, text as it is."""
    import tensorflow as tf

    module = tf.Module()
    specs = [tf.TensorSpec((None,), "float32", "x"), tf.TensorSpec((None,), "string", "text")]
    module.serve = tf.function(lambda x, text: {"y": 2 * x, "text": text}, input_signature=specs)
    folder = tmp_path_factory.mktemp("doubled")
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    return folder


CALLS = [{"text": np.array(["é", "b", ""]), "x": np.arange(3.0)}, {"text": ["c"], "x": [1.0]}]


def test_both_loaders_answer_for_all_calls_and_outputs(doubled):
    runs = checker.outputs(doubled, "serving_default", CALLS)
    assert list(runs) == ["tf.saved_model.load", "a graph session"]
    for first, second in runs.values():
        np.testing.assert_array_equal(first["y"], [0, 2, 4])
        np.testing.assert_array_equal(second["y"], [2])
        assert first["text"].tolist() == ["é".encode(), b"b", b""]
        assert set(first) == {"y", "text"}


def test_one_process_serves_a_session(doubled):
    before = checker.start().running.pid
    checker.outputs(doubled, "serving_default", CALLS)
    assert checker.start().running.pid == before


def test_what_cannot_be_loaded_is_refused_with_the_reason(doubled, tmp_path):
    with pytest.raises(checker.Refused, match=r"tf\.saved_model\.load says: .*SavedModel"):
        checker.outputs(tmp_path, "serving_default", CALLS)
    with pytest.raises(checker.Refused, match="missing"):
        checker.outputs(doubled, "missing", CALLS)


def test_a_late_answer_and_a_death_are_refusals_and_the_next_question_has_a_new_process(doubled):
    first = checker.start()
    with pytest.raises(checker.Refused, match=r"no answer after 0\.001 s"):
        checker.outputs(doubled, "serving_default", CALLS, seconds=0.001)
    assert first.running.poll() is not None
    second = checker.start()
    kill = threading.Timer(0.2, os.kill, (second.running.pid, signal.SIGKILL))
    kill.start()
    with pytest.raises(checker.Refused, match=f"exit code -{int(signal.SIGKILL)}"):
        checker.outputs(doubled, "serving_default", CALLS)
    kill.join()
    assert checker.start().running.pid not in (first.running.pid, second.running.pid)


def test_an_answer_to_a_question_that_was_interrupted_is_not_taken_for_the_next(doubled):
    def interrupt(signum, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            checker.outputs(doubled, "serving_default", CALLS)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    test_both_loaders_answer_for_all_calls_and_outputs(doubled)


PARENT = """
import time
from wszoo.exporting.saved_model import checker
print(checker.start().running.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
def test_the_process_ends_when_the_one_that_started_it_is_killed():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    for _ in range(600):
        if not lives(child):
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("it outlived its parent by a minute")


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


STRANGER = """
import sys
from wszoo.exporting.saved_model import reader
reader.prepare()
runs = reader._loaded(sys.argv[1], "serving_default", [])
assert not list(runs) and "tensorflow" in sys.modules
known = {name for name in sys.modules if name.startswith("wszoo") or name.startswith("keras.")}
parts = ("", "._lazy", "._version", ".keras_settings", ".exporting", ".exporting.saved_model")
assert known == {f"wszoo{part}" for part in (*parts, ".exporting.saved_model.reader")}
assert sys.modules["keras"] is None
"""


def test_it_knows_neither_keras_nor_the_layers_of_wszoo(doubled):
    subprocess.run([sys.executable, "-c", STRANGER, str(doubled)], check=True)
