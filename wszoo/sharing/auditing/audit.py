"""audit: what is really shared in a model, and what that saves."""

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import keras

from wszoo.arguments import checked
from wszoo.sharing import graph
from wszoo.sharing.auditing.inner import Inner, inner_sharing
from wszoo.sharing.auditing.opaque import Opaque, opaque_sites
from wszoo.sharing.variables import HeldVariable, held_variables, sizes
from wszoo.shown import counted, tabled

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
        """Parameters that the other sites would need of their own."""
        return self.parameters * (len(self.sites) - 1)

    @property
    def saved_bytes(self) -> int:
        """Bytes that the other sites would need of their own."""
        return self.bytes * (len(self.sites) - 1)


@tabled("table", "inner_table", "opaque_table")
@dataclass(frozen=True, repr=False)
class Audit:
    """Stored (each weight once) and unrolled (each site its own) sizes of a model.

    `inner` is the sharing inside layers, over positions and time steps, a row a site. It is
    counted apart: `unrolled_parameters` unties the sites and leaves every layer as it is.
    `unused_parameters` are those stored ones that no output depends on, `held` the variables that
    two layers hold, and `opaque` the layers whose inner calls are not seen, a row each.
    """

    model: str
    groups: tuple[Group, ...]
    stored_parameters: int
    unrolled_parameters: int
    stored_bytes: int
    unrolled_bytes: int
    inner: tuple[Inner, ...] = ()
    unused_parameters: int = 0
    held: tuple[HeldVariable, ...] = ()
    opaque: tuple[Opaque, ...] = ()

    @property
    def inner_unrolled_parameters(self) -> int:
        """Parameters if each site, and each position and time step in it, had its own."""
        more = sum(row.unrolled_parameters - row.parameters for row in self.inner)
        return self.unrolled_parameters + more

    @property
    def shared(self) -> tuple[Group, ...]:
        """The groups of two sites or more."""
        return tuple(group for group in self.groups if len(group.sites) > 1)

    def __repr__(self) -> str:
        sites = sum(len(group.sites) for group in self.groups)
        groups = counted(len(self.groups), "layer")
        return (
            f"Audit({self.model!r}: {counted(sites, 'site')} in {groups}, stored "
            f"{self.stored_parameters:,} parameters, unrolled {self.unrolled_parameters:,})"
        )

    def to_dict(self) -> dict[str, object]:
        """The same as plain data, with the properties of the groups and of the whole."""
        saving = {
            name: [
                asdict(row)
                | {"saved_parameters": row.saved_parameters, "saved_bytes": row.saved_bytes}
                for row in rows
            ]
            for name, rows in (("groups", self.groups), ("held", self.held))
        }
        whole = {"inner_unrolled_parameters": self.inner_unrolled_parameters}
        return asdict(self) | saving | whole

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
        for held in self.held:  # its layers' rows count it, each its own
            saved = held.saved_parameters
            table.add_row(
                "(one variable)", held.variable, ", ".join(held.owners), f"{-saved:,}", "0",
                f"{saved:,}",
            )  # fmt: skip
        rest = sum(group.parameters for group in private)
        table.add_row(f"({len(private)} private)", "", "", f"{rest:,}", f"{rest:,}", "0")
        if self.unused_parameters:
            unused = f"{self.unused_parameters:,}"
            table.add_row("(unused)", "", "no output depends on them", unused, unused, "0")
        return table

    def opaque_table(self) -> "Table | None":
        """A rich table of the layers whose inner calls are not seen, and why; or `None`."""
        from rich.table import Table

        if not self.opaque:
            return None
        table = Table(
            title=f"layers of {self.model} in which sharing is not seen", title_justify="left"
        )
        for title in ("site", "layer", "layers in it", "called again", "why, and how to open it"):
            table.add_column(title, overflow="fold")
        for row in self.opaque:
            again = "unknown" if row.repeated is None else _times(row.repeated)
            table.add_row(row.site, row.layer, str(row.parts), again, row.why)
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


def _times(repeated: dict[str, int]) -> str:
    return ", ".join(f"{name} × {number}" for name, number in repeated.items())


@checked()
def audit(model: keras.Model) -> Audit:
    """Reads groups and sizes off a functional model and those nested in it.

    Raises `ValueError` for a model without a graph.
    """
    layer_of = graph.layers_of(model)
    groups = tuple(
        Group(owner, type(layer_of[owner]).__name__, sites, *sizes(layer_of[owner].weights))
        for owner, sites in graph.plan_of(model).groups.items()
    )
    stored = sizes({id(w): w for w in model.weights}.values())
    at_sites = {id(w): w for layer in layer_of.values() for w in layer.weights}
    held = held_variables(model)
    saved = [(group.saved_parameters, group.saved_bytes) for group in groups]
    saved += [(variable.saved_parameters, variable.saved_bytes) for variable in held]
    return Audit(
        model.name,
        groups,
        stored_parameters=stored[0],
        unrolled_parameters=stored[0] + sum(parameters for parameters, _ in saved),
        stored_bytes=stored[1],
        unrolled_bytes=stored[1] + sum(size for _, size in saved),
        inner=inner_sharing(model),
        unused_parameters=stored[0] - sizes(at_sites.values())[0],
        held=held,
        opaque=opaque_sites(model),
    )
