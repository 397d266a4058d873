"""merge_relaxed: folds private low-rank parts into kernels of their own."""

import keras
import numpy as np
from keras import ops

from wszoo.arguments import checked
from wszoo.layers import Attend, LowRankPart, SelfAttention
from wszoo.relaxed import pieces
from wszoo.sharing import graph
from wszoo.sharing.calls import Args, Call, Kwargs, all_calls, makers
from wszoo.sharing.surgery.rebuild import RunAt, replace_sites


@checked()
def merge_relaxed(model: keras.Model) -> keras.Model:
    """The same network in plain layers: every relaxed site owns its kernel, `shared + down · up`.

    Undoes what `wszoo.relax` did to the graph, attention and names of sites included: the result
    is an untied model (but for groups that were not relaxed) of equal outputs within rounding. The
    model given is not changed; the new one is not compiled.

    Raises `ValueError` for a model without relaxed sites.
    """
    model = graph.as_functional(model)
    work = _Merging(model)
    if not any(isinstance(call.operation, LowRankPart) for call in all_calls(model)):
        raise ValueError(f"{model.name!r} has no relaxed sites; wszoo.relax makes them")
    names = graph.names_of(model)
    merged = replace_sites(model, work.replace, ())
    work.fill()
    sites = graph.sites(merged)
    declared = []
    for site in names.declared:
        attention = site.removesuffix("_qkv").removesuffix("_out")
        name = site if site in sites else attention
        declared += [name] if name in sites and name not in declared else []
    graph.remember(merged, sites, declared)
    return merged


class _Merging:
    """Makes the plain layers that stand for relaxed sites, and then gives them their values."""

    def __init__(self, model: keras.Model):
        self.model = model
        self.site_of = dict(zip(graph.weighted_calls(model), graph.sites(model), strict=True))
        self.filled: list[
            tuple[keras.Layer, keras.Layer, LowRankPart]
        ] = []  # (layer, shared, part)
        self.joined: list[
            tuple[SelfAttention, keras.Layer, keras.Layer]
        ] = []  # (attention, qkv, out)
        self.attends: dict[Call, tuple[Args, Kwargs]] = {}  # → (its new args and kwargs)
        self.plain: dict[
            Call, tuple[keras.Layer, object]
        ] = {}  # a part's call → (layer, its input)

    def replace(
        self, site: str | None, call: Call, args: Args, kwargs: Kwargs, run: RunAt
    ) -> object:
        layer = call.operation
        if isinstance(layer, Attend):  # of use where it stands between two relaxed sites
            self.attends[call] = (args, kwargs)
        if not isinstance(layer, LowRankPart):
            return None
        before = self._maker(call, 0)  # the shared layer's call
        assert before is not None
        name = self.site_of[before]
        plain = pieces.whole(before.operation, layer, name)
        role = {"reverse": True} if before.arguments.kwargs.get("reverse") else {}
        x = args[1]
        outputs = run(name, plain, x, **role)
        self.filled.append((plain, before.operation, layer))
        self.plain[call] = (plain, x)
        joined = self._join(call, plain, name, run)
        return outputs if joined is None else joined

    def _join(self, call: Call, out: keras.Layer, name: str, run: RunAt) -> object:
        """The attention whose second half has just been made, in place of both; or `None`."""
        before = self._maker(call, 1)
        if before is None or before not in self.attends:
            return None
        first = self._maker(before, 0)
        if first is None or first not in self.plain:
            return None
        args, kwargs = self.attends[before]
        qkv, x = self.plain[first]
        site = name.removesuffix("_out")
        attention = pieces.joined(qkv, before.operation, site)
        self.joined.append((attention, qkv, out))
        return run(site, attention, x, *args[1:], **kwargs)

    def _maker(self, call: Call, place: int) -> Call | None:
        """The call that made an argument; `None` for an input of the model."""
        return next(makers(self.model, call.path, call.arguments.args[place]), None)

    def fill(self) -> None:
        for layer, shared, part in self.filled:
            kernel = np.asarray(ops.convert_to_numpy(shared.kernel), "float64")
            pieces.fill(layer, kernel + part.kernel(), part)
        for attention, qkv, out in self.joined:
            pieces.fill_joined(attention, qkv, out)
