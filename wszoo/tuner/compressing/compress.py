"""A trained model made smaller by tying: suggest, tie, start well, recover from the original."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from wszoo.arguments import checked, number_of, one_word
from wszoo.layers import LowRankPart
from wszoo.relaxed import relaxing
from wszoo.sharing import graph
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.surgery.retie import retie, untied_twin
from wszoo.tuner.compressing import budget
from wszoo.tuner.compressing.recovery import Pair, Recovery, recover
from wszoo.tuner.pricing import METHODS, costs
from wszoo.tuner.pricing.examples import evenly
from wszoo.tuner.pricing.merged_loss import recalibrate
from wszoo.tuner.pricing.suggest import Suggestion, check_kinds, suggest

NORMS = 1024  # examples on which norms are estimated anew


@dataclass(frozen=True)
class Compressed:
    """The tied model, its plan, the suggestion that it was taken from."""

    model: keras.Model
    plan: SharingPlan
    suggestion: Suggestion


@checked(relax=number_of, method=one_word("auto", *METHODS))
def compress(
    model: keras.Model,
    train: Pair,
    *,
    max_parameters: int | None = None,
    fraction: float = 0.5,
    method: str = "auto",
    sites: Sequence[str] | None = None,
    relax: int | None = None,
    recovery: Recovery | None = None,
    seed: int = 0,
    verbose: int | str = 0,
) -> Compressed:
    """Ties layers of a trained model until it is small enough, and trains it to what it could do.

    The plan is the cheapest found that leaves so many parameters; what it leaves beyond that goes
    to private low-rank parts of the tied sites (`wszoo.relax`).

    `train` is `(x, y)`: integer labels `(n,)` for a model of logits or probabilities
    `(n, classes)`, else values of the shape of its outputs. The model stays as it is.

    Args:
        max_parameters: of the result; by default `fraction` of the model's own.
        method: of `wszoo.suggest`; `auto` is `activations`, which also fits the tied kernels, where
            all sites allow it, else `weights`.
        sites: those that may share; by default the declared ones.
        relax: rank of the private part of each tied site, counted in the budget; 0 is none, `None`
            the largest for which there is room where the layers can be relaxed.

    Raises `ValueError` if no two sites can share, if tying all that can share is not enough, for a
    negative rank, and for data that do not fit the model.
    """
    keras.utils.set_random_seed(seed)  # private parts begin with random numbers
    x, y = check_data(model, train)
    most = max_parameters if max_parameters is not None else int(fraction * model.count_params())
    twin = untied_twin(model)
    if method == "auto":
        method = _auto(twin, sites)
    merges = suggest(model, x, y, method=method, sites=sites, samples=budget.SAMPLES)
    if relax:
        plan, tied = _relaxed(twin, merges, most, relax)
    else:
        plan = budget.cheapest(model, merges, most, x, y)
        tied = retie(twin, plan, weights="mean")
        if relax is None:
            tied = budget.filled(twin, plan, most) or tied
    start(tied, twin, plan, x, method=merges.method)
    small = recover(tied, model, (x, y), recovery or Recovery(), seed=seed, verbose=verbose)
    return Compressed(small, plan, merges)


def _auto(twin: keras.Model, sites: Sequence[str] | None) -> str:
    layers = graph.layers_of(twin)
    kinds = check_kinds(twin, tuple(sites or graph.names_of(twin).declared))
    fit = all(costs.fits(layers[site]) for kind in kinds for site in kind)
    return "activations" if fit else "weights"


def tie(
    model: keras.Model, plan: SharingPlan, x: np.ndarray, *, method: str = "activations"
) -> keras.Model:
    """A model under `plan` that starts near the given one, which stays as it is.

    With the method `activations` each group gets the kernel that fits its sites' inputs best,
    else the mean; private norms are estimated anew.
    """
    twin = untied_twin(model)
    return start(retie(twin, plan, weights="mean"), twin, plan, x, method=method)


def start(
    tied: keras.Model, twin: keras.Model, plan: SharingPlan, x: np.ndarray, *, method: str
) -> keras.Model:
    """Gives a model under `plan`, relaxed or not, the values at which it is near its twin.

    See `tie`; private low-rank parts take the most that they can of what the shared kernel loses.
    """
    groups = [group for group in plan.groups.values() if len(group) > 1]
    if method == "activations" and groups:
        rows, layers = evenly(len(x), budget.SAMPLES), graph.layers_of(twin)
        fitted = costs.Activations(twin, x[rows], [s for group in groups for s in group])
        parts = {layer.name: layer for layer in tied.layers if isinstance(layer, LowRankPart)}
        for group in groups:
            shared = graph.layer_at(tied, group[0])
            shared.set_weights(fitted.values(group)[: len(shared.weights)])  # no bias if relaxed
            kernel = keras.ops.convert_to_numpy(shared.kernel)
            for site in group:
                if f"{site}_low_rank" in parts:
                    own = keras.ops.convert_to_numpy(layers[site].kernel)
                    parts[f"{site}_low_rank"].approximate(own - kernel)
    if groups:
        recalibrate(tied, x[:: max(1, len(x) // NORMS)])
    return tied


def _relaxed(
    twin: keras.Model, merges: Suggestion, most: int, rank: int
) -> tuple[SharingPlan, keras.Model]:
    """The first plan that is small enough with its private parts, and its relaxed model."""
    least = twin.count_params()
    for step in merges.steps:
        if step.stored_parameters > most or not step.merged:
            continue
        relaxed = relaxing.relax(twin, rank=rank, plan=step.plan)
        if relaxed.count_params() <= most:
            return step.plan, relaxed
        least = min(least, relaxed.count_params())
    raise ValueError(
        f"{merges.model!r} cannot be stored in {most:,} parameters with private parts of rank "
        f"{rank}: the least is {least:,}; ask for a lower rank"
    )


def check_data(model: keras.Model, train: Pair) -> Pair:
    """`(x, y)` as arrays. Raises `ValueError` where they do not fit the model's one input."""
    x, y = (np.asarray(part) for part in train)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(f"{model.name!r} has several inputs or outputs; one of each is needed")
    wanted, gives = model.inputs[0].shape[1:], model.outputs[0].shape[1:]
    fits = len(wanted) == x.ndim - 1 and all(
        a in (None, b) for a, b in zip(wanted, x.shape[1:], strict=True)
    )
    if not fits or len(x) != len(y) or not len(x):
        raise ValueError(
            f"{model.name!r} takes inputs (n, {', '.join(map(str, wanted))}); received x of shape "
            f"{x.shape} and y of shape {y.shape}"
        )
    if y.ndim == 1 and len(gives) == 1 and gives[0] > 1 and not 0 <= y.min() <= y.max() < gives[0]:
        raise ValueError(
            f"labels run from {y.min()} to {y.max()}; {model.name!r} has {gives[0]} classes"
        )
    return x, y
