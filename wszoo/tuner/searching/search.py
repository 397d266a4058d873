"""search: which layers of a model to tie, with KerasTuner's tuner around the space of plans.

Environment variables of KerasTuner (`KERASTUNER_TUNER_ID`, `KERASTUNER_ORACLE_IP`,
`KERASTUNER_ORACLE_PORT`) turn the same call into the chief or a worker of a search over machines;
all share `folder`.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Literal, TypeAlias, Unpack

import keras
import keras_tuner

from wszoo.arguments import called, checked, each, either, model, one_word, some
from wszoo.claims import claim, claimed
from wszoo.sharing.surgery.retie import retie
from wszoo.tuner.searching.builds import Build, Builds
from wszoo.tuner.searching.front import Front
from wszoo.tuner.searching.hypermodel import (
    OneGraph,
    TieHyperModel,
    can_share_a_graph,
    check_weights,
)
from wszoo.tuner.searching.oracle import TieOracle
from wszoo.tuner.searching.parents import Pair, Parents
from wszoo.tuner.searching.schedule import Effort, EffortOptions, Schedule
from wszoo.tuner.searching.trials import front_of
from wszoo.tuner.searching.tuner import TieTuner
from wszoo.tuner.space.space import SearchSpace

PROJECT = "trials"
Start: TypeAlias = "keras.Model | Parents | None"  # what trials start from


@checked(
    model=either(model, called),
    better=one_word("max", "min"),
    parent=either(one_word("train"), model),
    callbacks=each(some(keras.callbacks.Callback, "a Keras callback"), least=0),
)
def search(
    model: keras.Model | Build,
    train: Pair,
    held: Pair,
    folder: str | os.PathLike,
    *,
    space: SearchSpace | None = None,
    objective: str = "val_accuracy",
    better: Literal["max", "min"] | None = None,
    effort: Effort | None = None,
    seed: int = 0,
    batch_size: int = 32,
    parent: keras.Model | Literal["train"] | None = "train",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    patience: float = 60.0,
    report: Callable[[TieOracle], None] = lambda oracle: None,
    verbose: int = 0,
    **options: Unpack[EffortOptions],
) -> Front:
    """Searches the plans of a model and returns what they are worth, as a `Front`.

    `model` is a compiled functional model, or a function of KerasTuner's `hp` that makes one and
    may ask for hyperparameters of its own. `train` and `held` are `(x, y)`; `objective` is a
    metric as `fit` logs it, and `better` its direction where KerasTuner cannot tell. The untied
    model is first trained for all epochs (`parent="train"`; a trained model may be given), and
    trials start from it; `None` starts each from the model's own weights. Where that is the same
    (see `can_share_a_graph`), plans of a given model train on one graph, which is traced once.
    Every training is that of the model's class, by its `train_step` if it has one of its own.

    `effort` is given whole or as plain keywords, `epochs=5, plans=40`; its `epochs`, `short`,
    `plans`, `finalists` and `seeds`: see `Schedule`. `patience`: see `TieOracle`. A trial's score
    is that of its best epoch, as KerasTuner takes it, and the weights that are kept are that
    epoch's.

    All that is done lies in `folder`: the same call goes on where it was stopped or killed. After
    Ctrl-C the front of what is done is returned, with `complete=False`.
    Raises `ValueError` for data that do not fit the model, an unknown metric, a space without
    choice, `effort` beside plain keywords of its own, a folder of another search, and one in which
    a search is under way.
    """
    effort = _effort(effort, options)
    given = isinstance(model, keras.Model)
    builds = None if given else Builds(model, seed)
    first: keras.Model = model if builds is None else builds.largest
    space = space or (SearchSpace.of(first) if builds is None else builds.space())
    _check_data(first, train, held)
    _check_metric(first, held, objective)
    schedule = Schedule(space, **asdict(effort), seed=seed)
    goal = objective if better is None else keras_tuner.Objective(objective, better)
    shared = given and can_share_a_graph(first, space)
    if given and isinstance(parent, keras.Model):
        check_weights(retie(first, space.untied), parent)
    decides = _settings(schedule) | {"objective": objective, "better": better}
    decides |= {"batch_size": batch_size, "callbacks": list(callbacks), "one_graph": shared}
    decides |= {"model": first, "build": None if given else model, "parent": parent}
    folder = Path(folder)
    with _taken(folder, decides | {"train": train, "held": held}):
        start: Start = parent
        if parent == "train":
            compiled = first.get_compile_config()
            start = Parents(compiled, train, folder, effort.epochs, batch_size, seed)
        hypermodel = _hypermodel(first, builds, schedule, start, shared=shared)
        oracle = TieOracle(schedule, goal, patience=patience)
        oracle.verbose = verbose
        tuner = TieTuner(
            oracle, hypermodel, directory=str(folder), project_name=PROJECT, report=report
        )
        fit = {"validation_data": held, "batch_size": batch_size, "callbacks": list(callbacks)}
        complete = True
        try:
            tuner.search(*train, **fit, verbose=verbose)
        except KeyboardInterrupt:
            complete = False
        if _is_worker():
            oracle.reload()  # what all workers did lies in the folder
        return front_of(oracle, hypermodel, tuner, complete=complete)


def _effort(effort: Effort | None, options: EffortOptions) -> Effort:
    if effort is not None and options:
        raise ValueError(
            f"give effort= or {'=, '.join(options)}=, not both: write "
            f"effort=Effort({'=…, '.join(options)}=…)"
        )
    return effort or Effort(**options)


def _hypermodel(
    first: keras.Model, builds: Builds | None, schedule: Schedule, parent: Start, *, shared: bool
) -> TieHyperModel:
    """What builds and fits the trials of one model, or of those that a function builds."""
    space, epochs = schedule.space, schedule.epochs
    if shared:
        return OneGraph(first, space, parent=parent, epochs=epochs)
    if builds is None:
        return TieHyperModel(lambda hp: first, space, parent=parent, epochs=epochs)
    return TieHyperModel(builds.named, space, parent=parent, epochs=epochs, largest=first)


def _taken(folder: Path, decides: dict[str, object]) -> AbstractContextManager[None]:
    """A chief, or a search in one process, keeps others out of the folder; workers share it."""
    if not _is_worker():
        return claimed(folder, decides, "a search")
    claim(folder, decides)
    return nullcontext()


def _is_worker() -> bool:
    """Whether KerasTuner's variables make this process a worker of a chief."""
    name = os.environ.get("KERASTUNER_TUNER_ID", "")
    return "KERASTUNER_ORACLE_IP" in os.environ and "chief" not in name


def _settings(schedule: Schedule) -> dict[str, object]:
    """Which plans are tried, and how long."""
    space = {"units": schedule.space.units, "kinds": schedule.space.kinds,
             "limit": schedule.space.limit}  # fmt: skip
    names = ("epochs", "short", "plans", "finalists", "seeds", "seed")
    return {name: getattr(schedule, name) for name in names} | {"space": space}


def _check_data(model: keras.Model, train: Pair, held: Pair) -> None:
    for name, (x, y) in (("train", train), ("held", held)):
        wanted = tuple(model.inputs[0].shape[1:])
        if tuple(x.shape[1:]) != wanted:
            raise ValueError(
                f"the {name} examples have shape {tuple(x.shape[1:])}; {model.name!r} takes "
                f"{wanted}"
            )
        if len(x) != len(y) or not len(x):
            raise ValueError(f"{name} has {len(x)} examples and {len(y)} targets")


def _check_metric(model: keras.Model, held: Pair, objective: str) -> None:
    if not getattr(model, "compiled", False):
        raise ValueError(f"{model.name!r} is not compiled; a search needs its loss and optimizer")
    names = ["val_" + name for name in model.evaluate(held[0][:1], held[1][:1], verbose=0,
                                                      return_dict=True)]  # fmt: skip
    if objective not in names:
        raise ValueError(f"no metric {objective!r} is logged; the model's are {', '.join(names)}")
