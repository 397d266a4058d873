"""Valid calls of what says which layers to tie."""

import random
from typing import Any

import numpy as np

from benchmarks.faults.calls.world import Calls, World

NAMES = ("a", "b", "c")

CALLS: Calls = {
    "suggest": lambda w: {"model": w.model, "x": w.x, "y": w.y, "method": "weights",
                          "sites": list("abcd"), "loss": None, "samples": 8},
    "tuner.Effort": lambda w: {"epochs": 2, "short": 1, "plans": 4, "finalists": 1, "seeds": 1},
    "tuner.Front.best_under": lambda w: {"max_parameters": 20},
    "tuner.Front.hypervolume": lambda w: {"reference": (100.0, 0.0)},
    "tuner.Front.picture": lambda w: {"path": w.folder / "p.png"},
    "tuner.Front.smallest_within": lambda w: {"points": 0.5},
    "tuner.Job": lambda w: {"plan": w.plan, "train": np.arange(3), "held": np.arange(3),
                            "seed": 0},
    "tuner.Race.equal_to_best": lambda w: {"width": 1.0},
    "tuner.Round": lambda w: {"repeats": 1, "keep": 1, "join": 0},
    "tuner.Schedule": lambda w: {"space": w.space, "epochs": 2, "short": 1, "plans": 4,
                                 "finalists": 1, "seeds": 1, "seed": 0},
    "tuner.Schedule.fronted": lambda w: {"scores": {}},
    "tuner.Schedule.generation": lambda w: {"scores": {}, "others": lambda rng: {}},
    "tuner.SearchSpace": lambda w: {"units": (("a",), ("b",)), "kinds": ((0, 1),),
                                    "sizes": (1, 1), "rest": 0, "item_bytes": 4.0,
                                    "limit": 2},
    "tuner.SearchSpace.draw": lambda w: {"rng": random.Random(0)},
    "tuner.SearchSpace.labels": lambda w: {"plan": w.plan},
    "tuner.SearchSpace.mutate": lambda w: {"plan": w.plan, "rng": random.Random(0)},
    "tuner.SearchSpace.of": lambda w: {"model": w.model, "sites": list("abcd"),
                                       "by_depth": False, "max_parameters": 0.9,
                                       "max_bytes": None},
    "tuner.SearchSpace.pattern": lambda w: {"plan": w.plan},
    "tuner.SearchSpace.plain": lambda w: {"sites": NAMES, "size": 1, "rest": 0},
    "tuner.SearchSpace.plan": lambda w: {"pattern": "AAB"},
    "tuner.SearchSpace.stored_bytes": lambda w: {"plan": w.plan},
    "tuner.SearchSpace.stored_parameters": lambda w: {"plan": w.plan},
    "tuner.SearchSpace.within": lambda w: {"max_parameters": 0.9, "max_bytes": None},
    "tuner.SideBySide": lambda w: {"model": w.dense, "space": w.side.space,
                                   "training": w.side.training, "lanes": 2},
    "tuner.SideBySide.run": lambda w: {
        "jobs": [_job(w)], "x": np.eye(4, dtype="float32"), "y": np.eye(4, dtype="float32"),
        "test": None, "report": lambda done: None},
    "tuner.TieHyperModel": lambda w: {"build": lambda hp: w.model, "space": w.space,
                                      "parent": None, "epochs": 1, "largest": None},
    "tuner.TieOracle": lambda w: {"schedule": w.schedule, "objective": "val_loss",
                                  "patience": 1.0},
    "tuner.Training": lambda w: {"loss": "mse", "learning_rate": 0.1, "steps": 4,
                                 "batch_size": 2, "points": 2},
    "tuner.compressing.recovery.Recovery": lambda w: {
        "epochs": 1, "learning_rate": 1e-3, "batch_size": 4,
                                          "share": 0.3, "temperature": 2.0},
    "tuner.compress": lambda w: {
        "model": w.model, "train": w.train, "max_parameters": None, "fraction": 0.9,
        "method": "weights", "sites": list("abcd"), "relax": 0, "recovery": _recovery(),
        "seed": 0, "verbose": 0},
    "tuner.compressing.recovery.recover": lambda w: {
        "student": w.tied, "teacher": w.model, "train": w.train, "recovery": _recovery(),
        "seed": 0, "verbose": 0},
    "tuner.halving": lambda w: {"plans": 8, "first": 1, "finalists": 2},
    "tuner.compressing.narrow.narrower": lambda w: {"model": w.model, "max_parameters": 60},
    "tuner.race": lambda w: {"plans": list(w.space), "measure": w.measure,
                             "rounds": [_round()], "pool": (), "cost": lambda plan: 0.0,
                             "report": lambda race: None},
    "tuner.race_through": lambda w: {"space": w.space, "measure": w.measure, "first": 1,
                                     "cost": lambda plan: 0.0, "report": lambda race: None,
                                     "seed": 0},
    "tuner.search": lambda w: {
        "model": w.model, "train": w.train, "held": w.train, "folder": w.folder / "search",
        "space": None, "objective": "val_accuracy", "better": "max", "epochs": 1, "short": 1,
        "plans": 2, "finalists": 1, "seeds": 1, "seed": 0, "batch_size": 4, "parent": None,
        "callbacks": (), "patience": 1.0, "report": lambda oracle: None, "verbose": 0},
    "tuner.side_by_side": lambda w: {"engine": w.side, "x": np.zeros((10, 4), "float32"),
                                     "y": np.zeros((10, 4), "float32"), "seed": 0},
}  # fmt: skip


def _job(w: World) -> Any:
    from wszoo.tuner import Job

    return Job(w.side.space.untied, np.arange(2), np.arange(2), 0)


def _round() -> Any:
    from wszoo.tuner import Round

    return Round(1, 2)


def _recovery() -> Any:
    from wszoo.tuner.compressing.recovery import Recovery

    return Recovery(epochs=1)


def race_of(w: World) -> Any:
    from wszoo.tuner import race

    return race(list(w.space), w.measure, [_round()])
