"""`omniglot_small`: the two small background sets of Omniglot, each character counted once.

B. Lake, R. Salakhutdinov and J. Tenenbaum, Human-level concept learning through probabilistic
program induction, Science 350, 2015. The published sets are five alphabets each; Greek and Latin
are in both, so their union is 8 alphabets, 242 characters × 20 drawers = 4,840 drawings.
"""

from __future__ import annotations

import functools
import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wszoo.data import images
from wszoo.data.errors import MissingDataError
from wszoo.data.findings import Notes, examined
from wszoo.data.registering import source
from wszoo.data.sets import tfds_images
from wszoo.data.sets.tfds_prepare import manual_folder, prepare
from wszoo.data.source import Source

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

NAME = "omniglot_small"
HOMEPAGE = "https://github.com/brendenlake/omniglot"
SHA256 = {  # as registered by TFDS for its `omniglot`
    "images_background_small1.zip": (
        "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4"
    ),
    "images_background_small2.zip": (
        "3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f"
    ),
}
Example = tuple[str, dict[str, bytes | int | str]]  # a key and the features of one

DRAWERS = {"train": range(1, 17), "validation": range(17, 19), "test": range(19, 21)}


class Drawing(NamedTuple):
    """One PNG of an archive; `character` is "character01" and on, `drawer` 1 to 20."""

    alphabet: str
    character: str
    drawer: int
    png: bytes


@source(NAME)
def load(
    *,
    image_size: int | None = None,
    resize: str | None = None,
    data_dir: Path | None = None,
    manual_dir: Path | None = None,
    max_per_split: int | None = None,
    max_gb: float = 4.0,
) -> Source:
    """x (n, image_size, image_size, 1), ink 1 on paper 0, 28 pixels by default; y 0 to 241.

    The drawings are square, so that every way of resizing gives the same.
    The splits are by drawer: 16 train, 2 validation, 2 test. Raises MissingDataError without the
    two archives, ValueError if one is not the published file.
    """
    builder = builder_class()(data_dir=data_dir)
    if not (builder.data_path.exists() and builder.is_prepared()):
        default = Path(builder.data_dir_root) / "downloads" / "manual"
        prepare(builder, manual_dir=find_archives(manual_dir or default), download=False)
    sizes = {split: info.num_examples for split, info in builder.info.splits.items()}
    plan = tfds_images.plan_splits(NAME, sizes, None, max_per_split)
    keys, size = ("image", "label"), image_size or 28
    how = images.check_resize(resize, size)
    drawn, _ = tfds_images.read(builder, keys, plan, image_size=size, resize=how, max_gb=max_gb)
    raw = Source(
        name=NAME,
        splits={split: (1 - x[..., :1], y) for split, (x, y) in drawn.items()},
        class_names=tuple(builder.info.features["label"].names),
        resize=how,
        licence="MIT (Brenden Lake)",
        origin=f"Lake et al. (2015), Omniglot, {HOMEPAGE}, python/{' and '.join(SHA256)}",
    )
    return examined(raw, Notes(NAME), published=True)


def find_archives(manual_dir: Path) -> Path:
    """The folder that has both archives: `manual_dir/omniglot`, else `manual_dir`.

    Raises MissingDataError, naming the files, where to get them and where to put them.
    """
    folder = manual_folder("omniglot", manual_dir)
    missing = [name for name in SHA256 if not (folder / name).is_file()]
    if missing:
        raise MissingDataError(
            f"{NAME} needs {' and '.join(missing)} in {manual_dir} or {manual_dir / 'omniglot'}. "
            f"Get them from {HOMEPAGE}/tree/master/python (3 MB) and put them there, or pass "
            f"manual_dir= or set WSZOO_MANUAL_DIR"
        )
    return folder


def check_archives(folder: Path) -> None:
    """Raises ValueError if an archive is not the published one; TFDS hashes no manual files."""
    for name, expected in SHA256.items():
        received = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if received != expected:
            raise ValueError(
                f"{folder / name} is not the published file, nothing was prepared:\n"
                f"  expected sha256 {expected}\n  received        {received}\n"
                f"Fetch it again from {HOMEPAGE}/tree/master/python"
            )


def drawings(folder: Path) -> Iterator[Drawing]:
    """All drawings of both archives, those that are in both only once (they are equal there)."""
    read = set()
    for archive in SHA256:
        with zipfile.ZipFile(folder / archive) as files:
            for member in sorted(n for n in files.namelist() if n.endswith(".png")):
                _, alphabet, character, file = member.split("/")  # file: 0108_01.png
                drawer = int(Path(file).stem.split("_")[1])
                if (key := (alphabet, character, drawer)) not in read:
                    read.add(key)
                    yield Drawing(*key, files.read(member))


@functools.cache
def builder_class() -> type[tfds.core.GeneratorBasedBuilder]:
    """The TFDS builder, made on first use; its features are those of TFDS's own `omniglot`."""
    import tensorflow_datasets as tfds

    class OmniglotSmall(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
        """Drawings of the two small background sets, split by drawer."""

        name = NAME
        VERSION = tfds.core.Version("1.0.0")
        MANUAL_DOWNLOAD_INSTRUCTIONS = f"{' and '.join(SHA256)} of {HOMEPAGE}"

        def _info(self) -> tfds.core.DatasetInfo:
            features = {
                "image": tfds.features.Image(shape=(105, 105, 3), encoding_format="png"),
                "alphabet": tfds.features.ClassLabel(num_classes=8),
                "alphabet_char_id": np.int64,
                "label": tfds.features.ClassLabel(num_classes=242),
            }
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(features),
                supervised_keys=("image", "label"),
                homepage=HOMEPAGE,
            )

        def _split_generators(
            self, dl_manager: tfds.download.DownloadManager
        ) -> dict[str, Iterator[Example]]:
            folder = Path(dl_manager.manual_dir)
            check_archives(folder)
            every = list(drawings(folder))
            names = sorted({f"{d.alphabet}/{d.character}" for d in every})
            self.info.features["alphabet"].names = sorted({d.alphabet for d in every})
            self.info.features["label"].names = names
            return {
                split: self._generate_examples([d for d in every if d.drawer in drawers])
                for split, drawers in DRAWERS.items()
            }

        def _generate_examples(self, chosen: list[Drawing]) -> Iterator[Example]:
            for d in chosen:
                name = f"{d.alphabet}/{d.character}"
                yield (
                    f"{name}/{d.drawer:02d}",
                    {
                        "image": d.png,
                        "alphabet": d.alphabet,
                        "alphabet_char_id": int(d.character.removeprefix("character")) - 1,
                        "label": name,
                    },
                )

    return OmniglotSmall
