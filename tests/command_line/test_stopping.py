"""Commands that a signal or an error ends: their exit code, and their last line."""

import os
import signal
import subprocess
import sys

import pytest

from wszoo.command_line import errors

COMMAND = """
import sys, time
from wszoo.command_line import run
sys.argv = ["recipe.py", *sys.argv[1:]]
def main(folder: str) -> None:
    from pathlib import Path
    from wszoo import claims
    from wszoo.files import written_whole
    if folder != "none":
        claims.begun.append(Path(folder))
    try:
        with written_whole("part/a") as part:
            part.write_text("half")
            print("ready", flush=True)
            {work}
    except KeyboardInterrupt:
        {caught}
run(main)
"""


def begin(folder, *, to="none", work="time.sleep(60)", caught="raise", **options):
    """A command at work in a file of `folder/part`."""
    code = COMMAND.format(work=work, caught=caught)
    process = subprocess.Popen(
        [sys.executable, "-c", code, to], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    return process


def end(process):
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_command_with_its_code_and_leaves_nothing(tmp_path, name):
    number = getattr(signal, name)
    process = begin(tmp_path)
    process.send_signal(number)
    code, said = end(process)
    assert code == 128 + number
    called = "Ctrl-C" if name == "SIGINT" else name
    assert said == f"recipe.py: stopped by {called}; no file was left half written\n"
    assert list((tmp_path / "part").iterdir()) == []


def test_a_run_that_can_be_resumed_says_how(tmp_path):
    process = begin(tmp_path, to="runs/a")
    process.send_signal(signal.SIGTERM)
    code, said = end(process)
    assert code == 143 and "kept in 'runs/a': give the same command again to go on" in said


@pytest.mark.parametrize("caught", ["pass", "raise RuntimeError('something of TensorFlow')"])
def test_a_command_that_was_stopped_never_ends_as_if_it_were_not(tmp_path, caught):
    process = begin(tmp_path, caught=caught)
    process.send_signal(signal.SIGINT)
    code, said = end(process)
    assert code == 130 and len(said.splitlines()) == 1 and "stopped by Ctrl-C" in said


def test_a_second_signal_ends_a_command_at_once(tmp_path):
    process = begin(tmp_path, caught="print('tidy', flush=True); time.sleep(60)")
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "tidy\n"
    process.send_signal(signal.SIGTERM)
    assert end(process)[0] == -signal.SIGTERM


def test_an_ignored_signal_stays_ignored(tmp_path):
    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does

    process = begin(tmp_path, preexec_fn=ignore)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert end(process)[0] == 143


@pytest.mark.parametrize(
    ("work", "words"),
    [
        ("raise OSError(28, 'No space left on device')", "No space left on device: '"),
        ("raise MemoryError", "there is not enough memory"),
        ("raise MemoryError('Unable to allocate 8 GiB')", "memory: Unable to allocate 8 GiB"),
        ("raise RuntimeError('of a library\\nand more')", "RuntimeError: of a library ("),
    ],
)
def test_what_is_not_our_mistake_ends_in_a_sentence(tmp_path, work, words):
    code, said = end(begin(tmp_path, work=work))
    assert code == 2 and len(said.splitlines()) == 1
    assert said.startswith("recipe.py: ") and words in said
    assert list((tmp_path / "part").iterdir()) == []


def test_our_mistakes_and_whoever_asks_get_a_traceback(tmp_path):
    code, said = end(begin(tmp_path, work="assert 1 == 2"))
    assert code == 1 and "Traceback" in said
    environment = os.environ | {errors.VARIABLE: "1"}
    code, said = end(begin(tmp_path, work="raise MemoryError", env=environment))
    assert code == 1 and "Traceback" in said


def test_tensorflows_errors_are_said_in_a_line():
    import tensorflow as tf

    error = tf.errors.ResourceExhaustedError(None, None, "Graph execution error:\n\nfull\nmore")
    assert errors.sentence(error).startswith("ResourceExhaustedError: full (")
    for ours in (RecursionError("deep"), NotImplementedError("yet"), TypeError("x"), KeyError("x")):
        assert errors.sentence(ours) is None
