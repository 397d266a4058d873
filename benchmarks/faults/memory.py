"""Memory over 200 calls: what is made and dropped again does not stay.

Each kind of call is made in a process of its own; its memory is read after the first fifth of the
calls, when caches are warm, and at the end. A call that kept the model it made would keep .42 MB of
weights; more than half of that a call is counted as a crash, for that is where it ends.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.faults import result

BOUND = 0.21  # MB a call
CALLS = {
    "get": "wszoo.get('tied_ae.digits')",
    "save and load": "wszoo.save(model, path); wszoo.load(path)",
    "retie and twin": "wszoo.retie(wszoo.untied_twin(model), wszoo.plan_of(model))",
    "audit": "wszoo.audit(model)",
    "audit of a file": "inspect_file(path)",
    "a wrong name": "refused(lambda: wszoo.get('tied_ea'))",
    "a wrong file": "refused(lambda: wszoo.load(wrong))",
    "data": "wszoo.data.load('digits')",
}
CODE = """
import gc, json, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import psutil, wszoo
from wszoo.exporting.stored import inspect_file
folder, count = Path(sys.argv[1]), int(sys.argv[2])
path, wrong = folder / "model.keras", folder / "wrong.keras"
model = wszoo.get("tied_ae.digits")
wszoo.save(model, path)
wrong.write_bytes(path.read_bytes()[:-100])
def refused(call):
    try:
        call()
    except ValueError:
        return
    raise AssertionError("not refused")
read = []
for i in range(count):
    CALL
    if i in (count // 5, count - 1):
        gc.collect()
        read.append(psutil.Process().memory_info().rss / 1e6)
print(json.dumps(read))
"""


def run(folder: Path, *, seed: int, short: bool) -> dict:
    calls = ("audit",) if short else tuple(CALLS)
    rows = [_row(folder, name, 20 if short else 200) for name in calls]
    return result(len(rows), rows, crashed=sum(row["MB a call"] > BOUND for row in rows))


def _row(folder: Path, name: str, count: int) -> dict[str, Any]:
    place = folder / name.replace(" ", "_")
    place.mkdir(parents=True, exist_ok=True)
    code = CODE.replace("CALL", CALLS[name])
    command = [sys.executable, "-c", code, str(place), str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    warm, last = json.loads(done.stdout.splitlines()[-1])
    each = (last - warm) / (count - count // 5)
    return {"call": name, "calls": count, "MB": round(last), "MB a call": round(each, 3)}
