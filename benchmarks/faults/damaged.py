"""Damaged files of every kind that wszoo reads: single bits flipped, and ends cut off.

Each is read as a user's call reads it, in a process that lives on. Right is a refusal in a sentence
that names the file, or the very numbers of the sound file. `.tflite` files and SavedModels are also
run, by LiteRT and TensorFlow alone, in a process of their own: what those do with a damaged file
is counted apart (`run`), with what `wszoo audit` would have said of it before.
"""

import random
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.faults import result
from benchmarks.faults.files.asking import Asked, outcome

FLIPS, CUTS = 200, 20
SHORT = (".weights.h5 with card", "card.json", "features", "tuner0.json of a search", "png")
# Kinds that have no checksum, or none of all their bytes, and are written by other programs or by
# hand: that a number in them is another than it was, nobody can know.
UNKNOWN = {
    ".weights.h5, bare": "HDF5 has no checksum unless its writer asks; the card beside it has one",
    ".tflite of others": "the format has none; wszoo adds one to its own",
    "freeze plan (YAML)": "typed by a person",
    "texts (csv)": "text", "series (csv)": "text", "text": "text",
    "png": "Pillow does not check what follows the last row", "jpg": "the format has none",
    "tiff": "the format has none", "wav": "the format has none",
}  # fmt: skip
RUN = (".tflite", ".tflite of others", "SavedModel, saved_model.pb", "SavedModel, variables.index",
       "SavedModel, variables.data-00000-of-00001")  # fmt: skip


def run(folder: Path, *, seed: int, short: bool) -> dict:
    """Damages a copy of each kind of file; see the package for what is returned."""
    place = folder / "samples"
    place.mkdir(parents=True)
    rows = []
    with Asked("reading.py") as reader, Asked("running.py") as runner:
        answer = reader.ask(make=str(place))
        if "samples" not in answer:
            raise RuntimeError(f"the samples could not be made: {answer}")
        for kind, (file, path) in answer["samples"].items():
            if short and kind not in SHORT:
                continue
            flips, cuts = (6, 2) if short else (FLIPS, CUTS)
            asked = [runner] if kind in RUN and not short else []
            rows.append(_row(kind, Path(file), path, [reader, *asked], (flips, cuts), seed))
            print(rows[-1], flush=True)
    failed = {way: sum(row[way] for row in rows) for way in ("different", "crashed", "vague")}
    return result(sum(row["tried"] for row in rows), rows, **failed)


def _row(
    kind: str, file: Path, path: str, asked: list[Asked], counts: tuple[int, int], seed: int
) -> dict[str, Any]:
    sound = file.read_bytes()
    right = [a.ask(kind=kind, path=path).get("numbers") for a in asked]
    if None in right:
        raise RuntimeError(f"the sound sample of {kind} is not read")
    outcomes: Counter[str] = Counter()
    ran: Counter[str] = Counter()
    again: list[str] = []
    names = (file.stem, Path(path).name)
    for what, data in _damages(kind, sound, counts, seed):
        file.write_bytes(data)
        answers = [a.ask(kind=kind, path=path) for a in asked]
        ways = [outcome(a, r, names) for a, r in zip(answers, right, strict=True)]
        outcomes[ways[0]] += 1
        fails = ("crashed", "vague") if kind in UNKNOWN else ("crashed", "vague", "different")
        if ways[0] in fails and len(again) < 5:
            again.append(f"{what}: {ways[0]} {_told(answers[0])}")
        for way in ways[1:]:
            way = "refused" if way == "vague" else way
            ran[way if ways[0] != "refused" else f"{way}, but refused by audit"] += 1
        file.write_bytes(sound)
    row = {
        "what": kind,
        "tried": sum(counts),
        "refused": outcomes["refused"],
        "same": outcomes["same"],
    }
    row |= {way: outcomes[way] for way in ("different", "crashed", "vague")}
    row["cannot be known"] = 0
    if kind in UNKNOWN:
        row["cannot be known"], row["different"] = row["different"], 0
        row["why"] = UNKNOWN[kind]
    return row | ({"run": dict(ran)} if ran else {}) | ({"again": again} if again else {})


def _damages(kind: str, sound: bytes, counts: tuple[int, int], seed: int) -> Any:
    """`(what was done, the bytes)` for each try; the same for a seed in every process."""
    rng = random.Random(f"{seed} {kind}")
    for _ in range(counts[0]):
        place, bit = rng.randrange(len(sound)), rng.randrange(8)
        data = bytearray(sound)
        data[place] ^= 1 << bit
        yield f"bit {bit} of byte {place}", bytes(data)
    for _ in range(counts[1]):
        size = rng.randrange(len(sound))
        yield f"cut after {size} bytes", sound[:size]


def _told(answer: dict[str, Any]) -> str:
    kinds, said = answer.get("error", [[""], ""])
    return f"{answer.get('crash', '')}{kinds[0]} {said[:200]}".strip()
