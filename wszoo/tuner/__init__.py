"""Which layers to tie: the space of plans, what plans would cost, and searches of them.

Rooms: `space` (what can be tied), `pricing` (what it would cost, untrained), `searching` (with
KerasTuner), `racing` (many plans of a network of matrix products, trained side by side) and
`compressing` (a trained model made smaller by tying).
"""

from typing import TYPE_CHECKING

from wszoo._lazy import exports

if TYPE_CHECKING:
    from wszoo.tuner.compressing.compress import compress
    from wszoo.tuner.pricing.suggest import suggest
    from wszoo.tuner.racing.lanes import Training
    from wszoo.tuner.racing.race import Race, Round, halving, race, race_through, side_by_side
    from wszoo.tuner.racing.side_by_side import Job, SideBySide
    from wszoo.tuner.searching.front import Front
    from wszoo.tuner.searching.hypermodel import TieHyperModel
    from wszoo.tuner.searching.oracle import TieOracle
    from wszoo.tuner.searching.schedule import Effort, Schedule
    from wszoo.tuner.searching.search import search
    from wszoo.tuner.searching.tuner import TieTuner
    from wszoo.tuner.space.space import SearchSpace

__all__ = [
    "Effort",
    "Front",
    "Job",
    "Race",
    "Round",
    "Schedule",
    "SearchSpace",
    "SideBySide",
    "TieHyperModel",
    "TieOracle",
    "TieTuner",
    "Training",
    "compress",
    "halving",
    "race",
    "race_through",
    "search",
    "side_by_side",
    "suggest",
]

__getattr__, __dir__ = exports(
    __name__,
    {
        "Effort": "wszoo.tuner.searching.schedule",
        "Front": "wszoo.tuner.searching.front",
        "Job": "wszoo.tuner.racing.side_by_side",
        "Race": "wszoo.tuner.racing.race",
        "Round": "wszoo.tuner.racing.race",
        "Schedule": "wszoo.tuner.searching.schedule",
        "SearchSpace": "wszoo.tuner.space.space",
        "SideBySide": "wszoo.tuner.racing.side_by_side",
        "TieHyperModel": "wszoo.tuner.searching.hypermodel",
        "TieOracle": "wszoo.tuner.searching.oracle",
        "TieTuner": "wszoo.tuner.searching.tuner",
        "Training": "wszoo.tuner.racing.lanes",
        "compress": "wszoo.tuner.compressing.compress",
        "halving": "wszoo.tuner.racing.race",
        "race": "wszoo.tuner.racing.race",
        "race_through": "wszoo.tuner.racing.race",
        "search": "wszoo.tuner.searching.search",
        "side_by_side": "wszoo.tuner.racing.race",
        "suggest": "wszoo.tuner.pricing.suggest",
    },
)
