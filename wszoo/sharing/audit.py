"""audit: what is really shared in a model, and what that saves."""

from dataclasses import asdict, dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from wszoo.sharing import graph
from wszoo.sharing.inner import Inner, inner_sharing

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Group:
    """Sites that use one layer. `parameters` and `bytes` are those of one copy."""

    owner: str
    layer: str
    sites: tuple[str, ...]
    parameters: int
    bytes: int

    @property
    def saved_parameters(self) -> int:
        return self.parameters * (len(self.sites) - 1)

    @property
    def saved_bytes(self) -> int:
        return self.bytes * (len(self.sites) - 1)


@dataclass(frozen=True)
class Audit:
    """Stored (each weight once) and unrolled (each site its own) sizes of a model.

    `inner` is the sharing inside layers, over positions and time steps, a row a site. It is
    counted apart: `unrolled_parameters` unties the sites and leaves every layer as it is.
    """

    model: str
    groups: tuple[Group, ...]
    stored_parameters: int
    unrolled_parameters: int
    stored_bytes: int
    unrolled_bytes: int
    inner: tuple[Inner, ...] = ()

    @property
    def inner_unrolled_parameters(self) -> int:
        """Parameters if each site, and each position and time step in it, had its own."""
        more = sum(row.unrolled_parameters - row.parameters for row in self.inner)
        return self.unrolled_parameters + more

    @property
    def shared(self) -> tuple[Group, ...]:
        """The groups of two sites or more."""
        return tuple(group for group in self.groups if len(group.sites) > 1)

    def to_dict(self) -> dict:
        """The same as plain data, with the properties of the groups and of the whole."""
        groups = [
            asdict(group)
            | {"saved_parameters": group.saved_parameters, "saved_bytes": group.saved_bytes}
            for group in self.groups
        ]
        whole = {"inner_unrolled_parameters": self.inner_unrolled_parameters}
        return asdict(self) | {"groups": groups} | whole

    def table(self) -> "Table":
        """A rich table: the shared groups, the private rest in one row, the totals."""
        from rich.table import Table

        table = Table(title=f"sharing in {self.model}", title_justify="left", show_footer=True)
        private = [group for group in self.groups if len(group.sites) == 1]
        table.add_column("owner", footer="total", overflow="fold")
        table.add_column("layer", overflow="fold")
        table.add_column("sites", overflow="fold")
        for title, total in (
            ("stored", self.stored_parameters),
            ("unrolled", self.unrolled_parameters),
            ("saved", self.unrolled_parameters - self.stored_parameters),
        ):
            table.add_column(title, justify="right", footer=f"{total:,}")
        for group in self.shared:
            unrolled = group.parameters + group.saved_parameters
            sizes = (group.parameters, unrolled, group.saved_parameters)
            table.add_row(
                group.owner, group.layer, ", ".join(group.sites), *(f"{n:,}" for n in sizes)
            )
        rest = sum(group.parameters for group in private)
        table.add_row(f"({len(private)} private)", "", "", f"{rest:,}", f"{rest:,}", "0")
        return table

    def inner_table(self) -> "Table | None":
        """A rich table of the sharing inside layers, equal rows of a group in one; or `None`.

        `stored` is a layer's own size, `unrolled` that of its twin without inner sharing (for a
        convolution, the locally connected layer), once for each site.
        """
        from rich.table import Table

        if not self.inner:
            return None
        table = Table(
            title=f"sharing inside the layers of {self.model}",
            title_justify="left",
            show_footer=True,
        )
        table.add_column("sites", footer="model", overflow="fold")
        table.add_column("layer", overflow="fold")
        table.add_column("over")
        table.add_column("inner sites", justify="right")
        table.add_column("groups", justify="right")
        table.add_column("stored", justify="right", footer=f"{self.stored_parameters:,}")
        total = self.inner_unrolled_parameters
        table.add_column("unrolled", justify="right", footer=f"{total:,}")
        merged: dict[Inner, list[str]] = {}
        for row in self.inner:
            merged.setdefault(replace(row, site=row.owner), []).append(row.site)
        for row, names in merged.items():
            unrolled = row.unrolled_parameters * len(names)
            sizes = (row.sites, row.groups, row.parameters, unrolled)
            table.add_row(", ".join(names), row.layer, row.over, *(f"{n:,}" for n in sizes))
        return table


def audit(model: keras.Model) -> Audit:
    """Reads groups and sizes off a functional model.

    Raises `ValueError` for a model without a graph, and where two layers hold one variable.
    """
    graph.check_no_shared_variables(model)
    layer_of = graph.layers_of(model)
    groups = tuple(
        Group(owner, type(layer_of[owner]).__name__, sites, *_sizes(layer_of[owner].weights))
        for owner, sites in graph.plan_of(model).groups.items()
    )
    stored = _sizes({id(w): w for w in model.weights}.values())
    return Audit(
        model.name,
        groups,
        stored_parameters=stored[0],
        unrolled_parameters=stored[0] + sum(group.saved_parameters for group in groups),
        stored_bytes=stored[1],
        unrolled_bytes=stored[1] + sum(group.saved_bytes for group in groups),
        inner=inner_sharing(model),
    )


def _sizes(variables: Any) -> tuple[int, int]:
    """`(parameters, bytes)` of some variables."""
    counts = [(prod(v.shape), keras.backend.standardize_dtype(v.dtype)) for v in variables]
    return sum(n for n, _ in counts), sum(n * _item_bytes(dtype) for n, dtype in counts)


def _item_bytes(dtype: str) -> int:
    import ml_dtypes  # noqa: F401  teaches NumPy the names bfloat16, float8_e4m3fn, int4, …

    return np.dtype(dtype).itemsize
