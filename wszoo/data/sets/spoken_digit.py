"""`spoken_digit`: ten spoken digits of five speakers.

Z. Jackson et al., Free Spoken Digit Dataset v1.0.9, https://doi.org/10.5281/zenodo.1342401.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from wszoo.data.audio import FRAMES, MELS, log_mel
from wszoo.data.errors import check_memory
from wszoo.data.registering import source
from wszoo.data.sets import tfds_prepare
from wszoo.data.source import Source
from wszoo.data.splitting import first_stratified

NAME = "spoken_digit"
# FSDD's speakers (v1.0.9). Whoever is tested was never heard in training.
SPEAKERS = {
    "train": ("jackson", "nicolas", "yweweler"),
    "validation": ("george",),
    "test": ("theo",),
}


@source(NAME)
def load(
    *,
    data_dir: Path | None = None,
    manual_dir: Path | None = None,
    download: bool = False,
    max_per_split: int | None = None,
    max_gb: float = 4.0,
) -> Source:
    """`spoken_digit` of TFDS: x (n, FRAMES, MELS), y the digit.

    The splits are by speaker, SPEAKERS: 1,500 recordings of three speakers for training, 500 of a
    fourth for validation, 500 of a fifth for the test. So the test asks about a voice that was
    never heard, and about one voice alone.
    """
    import tensorflow_datasets as tfds

    with warnings.catch_warnings():
        # pydub, which TFDS reads wav files with, is old (audioop, spellings of strings), and
        # misses ffmpeg, which it needs for other formats alone.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", "Couldn't find ffmpeg", RuntimeWarning)
        builder = tfds_prepare.prepared(NAME, data_dir, manual_dir, download)
    items: dict[str, list[tuple[str, np.ndarray, int]]] = {split: [] for split in SPEAKERS}
    split_of = {speaker: split for split, names in SPEAKERS.items() for speaker in names}
    config = tfds.ReadConfig(try_autocache=False)
    rows = tfds.as_numpy(builder.as_dataset("train", shuffle_files=False, read_config=config))
    for row in rows:
        name = row["audio/filename"].decode()  # 7_jackson_32.wav
        items[split_of[name.split("_")[1]]].append((name, row["audio"], row["label"]))
    splits = {}
    for split, heard in items.items():
        heard.sort(key=lambda item: item[0])
        y = np.array([label for _, _, label in heard], np.int32)
        kept = first_stratified(y, max_per_split)
        check_memory(NAME, len(y), (FRAMES, MELS), max_gb)
        splits[split] = (np.stack([log_mel(heard[i][1]) for i in kept]), y[kept])
    return Source(
        name=NAME,
        splits=splits,
        class_names=tuple(map(str, range(10))),
        licence="CC BY-SA 4.0",
        origin="Jackson et al., Free Spoken Digit Dataset v1.0.9, "
        "https://doi.org/10.5281/zenodo.1342401; TFDS spoken_digit",
    )
