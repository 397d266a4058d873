"""What a transfer run learns from: arrays in three splits, whatever they were given as."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from wszoo import fingerprints
from wszoo.data import Source, images, load, modes
from wszoo.data.arrays import count_sizes
from wszoo.data.findings import Notes, examine
from wszoo.data.formats.csv_file import is_table_file
from wszoo.data.formats.npz import read_npz
from wszoo.data.splits import SPLITS, Pair
from wszoo.data.splitting import complete
from wszoo.data.streams import Images, identity
from wszoo.data.tokens import reworded


@dataclass(frozen=True, eq=False)
class Examples:
    """`splits`: "train", "validation", "test" → (x, y), where x may be images that are read when
    they are needed, see `wszoo.data.streams`; `class_names` where y are classes.

    `resize` is how images come to their size, `None` for no images; `vocabulary` are the tokens
    whose ids x holds; `notes` and `licence` are those of the data, see `wszoo.data.Source`.
    """

    name: str
    splits: Mapping[str, tuple[Images, np.ndarray]]
    class_names: tuple[str, ...] = ()
    resize: str | None = None
    notes: tuple[str, ...] = ()
    licence: str = "see origin"
    vocabulary: tuple[str, ...] = ()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one example, as arrays have it."""
        return tuple(self.splits["train"][0].shape[1:])

    @property
    def targets(self) -> dict[str, np.ndarray]:
        """Targets by split."""
        return {split: y for split, (_, y) in self.splits.items()}

    @property
    def facts(self) -> dict[str, object]:
        """What a model that learnt from these should know of itself, for `describe`."""
        height, width = self.input_shape[:2] if self.resize else (None, None)
        return {
            "class_names": list(self.class_names) or None,
            "vocabulary": list(self.vocabulary) or None,
            "image_size": height if height == width else [height, width],
            "resize": self.resize,
            "licence": None if self.licence == "see origin" else self.licence,
        }

    def fingerprint(self) -> str:
        """Hash (64 hex digits) of all arrays with their shapes, or of the files they come from."""
        pairs = [self.splits[split] for split in SPLITS]
        return fingerprints.of_arrays(a for x, y in pairs for a in (identity(x), y))


def examples(
    data: object,
    *,
    image_size: int | None = None,
    resize: str | None = None,
    numbers: bool = False,
    vocabulary: Sequence[str] = (),
) -> Examples:
    """Examples of `data`, with images of `image_size` pixels a side where that is given.

    Args:
        data: a `Source`; the name or path of one (see `wszoo.data.load`); an `.npz` of
            `x_train, y_train, …` with targets of any kind; a mapping of "train", "validation" and
            "test" to `(x, y)`; or these pairs in order. Numbers are scaled as in
            `wszoo.data.from_arrays`. A split that is missing is carved from train, a tenth of it,
            always the same rows.
        resize: how images come to that size, "crop" by default, see `wszoo.data.load`.
        numbers: labels of a table are numbers, of which a split may have some that train lacks.
        vocabulary: of a pretrained model: texts become ids of its tokens.

    Raises `ValueError` for shapes, dtypes and numbers that nothing can be learnt from, and for a
    `Source` whose images came to their size in another way.
    """
    if isinstance(data, str | Path) and Path(data).suffix.lower() == ".npz":
        return _from_npz(Path(data), image_size, resize)
    if isinstance(data, str | Path):
        targets, words = "numbers" if numbers else None, vocabulary or None
        if (targets or words) and not is_table_file(Path(data)):
            targets = words = None
        data = load(data, image_size=image_size, resize=resize, targets=targets, vocabulary=words)
    if isinstance(data, Source):
        data = reworded(data, vocabulary) if vocabulary and data.vocabulary else data
        return _of_source(data, image_size, resize)
    return from_pairs(_mapping(data), "your arrays", image_size=image_size, resize=resize)


def from_pairs(
    pairs: Mapping[str, object],
    name: str,
    names: Sequence[str] = (),
    *,
    image_size: int | None = None,
    resize: str | None = None,
) -> Examples:
    """Examples of arrays by split; see `examples`."""
    if "train" not in pairs or set(pairs) - set(SPLITS):
        raise ValueError(
            f"data must be arrays by split, of {', '.join(SPLITS)}, with train; {name} are by "
            f"{list(pairs)}"
        )
    given = {s: _pair(f"{name}, {s}", pairs[s]) for s in SPLITS if s in pairs}
    modes.check_one_scale(name, {split: x.dtype for split, (x, _) in given.items()})
    splits = {split: _scaled(f"{name}, {split}", *pair) for split, pair in given.items()}
    if len(shapes := {x.shape[1:] for x, _ in splits.values()}) > 1:
        raise ValueError(f"{name}: the splits differ in the shape of x: {sorted(shapes)}")
    notes, are_images = Notes(name), next(iter(splits.values()))[0].ndim == 4
    raw = Examples(name, {**_carved(splits)}, tuple(names), "crop" if are_images else None)
    sized = _sized(raw, image_size, resize, notes)
    examine(notes, sized.splits, sized.class_names, are_images=are_images)
    return replace(sized, notes=tuple(notes.sentences))


def _of_source(source: Source, image_size: int | None, resize: str | None) -> Examples:
    height, width = source.input_shape[:2] if source.resize else (None, None)
    if resize not in (None, source.resize) and height == width:
        raise ValueError(
            f"{source.name} was read with resize={source.resize!r}; read it with "
            f"load(…, image_size=…, resize={resize!r})"
        )
    splits = {split: source.images(split) for split in SPLITS}
    given = Examples(
        source.name,
        splits,
        source.class_names,
        source.resize,
        licence=source.licence,
        vocabulary=source.vocabulary,
    )
    notes = Notes(source.name)
    sized = _sized(given, image_size, resize, notes)
    return replace(sized, notes=(*source.notes, *notes.sentences))


def _mapping(data: object) -> Mapping[str, object]:
    if isinstance(data, Mapping):
        return data
    if isinstance(data, tuple | list) and len(data) in (2, 3):
        if all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in data):
            return dict(zip(SPLITS if len(data) == 3 else ("train", "test"), data, strict=True))
        if len(data) == 2:
            return {"train": data}
    raise ValueError(
        "data is the name of a source, a Source, a mapping of splits to (x, y), or (x, y), or "
        f"((x, y), (x_validation, y_validation), (x_test, y_test)); received {type(data).__name__}"
    )


def _pair(where: str, pair: object) -> Pair:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError(f"{where}: expected (x, y), received {type(pair).__name__}")
    x, y = (np.asarray(array) for array in pair)
    if x.dtype.kind not in "buif" or x.ndim < 2:
        raise ValueError(f"{where}: x must be numbers of shape (n, …), received {x.dtype}{x.shape}")
    if len(x) != len(y) or not len(x):
        raise ValueError(f"{where}: {len(x)} examples and {len(y)} targets")
    return x, y


def _scaled(where: str, x: np.ndarray, y: np.ndarray) -> Pair:
    if y.ndim == 2 and y.shape[1] == 1 and y.dtype.kind in "iu":
        y = y[:, 0]  # as keras.datasets.cifar10 gives them
    if x.dtype == np.uint8 and x.ndim == 3:
        x = x[..., None]
    if x.ndim == 4:
        modes.check_range(where, x)
    if x.dtype == np.uint8 or x.ndim > 2 or x.dtype.kind == "f":  # others are token ids
        x = modes.to_unit(x)
    if bad := int(np.count_nonzero(~np.isfinite(x))):
        raise ValueError(f"{where}: {bad} values of x are NaN or infinite")
    return x, y


def _carved(pairs: dict[str, Pair]) -> dict[str, Pair]:
    y = pairs["train"][1]
    if y.ndim == 1 and y.dtype.kind in "iu":
        return complete(pairs, None, None)
    # Other targets have no classes to stratify by: the rows are labelled alike and carved.
    alike = {s: (np.arange(len(y)), np.zeros(len(y), int)) for s, (_, y) in pairs.items()}
    rows = {split: index for split, (index, _) in complete(alike, None, None).items()}
    whole = {split: pairs.get(split, pairs["train"]) for split in SPLITS}
    return {split: (x[rows[split]], y[rows[split]]) for split, (x, y) in whole.items()}


def _sized(given: Examples, image_size: int | None, resize: str | None, notes: Notes) -> Examples:
    """The examples with images of that size; `notes` gets what a crop cuts off."""
    shape = given.input_shape
    how = images.check_resize(resize, image_size) if resize else given.resize
    if image_size is None or len(shape) != 3:
        return given
    if shape[:2] == (image_size, image_size):
        return replace(given, resize=how)
    if resize is None and how == "crop":
        notes.add(images.crop_notes(count_sizes(x for x, _ in given.splits.values())))
    splits = {
        split: (_resized(x, image_size, how or "crop"), y) for split, (x, y) in given.splits.items()
    }
    return replace(given, splits=splits, resize=how)


def _resized(x: Images, size: int, how: str) -> Images:
    return images.resize(x, size, how) if isinstance(x, np.ndarray) else x.resized(size, how)


def _from_npz(path: Path, image_size: int | None, resize: str | None) -> Examples:
    pairs, names = read_npz(path)
    return from_pairs(pairs, path.stem, names or (), image_size=image_size, resize=resize)
