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
        "Front": "wszoo.tuner.searching.front",
        "Job": "wszoo.tuner.racing.side_by_side",
        "Race": "wszoo.tuner.racing.race",
        "Round": "wszoo.tuner.racing.race",
        "Schedule": "wszoo.tuner.searching.schedule",
        "SearchSpace": "wszoo.tuner.space.space",
        "SideBySide": "wszoo.tuner.racing.side_by_side",
        "TieHyperModel": "wszoo.tuner.searching.hypermodel",
        "TieOracle": "wszoo.tuner.searching.oracle",
        "TieTuner": "wszoo.tuner.searching.oracle",
        "Training": "wszoo.tuner.racing.lanes",
        "halving": "wszoo.tuner.racing.race",
        "race": "wszoo.tuner.racing.race",
        "race_through": "wszoo.tuner.racing.race",
        "search": "wszoo.tuner.searching.search",
        "side_by_side": "wszoo.tuner.racing.race",
    },
)
