"""Which sites of a trained model to tie first: merges in the order of what they seem to cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from wszoo import checks
from wszoo.arguments import are_texts, checked, data, loss, names, one_word, texts_fit
from wszoo.files import written_whole
from wszoo.sharing import graph
from wszoo.sharing.kinds import sites_by_kind
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.state import check_mean
from wszoo.sharing.surgery.retie import untied_twin
from wszoo.shown import tabled
from wszoo.tuner.pricing import METHODS, costs
from wszoo.tuner.pricing.examples import Examples, Loss, LossWeights, count, evenly, take
from wszoo.tuner.pricing.gradients import fisher
from wszoo.tuner.pricing.merged_loss import MergedLoss

if TYPE_CHECKING:
    from rich.table import Table

MEASURED = 12  # sites up to which `auto` measures: some 300 losses on 512 examples
Price = Callable[[SharingPlan], float]


@dataclass(frozen=True)
class Step:
    """A plan, what it merged, its estimated price and the parameters that it stores."""

    plan: SharingPlan
    merged: tuple[str, ...]  # owners of the two groups
    price: float
    stored_parameters: int


@tabled("table")
@dataclass(frozen=True)
class Suggestion:
    """Merges of a trained model's sites, the one that seems cheapest first.

    `steps` run from the untied model (its `merged` is empty) to the most tied one. Prices have
    the unit of the method; a step's is that of its whole plan.
    """

    model: str
    method: str
    steps: tuple[Step, ...]

    def under(self, max_parameters: int) -> Step:
        """The first step that stores so many parameters or fewer.

        Raises `ValueError` for fewer than the most tied model stores.
        """
        step = next((s for s in self.steps if s.stored_parameters <= max_parameters), None)
        if step is None:
            raise ValueError(
                f"{self.model!r} cannot be stored in {max_parameters:,} parameters by tying: "
                f"with all that can share in one layer it has {self.steps[-1].stored_parameters:,}"
            )
        return step

    def table(self) -> "Table":
        """A rich table, a row a step."""
        from rich.table import Table

        table = Table(title=f"merges of {self.model}, by {self.method}", title_justify="left")
        for name in ("merge", "plan"):
            table.add_column(name)
        for name in ("stored parameters", "price"):
            table.add_column(name, justify="right")
        for step in self.steps:
            merge = " + ".join(step.merged)
            shown = step.plan.pattern if len(step.plan) <= 40 else f"{len(step.plan.groups)} groups"
            table.add_row(merge, shown, f"{step.stored_parameters:,}", f"{step.price:.4g}")
        return table

    def picture(self, path: str | Path) -> None:
        """Writes a dendrogram: sites at the left, the price of the plan at which they merge."""
        from wszoo.tuner.pricing.dendrogram import draw

        with written_whole(Path(path)) as part:
            draw(part, self)


@checked(x=data, y=data, loss=loss, method=one_word("auto", *METHODS), sites=names)
def suggest(
    model: keras.Model,
    x: Examples | None = None,
    y: Examples | None = None,
    *,
    method: str = "auto",
    sites: Sequence[str] | None = None,
    loss: Loss | None = None,
    samples: int = 512,
) -> Suggestion:
    """The order in which to tie the sites of a trained model, without training.

    Every step merges the two groups that cost least for each parameter saved. Ties that the model
    has already are undone first, so its own plan is one among the others.

    Args:
        x: inputs `(n, …)`, of which `samples`, evenly spread, are used; for several inputs a list
            or dict as `fit` takes them. All methods but `weights` need them.
        y: targets, for `fisher` and `loss`; for several outputs a list or dict.
        method: `loss` (measured after averaging, private norms estimated anew), `weights` (plain
            distance), `fisher` (distance weighted by gradients), `cka` (similarity of outputs),
            `activations` (what the sites' outputs lose with the one kernel that fits best; Dense
            and Conv2D). `auto` is `loss` where there are x, y, a loss and no more than
            `MEASURED` sites, since its work grows with their third power; else `weights`: the two
            that order plans best in docs/suggest.md.
        sites: those that may share; the model's declared ones by default.
        loss: as for `compile`; by default the one that the model was compiled with, and its
            weights where there are several outputs. Losses and gradients are those of this loss
            on the model's outputs, also for a class with a `train_step` or `test_step` of its own.

    Raises `ValueError` if no two sites can share, for values without a mean (quantised ones), for
    an unknown method and for missing data.
    """
    twin = untied_twin(model)
    names = tuple(sites or graph.names_of(twin).declared)
    kinds = check_kinds(twin, names)
    if x is not None:
        if len(model.inputs) == 1 and not isinstance(x, list | tuple | Mapping):
            texts_fit("x", x, model.inputs[0])
        if are_texts(y):
            raise ValueError(f"y must be an array of numbers; received {checks.shown(y)}")
        rows = evenly(count(x), samples)
        x, y = take(x, rows), None if y is None else take(y, rows)
    flat = [site for kind in kinds for site in kind]
    weights = None
    if loss is None and getattr(model, "compiled", False):
        loss, weights = model.loss, model.get_compile_config().get("loss_weights")
    if method == "auto":
        measured = x is not None and y is not None and loss is not None and len(flat) <= MEASURED
        method = "loss" if measured else "weights"
    price = price_of(twin, flat, method, x, y, loss, weights)
    return Suggestion(model.name, method, tuple(_merge(twin, names, kinds, price)))


def check_kinds(model: keras.Model, names: Sequence[str]) -> list[tuple[str, ...]]:
    """The sites that may share, a tuple a kind.

    Raises `ValueError` where no two could, and for values without a mean, such as quantised ones.
    """
    unknown = sorted(set(names) - set(graph.sites(model)))
    if unknown:
        raise ValueError(
            f"{model.name!r} has no sites {unknown}; it has {list(graph.sites(model))}"
        )
    kinds = sites_by_kind(model, names)
    layer_of = graph.layers_of(model)
    if not kinds:
        types = {s: type(layer).__name__ for s, layer in layer_of.items() if s in names}
        why = f"settings or shapes of weights of all of {types} differ" if types else "it has none"
        raise ValueError(f"no two sites of {model.name!r} can share a layer: {why}")
    check_mean({site: layer_of[site] for kind in kinds for site in kind})
    return kinds


def price_of(
    twin: keras.Model,
    sites: Sequence[str],
    method: str,
    x: Examples | None = None,
    y: Examples | None = None,
    loss: Loss | None = None,
    loss_weights: LossWeights = None,
) -> Price:
    """The price of a plan of an untied twin by one of `METHODS`."""
    if method not in METHODS:
        raise ValueError(f"method must be auto or one of {', '.join(METHODS)}; received {method!r}")
    if method == "weights":
        return costs.weights(twin)
    if x is None:
        raise ValueError(f"the method {method!r} needs inputs x; 'weights' does without")
    if method == "activations":
        return costs.Activations(twin, x, sites)
    if method == "cka":
        return costs.cka(twin, x, sites)
    if y is None or loss is None:
        raise ValueError(f"the method {method!r} needs targets y and a loss")
    if method == "fisher":
        return fisher(twin, x, y, loss, loss_weights)
    return MergedLoss(twin, x, y, loss, loss_weights)


def _merge(
    twin: keras.Model,
    names: tuple[str, ...],
    kinds: list[tuple[str, ...]],
    price: Price,
) -> list[Step]:
    """Greedy: from no tie to all, always the merge that costs least a parameter saved."""
    sizes = {site: layer.count_params() for site, layer in graph.layers_of(twin).items()}
    plan = SharingPlan.untied(names)
    steps = [Step(plan, (), price(plan), twin.count_params())]
    while True:
        options = [
            (a, b)
            for kind in kinds
            for a, b in combinations([s for s in kind if plan.owner(s) == s], 2)
        ]
        if not options:
            return steps
        now = steps[-1]
        prices = {pair: price(plan.tie(pair)) for pair in options}
        best = min(options, key=lambda pair: (prices[pair] - now.price) / sizes[pair[0]])
        plan = plan.tie(best)
        steps.append(Step(plan, best, prices[best], now.stored_parameters - sizes[best[0]]))
