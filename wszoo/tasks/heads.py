"""New heads on a backbone, in one graph with it, so that sharing survives saving and loading."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from wszoo.arguments import called, checked

if TYPE_CHECKING:
    import keras

    from wszoo.sharing.graph import Names

HEAD = "head"  # the stage that is new


@dataclass(frozen=True)
class Parts:
    """A model, and where its head begins: `features` is the tensor that the head takes.

    `backbone` and `top` are the two halves as models over the same layers; training one of them
    trains the model. `sites` are the head's sites.
    """

    model: "keras.Model"
    features: "keras.KerasTensor"
    sites: tuple[str, ...]

    @cached_property
    def backbone(self) -> "keras.Model":
        """The model from its input to the features."""
        import keras

        return keras.Model(self.model.inputs[0], self.features, name="backbone")

    @cached_property
    def top(self) -> "keras.Model":
        """The model from the features to its output."""
        import keras

        return keras.Model(self.features, self.model.outputs[0], name="top")

    @cached_property
    def layers(self) -> "list[keras.Layer]":
        """The head's layers, in the order of their first call."""
        import keras

        from wszoo.sharing.calls import all_calls

        called = dict.fromkeys(call.operation for call in all_calls(self.top, nested=False))
        return [layer for layer in called if isinstance(layer, keras.Layer)]


@checked(head=called)
def attach(
    backbone: "keras.Model", head: "Callable[[keras.KerasTensor], keras.KerasTensor]"
) -> Parts:
    """Puts a head, a Keras layer or a function of tensors, on features `(batch, width)`.

    The backbone's layers are kept, and the names of its sites, but for those of a stage `head` of
    its own, see `beside_head`. The new head's site is called `head`; of several, one is called
    `head.<layer>`, and `head` is the stage of them all.

    Raises `ValueError` for features that are no vector, and for a head that gives no tensor or has
    a layer of a name that is taken.
    """
    import keras

    from wszoo.sharing import graph

    check_vector(backbone)
    names, features = beside_head(graph.names_of(backbone)), backbone.outputs[0]
    out = head(features)
    if not isinstance(out, keras.KerasTensor):
        raise ValueError(f"a head gives one tensor, made of the features; received {out!r}")
    try:
        model = keras.Model(backbone.inputs[0], out, name=f"{backbone.name}_transfer")
    except ValueError as error:
        raise ValueError(
            f"the head does not go on {backbone.name!r}: {error} Give the layers of your head "
            "names that no layer of the backbone has"
        ) from error
    layers = graph.own_names(graph.weighted_calls(model)[len(names.sites) :])
    calls = [f"head.{name}" if n == 0 else f"head.{name}.{n}" for name, n in _counted(layers)]
    sites = ("head",) if len(layers) == 1 else tuple(calls)
    graph.remember(model, (*names.sites, *sites), names.declared)
    return Parts(model, features, sites)


def check_vector(backbone: "keras.Model") -> None:
    """Raises `ValueError` for a backbone whose features are not one vector an example."""
    shapes = [tuple(output.shape) for output in backbone.outputs]
    if len(shapes) != 1 or len(shapes[0]) != 2:
        raise ValueError(
            f"a head wants features (batch, width); {backbone.name!r} gives "
            f"{', '.join(map(str, shapes))}: pool them first, or take one without a head, "
            "as wszoo.get(name, head=None)"
        )


def put_aside(backbone: "keras.Model") -> tuple[str, ...]:
    """Renames the sites of the backbone's own stage `head`, before anything speaks of sites.

    Gives a note on those that were renamed, if any.
    """
    from wszoo.sharing import graph

    before = graph.names_of(backbone)
    after = beside_head(before)
    graph.remember(backbone, after.sites, after.declared)
    pairs = zip(before.sites, after.sites, strict=True)
    moved = [f"{old!r} is {new!r}" for old, new in pairs if old != new]
    if not moved:
        return ()
    return (f"'head' is the new head; of the backbone's own sites {', '.join(moved)} here",)


def beside_head(names: "Names") -> "Names":
    """Names of a backbone's sites beside a new head: its own `head` becomes `backbone.head`.

    The stage `head` is the new one, in globs and freeze plans.
    """
    from wszoo.sharing import graph

    others = {site for site in names.sites if not _in_head(site)}
    moved: dict[str, str] = {}
    for site in names.sites:
        if _in_head(site):
            name = f"backbone.{site}"
            taken = others | set(moved.values())
            moved[site] = graph.free_name(name, taken) if name in taken else name
    kept = [tuple(moved.get(site, site) for site in row) for row in (names.sites, names.declared)]
    return graph.Names(*kept)


def _in_head(site: str) -> bool:
    return site.partition(".")[0] == HEAD


def _counted(names: list[str]) -> list[tuple[str, int]]:
    """Each name and how often it came before."""
    return [(name, names[:i].count(name)) for i, name in enumerate(names)]
