"""Two processes on this machine train as one does; what is asked for wrongly is refused."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from programs import JOINED_ON_JAX

import wszoo
from wszoo.training import EpochData
from wszoo.transferring.training import processes as distribution
from wszoo.transferring.training.processes import Processes

SCRIPT = """
import hashlib, json, sys
from wszoo.transferring.training import processes as distribution

kind, address, number, index = sys.argv[1:5]
said = {} if kind == "none" else {
    "address": address, "processes": int(number), "process": int(index)}
processes = distribution.start(None if kind == "none" else kind, **said)
import keras, numpy as np, wszoo
from wszoo.training import EpochData

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x, y = rng.random((96, 8, 8, 1), "float32"), rng.integers(0, 3, 96)
model = wszoo.get("conv_net", sharing="AA", depth=2, width=4, input_shape=(8, 8, 1), head=None)
z = keras.layers.Dropout(0.2)(model.output)
model = keras.Model(model.input, keras.layers.Dense(3)(z))
model.compile(keras.optimizers.Adam(0.01), metrics=["accuracy"],
              loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))

def make(epoch):
    order = np.random.default_rng(epoch).permutation(len(x))
    return x[order], y[order]

data = EpochData(make, 32, 96, 2)
history = model.fit(processes.part(data), epochs=2, shuffle=False, verbose=0,
                    callbacks=data.callbacks).history
rows = processes.rows(32, x, y)
more = model.fit(*rows, batch_size=32 // processes.number, shuffle=False, verbose=0).history
alone = distribution.local_copy(model)
alone.compile(loss="mse")
print(json.dumps({
    "loss": history["loss"] + more["loss"],
    "accuracy": history["accuracy"] + more["accuracy"],
    "weights": hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest(),
    "outputs": alone.predict(x[:5], verbose=0).tolist(),
    "chief": processes.chief,
}))
"""


def run(*arguments):
    here = {"PYTHONPATH": str(Path(wszoo.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=JOINED_ON_JAX | here,
    )  # fmt: skip


def result(process):
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    return json.loads(out.splitlines()[-1])


@pytest.mark.slow
def test_two_processes_train_as_one_with_the_joint_batch():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    three = [run("data_parallel", address, 2, 0), run("data_parallel", address, 2, 1)]
    first, second, alone = map(result, [*three, run("none", "", 1, 0)])
    assert first["weights"] == second["weights"]  # bit for bit
    assert first["loss"] == second["loss"] and first["outputs"] == second["outputs"]
    assert (first["chief"], second["chief"]) == (True, False)
    np.testing.assert_allclose(first["loss"], alone["loss"], rtol=1e-4)
    np.testing.assert_allclose(first["accuracy"], alone["accuracy"], atol=1e-6)
    np.testing.assert_allclose(first["outputs"], alone["outputs"], atol=1e-3)


def test_nothing_changes_where_nothing_is_asked():
    processes = distribution.start(None)
    assert processes == Processes(1, 0) and processes.chief
    data = EpochData(lambda epoch: (np.zeros((4, 2)), np.zeros(4)), 2, 4, 1)
    assert processes.part(data) is data
    x = np.arange(6)
    assert processes.rows(4, x)[0] is x
    assert keras.distribution.distribution() is None


def test_the_rows_of_all_processes_are_the_batches(monkeypatch):
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0", "cpu:1"])
    x = np.arange(22)
    data = EpochData(lambda epoch: (x, -x), 6, 22, 1)
    all_rows = [Processes(2, i).rows(6, x)[0].reshape(-1, 3) for i in range(2)]
    parts = [Processes(2, i).part(data) for i in range(2)]
    data._begin(0)
    for k in range(len(data)):
        wanted = data[k]
        got = [part[k] for part in parts]
        np.testing.assert_array_equal(np.concatenate([x for x, _ in got]), wanted[0])
        np.testing.assert_array_equal(np.concatenate([y for _, y in got]), wanted[1])
        np.testing.assert_array_equal(np.concatenate([rows[k] for rows in all_rows]), wanted[0])
    with pytest.raises(ValueError, match=r"a batch of 5 .* 2 devices of 2 processes"):
        Processes(2, 0).rows(5, x)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kind": "model_parallel"}, "valid are data_parallel"),
        ({"kind": "data_parallel"}, "needs the JAX backend, not tensorflow"),
    ],
)
def test_bad_input_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        distribution.start(**arguments)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (("a:1", 2, None), "KERAS_DISTRIBUTION_PROCESS_ID is not said"),
        (("a:1", 2, 2), "process 2 is not one of 2"),
        (("a:1", "two", 0), "are integers"),
    ],
)
def test_who_takes_part_must_be_said(monkeypatch, said, words):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match=words):
        distribution.start("data_parallel", address=said[0], processes=said[1], process=said[2])


def test_the_environment_says_it_too(monkeypatch):
    assert distribution._said(None, None, None) is None
    for name, value in (("JOB_ADDRESSES", "a:1,b:2"), ("NUM_PROCESSES", "2"), ("PROCESS_ID", "1")):
        monkeypatch.setenv(f"KERAS_DISTRIBUTION_{name}", value)
    assert distribution._said(None, None, None) == ("a:1,b:2", 2, 1)
    assert distribution._said(None, None, 0) == ("a:1,b:2", 2, 0)
