"""Models that a function of KerasTuner's `hp` builds: names that agree, and the sites of a space.

Keras numbers layers without a name anew in every build (`dense_5`, `dense_6`, …), and
hyperparameters may change how many there are, and which are alike. So such layers are named by
their place in the graph, and the space is read from the build with the most sites.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import keras
import keras_tuner

from wszoo.fingerprints import is_numbered
from wszoo.sharing import graph
from wszoo.sharing.kinds import kind, kinds_of
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.specs import spec
from wszoo.tuner.space.space import SearchSpace

Build = Callable[[keras_tuner.HyperParameters], keras.Model]
MOST = 8  # values of one hyperparameter that are built to see what they change


def named_by_place(model: keras.Model) -> keras.Model:
    """The model, whose sites of layers without a name of their own are numbered in call order."""
    if getattr(model, "_wszoo_names", None) is not None:
        return model
    counts: Counter = Counter()
    calls: Counter = Counter()
    name_of: dict[int, str] = {}
    names = []
    for layer in (node.operation for node in graph.weighted_calls(model)):
        if id(layer) not in name_of:
            name_of[id(layer)] = layer.name
            if is_numbered(layer):
                word = type(layer).__name__.lower()
                name_of[id(layer)] = f"{word}_{counts[word]}" if counts[word] else word
                counts[word] += 1
        name = name_of[id(layer)]
        names.append(f"{name}.{calls[name]}" if calls[name] else name)
        calls[name] += 1
    graph.remember(model, names, names)
    return model


@dataclass
class Builds:
    """What a build function makes: the `largest` model, by number of sites, and others like it.

    One hyperparameter is moved to its ends, or through its values, after another, from the seed.
    """

    build: Build
    seed: int
    largest: keras.Model = field(init=False)
    others: list[keras.Model] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        values = keras_tuner.HyperParameters()
        self.largest = self.make(values)
        for parameter in _growing(values):
            for value in _ends(parameter):
                other = values.copy()
                other.values[parameter.name] = value
                try:
                    model = self.make(other)
                except Exception:
                    continue
                if len(graph.sites(model)) > len(graph.sites(self.largest)):
                    self.largest, self.others, values.values = model, [], dict(other.values)
                elif graph.sites(model) == graph.sites(self.largest):
                    self.others.append(model)
                values.merge(other.space, overwrite=False)

    def make(self, values: keras_tuner.HyperParameters) -> keras.Model:
        """The model that the user's function builds for these hyperparameters, from the seed."""
        keras.utils.set_random_seed(self.seed)
        return self.named(values)

    def named(self, values: keras_tuner.HyperParameters) -> keras.Model:
        """A build whose sites are named by place."""
        return named_by_place(self.build(values))

    def space(self) -> SearchSpace:
        """The space of the largest build; what is not alike in all of them may not share.

        Raises `ValueError` where no two sites can share in all of them.
        """
        space = SearchSpace.of(self.largest)
        for other in self.others:
            space = _refined(space, other)
        if all(len(members) < 2 for members in space.kinds):
            raise ValueError(
                f"no two of the sites {', '.join(space.sites)} can share a layer under all "
                "hyperparameters; give the space of those that are searched: space="
            )
        return space


def fitted_plan(
    space: SearchSpace, pattern: str, model: keras.Model, largest: keras.Model | None
) -> SharingPlan:
    """The plan of a pattern over the sites of a build, which may have fewer than the `largest`.

    The sites of a smaller build stand, in order, for the first ones of the largest that are layers
    of the same kind but for sizes. Raises `FailedTrialError` for a build that is no such part, and
    for sites that cannot share in this build.
    """
    plan = space.plan(pattern)
    sites = graph.sites(model)
    if largest is not None and len(sites) != len(graph.sites(largest)):
        plan = _over(plan, _stand_ins(model, largest))
    for site in plan.sites:
        SharingPlan.untied(sites).owner(site)  # raises for one that the build lacks
    layer_of = graph.layers_of(model)
    for owner, group in plan.groups.items():
        for site in group:
            if kind(layer_of[site]) != kind(layer_of[owner]):
                raise keras_tuner.errors.FailedTrialError(
                    f"{owner} and {site} cannot share under these hyperparameters"
                )
    return plan


def _over(plan: SharingPlan, stand_ins: dict[str, str]) -> SharingPlan:
    """The plan over sites of a smaller build that stand for some of its own."""
    first: dict[str, str] = {}
    pairs = [(mine, first.setdefault(plan.owner(theirs), mine))
             for mine, theirs in stand_ins.items() if theirs in plan.sites]  # fmt: skip
    return SharingPlan(tuple(pairs))


def _stand_ins(model: keras.Model, largest: keras.Model) -> dict[str, str]:
    """Site of the smaller model → the site of the largest that it stands for, both in order."""
    theirs = iter(graph.layers_of(largest).items())
    stands_for = {}
    for site, layer in graph.layers_of(model).items():
        like = next((name for name, other in theirs if sort(other) == sort(layer)), None)
        if like is None:
            raise keras_tuner.errors.FailedTrialError(
                f"the build with the sites {', '.join(graph.sites(model))} is no part of the "
                f"largest, with {', '.join(graph.sites(largest))}"
            )
        stands_for[site] = like
    return stands_for


def sort(layer: keras.Layer) -> str:
    """What a layer is but for its sizes."""

    def without_numbers(value: object) -> object:
        if isinstance(value, dict):
            return {key: without_numbers(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [without_numbers(item) for item in value]
        return value if isinstance(value, str | bool) else None

    return str(without_numbers(spec(layer, initial=False)))


def _refined(space: SearchSpace, model: keras.Model) -> SearchSpace:
    """The space, in which only units share that are alike in this model too."""
    layer_of = graph.layers_of(model)
    kinds = [
        tuple(members[place] for place in alike)
        for members in space.kinds
        for alike in kinds_of(layer_of, [space.units[unit] for unit in members])
    ]
    return replace(space, kinds=tuple(kinds))


def _growing(
    values: keras_tuner.HyperParameters,
) -> Iterator["keras_tuner.engine.hyperparameters.HyperParameter"]:
    """Hyperparameters one after another; builds ask for further ones meanwhile."""
    done: set[str] = set()
    while new := [parameter for parameter in values.space if parameter.name not in done]:
        done.add(new[0].name)
        yield new[0]


def _ends(parameter: "keras_tuner.engine.hyperparameters.HyperParameter") -> list[object]:
    if type(parameter).__name__ == "Int":
        return [parameter.max_value, parameter.min_value]
    if type(parameter).__name__ in ("Choice", "Boolean"):
        values = list(parameter.values)
        return values if len(values) <= MOST else [values[0], values[-1]]
    return []  # a number that is not whole changes no sites
