"""Models as files for other programs, in which every shared weight is stored once.

`wszoo.export` writes any of them. A format is a folder or a file: `saved_model` (TF Serving),
`tflite` (LiteRT), `onnx`. All are checked by `parity` and `gate`, and `stored` reads what a file
stores.
"""

from typing import TYPE_CHECKING

from wszoo._lazy import exports

if TYPE_CHECKING:
    from wszoo.exporting.api import Exported, ExportReport, export
    from wszoo.exporting.onnx import onnx_file
    from wszoo.exporting.saved_model.write import write_saved_model
    from wszoo.exporting.stored import inspect_file
    from wszoo.exporting.tflite.share import share_constants
    from wszoo.exporting.tflite.write import litert

__all__ = [
    "ExportReport",
    "Exported",
    "export",
    "inspect_file",
    "litert",
    "onnx_file",
    "share_constants",
    "write_saved_model",
]

__getattr__, __dir__ = exports(
    __name__,
    {
        "ExportReport": "wszoo.exporting.api",
        "Exported": "wszoo.exporting.api",
        "export": "wszoo.exporting.api",
        "inspect_file": "wszoo.exporting.stored",
        "litert": "wszoo.exporting.tflite.write",
        "onnx_file": "wszoo.exporting.onnx",
        "share_constants": "wszoo.exporting.tflite.share",
        "write_saved_model": "wszoo.exporting.saved_model.write",
    },
)
