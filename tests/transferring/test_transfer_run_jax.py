"""wszoo.transfer on the JAX backend, in another process: one process has one backend."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from programs import ON_JAX

SCRIPT = """
import contextlib, sys
import keras, numpy as np, pytest, wszoo
sys.path.insert(0, sys.argv[1])
from test_transfer_run import PLAN, Killed, data, kill_after, same, small
from pathlib import Path

assert keras.backend.backend() == "jax"
net, options = small(), {"data": data(), "freeze": PLAN, "batch_size": 8, "verbose": 0}
options |= {"lr_decay": 0.7, "l2_sp": 0.1}
whole = wszoo.transfer(net, **options)
plain = wszoo.transfer(net, cache=False, **options)
assert whole.cache["head"] is None
same(whole.model.get_weights(), plain.model.get_weights(), rtol=1e-3, atol=1e-4)
with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
    kill_after(patch, 3)
    wszoo.transfer(net, resume=Path(sys.argv[2]), **options)
again = wszoo.transfer(net, resume=Path(sys.argv[2]), **options)
assert again.history == whole.history
same(again.model.get_weights(), whole.model.get_weights())
"""


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="jax is not installed")
def test_cached_killed_and_plain_runs_agree_on_jax(tmp_path):
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, here, tmp_path / "run"],
        env=ON_JAX,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
