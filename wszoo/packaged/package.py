"""A package on the index, and the file of weights in it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    import numpy as np


@dataclass(frozen=True)
class Package:
    """What a package is called, the file in it, and what `fill` does with the file's tensors.

    `card` is the card of the weights without what is only known when they are written.
    """

    distribution: str
    version: str
    file: str
    sha256: str
    extra: str
    fill: "Callable[[keras.Model, Mapping[str, np.ndarray]], None]"
    card: Mapping[str, Any]

    @property
    def command(self) -> str:
        """What installs it."""
        return f"pip install 'wszoo[{self.extra}]'"

    @property
    def installed(self) -> str | None:
        """The version that is installed, `None` without one."""
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return None

    def path(self) -> Path:
        """The file. Raises `ImportError` without the package, and `ValueError` for one of another
        version or whose file is not the one that was published."""
        name = f"{self.card['model']}.{self.card['tag']}"
        if self.installed is None:
            raise ImportError(
                f"the weights {name} are in the package {self.distribution}, which is not "
                f"installed: {self.command}"
            )
        if self.installed != self.version:
            raise ValueError(
                f"the weights {name} are read from {self.distribution} {self.version}; "
                f"{self.installed} is installed: {self.command}"
            )
        path = Path(str(metadata.distribution(self.distribution).locate_file(self.file)))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
        if sha256 != self.sha256:
            raise ValueError(
                f"{str(path)!r} is not the file that {self.distribution} {self.version} was "
                f"published with (corrupted, cut off or replaced): sha256 {sha256}, published was "
                f"{self.sha256}. Install it again: pip uninstall {self.distribution}, then "
                f"{self.command}"
            )
        return path
