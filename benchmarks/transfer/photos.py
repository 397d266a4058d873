"""Photos of one megapixel in any number: those of a small set, moved, lit otherwise, with grain.

python -m benchmarks.transfer.photos clothing10.zip FOLDER 20000
"""

import io
import os
import zipfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageEnhance

from wszoo.command_line import run

SIDES = (1152, 868)  # 4:3, one megapixel
QUALITY = 88  # of JPEG: about as many bytes as a camera's
GRAIN = 5.0  # standard deviation, of 255
WORKERS = 2


def main(
    archive: Annotated[Path, typer.Argument(help="Zip file of JPEGs, …/class/name.jpg.")],
    folder: Annotated[Path, typer.Argument(help="Gets {train,validation,test}/class/number.jpg.")],
    count: Annotated[int, typer.Argument(help="Of photos in all; those that are there stay.")],
) -> None:
    """Makes photos of those in an archive."""
    with zipfile.ZipFile(archive) as file:
        names = sorted(name for name in file.namelist() if name.endswith(".jpg"))
    with ProcessPoolExecutor(WORKERS) as pool:
        parts = (range(first, count, WORKERS) for first in range(WORKERS))
        list(pool.map(partial(_write_some, archive, folder, names), parts))


def link(folder: Path, other: Path, count: int) -> None:
    """Another folder of the first `count` photos, by links."""
    for path in sorted(folder.rglob("*.jpg"), key=lambda path: path.name)[:count]:
        place = other / path.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            os.link(path, place)


def _write_some(archive: Path, folder: Path, names: list[str], numbers: range) -> None:
    grain = np.random.default_rng(0).normal(0, GRAIN, (2 * SIDES[1], SIDES[0], 1))
    grain = np.round(grain).astype(np.int16)
    with zipfile.ZipFile(archive) as file:
        for number in numbers:
            name = names[number % len(names)]
            place = folder / _split(number // len(names) + number) / Path(name).parent.name
            path = place / f"{number:06d}.jpg"
            if not path.exists():
                place.mkdir(parents=True, exist_ok=True)
                _jittered(file.read(name), number, grain).save(path, quality=QUALITY)


def _split(number: int) -> str:
    """Every tenth to validation, and to test."""
    return {8: "validation", 9: "test"}.get(number % 10, "train")


def _jittered(data: bytes, number: int, grain: np.ndarray) -> Image.Image:
    rng = np.random.default_rng(number)
    with Image.open(io.BytesIO(data)) as image:
        left, top = rng.uniform(0, 0.15, 2) * image.size
        right, bottom = image.size - rng.uniform(0, 0.15, 2) * image.size
        image = image.convert("RGB").resize(
            SIDES, Image.Resampling.BILINEAR, box=(left, top, right, bottom)
        )
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.8, 1.2))
    start = rng.integers(SIDES[1])
    grainy = np.asarray(image, np.int16) + grain[start : start + SIDES[1]]
    return Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8))


if __name__ == "__main__":
    run(main)
