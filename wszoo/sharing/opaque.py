"""Layers that call other layers in Python code of their own: what is shared in them is not seen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from wszoo.sharing import graph


@dataclass(frozen=True)
class Opaque:
    """A site whose layer holds other layers with weights, `parts` of them, and why it is shut."""

    site: str
    layer: str
    parts: int
    why: str


def opaque_sites(model: Any) -> tuple[Opaque, ...]:
    """The first site of each layer into which `wszoo.sites` cannot see, in call order.

    Layers of Keras and of wszoo itself (attention, wrappers of recurrent layers) call each of
    their parts once and are left out, unless they hold a model or a layer of another origin.
    """
    rows: dict[int, Opaque] = {}
    for site, layer in graph.layers_of(model).items():
        parts = list(_foreign_parts(layer))
        if parts and id(layer) not in rows:
            rows[id(layer)] = Opaque(site, type(layer).__name__, len(parts), _why(layer))
    return tuple(rows.values())


def check_open(model: Any, names: Sequence[str]) -> None:
    """Raises `ValueError` for names of sites inside a layer into which one cannot see."""
    known = graph.layers_of(model)
    for name in [name for name in names if name not in known]:
        for row in opaque_sites(model):
            if name.startswith(f"{row.site}."):
                raise ValueError(
                    f"no site {name!r}: {row.site!r} ({row.layer}) is one site. It is {row.why}"
                )


def _foreign_parts(layer: Any) -> Iterator[Any]:
    """The layers with weights directly in `layer`; none where all is known to be called once."""
    inner = list(layer._flatten_layers(include_self=False))
    models = any(isinstance(part, keras.Model) for part in inner)
    if not models and all(_is_known(part) for part in (layer, *inner)):
        return
    for part in layer._flatten_layers(include_self=False, recursive=False):
        if part.weights:
            yield part


def _is_known(layer: Any) -> bool:
    return type(layer).__module__.split(".")[0] in ("keras", "wszoo")


def _why(layer: Any) -> str:
    if isinstance(layer, keras.Sequential):
        return "a Sequential that is not built, or calls its layers by a `call` of its own"
    if isinstance(layer, keras.Model):
        return (
            "a model with a `call` of its own: build it as keras.Model(inputs, outputs) and its "
            "calls are sites"
        )
    return (
        "a layer that calls others in Python: call them where this layer is called, in a function "
        "or a keras.Model(inputs, outputs), and they are sites"
    )
