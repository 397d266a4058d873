"""Latency, load time and size of our LiteRT files against the stock converter's, in one run.

    python -m benchmarks.export.latency --out runs/export_latency

Each model is converted twice: as `tf.lite.TFLiteConverter` does it, and by
`wszoo.exporting.tflite.write.litert`. Both files are held open and called in turn, a few calls
each, so that what else the machine does falls on both alike. XNNPACK is on. Figures are medians;
latency is in microseconds a call, `load` in milliseconds, `memory` the peak of a process that
loads the file and calls it once, above the same process without it, in MiB; `stock size` and `our
size` are file bytes ÷ stored weights at that precision. Writes `metrics.json` and `table.md`.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import typer
from ai_edge_litert.interpreter import Interpreter

import wszoo
from benchmarks.export.others import FIXED_BATCH
from wszoo.command_line import run
from wszoo.exporting import parity
from wszoo.exporting.tflite.convert import convert
from wszoo.exporting.tflite.precisions import BYTES
from wszoo.exporting.tflite.write import litert

BATCHES, THREADS = (1, 32), (1, 2)
PEAK = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
def status(key):
    (line,) = [line for line in open("/proc/self/status") if line.startswith(key)]
    return int(line.split()[1])
open("/proc/self/clear_refs", "w").write("5")  # the peak so far is forgotten (Linux)
before = status("VmRSS")
held = Interpreter(model_path=sys.argv[1], num_threads=1)
held.allocate_tensors()
for detail in held.get_input_details():
    held.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
held.invoke()
print((status("VmHWM") - before) / 1024)
"""


def pyramid() -> keras.Model:
    """One convolution over three levels, a norm of its own at each."""
    x = inputs = keras.Input((64, 64, 32), name="image")
    conv = keras.layers.Conv2D(32, 3, padding="same", use_bias=False, name="head")
    outputs = []
    for level in range(3):
        norm = keras.layers.BatchNormalization(name=f"norm_{level}", gamma_initializer="uniform")
        outputs.append(keras.layers.ReLU(name=f"level_{level}")(norm(conv(x))))
        x = keras.layers.MaxPooling2D(2)(x)
    return keras.Model(inputs, outputs, name="pyramid")


MODELS: dict[str, Callable[[], Any]] = {
    **{name: lambda name=name: wszoo.get(name) for name in wszoo.list_models()},
    "tied_ae 1024-256": lambda: wszoo.get("tied_ae", widths=(1024, 256)),
    "tied_conv_ae 64-128-128": lambda: wszoo.get("tied_conv_ae", filters=(64, 128, 128)),
    "conv_net AAABBB": lambda: wszoo.get("conv_net", sharing="AAABBB"),
    "pyramid": pyramid,
}


def main(
    out: Path = Path("runs/export_latency"),
    models: Annotated[str, typer.Option(help="Separated by commas; all by default.")] = "",
    seconds: Annotated[float, typer.Option(help="Of calls, a file and setting.")] = 0.5,
    smoke: Annotated[bool, typer.Option(help="One small model, a few calls.")] = False,
) -> None:
    names = ["tied_ae"] if smoke else [n for n in models.split(",") if n] or list(MODELS)
    rows = []
    for name in names:
        keras.utils.set_random_seed(0)
        model = MODELS[name]()
        for weight in model.weights:  # else the converter drops biases that are zero
            if len(weight.shape) == 1:
                weight.assign(weight + 0.01 * keras.random.uniform(weight.shape))
        for precision in BYTES:
            try:
                row = measure(model, precision, 0.02 if smoke else seconds, FIXED_BATCH.get(name))
            except ValueError as error:
                print(f"{name} {precision}: {error}", flush=True)
                continue
            rows.append({"model": name, "precision": precision} | row)
            print(line(rows[-1]), flush=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / "metrics.json").write_text(json.dumps(rows, indent=1))
    (out / "table.md").write_text("\n".join([HEAD, *map(line, rows)]) + "\n")


def measure(model: Any, precision: str, seconds: float, fixed: int | None) -> dict[str, Any]:
    """Sizes, error, memory and times of one model at one precision."""
    options = {"batch": fixed, "calibration": parity.random_inputs(model, 64, seed=1)}
    with tempfile.TemporaryDirectory() as folder:
        made = litert(model, Path(folder) / "model.tflite", precision, **options)
        ours = made.path.read_bytes()
        stock = convert(model, precision, shareable=False, **options)
        (path := Path(folder) / "stock.tflite").write_bytes(stock)
        memory = [peak_mib(path), peak_mib(made.path)]
    x = parity.random_inputs(model, batch=max(BATCHES))
    got = parity.run(stock, x, batch=fixed)
    stock_error = parity.relative_error(got, parity.keras_outputs(model, x))
    loads = [np.median([load_ms(data) for _ in range(5)]) for data in (stock, ours)]
    times = {}
    for batch in BATCHES if fixed is None else [fixed]:
        for threads in THREADS:
            pair = latency_us((stock, ours), x, batch, threads, seconds)
            times[f"batch {batch}, {threads} thread{'s' * (threads > 1)}"] = pair
    return {
        "stored_bytes": made.stored_bytes,
        "stock_size": len(stock) / made.stored_bytes,
        "our_size": made.ratio,
        "stock_error": stock_error,
        "our_error": made.max_error,
        "ways": [shared.way for shared in made.sharing.shared],
        "load_ms": loads,
        "peak_mib": memory,
        "latency_us": times,
    }


def peak_mib(path: Path) -> float:
    """Median of three processes."""
    command = [sys.executable, "-c", PEAK, str(path)]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(3)]
    return float(np.median([float(run.stdout.split()[-1]) for run in runs]))


def load_ms(data: bytes) -> float:
    start = time.perf_counter()
    Interpreter(model_content=data).allocate_tensors()
    return 1e3 * (time.perf_counter() - start)


def latency_us(
    files: tuple[bytes, ...], inputs: dict, batch: int, threads: int, seconds: float
) -> list[float]:
    """Median microseconds a call of each file; the files take turns of five calls."""
    held = [ready(data, inputs, batch, threads) for data in files]
    times: list[list[float]] = [[] for _ in files]
    end = time.perf_counter() + seconds * len(files)
    while time.perf_counter() < end or len(times[0]) < 20:
        for interpreter, taken in zip(held, times, strict=True):
            for _ in range(5):
                start = time.perf_counter()
                interpreter.invoke()
                taken.append(1e6 * (time.perf_counter() - start))
    return [float(np.median(taken)) for taken in times]


def ready(data: bytes, inputs: dict, batch: int, threads: int) -> Interpreter:
    """An interpreter with its inputs set, called once."""
    interpreter = Interpreter(model_content=data, num_threads=threads)
    details = interpreter.get_input_details()
    for detail, values in zip(details, inputs.values(), strict=True):  # one input here
        interpreter.resize_tensor_input(detail["index"], (batch, *values.shape[1:]))
    interpreter.allocate_tensors()
    for detail, values in zip(details, inputs.values(), strict=True):
        interpreter.set_tensor(detail["index"], values[:batch])
    interpreter.invoke()
    return interpreter


SETTINGS = [f"batch {b}, {t} thread{'s' * (t > 1)}" for b in BATCHES for t in THREADS]
COLUMNS = [
    "model", "precision", "stock size", "our size", "stock error", "our error", "load ms",
    "memory", *SETTINGS,
]  # fmt: skip
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"


def line(row: dict[str, Any]) -> str:
    """A row of the table; times as `ratio (stock → ours)`."""
    times = [
        "{:.2f} ({:.0f} → {:.0f} µs)".format(pair[1] / pair[0], *pair) if pair else ""
        for pair in (row["latency_us"].get(setting) for setting in SETTINGS)
    ]
    sizes = [f"{row['stock_size']:.3f}", f"{row['our_size']:.3f}"]
    errors = [f"{row['stock_error']:.1e}", f"{row['our_error']:.1e}"]
    load, memory = ("{:.1f} → {:.1f}".format(*row[key]) for key in ("load_ms", "peak_mib"))
    cells = [row["model"], row["precision"], *sizes, *errors, load, memory, *times]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    run(main)
