"""Which layers to tie: the space of plans, and searches of it.

Read `partitions`, `units` and `space` (what can be tied), `schedule` (what is tried next),
`oracle` and `hypermodel` (KerasTuner's classes), `searching` and `front` (the whole and its
result). `lanes`, `engine`, `racing` and `pooling` train many plans of a network of matrix products
side by side and compare them.
"""

from wszoo._lazy import exports

__getattr__, __dir__ = exports(
    __name__,
    {
        "Front": "wszoo.tuner.front",
        "Job": "wszoo.tuner.engine",
        "Race": "wszoo.tuner.racing",
        "Round": "wszoo.tuner.racing",
        "Schedule": "wszoo.tuner.schedule",
        "SearchSpace": "wszoo.tuner.space",
        "SideBySide": "wszoo.tuner.engine",
        "TieHyperModel": "wszoo.tuner.hypermodel",
        "TieOracle": "wszoo.tuner.oracle",
        "TieTuner": "wszoo.tuner.oracle",
        "Training": "wszoo.tuner.lanes",
        "halving": "wszoo.tuner.racing",
        "race": "wszoo.tuner.racing",
        "race_through": "wszoo.tuner.racing",
        "search": "wszoo.tuner.searching",
        "side_by_side": "wszoo.tuner.racing",
    },
)
