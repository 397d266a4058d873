"""A pretrained backbone under a new head: frozen, fine-tuned, and what to compare them with.

The package may be called: `wszoo.transfer(backbone, task, data)` is `wszoo.transferring.run.transfer`.
"""

import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    """`wszoo.transfer` is the name of this package and of what most people want from it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from wszoo.transferring.run import transfer

        return transfer(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
