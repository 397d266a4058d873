"""relax: sites that share one kernel, each with a private low-rank part beside it."""

from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np
from keras import ops

from wszoo.arguments import checked
from wszoo.layers import Attend, LowRankPart, SelfAttention
from wszoo.relaxed import pieces
from wszoo.sharing import graph
from wszoo.sharing.calls import Args, Call, Kwargs, all_calls
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.surgery.rebuild import RunAt, replace_sites
from wszoo.sharing.surgery.retie import retie


@checked()
def relax(
    model: keras.Model,
    *,
    rank: int,
    plan: SharingPlan | str | None = None,
    sites: Sequence[str] | None = None,
    weights: Literal["owner", "mean"] = "mean",
) -> keras.Model:
    """A new model whose groups share a kernel, and each of whose sites adds a low-rank part.

    Under `plan` (see `wszoo.retie`; `None` keeps the sharing that the model has) the sites of a
    group of two or more get one shared layer, a kernel alone, and each a private
    `wszoo.layers.LowRankPart`: `activation(x · kernel + x · down · up + bias)`. The shared kernel
    is the mean of those of the group's sites, or the `owner`'s; `down · up` starts as the truncated
    SVD of what that lost, and as nothing where the sites were tied before: outputs are unchanged
    then, and also with a `rank` that is full. The site `s` keeps its name, its part is called
    `s_low_rank`; attention has two kernels and becomes the sites `s_qkv` and `s_out`.

    `sites` chooses the groups to relax, by names or patterns such as `"ffn_*"` of any of their
    sites; `None` is all of them. The rest is tied as `plan` says. A `rank` above the full one of a
    kernel is taken as that. A part stores about `rank × (inputs + outputs)` numbers. The model
    given is not changed; the new one is not compiled, and `wszoo.merge_relaxed` folds it back.

    Raises `ValueError` for what `retie` refuses, a rank below 1, a plan under which nothing is
    shared, and groups whose layer cannot be relaxed (embeddings, norms, recurrent layers, …).

    Source: Bae et al. 2024, "Relaxed Recursive Transformers", arXiv 2410.20672.
    """
    if not isinstance(rank, int) or rank < 1:
        raise ValueError(f"rank must be a positive integer, not {rank!r}")
    if any(isinstance(call.operation, LowRankPart) for call in all_calls(model)):
        raise ValueError(
            f"{model.name!r} is relaxed already; fold it back by wszoo.merge_relaxed first"
        )
    tied = retie(model, graph.plan_of(model) if plan is None else plan, weights=weights)
    owner_of = _chosen(tied, graph.plan_of(tied), sites)
    sources = dict(zip(graph.sites(model), graph.weighted_calls(model), strict=True))
    work = _Relaxing(rank, owner_of, {s: node.operation for s, node in sources.items()})
    declared = []
    for site in graph.names_of(tied).declared:
        split = site in owner_of and type(graph.layer_at(tied, site)) is SelfAttention
        declared += [f"{site}_qkv", f"{site}_out"] if split else [site]
    relaxed = replace_sites(tied, work.replace, declared)
    work.fill()
    return relaxed


def _chosen(model: keras.Model, plan: SharingPlan, names: Sequence[str] | None) -> dict[str, str]:
    """Site → owner, of the groups to relax. Raises `ValueError` for none, and for unfit layers."""
    shared = {owner: group for owner, group in plan.groups.items() if len(group) > 1}
    if names is not None:
        named = plan.match(*names)
        shared = {owner: group for owner, group in shared.items() if set(group) & set(named)}
    if not shared:
        raise ValueError(
            f"nothing to relax: no two sites of {model.name!r} share a layer"
            + (f" among {list(names)}" if names is not None else "")
            + "; give a plan under which they do, such as 'tied'"
        )
    reasons = {owner: pieces.why_not(graph.layer_at(model, owner)) for owner in shared}
    unfit = {owner: reason for owner, reason in reasons.items() if reason}
    if unfit:
        fit = [owner for owner in shared if owner not in unfit]
        listed = "\n".join(
            f"  {', '.join(shared[owner])}: {reason}" for owner, reason in unfit.items()
        )
        raise ValueError(
            f"groups of {model.name!r} that cannot be relaxed:\n{listed}\n"
            f"name those that can by sites=, which leaves the others tied: {fit}"
        )
    return {site: owner for owner, group in shared.items() for site in group}


class _Relaxing:
    """Makes the layers that stand for relaxed sites, and then gives them their values."""

    def __init__(self, rank: int, owner_of: dict[str, str], sources: dict[str, keras.Layer]):
        self.rank, self.owner_of, self.sources = rank, owner_of, sources
        self.shared: dict[
            str, tuple[keras.Layer, keras.Layer]
        ] = {}  # name → (tied piece, bare layer)
        self.parts: list[
            tuple[keras.Layer, keras.Layer, LowRankPart]
        ] = []  # (tied piece, source piece, part)

    def replace(
        self, site: str | None, call: Call, args: Args, kwargs: Kwargs, run: RunAt
    ) -> object:
        if site is None or site not in self.owner_of:
            return None
        layer = call.operation
        positions = args[0].shape[1] if type(layer) is SelfAttention else None
        tied = pieces.pieces_of(layer, positions)
        own = pieces.pieces_of(self.sources[site], positions)
        if type(layer) is not SelfAttention:
            return self._piece(site, self.owner_of[site], layer, own[""], args, kwargs, run)
        names = [(f"{site}_{p}", f"{self.owner_of[site]}_{p}") for p in ("qkv", "out")]
        x = self._piece(*names[0], tied["_qkv"], own["_qkv"], args[:1], {}, run)
        x = Attend(
            layer.heads, causal=layer.causal, dtype=layer.dtype_policy, name=f"{site}_attend"
        )(x, *args[1:], **kwargs)
        return self._piece(*names[1], tied["_out"], own["_out"], (x,), {}, run)

    def _piece(
        self,
        site: str,
        owner: str,
        tied: keras.Layer,
        own: keras.Layer,
        args: Args,
        kwargs: Kwargs,
        run: RunAt,
    ) -> object:
        """A shared kernel and a private part in the place of one site of one piece."""
        if owner not in self.shared:
            self.shared[owner] = (tied, pieces.bare(tied, owner))
        y = run(site, self.shared[owner][1], *args, **kwargs)
        reverse = bool(kwargs.get("reverse", False))
        part = pieces.low_rank_part(
            tied, f"{site}_low_rank", self.rank, axes=len(args[0].shape), reverse=reverse
        )
        self.parts.append((tied, own, part))
        return run(part.name, part, y, args[0])

    def fill(self) -> None:
        for tied, layer in self.shared.values():
            layer.trainable = tied.trainable
            layer.kernel.assign(ops.copy(tied.kernel))  # JAX donates buffers
            layer.kernel.trainable = tied.kernel.trainable
        for tied, own, part in self.parts:
            part.trainable = own.trainable
            ours, shared = (
                np.asarray(ops.convert_to_numpy(piece.kernel), "float64") for piece in (own, tied)
            )
            part.approximate(ours - shared)
            if part.bias is not None:
                part.bias.assign(ops.copy(own.bias))
                part.bias.trainable = own.bias.trainable
