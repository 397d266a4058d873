"""Relaxed and soft tying: sites that share a kernel in part, and sites on the way to sharing it.

`relax` and `merge_relaxed` stand in `wszoo` itself.
"""

from typing import TYPE_CHECKING

from wszoo._lazy import exports

if TYPE_CHECKING:
    from wszoo.relaxed.merging import merge_relaxed
    from wszoo.relaxed.relaxing import relax
    from wszoo.relaxed.soft import SoftTying, spread

__all__ = [
    "SoftTying",
    "merge_relaxed",
    "relax",
    "spread",
]

__getattr__, __dir__ = exports(
    __name__,
    {
        "SoftTying": "wszoo.relaxed.soft",
        "merge_relaxed": "wszoo.relaxed.merging",
        "relax": "wszoo.relaxed.relaxing",
        "spread": "wszoo.relaxed.soft",
    },
)
