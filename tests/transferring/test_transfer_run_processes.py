"""wszoo.transfer over two processes is the run of one, and goes on where both were killed."""

import importlib.util
import json
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from programs import JOINED_ON_JAX

import wszoo

SCRIPT = """
import hashlib, json, os, sys
kind, address, index, folder, kill = sys.argv[1:6]
if kind == "devices":
    flags = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{flags} --xla_force_host_platform_device_count=2"
elif kind != "none":
    os.environ |= {
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
        "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
        "KERAS_DISTRIBUTION_PROCESS_ID": index,
    }
import wszoo
from wszoo.transferring.training import processes as distribution
from wszoo.transferring.training.backup import Backup

processes = distribution.start(None if kind == "none" else "data_parallel")
import keras, numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x, y = rng.random((96, 8, 8, 1), "float32"), np.arange(96) % 3
x[np.arange(96), :, 2 * y] += 1
net = wszoo.get("conv_net", sharing="AA", depth=2, width=4, input_shape=(8, 8, 1), head=None)
plan = {"phases": [
    {"name": "head", "train": "head", "epochs": 2},
    {"name": "all", "train": "all", "epochs": 2, "batch_norm": "train", "learning_rate": 0.01},
]}
write, left = Backup.write, [int(kill)]

def counted(self, *args):
    write(self, *args)
    left[0] -= 1
    if left[0] == 0:
        os._exit(9)

Backup.write = counted
result = wszoo.transfer(
    net, data=((x[:64], y[:64]), (x[64:80], y[64:80]), (x[80:], y[80:])), freeze=plan,
    batch_size=17, early_stopping=4, l2_sp=0.01, distribution=processes, resume=folder, verbose=0,
)
weights = b"".join(w.tobytes() for w in result.model.get_weights())
print(json.dumps({
    "history": result.history, "metrics": result.metrics,
    "weights": hashlib.sha256(weights).hexdigest(), "outputs": result.predict(x[:5]).tolist(),
}))
"""


def begin(kind, address, index, folder, kill=0):
    here = {"PYTHONPATH": str(Path(wszoo.__file__).parents[1])}
    arguments = map(str, (kind, address, index, folder, kill))
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=JOINED_ON_JAX | here,
    )  # fmt: skip


def result(process):
    out, error = process.communicate(timeout=600)
    assert process.returncode == 0, error[-3000:]
    return json.loads(out.splitlines()[-1])


def pair(folder, **kill):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    return [begin("processes", address, index, folder, **kill) for index in (0, 1)]


def losses(found):
    return [row["val_loss"] for row in found["history"]]


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="jax is not installed")
def test_two_processes_end_as_one_and_go_on_where_both_were_killed(tmp_path):
    alone = begin("none", "", 0, tmp_path / "alone")
    devices = begin("devices", "", 0, tmp_path / "devices")
    broken = pair(tmp_path / "broken", kill=3)
    broken[0].communicate(timeout=600)
    broken[1].kill()  # it would notice after some 100 seconds
    broken[1].communicate()
    assert broken[0].returncode == 9
    first, second = map(result, pair(tmp_path / "broken"))
    assert first == second  # the weights bit for bit
    assert result(devices) == first  # one process that has two devices, and that nobody killed
    single = result(alone)
    assert [row["phase"] for row in first["history"]] == [row["phase"] for row in single["history"]]
    np.testing.assert_allclose(losses(first), losses(single), rtol=1e-4)
    np.testing.assert_allclose(
        [row["loss"] for row in first["history"][1:]],
        [row["loss"] for row in single["history"][1:]],
        rtol=1e-4,
    )
    assert first["metrics"]["test"] == pytest.approx(single["metrics"]["test"], rel=1e-4)
    assert first["outputs"] == single["outputs"]
