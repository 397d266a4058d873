"""Which pretrained weights exist, where they are, and that they are what their cards say.

`saved_models/<name>.<tag>/` holds `model.weights.h5` and `card.json`. The folder stands at the
top of a checkout and inside an installed package.
"""

import difflib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wszoo.arguments import checked, mapping

if TYPE_CHECKING:
    import keras

FILE = "model.weights.h5"
CARD = "card.json"
# What a card must hold; metrics carry their spread, or say that they are of one run.
CARD_KEYS = (
    "model",
    "tag",
    "plan",
    "config",
    "data",
    "licence",
    "command",
    "seed",
    "metrics",
    "stored_parameters",
    "sha256",
    "versions",
)


@dataclass(frozen=True)
class Saved:
    """One folder of weights and its card."""

    folder: Path
    card: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.card['model']}.{self.card['tag']}"

    @property
    def weights(self) -> Path:
        return self.folder / FILE

    @property
    def sha256(self) -> str:
        return self.card["sha256"]


def home() -> Path:
    """The folder of all shipped weights."""
    package = Path(__file__).parent
    inside = package / "saved_models"
    return inside if inside.is_dir() else package.parent / "saved_models"


def tags(name: str) -> list[str]:
    """The tags that are shipped for a model, sorted."""
    return sorted(
        folder.name.partition(".")[2]
        for folder in home().glob(f"{name}.*")
        if (folder / CARD).is_file()
    )


@checked()
def find(name: str, tag: str) -> Saved:
    """The weights of a tag, or of the folder that `tag` is the path of.

    Raises `ValueError` for an unknown tag and for a folder whose card is missing or incomplete.
    """
    folder = home() / f"{name}.{tag}"
    if tag in tags(name):  # before a folder of the same name in the working folder
        pass
    elif os.sep in tag or Path(tag).is_dir():
        folder = Path(tag)
    else:
        near = difflib.get_close_matches(tag, tags(name), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name} has no weights tagged {tag!r}{hint}; it has {tags(name)}")
    return Saved(folder, _read_card(folder))


def load_into(
    model: "keras.Model", path: str | os.PathLike, sha256: str | None = None
) -> "keras.Model":
    """Loads a `.weights.h5` file into a model and returns the model.

    Raises `ValueError` where the file is missing, cut off, not HDF5, not the one that `sha256`
    names, of another model, or saved under a plan with other owners. HDF5 holds numbers alone:
    nothing in the file is run.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"no weights file {str(path)!r}")
    if sha256 is not None and (found := file_sha256(path)) != sha256:
        raise ValueError(
            f"{str(path)!r} is not the file its card describes (corrupted, cut off or replaced): "
            f"sha256 {found}, the card says {sha256}. Get the file again"
        )
    try:
        _check_owners(model, path)
        model.load_weights(path)
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(f"{str(path)!r} does not fit {model.name!r}: {error}") from error
    return model


@checked(card=mapping)
def write(folder: Path, model: "keras.Model", card: dict[str, Any]) -> Saved:
    """Writes weights and card to a folder, which appears whole or not at all.

    Adds `sha256`, `stored_parameters` and `versions` to the card. Raises `ValueError` for a card
    that lacks a key or holds NaN, and for weights that are not finite: their training diverged.
    """
    import keras

    from wszoo._version import __version__
    from wszoo.files import folder_written_whole
    from wszoo.sharing.files import file_parameters

    folder = Path(folder)
    _check_finite(model)
    with folder_written_whole(folder) as part:
        # A compiled model would write its optimizer's slots too, twice the size of the weights.
        bare = keras.Model(model.input, model.output, name=model.name)
        bare.save_weights(part / FILE)
        card = card | {
            "stored_parameters": file_parameters(part / FILE),
            "sha256": file_sha256(part / FILE),
            "versions": {"wszoo": __version__, "keras": keras.__version__},
        }
        _check_card(card, folder)
        (part / CARD).write_text(_as_json(card, folder))
    return Saved(folder, card)


def _check_finite(model: "keras.Model") -> None:
    import numpy as np

    for weight in model.weights:
        if "float" in str(weight.dtype) and not np.isfinite(weight.numpy().astype("float32")).all():
            raise ValueError(
                f"the weights {weight.path!r} of {model.name!r} hold NaN or infinity: its training "
                "diverged. Nothing was written; train it at a lower learning rate"
            )


def _as_json(card: Mapping[str, Any], folder: Path) -> str:
    try:
        return json.dumps(plain(card), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError as error:
        raise ValueError(
            f"the card of {str(folder)!r} holds NaN or infinity, which JSON does not know: a "
            f"training that diverged has no metrics. Nothing was written"
        ) from error


def _check_owners(model: "keras.Model", path: Path) -> None:
    """Keras fills layers by their place and passes over what is left in the file."""
    import h5py

    from wszoo.sharing import files, graph

    declared = graph.names_of(model).declared
    wanted = set(graph.plan_of(model).restrict(declared).groups)
    with h5py.File(path) as file:
        names: set[str] = set()
        file.visititems(lambda _, item: names.add(str(item.attrs.get("name"))))
    found = names & set(declared)
    if found and found != wanted:
        raise ValueError(
            f"it was saved under another plan: it holds layers for the sites {sorted(found)}, and "
            f"this model has them at {sorted(wanted)}. Build the model under the file's plan and "
            "use wszoo.retie(model, plan)"
        )
    held, stored = files.file_parameters(path), model.count_params()
    if held != stored:
        raise ValueError(f"it holds {held:,} parameters, and this model {stored:,}")


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def plain(value: Any) -> Any:
    """A value as JSON knows it: tuples as lists, keys as strings."""
    return json.loads(json.dumps(value))


def _read_card(folder: Path) -> dict[str, Any]:
    path = folder / CARD
    if not path.is_file():
        raise ValueError(f"{str(folder)!r} has no {CARD}: it is not a folder of wszoo weights")
    try:
        card = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{str(path)!r} is not JSON: {error}") from error
    _check_card(card, folder)
    return card


def _check_card(card: Any, folder: Path) -> None:
    missing = [key for key in CARD_KEYS if not isinstance(card, dict) or key not in card]
    if missing:
        raise ValueError(f"the card of {str(folder)!r} lacks {', '.join(missing)}")
