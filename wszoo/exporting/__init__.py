"""Models as files for other programs, in which every shared weight is stored once.

`wszoo.export` writes any of them. `formats` has a file for each kind, which registers itself;
behind them are the rooms `saved_model`, `tflite` and `onnx`. All are checked by `parity` and
`gate`, and `stored` reads what a file stores.
"""

from typing import TYPE_CHECKING

from wszoo._lazy import exports

if TYPE_CHECKING:
    from wszoo.exporting.api import export
    from wszoo.exporting.onnx.write import onnx_file
    from wszoo.exporting.report import Exported, ExportReport
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
        "ExportReport": "wszoo.exporting.report",
        "Exported": "wszoo.exporting.report",
        "export": "wszoo.exporting.api",
        "inspect_file": "wszoo.exporting.stored",
        "litert": "wszoo.exporting.tflite.write",
        "onnx_file": "wszoo.exporting.onnx.write",
        "share_constants": "wszoo.exporting.tflite.share",
        "write_saved_model": "wszoo.exporting.saved_model.write",
    },
)
