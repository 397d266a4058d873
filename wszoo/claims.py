"""The claim of a run that can be resumed: everything that decides what it gives.

Settings, data, starting weights, how the model is compiled, code, and the versions of what computes
lie in the run's folder, in `settings.json`. A run that finds another claim there is refused before
anything is written, and is told what differs.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from wszoo import checksums
from wszoo._version import __version__
from wszoo.arguments import checked, mapping
from wszoo.files import PREFIX, sweep, write_json
from wszoo.fingerprints import plain
from wszoo.locks import LOCK, only_one

FILE = "settings.json"
SHOWN = 80  # characters of a value that an error shows
begun: list[Path] = []  # folders in which this process took up a run: where it can go on


@contextmanager
def claimed(folder: Path, decides: Mapping[str, object], doing: str) -> Iterator[None]:
    """A run folder of this claim that no other process or thread works in meanwhile: see `claim`.

    `doing` says what is done there: "a search". Raises `ValueError` as `claim` does, and at once
    where another is at work in the folder; one that died is not.
    """
    mine = _written(decides)
    with only_one(folder, doing):
        sweep(Path(folder))
        _claim(Path(folder), mine)
        begun.append(Path(folder))
        yield


@checked(decides=mapping)
def claim(folder: Path, decides: Mapping[str, object]) -> None:
    """Makes a run folder, or takes up the one that the same things decide.

    Call it when the run can no longer be refused for another reason. `decides` has all that the
    results depend on, by a name for the reader: numbers, arrays, models, functions, … as
    `wszoo.fingerprints.plain` takes them; give values themselves rather than their names. A folder
    that holds nothing but a claim is taken over: that run has no results.

    Raises `ValueError` where results of another claim lie in the folder, naming what differs, where
    its claim cannot be read, and for what cannot be written down.
    """
    _claim(Path(folder), _written(decides))
    begun.append(Path(folder))


def _written(decides: Mapping[str, object]) -> dict[str, object]:
    """A claim as its file has it."""
    mine = _versions() | {name: _told(name, value) for name, value in decides.items()}
    claim: dict[str, object] = json.loads(json.dumps(mine))
    return claim


def _claim(folder: Path, mine: dict[str, object]) -> None:
    path = folder / FILE
    if path.is_file() and _has_results(folder):
        if theirs := _differing(_read(path), mine):
            was, now = (", ".join(f"{k}={_short(pair[i])}" for k, pair in theirs.items())
                        for i in (0, 1))  # fmt: skip
            raise ValueError(
                f"{str(folder)!r} holds a run that was begun with {was}, not {now}; go on with the "
                "same, name another folder, or remove this one"
            )
        return
    write_json(path, mine)


def _has_results(folder: Path) -> bool:
    """Whether anything lies there but a claim, a lock and what writers have not finished."""
    return any(
        other.name not in (FILE, LOCK) and not other.name.startswith(PREFIX)
        for other in folder.iterdir()
    )


def _told(name: str, value: object) -> object:
    try:
        return plain(value)
    except ValueError as error:
        raise ValueError(f"a run that can be resumed writes down its {name}: {error}") from error


def _versions() -> dict[str, object]:
    """What computes: other versions, backends and float types give other numbers."""
    import keras

    computes = [keras.__version__, keras.backend.backend(), keras.config.floatx()]
    policy, epsilon = keras.config.dtype_policy().name, keras.config.epsilon()
    return {"wszoo": __version__, "keras": " ".join(computes), "policy": policy, "epsilon": epsilon}


def _read(path: Path) -> dict[str, object]:
    try:
        return checksums.json_object(path)
    except ValueError as error:
        raise ValueError(
            f"{str(path)!r} cannot be read ({error}), so nobody knows which run it is of; remove "
            "its folder to start anew"
        ) from error


def _differing(theirs: object, mine: object) -> dict[str, tuple[object, object]]:
    """Name → the two values, of all in which two claims differ."""
    pairs = dict(_unequal(theirs, mine, ""))
    names = sorted(pairs, key=lambda name: (name.count("."), name))  # settings come first
    # Weights that a run starts from follow from its settings: they are named where nothing else is.
    names = [name for name in names if not name.endswith("weights")] or names
    return {name: pairs[name] for name in names}


def _unequal(a: object, b: object, name: str) -> Iterator[tuple[str, tuple[object, object]]]:
    """The pairs of values that differ, each under its path: `model.optimizer.config.beta_1`."""
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        a, b = ({str(i): item for i, item in enumerate(each)} for each in (a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        for key in {**a, **b}:
            yield from _unequal(a.get(key), b.get(key), f"{name}.{key}".strip("."))
    elif a != b:
        yield name, (a, b)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
