"""Which pretrained weights exist, where they are, and that they are what their cards say.

`saved_models/<name>.<tag>/` holds `model.weights.h5` and `card.json`. The folder stands at the
top of a checkout and inside an installed package.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wszoo import cards, checks, weight_checks
from wszoo.arguments import checked, mapping
from wszoo.cards import Card

if TYPE_CHECKING:
    import keras

FILE = "model.weights.h5"


@dataclass(frozen=True)
class Saved:
    """One folder of weights and its card."""

    folder: Path
    card: Card

    @property
    def name(self) -> str:
        """`"name.tag"`."""
        return f"{self.card['model']}.{self.card['tag']}"

    @property
    def weights(self) -> Path:
        """The file of weights."""
        return self.folder / FILE

    @property
    def sha256(self) -> str:
        """Of the file of weights, as the card has it."""
        return self.card["sha256"]


def home() -> Path:
    """The folder of all shipped weights."""
    package = Path(__file__).parent
    inside = package / "saved_models"
    return inside if inside.is_dir() else package.parent / "saved_models"


def tags(name: str) -> list[str]:
    """The tags that a model has here, sorted: shipped ones, and those in an installed package."""
    from wszoo.packaged import keeping

    return sorted([*_shipped(name), *keeping.tags(name)])


def _shipped(name: str) -> list[str]:
    return sorted(
        folder.name.partition(".")[2]
        for folder in home().glob("*.*")
        if folder.name.partition(".")[0] == name and (folder / cards.FILE).is_file()
    )


@checked()
def find(name: str, tag: str) -> Saved:
    """The weights of a tag, or of the folder that `tag` is the path of.

    Weights in an installed package are converted when they are first asked for. Raises `ValueError`
    for an unknown tag and for a folder whose card is missing or incomplete, and `ImportError` for a
    tag whose package is not installed.
    """
    from wszoo.packaged import keeping

    folder = home() / f"{name}.{tag}"
    package = keeping.package_of(name, tag)
    if tag in _shipped(name):  # before a folder of the same name in the working folder
        pass
    elif package is not None:
        folder = keeping.folder(package)
    elif os.sep in tag or Path(tag).is_dir():
        folder = Path(tag)
    else:
        near = checks.near(tag, tags(name))
        raise ValueError(f"{name} has no weights tagged {tag!r}{near}; it has {tags(name)}")
    return read(folder)


def read(folder: Path) -> Saved:
    """The weights in a folder. Raises `ValueError` where its card is missing or incomplete."""
    return Saved(folder, cards.read(folder))


def card_of(name: str, tag: str) -> Card:
    """The card of a tag as `find` has it; weights in a package are not converted for it."""
    from wszoo.packaged import keeping

    package = keeping.package_of(name, tag)
    if package is not None and tag not in _shipped(name):
        return keeping.card(package)
    return find(name, tag).card


def load_into(
    model: "keras.Model", path: str | os.PathLike, sha256: str | None = None
) -> "keras.Model":
    """Loads a `.weights.h5` file into a model and returns the model.

    Raises `ValueError` where the file is missing, cut off, not HDF5, not the one that `sha256`
    names, of another model, saved under a plan with other owners, declares more than it holds, or
    holds NaN or infinity. HDF5 holds numbers alone: nothing in the file is run.

    A `.weights.h5` file has no checksum of its own. Without its card (`sha256`) nobody can tell
    whether its numbers are those that were written.
    """
    from wszoo import declared

    path = Path(path)
    check_file(path, sha256)
    try:
        declared.check_hdf5(path)
        weight_checks.check_owners(model, path)
        weight_checks.check_finite(path)
        model.load_weights(path)
    except Exception as error:  # HDF5 and Keras raise whatever a damaged file suggests
        raise ValueError(f"{str(path)!r} does not fit {model.name!r}: {error}") from error
    return model


def check_file(path: Path, sha256: str | None) -> None:
    """Raises `ValueError` where a weights file is missing, or not the one that `sha256` names."""
    if not path.is_file():
        raise ValueError(f"no weights file {str(path)!r}")
    if sha256 is not None and (received := file_sha256(path)) != sha256:
        raise ValueError(
            f"{str(path)!r} is not the file its card describes (corrupted, cut off or replaced): "
            f"sha256 {received}, the card says {sha256}. Get the file again"
        )


@checked(card=mapping)
def write(folder: Path, model: "keras.Model", card: Card) -> Saved:
    """Writes weights and card to a folder, which appears whole or not at all.

    Adds `sha256`, `stored_parameters`, `versions` and the checksum of the card itself to the card.
    Raises `ValueError` for a card that lacks a key, has another type there or holds NaN, for
    weights that are not finite (their training diverged), and for a folder that holds something
    else, before it is touched.
    """
    import keras

    from wszoo._version import __version__
    from wszoo.files import folder_written_whole
    from wszoo.sharing.about import of_images
    from wszoo.sharing.files.arrays import file_parameters
    from wszoo.sharing.files.writing import write_weights

    folder = Path(folder)
    others = [f.name for f in folder.glob("*") if not f.name.startswith((FILE, cards.FILE, "."))]
    if others:
        raise ValueError(
            f"{str(folder)!r} holds {checks.shown(min(others))} and would be replaced by weights; "
            "name another folder"
        )
    weight_checks.check_trained(model)
    with folder_written_whole(folder) as part:
        # A compiled model would write its optimizer's slots too, twice the size of the weights.
        bare = keras.Model(model.input, model.output, name=model.name)
        write_weights(bare, part / FILE)
        card = (
            of_images(model)
            | card
            | {
                "stored_parameters": file_parameters(part / FILE),
                "sha256": file_sha256(part / FILE),
                "versions": {"wszoo": __version__, "keras": keras.__version__},
            }
        )
        cards.check(cards.plain(card), folder)
        (part / cards.FILE).write_text(cards.as_json(card, folder))
    return Saved(folder, card)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's contents, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
