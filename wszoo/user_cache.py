"""The folder in which wszoo keeps for one user what it can make again."""

import os
from pathlib import Path

VARIABLE = "WSZOO_CACHE_DIR"


def folder() -> Path:
    """`WSZOO_CACHE_DIR`, else `wszoo` in `XDG_CACHE_HOME` or `~/.cache`; it may not exist yet."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "wszoo"
