"""Layers that call other layers in Python code of their own: what is shared in them is not seen."""

import warnings
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps

import keras

from wszoo import private
from wszoo.sharing import graph
from wszoo.sharing.auditing.inner import OVER_TIME
from wszoo.sharing.calls import Call


@dataclass(frozen=True)
class Opaque:
    """A site whose layer holds other layers with weights, `parts` of them, and why it is shut.

    `repeated` are the layers in it that one call of it calls more than once, with the number:
    they share their weights there. `None` where it could not be traced.
    """

    site: str
    layer: str
    parts: int
    why: str
    repeated: dict[str, int] | None


def opaque_sites(model: keras.Model) -> tuple[Opaque, ...]:
    """The first site of each layer into which `wszoo.sites` cannot see, in call order.

    Layers of Keras and of wszoo itself (attention, wrappers of recurrent layers) call each of
    their parts once and are left out, unless they hold a model or a layer of another origin.
    """
    rows: dict[int, Opaque] = {}
    traced: dict[
        Hashable, dict[str, int] | None
    ] = {}  # equal layers are traced once: it takes a second
    for site, call in zip(graph.sites(model), graph.weighted_calls(model), strict=True):
        layer = call.operation
        parts = list(_foreign_parts(layer))
        if not parts or id(layer) in rows:
            continue
        if (alike := _likeness(layer)) not in traced:
            traced[alike] = _repeated(call)
        name = type(layer).__name__
        rows[id(layer)] = Opaque(site, name, len(parts), _why(layer), traced[alike])
    return tuple(rows.values())


def _likeness(layer: keras.Layer) -> Hashable:
    """Equal for layers of one class, of equal sizes and settings."""
    plain = {k: v for k, v in vars(layer).items() if isinstance(v, bool | int | float | str)}
    own = frozenset((k, v) for k, v in plain.items() if layer.name not in str(v))
    return type(layer), tuple(tuple(v.shape) for v in layer.variables), own


def _repeated(call: Call) -> dict[str, int] | None:
    """Name of a part → how often one call of what holds it calls it, if more than once.

    Calls over time steps (`TimeDistributed`) are not counted: they are inner sites.
    """
    layer = call.operation
    holder_of = {
        id(part): (part, holder)
        for holder in reversed([layer, *private.parts_of(layer, itself=False)])
        for part in private.parts_of(holder, itself=False, deep=False)
        if part.weights
    }
    with _counted([layer, *(part for part, _ in holder_of.values())]) as counts:
        try:
            arguments = call.arguments.args, call.arguments.kwargs
            keras.Operation.compute_output_spec(layer, *arguments[0], **arguments[1])
        except Exception:  # whatever the layer's own code raises outside its usual call
            return None
    times = {
        part.name: counts[id(part)] // (counts.get(id(holder)) or counts[id(layer)] or 1)
        for part, holder in holder_of.values()
        if not isinstance(holder, OVER_TIME)
    }
    return {name: number for name, number in times.items() if number > 1}


@contextmanager
def _counted(layers: Sequence[keras.Layer]) -> Iterator[dict[int, int]]:
    """Inside the block: id of a layer → how often it has been called."""
    counts = {id(layer): 0 for layer in layers}

    def counting(layer: keras.Layer) -> Callable[..., object]:
        original = layer.call

        @wraps(original)
        def call(*args: object, **kwargs: object) -> object:
            counts[id(layer)] += 1
            return original(*args, **kwargs)

        return call

    before = {id(layer): vars(layer).get("call") for layer in layers}
    try:
        for layer in layers:
            vars(layer)["call"] = counting(layer)
        yield counts
    finally:
        for layer in layers:
            own = before[id(layer)]
            if own is None:
                del vars(layer)["call"]
            else:
                vars(layer)["call"] = own


def warn_of_hidden_sharing(model: keras.Model) -> None:
    """Warns of layers that share inside, where a twin of the model shares still."""
    for row in opaque_sites(model):
        if row.repeated:
            again = ", ".join(f"{name!r} {number} times" for name, number in row.repeated.items())
            warnings.warn(
                f"the twin's {row.site!r} ({row.layer}) still shares inside: it calls {again}. It "
                f"is {row.why}",
                stacklevel=4,  # whoever asked for a twin, past the check of its arguments
            )


def check_open(model: keras.Model, names: Sequence[str]) -> None:
    """Raises `ValueError` for names of sites inside a layer into which one cannot see."""
    layer_of = graph.layers_of(model)
    for name in [name for name in names if name not in layer_of]:
        for row in opaque_sites(model):
            if name.startswith(f"{row.site}."):
                raise ValueError(
                    f"no site {name!r}: {row.site!r} ({row.layer}) is one site. It is {row.why}"
                )


def _foreign_parts(layer: keras.Layer) -> Iterator[keras.Layer]:
    """The layers with weights directly in `layer`; none where all is known to be called once."""
    inner = list(private.parts_of(layer, itself=False))
    models = any(isinstance(part, keras.Model) for part in inner)
    if not models and all(_is_known(part) for part in (layer, *inner)):
        return
    for part in private.parts_of(layer, itself=False, deep=False):
        if part.weights:
            yield part


def _is_known(layer: keras.Layer) -> bool:
    return type(layer).__module__.split(".")[0] in ("keras", "wszoo")


def _why(layer: keras.Layer) -> str:
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
