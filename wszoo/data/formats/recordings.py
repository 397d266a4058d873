"""Folders of wav files, as log-mel frames."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from wszoo.arguments import checked, each, path
from wszoo.data.audio import FRAMES, MELS, RATE, log_mel, resampled
from wszoo.data.errors import check_memory
from wszoo.data.findings import Notes, examined
from wszoo.data.formats import wav_file
from wszoo.data.formats.folders import find_files
from wszoo.data.registering import source
from wszoo.data.source import Source
from wszoo.data.splitting import complete

SUFFIXES = frozenset([".wav", ".wave"])
OTHERS = frozenset(
    [".aac", ".aif", ".aiff", ".au", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wma"]
)


def count_recordings(files: Collection[Path]) -> int:
    """How many files are recordings of any format, by their suffix."""
    return sum(file.suffix.lower() in SUFFIXES | OTHERS for file in files)


@source("recordings", folder=count_recordings)
def load(
    folder: Path,
    *,
    validation: float | None = None,
    max_per_split: int | None = None,
    max_gb: float = 4.0,
) -> Source:
    """A source from `folder/class/x.wav`, or `folder/{train,validation,test}/class/x.wav`.

    As a folder of images in everything but the files: wav files of any rate and number of channels,
    see `read_wav`. Give the splits as folders to keep speakers apart; splits that are carved from
    train know nothing of speakers.
    """
    names, files, sentences = find_files(folder, SUFFIXES, "recordings")
    notes = Notes(str(folder))
    notes.add(sentences)
    chosen = complete(files, validation, max_per_split)
    check_memory(str(folder), sum(len(y) for _, y in chosen.values()), (FRAMES, MELS), max_gb)
    splits = {}
    for split, (paths, y) in chosen.items():
        x, sentences = _frames(paths)
        notes.add(sentences)
        splits[split] = (x, y)
    return examined(Source(folder.name, splits, names, "see origin", str(folder)), notes)


@checked(paths=each(path))
def read_frames(paths: Sequence[str | Path]) -> np.ndarray:
    """x (n, FRAMES, MELS) of wav files. Raises ValueError that names all that cannot be read.

    A `UserWarning` says which files have fewer samples a second than `RATE`: the upper bands of
    their frames are empty.
    """
    frames, sentences = _frames(paths)
    Notes("recordings").add(sentences)
    return frames


def read_wav(path: Path) -> np.ndarray:
    """Samples (n,) float32 at RATE: the mean of the channels, resampled if need be.

    Kinds of samples, and errors, as `wszoo.data.formats.wav_file.read`.
    """
    return resampled(*wav_file.read(path))


def _frames(paths: Sequence[str | Path] | np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Frames, and sentences on what was found."""
    frames, broken, low = [], [], []
    for file in map(Path, paths):
        try:
            rate, samples = wav_file.read(file)
        except (OSError, EOFError, ValueError) as error:
            broken.append(f"{file}: {error}")
            continue
        low += [f"{file} ({rate})"] if rate < RATE else []
        frames.append(log_mel(resampled(rate, samples)))
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
