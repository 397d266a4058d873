"""Image classification sets of TensorFlow Datasets (TFDS), read into arrays."""

from __future__ import annotations

import functools
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wszoo import batches
from wszoo.data import images, modes
from wszoo.data.errors import check_memory
from wszoo.data.findings import Notes, examined
from wszoo.data.registering import source
from wszoo.data.sets import tfds_prepare
from wszoo.data.source import Source
from wszoo.data.splits import SPLITS, Pair
from wszoo.data.splitting import SPLIT_SEED, carve, share_of_carved

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

# TFDS records no licence for these two; see http://yann.lecun.com/exdb/mnist/ (as given by
# https://keras.io/api/datasets/mnist/) and https://github.com/zalandoresearch/fashion-mnist
LICENCES = {"mnist": "CC BY-SA 3.0", "fashion_mnist": "MIT"}

Size = tuple[int, int]  # width and height
Plan = dict[str, tuple[str, np.ndarray]]  # our split -> (the TFDS split it is read from, its rows)


@source("tfds", catalogue=True)
def load(
    name: str,
    *,
    image_size: int | None = None,
    resize: str | None = None,
    data_dir: Path | None = None,
    manual_dir: Path | None = None,
    download: bool = False,
    validation: float | None = None,
    max_per_split: int | None = None,
    max_gb: float = 4.0,
) -> Source:
    """The TFDS set `name` (`"tfds:"` in front is optional); images scaled as in `wszoo.data.modes`.

    A validation or test split that the set does not have is carved from train; the arguments and
    errors are those of `wszoo.data.load`.
    """
    name = name.removeprefix("tfds:")
    builder = tfds_prepare.find_builder(name, data_dir)
    keys = classification_keys(builder)
    height, width, _ = image_shape(builder, keys[0])
    how = images.check_resize(resize, image_size)
    if image_size is None and None in (height, width):
        raise ValueError(f"{name}: its images vary in size; give image_size, e.g. image_size=96")
    tfds_prepare.prepare(builder, manual_dir=manual_dir, download=download)
    sizes = {split: info.num_examples for split, info in builder.info.splits.items()}
    plan = plan_splits(name, sizes, validation, max_per_split)
    label = builder.info.features[keys[1]]
    splits, shown = read(builder, keys, plan, image_size=image_size, resize=how, max_gb=max_gb)
    notes = Notes(name)
    notes.add(images.crop_notes(shown) if image_size and resize is None else [])
    raw = Source(
        name=name,
        splits=splits,
        class_names=tuple(label.int2str(i) for i in range(label.num_classes)),
        resize=how,
        licence=LICENCES.get(builder.name) or _licence(builder) or "see origin",
        origin=_origin(builder),
    )
    return examined(raw, notes, published=True)


for _name in LICENCES:
    source(_name)(functools.update_wrapper(functools.partial(load, _name), load))


def classification_keys(builder: tfds.core.DatasetBuilder) -> tuple[str, str]:
    """Names of the image and the label feature: TFDS's supervised keys, else "image", "label".

    Raises ValueError, naming the features, if they are no image and no class label.
    """
    import tensorflow_datasets as tfds

    features = builder.info.features
    for keys in (builder.info.supervised_keys, ("image", "label")):
        if keys and len(keys) == 2 and all(isinstance(k, str) and k in features for k in keys):
            image, label = (features[k] for k in keys)
            if isinstance(image, tfds.features.Image) and isinstance(
                label, tfds.features.ClassLabel
            ):
                return keys[0], keys[1]
    others = ", ".join(f"{key}: {type(f).__name__}" for key, f in sorted(features.items()))
    raise ValueError(
        f"{builder.name} is no image classification set: it has {others}; needed are an Image and "
        f"a ClassLabel. Read it with tfds.load and pass arrays to wszoo.data.from_arrays"
    )


def image_shape(builder: tfds.core.DatasetBuilder, key: str) -> tuple[int | None, int | None, int]:
    """(height, width, channels) of the image feature; a size that varies is None."""
    height, width, channels = builder.info.features[key].shape
    return height, width, channels or 3


def plan_splits(
    name: str, sizes: dict[str, int], fraction: float | None, limit: int | None
) -> Plan:
    """Which rows of which TFDS split to read for train, validation and test.

    Missing splits are carved from a fixed permutation of train. A limit keeps the first rows in
    the set's own order (TFDS shuffles when it prepares), so that reading can stop early and a part
    of the set never mixes the splits of the whole.
    """
    if "train" not in sizes:
        raise ValueError(f"{name} has no train split, only {sorted(sizes)}")
    missing = [split for split in SPLITS if split not in sizes]
    plan = {s: (s, np.arange(sizes[s])) for s in SPLITS if s in sizes}
    share = share_of_carved(fraction, missing)
    if missing:
        order = batches.order(sizes["train"], SPLIT_SEED)
        plan.update({s: ("train", rows) for s, rows in carve(order, missing, share).items()})
    return {split: (origin, rows[:limit]) for split, (origin, rows) in plan.items()}


def read(
    builder: tfds.core.DatasetBuilder,
    keys: tuple[str, str],
    plan: Plan,
    *,
    image_size: int | None,
    resize: str,
    max_gb: float,
) -> tuple[dict[str, Pair], Counter[Size]]:
    """Reads the planned rows: split -> (x float32 (n, height, width, channels), y int32 (n,)), and
    how many images there were of each (width, height).

    Raises ValueError if the arrays would need more than `max_gb`.
    """
    height, width, channels = image_shape(builder, keys[0])
    together = 256 if height and width else 1
    rows, columns = image_size or height, image_size or width
    assert rows and columns, "images that vary in size are refused without image_size"
    shape = (rows, columns, channels)
    check_memory(builder.name, sum(len(r) for _, r in plan.values()), shape, max_gb)
    splits = {
        split: (np.empty((len(rows), *shape), np.float32), np.empty(len(rows), np.int32))
        for split, (_, rows) in plan.items()
    }
    sizes: Counter[Size] = Counter()

    def fit(x: np.ndarray) -> np.ndarray:
        sizes[x.shape[2], x.shape[1]] += len(x)
        unit = modes.to_unit(x)
        return unit if image_size is None else images.resize(unit, image_size, resize)

    for origin in {origin for origin, _ in plan.values()}:
        wanted = {split: rows for split, (of, rows) in plan.items() if of == origin}
        batches = _numpy_batches(builder, origin, keys, together)
        _fill(splits, wanted, batches, fit)
    return splits, sizes


def _fill(splits, wanted, batches, fit) -> None:
    """Writes the `wanted` rows (split -> sorted row numbers) of a stream into the arrays, each
    batch of images through `fit`."""
    done, start = dict.fromkeys(wanted, 0), 0
    for x, y in batches:
        for split, rows in wanted.items():
            first, stop = done[split], int(np.searchsorted(rows, start + len(y)))
            if stop > first:
                picked = rows[first:stop] - start
                splits[split][0][first:stop] = fit(x[picked])
                splits[split][1][first:stop] = y[picked]
                done[split] = stop
        start += len(y)
        if all(done[split] == len(rows) for split, rows in wanted.items()):
            return
    raise ValueError(f"the prepared set ended after {start} examples: {done} of {wanted}")


def _numpy_batches(builder: tfds.core.DatasetBuilder, split: str, keys: tuple[str, str], size: int):
    import tensorflow_datasets as tfds

    config = tfds.ReadConfig(try_autocache=False)  # read once, and often only in part
    dataset = builder.as_dataset(split=split, shuffle_files=False, read_config=config)
    pairs = dataset.map(lambda example: tuple(example[key] for key in keys))
    return tfds.as_numpy(pairs.batch(size).prefetch(2))


def _licence(builder: tfds.core.DatasetBuilder) -> str:
    return (builder.info.redistribution_info.license or "").strip()


def _origin(builder: tfds.core.DatasetBuilder) -> str:
    title = re.search(r"\btitle\s*=\s*[{\"]+(.+?)[}\"]+,?\s*$", builder.info.citation, re.M)
    parts = [title[1] if title else "", builder.info.homepage, f"TFDS {builder.info.full_name}"]
    return "; ".join(part for part in parts if part)
