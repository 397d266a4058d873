"""Features of a frozen backbone, computed once and kept on disk.

The key is what the features depend on: the backbone's graph and weights, what is done to the
inputs outside of the graph, the inputs. A file is written under another name and renamed, and
holds a hash of its contents that is checked when it is read; so a damaged file is found and made
anew. Of several processes that want the same features one computes them while the others wait
(`flock`, which the system lifts when a process dies: no lock can go stale); where a file system
has no such locks all compute, and the last rename wins.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from wszoo import private
from wszoo.arguments import array, called, checked, count
from wszoo.data.streams import ImageFiles, Images, identity, in_parts, parts_of
from wszoo.files import sweep
from wszoo.locks import locked
from wszoo.transferring.features import files as cache_files
from wszoo.transferring.features import shards
from wszoo.transferring.features.key import add_function, digest_of
from wszoo.transferring.options import Augment

if TYPE_CHECKING:
    import keras

BATCH = 128
Preprocess = Callable[[np.ndarray], np.ndarray]

_predictors: WeakKeyDictionary = WeakKeyDictionary()  # backbone -> its model for inference


def _images(name: str, value: object) -> object:
    """An array, or images that are read from files."""
    return value if isinstance(value, ImageFiles) else array(name, value)


@checked(x=_images)
def features(
    backbone: "keras.Model",
    x: Images,
    *,
    folder: str | os.PathLike | None = None,
    preprocess: Preprocess | None = None,
    batch_size: int = BATCH,
) -> np.ndarray:
    """The backbone's outputs `(n, …)` for inputs `(n, …)`, in inference mode; read-only.

    `preprocess` is what is done to inputs outside of the graph, a batch at a time; the key holds
    its name and what it gives for a few inputs. With `folder` the features are read from there,
    memory-mapped, if they have been computed before, and written there if not. A damaged file is
    reported by a `UserWarning` and replaced; features that could not be written are returned all
    the same, with a `UserWarning`. Features of `wszoo.data.streams.ImageFiles` go there in shards,
    and a call that was killed goes on at the next one, see `wszoo.transferring.features.shards`.

    Raises `ValueError` for a backbone with several outputs, and `OSError` for a folder that cannot
    be written to or has too little space (before anything is computed).
    """
    return _views(backbone, x, [None], None, folder, preprocess, batch_size)[0]


@checked(augment=called, count=count)
def views(
    backbone: "keras.Model",
    x: np.ndarray,
    augment: Augment,
    count: int,
    *,
    folder: str | os.PathLike | None = None,
    preprocess: Preprocess | None = None,
    batch_size: int = BATCH,
) -> list[np.ndarray]:
    """Features of `count` augmented views: view i is of `augment(x, i)`; epoch e uses e mod count.

    Else as `features`. Raises `ValueError` also where `augment` gives other inputs when it is
    called again with the same seed.
    """
    if count < 1:
        raise ValueError(f"views must be 1 or more, not {count}")
    few = x[:4]
    if not np.array_equal(np.asarray(augment(few, 0)), np.asarray(augment(few, 0))):
        raise ValueError(
            "the augmentation is no function of (x, seed): called twice with one seed it gave "
            "different inputs, so what is kept would not be what it gives"
        )
    return _views(backbone, x, list(range(count)), augment, folder, preprocess, batch_size)


def key(
    backbone: "keras.Model",
    x: np.ndarray,
    *,
    preprocess: Preprocess | None = None,
    augment: Augment | None = None,
    seed: int | None = None,
) -> str:
    """Hash (64 hex digits) of all that features depend on. Names of layers do not count."""
    digest = digest_of(backbone, x)
    add_function(digest, preprocess, x)
    add_function(digest, augment, x, seed)
    return digest.hexdigest()


def why_not(
    backbone: "keras.Model", *, augment: Augment | None = None, views: int = 0
) -> str | None:
    """Why features computed once would not be what training computes, or `None`: they would.

    `backbone` is the part below the head, with the `trainable` flags of the training.
    """
    import keras

    if augment is not None and views < 1:
        return "inputs are augmented anew in every epoch; views=k would keep k of them"
    for layer in private.parts_of(backbone, itself=False):
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable:
            return f"the BatchNormalization {layer.name!r} below the head is not in inference mode"
    for layer in private.parts_of(backbone, itself=False):
        if private.own_trainable(layer) and layer.trainable_variables:
            return f"{layer.name!r} below the head trains"
    for layer in private.parts_of(backbone, itself=False):
        if _random(layer):
            return f"{layer.name!r} below the head is random in training"
    return None


def _random(layer: "keras.Layer") -> bool:
    from keras.random import SeedGenerator

    rates = [getattr(layer, name, None) for name in ("rate", "dropout", "recurrent_dropout")]
    given = [rate for rate in rates if isinstance(rate, int | float)]
    if given and not any(given):
        return False
    return any(isinstance(value, SeedGenerator) for value in vars(layer).values())


def _views(
    backbone: "keras.Model",
    x: Images,
    seeds: list,
    augment: Augment | None,
    folder: str | os.PathLike | None,
    preprocess: Preprocess | None,
    batch_size: int,
) -> list[np.ndarray]:
    if len(backbone.outputs) != 1:
        raise ValueError(f"{backbone.name!r} has {len(backbone.outputs)} outputs; features are one")

    def compute(seed: int | None) -> np.ndarray:
        given = x
        if augment is not None and isinstance(x, np.ndarray):
            given = np.asarray(augment(x, seed or 0))
        return _compute(backbone, given, preprocess, batch_size)

    if folder is None:
        return [compute(seed) for seed in seeds]
    sweep(Path(folder))  # what is found there already, nobody writes
    common = digest_of(backbone, identity(x))
    add_function(common, preprocess, x)
    shape = (len(x), *backbone.output_shape[1:])
    size = 0 if None in shape else int(np.prod(shape)) * 4
    views = []
    for seed in seeds:
        digest = common.copy()
        add_function(digest, augment, x, seed)
        path = Path(folder) / f"{digest.hexdigest()}.features"
        if isinstance(x, np.ndarray):
            views.append(_kept(path, partial(_written, path, partial(compute, seed)), size))
        else:
            outputs = partial(_outputs, backbone, x, preprocess, batch_size)
            make = partial(shards.gathered, path, in_parts(len(x), batch_size), outputs)
            views.append(_kept(path, make, 2 * size))
    return views


def _kept(path: Path, make: Callable[[], np.ndarray], size: int) -> np.ndarray:
    """What is in the file, or what `make` gives, which writes it and takes so many bytes."""
    try:
        return cache_files.read(path)
    except (FileNotFoundError, ValueError):
        cache_files.check_room(path.parent, size)
    with locked(path.with_suffix(".lock")):
        try:
            return cache_files.read(path)  # another process has made it meanwhile
        except FileNotFoundError:
            pass
        except ValueError as error:
            warnings.warn(f"{str(path)!r} is made anew: {error}", stacklevel=5)
        return make()


def _written(path: Path, compute: Callable[[], np.ndarray]) -> np.ndarray:
    rows = compute()
    try:
        cache_files.write(path, rows)
    except OSError as error:
        message = f"features are not kept, the next run computes them again: {error}"
        warnings.warn(message, stacklevel=6)
    return rows


def _compute(
    backbone: "keras.Model", x: Images, preprocess: Preprocess | None, batch_size: int
) -> np.ndarray:
    size = min(batch_size, 1 << max(4, (len(x) - 1).bit_length()))
    features: np.ndarray | None = None
    parts = in_parts(len(x), size)
    for rows, out in zip(parts, _outputs(backbone, x, preprocess, size, parts), strict=True):
        if features is None:
            features = np.empty((len(x), *out.shape[1:]), out.dtype)
        features[rows] = out
    if features is None:
        raise ValueError("there are no inputs to compute features of")
    features.flags.writeable = False
    return features


def _outputs(
    backbone: "keras.Model",
    x: Images,
    preprocess: Preprocess | None,
    size: int,
    parts: Sequence[np.ndarray],
) -> Iterator[np.ndarray]:
    """Of each part of the rows; one of less than `size` is filled up, so that the graph is traced
    for few shapes."""
    predictor = _predictor(backbone)
    for rows, part in zip(parts, parts_of(x, parts), strict=True):
        if len(rows) < size:
            part = np.concatenate([part, np.repeat(part[:1], size - len(rows), axis=0)])
        given = part if preprocess is None else np.asarray(preprocess(part))
        yield np.asarray(predictor.predict_on_batch(given))[: len(rows)]


def _predictor(backbone: "keras.Model") -> "keras.Model":
    """The same graph for inference, without XLA where that is slower (small images on a CPU)."""
    import keras

    if backbone not in _predictors:
        model = keras.Model(backbone.inputs, backbone.outputs)
        model.jit_compile = keras.backend.backend() != "tensorflow"
        _predictors[backbone] = model
    return _predictors[backbone]
