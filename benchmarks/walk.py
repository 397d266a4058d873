"""The files of wszoo that one call goes through: those of which it runs a function.

What runs while a module is imported does not count: nobody reads that to follow the call.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType

import numpy as np
from PIL import Image

import wszoo

PACKAGE = str(Path(wszoo.__file__).parent)
# What lies under everything: it is trusted by who follows a call, not opened.
FLOOR = ("_lazy", "arguments", "checks", "checksums", "declared", "files", "keras_settings",
         "locks", "private")  # fmt: skip
Walk = dict[str, set[str]]  # file → names of its functions that ran


def walked(call: Callable[[], object]) -> Walk:
    """The files whose functions run in a call, and these functions."""
    codes: set[CodeType] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if event == "call" and code not in codes and _is_ours(code) and not _importing(frame):
            codes.add(code)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    walk: Walk = {}
    for code in codes:
        place = str(Path(code.co_filename).relative_to(PACKAGE))
        walk.setdefault(place, set()).add(code.co_qualname.partition(".<locals>")[0])
    return walk


def _is_ours(code: CodeType) -> bool:
    return code.co_filename.startswith(f"{PACKAGE}/") and code.co_name != "<module>"


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_code.co_filename.startswith(PACKAGE):
            return True
        frame = frame.f_back
    return False


def through_transfer() -> Walk:
    """The walk of a folder of images through `wszoo.transfer`."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for label in ("a", "b", "c"):
            (Path(folder) / label).mkdir()
            for number in range(20):
                pixels = rng.integers(0, 255, (28, 28), dtype="uint8")
                Image.fromarray(pixels).save(Path(folder) / label / f"{number}.png")
        asked = {"epochs": 2, "verbose": 0}
        return walked(
            lambda: wszoo.transfer("conv_net.omniglot", "classification", f"{folder}/", **asked)
        )


def page(walk: Walk) -> str:
    """A line a room: how many files and functions, and which."""
    rooms: dict[str, list[str]] = {}
    for place in sorted(walk):
        room = place.partition("/")[0].removesuffix(".py")
        rooms.setdefault("floor" if room in FLOOR else room, []).append(place)
    lines = [f"{len(walk)} files, {sum(map(len, walk.values()))} functions"]
    for room, places in sorted(rooms.items(), key=lambda item: -len(item[1])):
        functions = sum(len(walk[place]) for place in places)
        lines.append(f"{room}: {len(places)} files, {functions} functions: {', '.join(places)}")
    return "\n".join(lines)
