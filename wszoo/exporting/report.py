"""What an export wrote: a record a file, and all of them as a table."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wszoo.exporting.inspect import Inspection
from wszoo.shown import tabled

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Exported:
    """A file (or SavedModel folder) that was written, and what it stores.

    `stored_bytes` are the model's weights, each once, at the file's precision. Every file has been
    run: `max_error` and `mean_error` are differences to Keras relative to the largest magnitude of
    an output. `metric` is the task's metric of Keras and of a LiteRT file, `metric_error` the
    standard error of their difference where it is known, `changed` the examples whose score changed
    by more than a point, and `float_ops` counts the operators of a full int8 file that work on
    floats. `notes` say what was done that was not asked for.
    """

    format: str
    path: Path
    precision: str
    stored_bytes: int
    file: Inspection
    max_error: float | None = None
    mean_error: float | None = None
    metric: tuple[float, float] | None = None
    metric_error: float | None = None
    changed: tuple[int, ...] = ()
    float_ops: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        """Bytes of constants in the file ÷ stored bytes of the model."""
        return self.file.stored_bytes / max(self.stored_bytes, 1)


@tabled("table")
@dataclass(frozen=True)
class ExportReport:
    """Everything that one `export` wrote."""

    model: str
    files: tuple[Exported, ...]

    def to_dict(self) -> dict:
        """The report as plain data, a dict a file."""
        files = [
            asdict(item) | {"path": str(item.path), "ratio": item.ratio} for item in self.files
        ]
        return {"model": self.model, "files": files}

    @property
    def serving(self) -> str:
        """How to serve what was written, for TF Serving of a SavedModel; empty without one."""
        from wszoo.exporting.formats import find

        return "".join(find(item.format).serving(item.path) for item in self.files)

    @property
    def paths(self) -> str:
        """Where each file lies, a line each: what no table of any width breaks."""
        return "".join(f"{item.path}\n" for item in self.files)

    def table(self) -> "Table":
        """A rich table, a row a file, with their notes below; see `paths`."""
        from rich.table import Table

        table = Table(title=f"export of {self.model}", title_justify="left")
        table.add_column("format")
        for name in ("weights, bytes", "in the file", "ratio", "max error"):
            table.add_column(name, justify="right")
        scored = any(item.metric for item in self.files)
        if scored:
            table.add_column("metric, Keras → file", justify="right")
        for item in self.files:
            error = "" if item.max_error is None else f"{item.max_error:.1e}"
            sizes = (f"{item.stored_bytes:,}", f"{item.file.stored_bytes:,}", f"{item.ratio:.3f}")
            row = [f"{item.format} {item.precision}", *sizes, error]
            if scored:
                row.append("{:.4f} → {:.4f}".format(*item.metric) if item.metric else "")
            table.add_row(*row)
        notes = [
            f"{item.format} {item.precision}: {note}" for item in self.files for note in item.notes
        ]
        table.caption, table.caption_justify = "\n".join(notes) or None, "left"
        return table
