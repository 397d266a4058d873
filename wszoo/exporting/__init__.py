"""Models as files for other programs, in which every shared weight is stored once.

The package may be called: `wszoo.export(model, folder)` is `wszoo.exporting.api.export`.
"""

import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    """`wszoo.export` is the name of this package and of what most people want from it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from wszoo.exporting.api import export

        return export(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
