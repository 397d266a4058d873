"""Models trained under equal conditions, and what the differences between them are worth.

Read `arms` (what is compared), `conditions`, `trials` (one training), `study` (all of them,
resumable) and `summary` (figures and verdicts), then `tables` (how they are shown).
"""

from wszoo.comparison.arms import Arm, registered
from wszoo.comparison.conditions import Conditions
from wszoo.comparison.study import Study
from wszoo.comparison.summary import Difference, paired, summarise
from wszoo.comparison.trials import Trainer

__all__ = [
    "Arm",
    "Conditions",
    "Difference",
    "Study",
    "Trainer",
    "paired",
    "registered",
    "summarise",
]
