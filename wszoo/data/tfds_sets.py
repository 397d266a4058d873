"""Image classification sets of TensorFlow Datasets (TFDS), read into arrays."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from wszoo.data import images, tfds_prepare
from wszoo.data.errors import check_memory
from wszoo.data.source import SPLITS, Source
from wszoo.data.splitting import SPLIT_SEED, carve

# TFDS records no licence for these two; see http://yann.lecun.com/exdb/mnist/ (as given by
# https://keras.io/api/datasets/mnist/) and https://github.com/zalandoresearch/fashion-mnist
LICENCES = {"mnist": "CC BY-SA 3.0", "fashion_mnist": "MIT"}

Plan = dict[str, tuple[str, np.ndarray]]  # our split -> (the TFDS split it is read from, its rows)


def load(
    name: str,
    *,
    image_size: int | None = None,
    data_dir: Path | None = None,
    manual_dir: Path | None = None,
    download: bool = False,
    validation: float = 0.1,
    max_per_split: int | None = None,
    max_gb: float = 4.0,
) -> Source:
    """The TFDS set `name` (`"tfds:"` in front is optional) with uint8 images divided by 255.

    A validation or test split that the set does not have is carved from train; the arguments and
    errors are those of `wszoo.data.load`.
    """
    name = name.removeprefix("tfds:")
    builder = tfds_prepare.find_builder(name, data_dir)
    keys = classification_keys(builder)
    height, width, _ = image_shape(builder, keys[0])
    if image_size is None and None in (height, width):
        raise ValueError(f"{name}: its images vary in size; give image_size, e.g. image_size=96")
    tfds_prepare.prepare(builder, manual_dir=manual_dir, download=download)
    sizes = {split: info.num_examples for split, info in builder.info.splits.items()}
    plan = plan_splits(name, sizes, validation, max_per_split)
    label = builder.info.features[keys[1]]
    return Source(
        name=name,
        splits=read(builder, keys, plan, image_size=image_size, max_gb=max_gb),
        class_names=tuple(label.int2str(i) for i in range(label.num_classes)),
        licence=LICENCES.get(builder.name) or _licence(builder) or "see origin",
        origin=_origin(builder),
    )


def classification_keys(builder: Any) -> tuple[str, str]:
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
    found = ", ".join(f"{key}: {type(f).__name__}" for key, f in sorted(features.items()))
    raise ValueError(
        f"{builder.name} is no image classification set: it has {found}; needed are an Image and a "
        f"ClassLabel. Read it with tfds.load and pass arrays to wszoo.data.from_arrays"
    )


def image_shape(builder: Any, key: str) -> tuple[int | None, int | None, int]:
    """(height, width, channels) of the image feature; a size that varies is None."""
    height, width, channels = builder.info.features[key].shape
    return height, width, channels or 3


def plan_splits(name: str, sizes: dict[str, int], fraction: float, limit: int | None) -> Plan:
    """Which rows of which TFDS split to read for train, validation and test.

    Missing splits are carved from a fixed permutation of train. A limit keeps the first rows in
    the set's own order (TFDS shuffles when it prepares), so that reading can stop early and a part
    of the set never mixes the splits of the whole.
    """
    if "train" not in sizes:
        raise ValueError(f"{name} has no train split, only {sorted(sizes)}")
    missing = [split for split in SPLITS if split not in sizes]
    plan = {s: (s, np.arange(sizes[s])) for s in SPLITS if s in sizes}
    if missing:
        order = np.random.default_rng(SPLIT_SEED).permutation(sizes["train"])
        plan.update({s: ("train", rows) for s, rows in carve(order, missing, fraction).items()})
    return {split: (origin, rows[:limit]) for split, (origin, rows) in plan.items()}


def read(
    builder: Any, keys: tuple[str, str], plan: Plan, *, image_size: int | None, max_gb: float
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Reads the planned rows: split -> (x float32 (n, height, width, channels), y int32 (n,)).

    Raises ValueError if the arrays would need more than `max_gb`.
    """
    height, width, channels = image_shape(builder, keys[0])
    together = 256 if height and width else 1
    shape: Any = (image_size or height, image_size or width, channels)
    check_memory(builder.name, sum(len(r) for _, r in plan.values()), shape, max_gb)
    splits = {
        split: (np.empty((len(rows), *shape), np.float32), np.empty(len(rows), np.int32))
        for split, (_, rows) in plan.items()
    }
    for origin in {origin for origin, _ in plan.values()}:
        wanted = {split: rows for split, (of, rows) in plan.items() if of == origin}
        _fill(splits, wanted, _numpy_batches(builder, origin, keys, together), image_size)
    return splits


def _fill(splits, wanted, batches, image_size) -> None:
    """Writes the `wanted` rows (split -> sorted row numbers) of a stream into the arrays."""
    done, start = dict.fromkeys(wanted, 0), 0
    for x, y in batches:
        for split, rows in wanted.items():
            first, stop = done[split], int(np.searchsorted(rows, start + len(y)))
            if stop > first:
                picked = rows[first:stop] - start
                unit = _unit(x[picked])
                unit = unit if image_size is None else images.resize(unit, image_size)
                splits[split][0][first:stop] = unit
                splits[split][1][first:stop] = y[picked]
                done[split] = stop
        start += len(y)
        if all(done[split] == len(rows) for split, rows in wanted.items()):
            return
    raise ValueError(f"the prepared set ended after {start} examples: {done} of {wanted}")


def _numpy_batches(builder: Any, split: str, keys: tuple[str, str], size: int):
    import tensorflow_datasets as tfds

    config = tfds.ReadConfig(try_autocache=False)  # read once, and often only in part
    dataset = builder.as_dataset(split=split, shuffle_files=False, read_config=config)
    pairs = dataset.map(lambda example: tuple(example[key] for key in keys))
    return tfds.as_numpy(pairs.batch(size).prefetch(2))


def _unit(x: np.ndarray) -> np.ndarray:
    if x.dtype.kind == "u":  # uint8, or uint16 of some scientific sets
        return np.divide(x, np.iinfo(x.dtype).max, dtype=np.float32)
    return images.to_unit(x)


def _licence(builder: Any) -> str:
    return (builder.info.redistribution_info.license or "").strip()


def _origin(builder: Any) -> str:
    title = re.search(r"\btitle\s*=\s*[{\"]+(.+?)[}\"]+,?\s*$", builder.info.citation, re.M)
    parts = [title[1] if title else "", builder.info.homepage, f"TFDS {builder.info.full_name}"]
    return "; ".join(part for part in parts if part)
