"""Recordings as log-mel frames.

Mel scale and weights: those of `tf.signal.linear_to_mel_weight_matrix` (HTK's scale).
"""

from __future__ import annotations

import functools
from math import gcd

import numpy as np

RATE = 8000  # samples a second, those of spoken_digit
WINDOW, HOP = 200, 80  # samples: 25 ms and 10 ms
FFT = 256
MELS = 40
LOWEST, HIGHEST = 60.0, 3800.0  # Hz
FRAMES = 64  # 0.65 s; 96 % of spoken_digit's recordings are shorter, the others lose their ends
FLOOR = 1e-3  # added to a power before its logarithm, in units of the recording's mean power


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

    def mel(hertz: float | np.ndarray) -> np.ndarray:
        return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)

    edges = np.linspace(mel(LOWEST), mel(HIGHEST), MELS + 2)
    bins = mel(np.linspace(0, RATE / 2, FFT // 2 + 1))[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(rising, falling))
    weights[0] = 0  # as TensorFlow has it: the constant is no tone
    return weights


def resampled(rate: int, samples: np.ndarray) -> np.ndarray:
    """Samples (n,) at RATE a second; as they are where they were taken at it."""
    if rate == RATE:
        return samples
    from scipy.signal import resample_poly

    common = gcd(rate, RATE)
    return resample_poly(samples, RATE // common, rate // common).astype(np.float32)
