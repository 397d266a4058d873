"""Valid calls of exports."""

import numpy as np

from benchmarks.faults.calls.world import Calls

CALLS: Calls = {
    "export": lambda w: {
        "model": w.dense, "folder": w.folder / "export", "formats": ["litert"],
        "precision": "float32", "inputs": {w.key: np.eye(4, dtype="f4")},
        "bound": 1e-3, "metric": None, "max_loss": 0.01, "calibration": None,
        "signature_batch": 1, "prefer": "speed", "labels": None, "uint8": False,
        "warmup": False},
    "exporting.litert": lambda w: {
        "model": w.dense, "path": w.folder / "d.tflite", "precision": "float32",
        "inputs": {w.key: np.eye(4, dtype="f4")}, "bound": 1e-3,
        "metric": None, "max_loss": 0.01, "calibration": None, "prefer": "speed", "batch": 1,
        "per_channel": None, "uint8": False},
    "exporting.onnx_file": lambda w: {
        "model": w.dense, "path": w.folder / "d.onnx",
        "inputs": {w.key: np.eye(4, dtype="f4")}, "bound": 1e-4},
    "exporting.saved_model.write.saved_model": lambda w: {"model": w.dense,
                                                 "folder": w.folder / "served"},
    "exporting.share_constants": lambda w: {
        "data": w.tflite.read_bytes(), "prefer": "speed", "min_bytes": 16},
    "exporting.write_saved_model": lambda w: {
        "model": w.dense, "folder": w.folder / "written", "labels": None, "uint8": False,
        "warmup": None, "inputs": None, "bound": 1e-3},
    "exporting.inspect_file": lambda w: {"path": w.tflite, "min_bytes": 16},
    "exporting.parity.runs.run": lambda w: {
        "data": w.tflite.read_bytes(), "threads": 1, "batch": 1,
        "inputs": {w.key: np.eye(4, dtype="f4")[:1]}},
}  # fmt: skip
