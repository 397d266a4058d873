"""A valid call of every public function and class of wszoo, from objects that are made once.

`VALID` gives arguments by public name, `OWNERS` the objects whose methods are called. `*name` holds
arguments of `*args`.
"""

from benchmarks.faults.calls.valid import (
    comparison,
    data,
    exporting,
    layers,
    models,
    transferring,
    tuner,
)
from benchmarks.faults.calls.world import Calls

PARTS = (models, layers, data, comparison, transferring, tuner, exporting)
VALID: Calls = {name: call for part in PARTS for name, call in part.CALLS.items()}
OWNERS = {
    "SharingPlan": lambda w: w.plan,
    "Bank": lambda w: __import__("wszoo").Bank(w.plan),
    "layers.Adapted": lambda w: w.adapted,
    "layers.LowRankPart": lambda w: w.low_rank,
    "data.Source": lambda w: w.source,
    "comparison.Conditions": lambda w: w.conditions,
    "comparison.Difference": lambda w: w.rows[1]["differences"]["test"],
    "comparison.Study": lambda w: w.study,
    "comparison.Trainer": lambda w: w.fair,
    "transferring.FreezePlan": lambda w: w.freeze_plan,
    "transferring.rivals.Rivals": lambda w: w.rivals,
    "transferring.training.repeated.Trainer": lambda w: w.trainer,
    "tuner.Front": lambda w: w.front,
    "tuner.Race": tuner.race_of,
    "tuner.Schedule": lambda w: w.schedule,
    "tuner.SearchSpace": lambda w: w.space,
    "tuner.SideBySide": lambda w: w.side,
}
