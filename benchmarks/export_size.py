"""Sizes of exported files, ours beside what Keras and the TFLite converter write, in one run.

    python benchmarks/export_size.py

Every registered model with its shipped weights (each tag), as a SavedModel and as LiteRT at each
precision. A size is the bytes of weights in the file ÷ the model's stored bytes at that precision,
read from the file (`wszoo audit FILE`); `file - weights` is graph and metadata. Errors are against
Keras on random inputs, relative to the largest output. Writes docs/export_size.md.
"""

import tempfile
from pathlib import Path

import wszoo
from wszoo.export import parity
from wszoo.export.inspect import inspect_tflite
from wszoo.export.litert import BYTES, convert
from wszoo.export.stored import inspect_file

REPO = Path(__file__).resolve().parent.parent
HEAD = (
    "| model | file | stock | ours | file - weights, KiB | our error |\n|---|---|---|---|---|---|"
)


def main() -> None:
    lines = [HEAD]
    for name in wszoo.list_models(pretrained=True):
        for tag in wszoo.info(name)["weights"]:
            lines += rows(f"{name}.{tag}")
            print("\n".join(lines[-4:]), flush=True)
    intro = (
        "# Sizes of exported files\n\nMade by `python benchmarks/export_size.py`: bytes of weights "
        "in the file ÷ stored bytes of the\nmodel at that precision; stock is `model.export` for "
        "the SavedModel, `TFLiteConverter` for LiteRT.\n\n"
    )
    (REPO / "docs" / "export_size.md").write_text(intro + "\n".join(lines) + "\n")


def rows(name: str) -> list[str]:
    model = wszoo.get(name)
    stored = wszoo.audit(model).stored_bytes
    x = parity.random_inputs(model, batch=4)
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        model.export(f"{folder}/stock", verbose=False)
        stock = inspect_file(f"{folder}/stock").stored_bytes / stored
        ours = wszoo.export(model, folder, "saved_model", inputs=x).files[0]
        lines.append(line(name, "SavedModel", stock, ours))
        for precision in BYTES:
            ours = wszoo.export(model, folder, "litert", precision, inputs=x).files[0]
            data = convert(model, precision, shareable=False)
            stock = inspect_tflite(data).stored_bytes / ours.stored_bytes
            lines.append(line(name, f"LiteRT {precision}", stock, ours))
    return lines


def line(name: str, kind: str, stock: float, ours) -> str:
    rest = (ours.file.file_bytes - ours.file.stored_bytes) / 1024
    error = "" if ours.max_error is None else f"{ours.max_error:.1e}"
    return f"| `{name}` | {kind} | {stock:.3f} | {ours.ratio:.3f} | {rest:.1f} | {error} |"


if __name__ == "__main__":
    main()
