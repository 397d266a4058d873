"""The files of a folder by split and class: a sub-folder a class."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wszoo.data import labels
from wszoo.data.splits import SPLITS, Pair

# Words for splits besides `SPLITS`; a folder of one is no class.
OTHER_SPLITS = ("training", "testing", "val", "valid", "dev", "evaluation")


class Folder(NamedTuple):
    """Class names, (paths, labels) of each split, and sentences on what else there is."""

    names: tuple[str, ...]
    splits: dict[str, Pair]
    notes: list[str]


def find_files(folder: Path, suffixes: frozenset[str], kind: str) -> Folder:
    """The files of such suffixes, in small or capital letters, of each split that the folder has;
    "train" for one alone. `kind` names them in errors.

    Raises ValueError without classes, without such a file in a class of train, on a new class in
    another split, and for folders of splits under other names or within classes.
    """
    roots = _split_roots(folder)
    names = tuple(sorted(_classes(roots["train"])))
    splits = {split: _labelled(root, names, suffixes) for split, root in roots.items()}
    counts = np.bincount(splits["train"][1], minlength=len(names))
    if not names or not counts.all():
        empty = [name for name, count in zip(names, counts, strict=True) if not count]
        raise ValueError(
            f"{roots['train']}: expected a sub-folder a class with {kind} in each, "
            f"{f'no {kind} in {empty[:5]}' if names else 'found no sub-folders'}; "
            f"valid are {' '.join(sorted(suffixes))}"
        )
    if len(names) == 1 and (inner := sorted(_classes(roots["train"] / names[0]))):
        raise ValueError(
            f"{roots['train']} has one class only, {names[0]!r}, with the folders {inner[:5]}; if "
            f"these are the classes, load {roots['train'] / names[0]}"
        )
    left_out = _left_out(folder, roots, splits, suffixes)
    within = _within(roots["train"], names, splits["train"][0])
    return Folder(names, splits, [*left_out, *within])


def _split_roots(folder: Path) -> dict[str, Path]:
    """The folder of each split, that of train alone where there are no splits."""
    tops = [path.name for path in _folders(folder)]
    if "train" in tops:
        given = [split for split in SPLITS if split in tops]
        if others := sorted(set(tops) - set(given)):
            raise ValueError(f"{folder} has {given} and also {others}; splits are named {SPLITS}")
        return {split: folder / split for split in given}
    if len(_like_splits(tops)) > 1 or _like_splits(tops) == tops != []:
        raise ValueError(f"{folder} has {tops}; splits are named {SPLITS}, and train is needed")
    return {"train": folder}


def _like_splits(names: list[str]) -> list[str]:
    return [name for name in names if name.lower() in (*SPLITS, *OTHER_SPLITS)]


def _classes(root: Path) -> dict[str, list[Path]]:
    """Class name → its folders: more than one where names differ in white space alone."""
    folders: dict[str, list[Path]] = {}
    for path in _folders(root):
        folders.setdefault(labels.clean(path.name), []).append(path)
    return folders


def _labelled(root: Path, names: tuple[str, ...], suffixes: frozenset[str]) -> Pair:
    classes = _classes(root)
    if new := sorted(set(classes) - set(names)):
        raise ValueError(f"{root}: train has no class {new[:5]}, only {list(names[:10])}")
    pairs = [
        (path, label)
        for label, name in enumerate(names)
        for path in sorted(path for top in classes.get(name, []) for path in _files(top))
        if path.suffix.lower() in suffixes and not _hidden(path, root)
    ]
    paths = np.array([path for path, _ in pairs], dtype=object)
    return paths, np.array([label for _, label in pairs], np.int32)


def _files(top: Path) -> list[Path]:
    """All files in a folder and those within it. Raises `ValueError` for splits within a class."""
    paths = []
    for place, inner, names in os.walk(top):
        if len(split := _like_splits(inner)) > 1:
            raise ValueError(
                f"{place} has the folders {sorted(split)}; splits lie above the classes: "
                "train/class/file"
            )
        links = [name for name in inner if (Path(place) / name).is_symlink()]  # not followed
        paths += [Path(place) / name for name in (*names, *links)]
    return paths


def _left_out(
    folder: Path, roots: dict[str, Path], splits: dict[str, Pair], suffixes: frozenset[str]
) -> list[str]:
    """A sentence that counts all files of a folder that are in no split, by their suffix."""
    used = {path for paths, _ in splits.values() for path in paths}
    places = {folder, *roots.values()}
    beside = {path for place in places for path in place.iterdir() if path.is_file()}
    within = {path for root in roots.values() for top in _folders(root) for path in _files(top)}
    if not (left := sorted((beside | within) - used)):
        return []
    counts = Counter(_sort_of(path, folder, suffixes) for path in left)
    shown = ", ".join(f"{count} {sort}" for sort, count in sorted(counts.items()))
    return [f"left out {len(left)} files: {shown}; the first is {left[0]}"]


def _sort_of(path: Path, folder: Path, suffixes: frozenset[str]) -> str:
    suffix = path.suffix.lower()
    if _hidden(path, folder):
        return "hidden"
    if path.is_dir():
        return "linked folders"
    return f"{suffix} in no class" if suffix in suffixes else suffix or "without suffix"


def _within(root: Path, names: tuple[str, ...], paths: np.ndarray) -> list[str]:
    """A sentence where no file of some class lies in its own folder: are the inner ones classes?"""
    parts = [path.relative_to(root).parts for path in paths]
    direct = {labels.clean(place[0]) for place in parts if len(place) == 2}
    if not (deep := [name for name in names if name not in direct]):
        return []
    inner = sorted({place[1] for place in parts if len(place) > 2})
    return [
        f"the files of {deep[:5]} all lie in folders within these, such as {inner[:5]}; the outer "
        "folders are the classes"
    ]


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _folders(parent: Path) -> list[Path]:
    return sorted(p for p in parent.iterdir() if p.is_dir() and not p.name.startswith("."))
