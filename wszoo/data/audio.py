"""Recordings as log-mel frames: `spoken_digit`, and folders of wav files.

Z. Jackson et al., Free Spoken Digit Dataset v1.0.9, https://doi.org/10.5281/zenodo.1342401.
Mel scale and weights: those of `tf.signal.linear_to_mel_weight_matrix` (HTK's scale).
"""

from __future__ import annotations

import collections
import functools
import warnings
from math import gcd
from pathlib import Path

import numpy as np

from wszoo.arguments import checked, each, path
from wszoo.data import folders, image_files, tfds_prepare, wav_file
from wszoo.data.errors import check_memory
from wszoo.data.findings import Notes, examined
from wszoo.data.source import Pair, Source
from wszoo.data.splitting import complete, first_stratified

NAME = "spoken_digit"
SUFFIXES = frozenset([".wav", ".wave"])
OTHERS = frozenset(
    [".aac", ".aif", ".aiff", ".au", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wma"]
)
RATE = 8000  # samples a second, those of spoken_digit
WINDOW, HOP = 200, 80  # samples: 25 ms and 10 ms
FFT = 256
MELS = 40
LOWEST, HIGHEST = 60.0, 3800.0  # Hz
FRAMES = (
    64  # 0.65 s; 96 % of spoken_digit's recordings are shorter, of the others the middle is kept
)
FLOOR = 1e-3  # added to a power before its logarithm, in units of the recording's mean power

# FSDD's speakers (v1.0.9). Whoever is tested was never heard in training.
SPEAKERS = {
    "train": ("jackson", "nicolas", "yweweler"),
    "validation": ("george",),
    "test": ("theo",),
}


def log_mel(samples: np.ndarray, frames: int = FRAMES) -> np.ndarray:
    """Log-mel energies (frames, MELS) float32 of one recording (n,) at RATE samples a second.

    Each recording loses the mean of each mel band over its own frames (what a microphone adds) and
    is brought to standard deviation 1. A longer one loses equal parts of both ends, a shorter one
    gets zeros (its mean) after it.
    """
    samples = np.asarray(samples, np.float64)
    samples = np.pad(samples, (0, max(0, WINDOW - len(samples))))
    cut = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(cut * np.hanning(WINDOW + 1)[:-1], FFT)) ** 2
    mel = power @ mel_weights()
    level = mel.mean()
    logs = np.log(mel / (level if level > 0 else 1.0) + FLOOR)
    logs -= logs.mean(axis=0)
    logs /= logs.std() + 1e-3
    first = max(0, (len(logs) - frames) // 2)
    kept = logs[first : first + frames]
    return np.pad(kept, ((0, frames - len(kept)), (0, 0))).astype(np.float32)


@functools.cache
def mel_weights() -> np.ndarray:
    """(FFT // 2 + 1, MELS): triangles, equally spaced on the mel scale."""

    def mel(hertz):
        return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)

    edges = np.linspace(mel(LOWEST), mel(HIGHEST), MELS + 2)
    bins = mel(np.linspace(0, RATE / 2, FFT // 2 + 1))[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(rising, falling))
    weights[0] = 0  # as TensorFlow has it: the constant is no tone
    return weights


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

    builder = tfds_prepare.find_builder(NAME, data_dir)
    with warnings.catch_warnings():
        # pydub, which TFDS reads wav files with, is old (audioop, spellings of strings), and
        # misses ffmpeg, which it needs for other formats alone.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", "Couldn't find ffmpeg", RuntimeWarning)
        tfds_prepare.prepare(builder, manual_dir=manual_dir, download=download)
    found: dict[str, list] = {split: [] for split in SPEAKERS}
    split_of = {speaker: split for split, names in SPEAKERS.items() for speaker in names}
    config = tfds.ReadConfig(try_autocache=False)
    rows = tfds.as_numpy(builder.as_dataset("train", shuffle_files=False, read_config=config))
    for row in rows:
        name = row["audio/filename"].decode()  # 7_jackson_32.wav
        found[split_of[name.split("_")[1]]].append((name, row["audio"], row["label"]))
    splits = {}
    for split, items in found.items():
        items.sort(key=lambda item: item[0])
        y = np.array([label for _, _, label in items], np.int32)
        kept = first_stratified(y, max_per_split)
        check_memory(NAME, len(y), (FRAMES, MELS), max_gb)
        splits[split] = (np.stack([log_mel(items[i][1]) for i in kept]), y[kept])
    return Source(
        name=NAME,
        splits=splits,
        class_names=tuple(map(str, range(10))),
        licence="CC BY-SA 4.0",
        origin="Jackson et al., Free Spoken Digit Dataset v1.0.9, "
        "https://doi.org/10.5281/zenodo.1342401; TFDS spoken_digit",
    )


def is_audio_folder(folder: Path) -> bool:
    """Whether a folder and its sub-folders hold more recordings, of any format, than images."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    counts = collections.Counter(path.suffix.lower() for path in files)
    recordings = sum(counts[suffix] for suffix in SUFFIXES | OTHERS)
    return recordings > sum(counts[suffix] for suffix in image_files.suffixes())


def load_folder(
    folder: Path,
    *,
    validation: float | None = None,
    max_per_split: int | None = None,
    max_gb: float = 4.0,
) -> Source:
    """A source from `folder/class/x.wav`, or `folder/{train,validation,test}/class/x.wav`.

    As `wszoo.data.folders.load` in everything but the files: wav files of any rate and number of
    channels, see `read_wav`. Give the splits as folders to keep speakers apart; splits that
    are carved from train know nothing of speakers.
    """
    found = folders.find_files(folder, SUFFIXES, "recordings")
    notes = Notes(str(folder))
    notes.add(found.notes)
    chosen: dict[str, Pair] = complete(found.splits, validation, max_per_split)
    check_memory(str(folder), sum(len(y) for _, y in chosen.values()), (FRAMES, MELS), max_gb)
    splits = {}
    for split, (paths, y) in chosen.items():
        x, sentences = _frames(paths)
        notes.add(sentences)
        splits[split] = (x, y)
    source = Source(
        name=folder.name,
        splits=splits,
        class_names=found.names,
        licence="see origin",
        origin=str(folder),
    )
    return examined(source, notes)


@checked(paths=each(path))
def read_frames(paths) -> np.ndarray:
    """x (n, FRAMES, MELS) of wav files. Raises ValueError that names all that cannot be read.

    A `UserWarning` says which files have fewer samples a second than `RATE`: the upper bands of
    their frames are empty.
    """
    frames, sentences = _frames(paths)
    Notes("recordings").add(sentences)
    return frames


def read_wav(path: Path) -> np.ndarray:
    """Samples (n,) float32 at RATE: the mean of the channels, resampled if need be.

    Kinds of samples, and errors, as `wszoo.data.wav_file.read`.
    """
    return _resampled(*wav_file.read(path))


def _frames(paths) -> tuple[np.ndarray, list[str]]:
    """Frames, and sentences on what was found."""
    frames, broken, low = [], [], []
    for file in map(Path, paths):
        try:
            rate, samples = wav_file.read(file)
        except (OSError, EOFError, ValueError) as error:
            broken.append(f"{file}: {error}")
            continue
        low += [f"{file} ({rate})"] if rate < RATE else []
        frames.append(log_mel(_resampled(rate, samples)))
    if broken:
        more = f"\n  and {len(broken) - 5} more" if len(broken) > 5 else ""
        first = "\n  ".join(broken[:5])
        raise ValueError(
            f"{len(broken)} of {len(paths)} files are no readable wav files of PCM or float "
            f"samples; remove or convert them, e.g. with ffmpeg -i OLD NEW.wav:\n  {first}{more}"
        )
    few = (
        f"{len(low)} of {len(paths)} have fewer than {RATE} samples a second, so their upper bands"
    )
    return np.stack(frames), [f"{few} are empty: {', '.join(low[:5])}"] if low else []


def _resampled(rate: int, samples: np.ndarray) -> np.ndarray:
    if rate == RATE:
        return samples
    from scipy.signal import resample_poly

    common = gcd(rate, RATE)
    return resample_poly(samples, RATE // common, rate // common).astype(np.float32)
