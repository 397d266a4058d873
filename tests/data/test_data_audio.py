"""Recordings: log-mel frames, wav files of many kinds, folders, and splits by speaker."""

import struct
import wave

import numpy as np
import pytest
import tensorflow as tf

from wszoo.data import MissingDataError, audio, load
from wszoo.data.formats import recordings
from wszoo.data.sets.spoken_digit import SPEAKERS


def tone(hertz, seconds=0.5, rate=audio.RATE, loud=0.5):
    return loud * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def write_wav(path, samples, rate=audio.RATE, width=2, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    scaled = np.round(np.asarray(samples) * (2 ** (8 * width - 1) - 1)).astype("<i4")
    scaled = np.repeat(scaled, channels)
    raw = (scaled + 128).astype(np.uint8) if width == 1 else scaled
    data = raw.view(np.uint8).reshape(len(scaled), raw.itemsize)[:, :width].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return path


def test_the_mel_weights_are_tensorflows():
    wanted = tf.signal.linear_to_mel_weight_matrix(
        audio.MELS, audio.FFT // 2 + 1, audio.RATE, audio.LOWEST, audio.HIGHEST
    )
    np.testing.assert_allclose(audio.mel_weights(), wanted, atol=1e-5)


def test_log_mel_frames_are_those_of_tensorflow():
    samples = np.random.default_rng(0).normal(size=4000) * np.hanning(4000)
    stft = tf.signal.stft(tf.constant(samples), audio.WINDOW, audio.HOP, audio.FFT)
    mel = np.abs(stft.numpy()) ** 2 @ audio.mel_weights()
    logs = np.log(mel / mel.mean() + audio.FLOOR)
    logs = logs - logs.mean(axis=0)
    got = audio.log_mel(samples, len(logs))
    np.testing.assert_allclose(got, logs / (logs.std() + 1e-3), atol=1e-4)


def test_neither_loudness_nor_length_changes_the_shape_or_the_scale():
    rng = np.random.default_rng(0)
    samples = rng.normal(size=3000) * np.hanning(3000)
    frames = audio.log_mel(samples)
    assert frames.shape == (audio.FRAMES, audio.MELS) and frames.dtype == np.float32
    np.testing.assert_allclose(audio.log_mel(0.01 * samples), frames, atol=1e-4)
    assert not frames[36:].any() and frames[:35].any(axis=1).all()  # 36 frames, then zeros
    long = audio.log_mel(rng.normal(size=20000))
    assert long.shape == frames.shape and long.any(axis=1).all()
    for odd in (np.zeros(4000), np.ones(1), rng.normal(size=10)):
        assert np.isfinite(audio.log_mel(odd)).all()


def test_a_tone_stands_where_its_pitch_is():
    quiet = np.random.default_rng(0).normal(size=4000) * 1e-3
    rows = [np.r_[quiet, tone(hz)] for hz in (300, 1000, 3000)]
    best = [audio.log_mel(row)[-8:].mean(axis=0).argmax() for row in rows]
    assert best == sorted(best) and len(set(best)) == 3


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_width_and_number_of_channels_reads_the_same(tmp_path, width, channels):
    samples = tone(440)
    path = write_wav(tmp_path / "x.wav", samples, width=width, channels=channels)
    np.testing.assert_allclose(recordings.read_wav(path), samples, atol=1.5 / 2 ** (8 * width - 1))


@pytest.mark.parametrize("rate", [11025, 16000, 44100])
def test_other_rates_are_resampled(tmp_path, rate):
    path = write_wav(tmp_path / "x.wav", tone(440, rate=rate), rate=rate)
    got = recordings.read_wav(path)
    assert abs(len(got) - audio.RATE // 2) <= 1
    wanted = tone(440)[: len(got)]
    np.testing.assert_allclose(got[100:3900], wanted[100:3900], atol=0.01)


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def riff(code, data, *, bits, channels=1, rate=audio.RATE, extensible=False, promised=None):
    """Bytes of a wav file of a format code, plain or WAVE_FORMAT_EXTENSIBLE, with a LIST chunk."""
    block = channels * bits // 8
    head = struct.pack(
        "<HHIIHH", 0xFFFE if extensible else code, channels, rate, rate * block, block, bits
    )
    if extensible:
        guid = struct.pack("<H", code) + bytes.fromhex("000000001000800000aa00389b71")
        head += struct.pack("<HHI", 22, bits, 0) + guid
    size = struct.pack("<I", len(data) if promised is None else promised)
    body = b"WAVE" + chunk(b"fmt ", head) + chunk(b"LIST", b"INFO") + b"data" + size + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(
    ("code", "kind", "full"),
    [(1, "u1", 2**7), (1, "<i2", 2**15), (1, "<i4", 2**31), (3, "<f4", 1), (3, "<f8", 1)],
)
def test_every_kind_of_samples_has_the_same_scale(tmp_path, code, kind, full, channels, extensible):
    wanted = 0.9 * tone(440, loud=1)
    stored = wanted * full + (128 if kind == "u1" else 0)
    stored = (np.round(stored) if code == 1 else stored).astype(kind)
    data = np.repeat(stored, channels).tobytes()
    bits = 8 * stored.itemsize
    path = tmp_path / "x.wav"
    path.write_bytes(riff(code, data, bits=bits, channels=channels, extensible=extensible))
    got = recordings.read_wav(path)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, atol=0.5 / full if full < 2**20 and code == 1 else 1e-6)


def test_24_bits_as_the_extensible_format_has_them(tmp_path):
    whole = np.round(tone(440) * 2**23).astype("<i4")
    data = whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    (tmp_path / "x.wav").write_bytes(riff(1, data, bits=24, extensible=True))
    np.testing.assert_allclose(recordings.read_wav(tmp_path / "x.wav"), tone(440), atol=1e-6)


def test_channels_are_averaged(tmp_path):
    left, right = tone(440), tone(1000, loud=0.2)
    data = np.stack([left, right], axis=1).astype("<f4").tobytes()
    (tmp_path / "x.wav").write_bytes(riff(3, data, bits=32, channels=2))
    np.testing.assert_allclose(
        recordings.read_wav(tmp_path / "x.wav"), (left + right) / 2, atol=1e-6
    )


SOME = np.arange(-500, 500, dtype="<i2").tobytes()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (riff(2, SOME, bits=8), "ADPCM"),
        (riff(7, SOME, bits=8), "MULAW"),
        (riff(6, SOME, bits=8, extensible=True), "ALAW"),
        (riff(0x55, SOME, bits=8), "MPEGLAYER3"),
        (riff(1, SOME, bits=16)[:-700], "cut short: 1300 of 2000 bytes"),
        (riff(1, SOME, bits=16)[:30], "cut short: it has no samples"),
        (riff(1, SOME, bits=16, promised=0), "0 samples, but 2000 bytes follow"),
        (riff(1, b"", bits=16), "no samples"),
        (riff(1, SOME, bits=16, rate=0), "0 samples a second"),
        (riff(1, SOME, bits=16, channels=0), "header is no valid one"),
        (riff(3, np.full(9, np.nan, "<f4").tobytes(), bits=32), "9 of 9 samples are NaN"),
        (b"fLaC" + bytes(50), "fLaC"),
        (b"", "not understood"),
    ],
)
def test_what_is_no_whole_recording_of_samples_is_refused(tmp_path, content, words):
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        recordings.read_wav(tmp_path / "x.wav")
    with pytest.raises(ValueError, match=rf"1 of 1 files(.|\n)*x\.wav: (.|\n)*{words}"):
        recordings.read_frames([tmp_path / "x.wav"])


def test_a_stream_of_unknown_length_is_read_to_its_end(tmp_path):
    (tmp_path / "x.wav").write_bytes(riff(1, SOME, bits=16, promised=0xFFFFFFFF))
    wanted = np.frombuffer(SOME, "<i2") / 2**15
    np.testing.assert_allclose(recordings.read_wav(tmp_path / "x.wav"), wanted, atol=1e-7)


def test_rates_may_differ_within_a_folder_and_low_ones_are_named(tmp_path):
    paths = [write_wav(tmp_path / f"{r}.wav", tone(440, rate=r), rate=r) for r in (8000, 44100)]
    same, other = recordings.read_frames(paths)
    assert same[:40].mean(axis=0).argmax() == other[:40].mean(axis=0).argmax()
    low = write_wav(tmp_path / "low.wav", tone(440, rate=4000), rate=4000)
    with pytest.warns(UserWarning, match=r"1 of 3 have fewer than 8000.*low.wav \(4000"):
        recordings.read_frames([*paths, low])


@pytest.fixture
def folder(tmp_path):
    for label, hz in (("high", 2000), ("low", 300)):
        for i in range(10):
            write_wav(tmp_path / "tones" / label / f"{i}.wav", tone(hz + 10 * i))
    return tmp_path / "tones"


def test_a_folder_of_wav_files(folder):
    source = load(folder)
    assert source.class_names == ("high", "low")
    assert source.input_shape == (audio.FRAMES, audio.MELS)
    assert [len(source.arrays(s)[1]) for s in ("train", "validation", "test")] == [16, 2, 2]
    with pytest.raises(ValueError, match="does not take image_size=28"):
        load(folder, image_size=28)


def test_suffixes_count_in_any_case(folder):
    wanted = load(folder).fingerprint()
    for path in folder.glob("*/*.wav"):
        path.rename(path.with_suffix(".WAV"))
    assert load(folder).fingerprint() == wanted


def test_a_folder_is_of_what_it_holds_most(folder):
    (folder / "low" / "cover.jpg").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"left out 1 files: 1 \.jpg"):
        assert load(folder).input_shape == (audio.FRAMES, audio.MELS)
    for path in folder.glob("*/*.wav"):
        path.rename(path.with_suffix(".flac"))
    with pytest.raises(ValueError, match=r"\['high', 'low'\].*\.wav"):
        load(folder)
    for i in range(30):
        (folder / "low" / f"{i}.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"no images in \['high'\]"):
        load(folder)


def test_split_folders_keep_what_they_hold(folder, tmp_path):
    speakers = tmp_path / "speakers"
    for split in ("train", "test"):
        for label in ("high", "low"):
            for i in range(3):
                (speakers / split / label).mkdir(parents=True, exist_ok=True)
                target = speakers / split / label / f"{i}.wav"
                target.write_bytes((folder / label / f"{i}.wav").read_bytes())
    source = load(speakers)
    assert len(source.arrays("test")[1]) == 6
    assert len(source.arrays("train")[1]) + len(source.arrays("validation")[1]) == 6


def test_files_that_are_no_wav_are_all_named(folder):
    (folder / "low" / "bad.wav").write_bytes(b"RIFFnothing")
    (folder / "high" / "empty.wav").write_bytes(b"")
    with pytest.raises(ValueError, match=r"2 of 22 files(.|\n)*empty.wav(.|\n)*bad.wav"):
        recordings.read_frames(sorted(folder.glob("*/*.wav")))
    write_wav(folder / "low" / "none.wav", [])
    with pytest.raises(ValueError, match="no samples"):
        recordings.read_wav(folder / "low" / "none.wav")
    with pytest.raises(ValueError, match="no readable wav files of PCM or float"):
        load(folder)


def test_a_class_without_recordings_is_named(folder):
    (folder / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no recordings in \['empty'\]; valid are .wav"):
        load(folder)


def test_spoken_digit_is_split_by_speaker(spoken_digit_dirs, label_digests):
    source = load("spoken_digit", **spoken_digit_dirs)
    digests = ["6bf38703e30051ab", "ba00b684429f2175", "ba00b684429f2175"]
    assert label_digests(source) == digests
    assert source.input_shape == (audio.FRAMES, audio.MELS) and source.num_classes == 10
    sizes = {split: len(source.arrays(split)[1]) for split in SPEAKERS}
    assert sizes == {split: 500 * len(names) for split, names in SPEAKERS.items()}
    speakers = [name for names in SPEAKERS.values() for name in names]
    assert len(set(speakers)) == len(speakers) == 5
    for split in sizes:
        assert set(np.bincount(source.arrays(split)[1])) == {sizes[split] // 10}
    few = load("spoken_digit", max_per_split=20, **spoken_digit_dirs)
    assert set(np.bincount(few.arrays("train")[1])) == {2}


def test_spoken_digit_that_is_missing_says_how_to_get_it(tmp_path):
    with pytest.raises(MissingDataError, match="download=True"):
        load("spoken_digit", data_dir=tmp_path)
