"""Images that lie in files and are read when they are asked for: more than memory holds.

`ImageFiles` stand where an array would, and rows of them are the pixels that the array would hold,
to the bit: the same code reads both. What goes over many of them does so by `parts_of`, which has
the next parts decoded by threads meanwhile (Pillow does not hold Python's lock).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from wszoo import fingerprints
from wszoo.data.formats.decoding import read_image

AHEAD = 2  # parts that are decoded before they are asked for


Augment = Callable[[np.ndarray, int], np.ndarray]  # (images, seed) → images of the same shape


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ImageFiles:
    """Images (n, height, width, channels), float32 in [0, 1], each in a file of its own.

    Attributes:
        paths: (n,), of the files.
        digests: (n, 16), uint8, of the files' contents: see `digests_of_files`.
        shape: of all.
        sizes: to which each image comes in turn, pixels a side and how.
        augment: a function of images and a seed, and the numbers from which its seeds are drawn,
            with those of the rows that are read together.
    """

    paths: np.ndarray
    digests: np.ndarray
    shape: tuple[int, int, int, int]
    sizes: tuple[tuple[int, str], ...] = ()
    augment: tuple[Augment, int, int] | None = None

    ndim, dtype = 4, np.dtype(np.float32)

    def __len__(self) -> int:
        return len(self.paths)

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise ValueError(f"{len(self)} images are read from their files: ask for rows of them")

    @property
    def identity(self) -> np.ndarray:
        """Of the files' contents, and of what makes pixels of them."""
        import PIL

        function, *key = self.augment or (None,)
        about = [PIL.__version__, self.shape, self.sizes, fingerprints.digest(function), key]
        return np.frombuffer(json.dumps(about).encode() + self.digests.tobytes(), np.uint8)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """The images of these rows. Raises `ValueError`, with its path, for a broken file."""
        return next(self.read([rows]))

    def read(self, parts: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        """The images of each part, in turn, those of later parts are decoded meanwhile; errors as
        of rows."""
        waiting: deque[tuple[np.ndarray, list[Future[np.ndarray]]]] = deque()
        with ThreadPoolExecutor(_threads()) as pool:
            try:
                for rows in parts:
                    images = [pool.submit(self._image, path) for path in self.paths[rows]]
                    waiting.append((rows, images))
                    if len(waiting) > AHEAD:
                        yield self._together(*waiting.popleft())
                while waiting:
                    yield self._together(*waiting.popleft())
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _together(self, rows: np.ndarray, images: list[Future[np.ndarray]]) -> np.ndarray:
        whole = np.stack([image.result() for image in images])
        if self.augment is None:
            return whole
        function, *key = self.augment
        (drawn,) = np.random.SeedSequence([*key, *rows.tolist()]).generate_state(1)
        return shaped_alike(function(whole, int(drawn >> 1)), whole)

    def _image(self, path: Path) -> np.ndarray:
        from PIL import Image

        try:
            image = read_image(path, self.shape[3], self.sizes)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(
                f"{path} is no readable image: {error}; remove or replace it, or leave such files "
                "out with load(…, on_broken='skip'), which reads each of them first"
            ) from error
        if image.shape != self.shape[1:]:
            raise ValueError(f"{path} holds {image.shape}, and its header said {self.shape[1:]}")
        return image

    def take(self, rows: np.ndarray) -> ImageFiles:
        """The images of some rows, unread."""
        return dataclasses.replace(
            self,
            paths=self.paths[rows],
            digests=self.digests[rows],
            shape=(len(self.paths[rows]), *self.shape[1:]),
        )

    def resized(self, size: int, how: str) -> ImageFiles:
        """The images at another size, see `wszoo.data.images.resize`; unread."""
        shape = (self.shape[0], size, size, self.shape[3])
        return dataclasses.replace(self, shape=shape, sizes=(*self.sizes, (size, how)))


Images = np.ndarray | ImageFiles


class InTurn:
    """Parts of images by number; who asks for one after another has the next read meanwhile."""

    def __init__(self, x: Images, parts: Sequence[np.ndarray]):
        self._x, self._parts = x, parts
        self._next = -1
        self._coming: Iterator[np.ndarray] = iter(())

    def __getitem__(self, number: int) -> np.ndarray:
        if number != self._next:
            self._coming = parts_of(self._x, self._parts[number:])
        self._next = number + 1
        return next(self._coming)


def parts_of(x: Images, parts: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """The rows of each part, in turn."""
    return (x[rows] for rows in parts) if isinstance(x, np.ndarray) else x.read(parts)


def in_parts(count: int, size: int) -> list[np.ndarray]:
    """The numbers 0 to `count` - 1 in their order, `size` in each part but the last."""
    return [np.arange(start, min(start + size, count)) for start in range(0, count, size)]


def sample(x: Images, few: int = 64) -> np.ndarray:
    """The whole of an array; of images in files a few from all over, which stand for the others."""
    if isinstance(x, np.ndarray):
        return x
    return x[np.unique(np.linspace(0, len(x) - 1, few).astype(int))]


def identity(x: Images) -> np.ndarray:
    """An array on which x depends, for a fingerprint: the array itself, or of its files."""
    return x if isinstance(x, np.ndarray) else x.identity


def shaped_alike(images: object, given: np.ndarray) -> np.ndarray:
    """What an augmentation made of images. Raises `ValueError` for another shape than theirs."""
    made = np.asarray(images)
    if made.shape != given.shape:
        raise ValueError(f"augment made {made.shape} of images {given.shape}")
    return made


def digests_of_files(paths: Iterable[Path]) -> np.ndarray:
    """A digest (n, 16), uint8, of the contents of each file: equal ones have equal digests."""

    def digest(path: Path) -> bytes:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).digest()

    with ThreadPoolExecutor(_threads()) as pool:
        return np.frombuffer(b"".join(pool.map(digest, paths)), np.uint8).reshape(-1, 16)


def _threads() -> int:
    """As many as this process may use processors."""
    several = getattr(os, "sched_getaffinity", None)
    return len(several(0)) if several else os.cpu_count() or 1
