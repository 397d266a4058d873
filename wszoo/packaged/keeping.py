"""Converts the weights of a package once, and keeps them in the user's cache.

`<cache>/weights/<name>.<tag>/` is a folder as in `saved_models/`. It appears whole; of several
processes that want it one converts while the others wait. A folder that another version of wszoo
wrote, or that is damaged, is made anew.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wszoo import cards, user_cache
from wszoo import weights as weight_files
from wszoo.locks import locked
from wszoo.packaged.package import Package


def package_of(name: str, tag: str) -> Package | None:
    """The package that holds the weights of that name and tag, if one does."""
    return _packages().get(f"{name}.{tag}")


def tags(name: str) -> list[str]:
    """The tags of a model whose weights can be had without installing anything."""
    return [tag for tag, package in _of_model(name).items() if _available(package)]


def installable(name: str) -> dict[str, str]:
    """The other tags of a model, each with the command that installs its package."""
    found = _of_model(name).items()
    return {tag: package.command for tag, package in found if not _available(package)}


def card(package: Package) -> dict[str, Any]:
    """The card of the weights; nothing is converted for it."""
    return _kept(package) or _described(package)


def folder(package: Package) -> Path:
    """The folder of the converted weights, which it makes if they are not there.

    Raises `ImportError` and `ValueError` as `Package.path` does, and `OSError` for a cache that
    cannot be written to.
    """
    place = _folder(package)
    if not _whole(package):
        try:
            with locked(place.with_name(f"{place.name}.lock")):
                if not _whole(package):
                    _convert(package, place)
        except OSError as error:
            raise OSError(
                error.errno,
                f"{error.strerror}: the weights {place.name} cannot be kept; set "
                f"{user_cache.VARIABLE} to a folder that can be written to",
                str(place),
            ) from error
    return place


def _packages() -> Mapping[str, Package]:
    from wszoo.packaged.efficientnet_lite0 import IMAGENET

    return {f"{IMAGENET.card['model']}.{IMAGENET.card['tag']}": IMAGENET}


def _of_model(name: str) -> dict[str, Package]:
    """Tag → package."""
    found = _packages().values()
    return {package.card["tag"]: package for package in found if package.card["model"] == name}


def _available(package: Package) -> bool:
    return package.installed == package.version or _kept(package) is not None


def _folder(package: Package) -> Path:
    return user_cache.folder() / "weights" / f"{package.card['model']}.{package.card['tag']}"


def _described(package: Package) -> dict[str, Any]:
    """The card as far as it is known before the weights are written."""
    from wszoo import registry

    config, entry = package.card["config"], registry.entry(package.card["model"])
    plan = entry.plan("untied", **config).to_dict()
    return cards.plain({**package.card, "plan": plan, "package_sha256": package.sha256})


def _kept(package: Package) -> dict[str, Any] | None:
    """The card of the folder in the cache, `None` where it is not the one that would be written."""
    try:
        found = weight_files.read(_folder(package)).card
    except (OSError, ValueError):
        return None
    described = _described(package)
    return found if described == {key: found.get(key) for key in described} else None


def _whole(package: Package) -> bool:
    found = _kept(package)
    path = _folder(package) / weight_files.FILE
    return (
        found is not None and path.is_file() and weight_files.file_sha256(path) == found["sha256"]
    )


def _convert(package: Package, place: Path) -> None:
    from wszoo import registry
    from wszoo.packaged import torch_stream

    tensors = torch_stream.read(package.path())
    described = _described(package)
    model = registry.get(described["model"], sharing="untied", **described["config"])
    package.fill(model, tensors)
    weight_files.write(place, model, described)
    print(
        f"{place.name}: read from {package.distribution} {package.version}, kept in {place}",
        file=sys.stderr,
    )
