"""Image modes and number types: what is white in a file is 1 in the source, or it is refused."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from PIL import Image, ImageCms

from wszoo.data import from_arrays, load, modes
from wszoo.data.formats.decoding import read_header, read_image, suffixes
from wszoo.data.splits import SPLITS

SIDE = 4


def tiff(numbers, *, sample_format=1, photometric=1, orientation=1, bits=None):
    """The bytes of an uncompressed grey TIFF of numbers (height, width), in their byte order."""
    height, width = numbers.shape
    order = ">" if numbers.dtype.byteorder == ">" else "<"
    data = numbers.tobytes()
    bits = bits or 8 * numbers.dtype.itemsize
    short = {258: bits, 259: 1, 262: photometric, 274: orientation, 277: 1, 339: sample_format}
    long = {256: width, 257: height, 273: 8 + 2 + 12 * 11 + 4, 278: height, 279: len(data)}
    entries = b""
    for tag, value in sorted({**short, **long}.items()):
        kind, packed = (3, struct.pack(order + "HH", value, 0)) if tag in short else (4, None)
        packed = packed or struct.pack(order + "I", value)
        entries += struct.pack(order + "HHI", tag, kind, 1) + packed
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 11)
    return head + entries + struct.pack(order + "I", 0) + data


def numbers_of(dtype):
    return arrays_of.arrays(np.dtype(dtype), (SIDE, SIDE + 1))


def read(folder, name, data, channels=1):
    path = folder / name
    path.write_bytes(data)
    header = read_header(path)
    pixels = read_image(path, channels)
    assert header.grey and header.size == pixels.shape[1::-1]
    assert pixels.dtype == np.float32 and pixels.shape[2] == channels
    return pixels


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("modes")


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_grey_tiff_of_any_type_is_scaled_by_its_white_or_refused(folder, data):
    names = ["u1", "<u2", ">u2", "i1", "<i2", ">i2", "<i4", ">i4", "<u4"]
    dtype = data.draw(st.sampled_from(names))
    numbers = data.draw(numbers_of(dtype))
    unsigned = numbers.dtype.kind == "u"
    inverted = dtype in ("u1", "<u2") and data.draw(st.booleans())  # Pillow opens no other
    file = tiff(numbers, sample_format=1 if unsigned else 2, photometric=0 if inverted else 1)
    if not unsigned or numbers.dtype.itemsize == 4:
        with pytest.raises(ValueError, match="signed or 32-bit whole numbers"):
            read(folder, "x.tif", file)
        return
    wanted = numbers / np.iinfo(numbers.dtype).max
    got = read(folder, "x.tif", file, channels=3)
    assert np.allclose(got, (1 - wanted if inverted else wanted)[..., None], atol=1e-6)


@given(numbers_of("<f4"), st.sampled_from("<>"))
@settings(max_examples=40, deadline=None)
def test_floats_are_kept_in_the_unit_interval_and_else_refused(folder, numbers, order):
    file = tiff(numbers.astype(order + "f4"), sample_format=3)
    if ((numbers >= 0) & (numbers <= 1)).all():
        assert np.array_equal(read(folder, "x.tif", file)[..., 0], numbers)
    else:
        with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
            read(folder, "x.tif", file)


@given(numbers_of("u2"), st.sampled_from(["png", "pgm", "tif", "jp2"]))
@settings(max_examples=30, deadline=None)
def test_sixteen_bits_are_the_same_in_every_format(folder, numbers, suffix):
    if suffix == "pgm":
        data = f"P5 {SIDE + 1} {SIDE} 65535\n".encode() + numbers.astype(">u2").tobytes()
    else:
        file = io.BytesIO()
        name = {"jp2": "JPEG2000", "tif": "TIFF"}.get(suffix, "PNG")
        Image.fromarray(numbers).save(file, name)
        data = file.getvalue()
    assert np.allclose(read(folder, f"x.{suffix}", data)[..., 0], numbers / 65535, atol=1e-6)


def test_twelve_bits_have_their_own_white(folder):
    full = np.frombuffer(b"\xff" * 12, np.uint8).reshape(2, 6)  # 2 rows of 4 numbers of 12 bits
    data = bytearray(tiff(full, bits=12))
    place = data.index(struct.pack("<HHI", 256, 4, 1)) + 8
    data[place : place + 4] = struct.pack("<I", 4)
    assert (read(folder, "x.tif", bytes(data)) == 1).all()


def even(mode, colour):
    """An image of one colour, "black" or "white", in any mode."""
    rgb = Image.new("RGB", (2, 2), colour)
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        return ImageCms.profileToProfile(rgb, *profiles, outputMode="LAB")
    if (white := modes.MODES[mode].white) != 255:
        return Image.new(mode, (2, 2), (white or 65535) if colour == "white" else 0)
    steps = {"LA": "L", "La": "LA", "PA": "P", "RGBa": "RGBA"}  # Pillow converts by way of these
    way = [mode]
    while way[0] in steps:
        way.insert(0, steps[way[0]])
    for step in way:
        rgb = rgb.convert(step)
    return rgb


@pytest.mark.parametrize("mode", sorted(modes.MODES))
def test_black_and_white_of_every_mode(mode):
    for colour, value in (("black", 0), ("white", 1)):
        image = even(mode, colour)
        assert image.mode == mode
        image.format = "PPM" if mode == "I" else image.format
        for channels in (1, 3):
            pixels = modes.to_unit(modes.to_pixels(image, channels))
            assert pixels.shape == (2, 2, channels) and np.allclose(pixels, value, atol=0.01)


def test_a_mode_that_is_not_in_the_table_is_refused_by_name():
    image = Image.new("RGB", (2, 2))
    image._mode = "BGR;15"
    with pytest.raises(ValueError, match=r"mode BGR;15 is none of 1 L LA"):
        modes.mode_of(image)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_a_tiff_is_turned_as_it_says(folder, orientation, dtype):
    numbers = np.arange(12, dtype=dtype).reshape(3, 4)
    turned = {
        2: numbers[:, ::-1],
        3: numbers[::-1, ::-1],
        4: numbers[::-1],
        5: numbers.T,
        6: np.rot90(numbers, -1),
        7: numbers[::-1, ::-1].T,
        8: np.rot90(numbers),
    }.get(orientation, numbers)
    got = read(folder, "x.tif", tiff(numbers, orientation=orientation))
    assert np.allclose(got[..., 0], turned / np.iinfo(dtype).max, atol=1e-6)


@given(st.data())
@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_arrays_of_any_type_are_scaled_by_it_or_refused(data):
    names = ["bool", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]
    dtype = np.dtype(data.draw(st.sampled_from(names)))
    unit = st.floats(0, 1, width=16) if dtype.kind == "f" else None
    x = data.draw(arrays_of.arrays(dtype, (20, 2, 2, 1), elements=unit))
    scaled = dtype in ("bool", "u1", "u2") or dtype.kind == "f"
    if not scaled and (x.min() < 0 or x.max() > 1):
        with pytest.raises(ValueError, match=rf"x is {dtype}, from {x.min()} to {x.max()}"):
            from_arrays(x, np.arange(20) % 2, name="s")
        return
    white = {"bool": 1, "uint8": 255, "uint16": 65535}.get(dtype.name, 1)
    source = from_arrays(x, np.arange(20) % 2, name="s", test_data=(x, np.arange(20) % 2))
    assert np.allclose(source.arrays("test")[0], x / white, atol=1e-6)


def test_a_range_far_outside_is_said_and_so_is_one_that_is_hardly_used(pictures):
    x, y = pictures(60)
    with pytest.warns(UserWarning, match=r"run from 0 to 255, and are expected in \[0, 1\]"):
        source = from_arrays(x.astype("f4"), y, name="s")
    assert source.arrays("train")[0].max() > 200 and "0 to 255" in source.notes[0]
    with pytest.warns(UserWarning, match=r"brightest pixel is 0.0039"):
        from_arrays(x / 255 / 255, y, name="s")
    with pytest.warns(UserWarning, match=r"brightest pixel is 0.062"):
        from_arrays(x.astype("u2") * 16, y, name="s")
    with pytest.raises(ValueError, match="scaled differently, train uint8, test float32"):
        from_arrays(x, y, name="s", test_data=(x.astype("f4"), y))
    assert from_arrays(x.reshape(60, 36).astype(int), y, name="s").notes == ()
    centred = from_arrays(x / 127.5 - 1, y, name="s")  # is said, but may be meant
    assert centred.notes == ("its images run from -1 to 1, and are expected in [0, 1]",)


def save(folder, name, image, **options):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    image.save(folder / name, **options)


def noise(seed, mode="L", size=(6, 6)):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).convert(mode)


def test_a_folder_of_every_format_that_pillow_writes(tmp_path):
    kinds = (".jfif", ".JPE", ".ppm", ".pgm", ".webp", ".bmp", ".tga", ".jp2", ".qoi", ".avif")
    assert {kind.lower() for kind in kinds} <= suffixes()
    assert not {".pdf", ".h5", ".mpg", ".grib", ".wav", ".txt"} & suffixes()
    for i, kind in enumerate(kinds):
        for c in "ab":
            form = "JPEG" if kind in (".jfif", ".JPE") else None
            save(tmp_path, f"{c}/{i}{kind}", noise(i * 2 + (c == "a"), "RGB"), format=form)
    source = load(tmp_path)
    assert sum(len(source.arrays(split)[1]) for split in SPLITS) == 20


def test_pictures_within_a_file_are_counted(tmp_path):
    for i in range(10):
        for c in "ab":
            frames = [noise(100 * k + 2 * i + (c == "a")) for k in range(3)]
            save(tmp_path, f"{c}/{i}.png", frames[0])
            more = {"save_all": True, "append_images": frames[1:]} if i < 2 else {}
            save(tmp_path, f"{c}/{i}.tif", frames[0].rotate(90), **more)
    with pytest.warns(UserWarning, match=r"4 files hold several pictures.* the first of each"):
        source = load(tmp_path)
    assert "4 files hold several pictures" in source.notes[0]


def test_depths_are_counted_and_what_cannot_be_read_is_named(tmp_path):
    for i in range(10):
        for c in "ab":
            grey = noise(2 * i + (c == "a"))
            save(tmp_path, f"{c}/{i}.png", grey)
            save(
                tmp_path,
                f"{c}/{i}_deep.png",
                Image.fromarray(np.asarray(grey).T.astype("u2") * 257),
            )
    source = load(tmp_path)
    assert source.notes == (
        "its images are 20 of 16 bits, 20 of 8 bits; each is scaled by its own white",
    )
    (tmp_path / "a" / "wide.tif").write_bytes(tiff(np.ones((6, 6), "<i4"), sample_format=2))
    (tmp_path / "a" / "half.tif").write_bytes(tiff(np.ones((6, 6), "<f2"), sample_format=3))
    with pytest.raises(
        ValueError, match=r"2 of 42 files(.|\n)*does not read(.|\n)*wide.tif: signed"
    ):
        load(tmp_path)


def png(bits, kind, rows, clear=b""):
    """The bytes of a PNG of rows of bytes; `clear` is the grey that is transparent."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", SIDE, len(rows), bits, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    body = [chunk(b"IHDR", header), chunk(b"tRNS", clear) if clear else b"", chunk(b"IDAT", pixels)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body) + chunk(b"IEND", b"")


def test_a_transparent_grey_of_sixteen_bits_is_white(folder):
    numbers = np.arange(SIDE * 3, dtype=">u2").reshape(3, SIDE)
    got = read(folder, "x.png", png(16, 0, [row.tobytes() for row in numbers], clear=b"\0\5"))
    assert np.flatnonzero(got == 1).tolist() == [5]


def test_colour_of_sixteen_bits_keeps_eight_and_says_so(folder):
    rows = np.random.default_rng(0).integers(0, 65536, (3, SIDE, 3)).astype(">u2")
    path = folder / "x.png"
    path.write_bytes(png(16, 2, [row.tobytes() for row in rows]))
    header = read_header(path)
    assert not header.grey and header.depth == "16 bits, of which 8 are read"
    assert np.abs(read_image(path, 3) - rows / 65535).max() < 1 / 255
