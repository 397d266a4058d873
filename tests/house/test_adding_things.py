"""A new model, source, task or head is one file: each is dropped into its room and then used
through the public doors. (A new format of export: tests/exporting/test_formats.py.)"""

import json
import sys

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

import wszoo
import wszoo.models
import wszoo.tasks
from wszoo import registry, tasks
from wszoo.cli import app
from wszoo.data import formats, list_sources, load, registering, sets
from wszoo.tasks import task as task_registry

MODEL = '''
"""Twins."""

from wszoo.registry import register


@register(sites=lambda **_: ["one", "two"], sharing="tied", task="classification", family="toys")
def twins(bank, *, width: int = 4, head: int | None = 3):
    """Two layers that are one."""
    import keras

    inputs = x = keras.Input((width,))
    for site in ("one", "two"):
        x = bank(site, keras.layers.Dense, width)(x)
    return keras.Model(inputs, x if head is None else keras.layers.Dense(head, name="head")(x))
'''
SET = '''
"""Two heaps."""

import numpy as np
from wszoo.data import Source
from wszoo.data.registering import source
from wszoo.data.splits import SPLITS


@source("heaps")
def heaps(*, spread: float = 0.1, max_per_split: int | None = None) -> Source:
    """Points around two corners."""
    rng, splits = np.random.default_rng(0), {}
    for split in SPLITS:
        y = (np.arange(max_per_split or 40) % 2).astype("int32")
        splits[split] = (rng.normal(y[:, None], spread, (len(y), 4)).astype("float32"), y)
    return Source("heaps", splits, ("low", "high"), "CC0", "made here")
'''
FORMAT = '''
"""Points in lines of numbers, the last of which is the label."""

import numpy as np
from wszoo.data import from_arrays
from wszoo.data.registering import source


@source("points", suffixes=(".points",))
def read(path, *, max_per_split: int | None = None):
    """A source of a file."""
    rows = np.loadtxt(path)
    x, y = rows[:, :-1], rows[:, -1].astype(int)
    return from_arrays(x, y, name=path.stem, max_per_split=max_per_split)
'''
TASK = '''
"""How often something happens."""

from wszoo.tasks import targets
from wszoo.tasks.task import Task, register


def rates(features, units, y):
    """Rates (batch, units): the head."""
    import keras

    dense = keras.layers.Dense(units, "exponential", dtype="float32", name="head")
    return dense(features)


@register
def counting() -> Task:
    """Counts `(n,)`."""
    import keras

    return Task(
        "counting",
        loss=keras.losses.Poisson,
        labels=False,
        units=targets.values,
        head=rates,
        encode=lambda y, units: y.reshape(len(y), -1).astype("float32"),
        read=lambda data, order: data,
    )
'''


@pytest.fixture
def drop(tmp_path, monkeypatch):
    """`drop(room, name, text)`: one more file in a package, for as long as a test."""
    tables = [
        (registry._entries, registry._import_own, registry._discover),
        (registering._readers, registering._import_own),
        (task_registry._makers, task_registry._import_all),
    ]
    for _, *imports in tables:
        imports[-1]()
    before = [dict(table) for table, *_ in tables]

    def dropped(room, name, text):
        folder = tmp_path / room.__name__
        folder.mkdir()
        (folder / f"{name}.py").write_text(text)
        monkeypatch.setattr(room, "__path__", [*room.__path__, str(folder)])
        for _, *imports in tables:
            for imported in imports:
                imported.cache_clear()

    modules = set(sys.modules)
    yield dropped
    for (table, *imports), entries in zip(tables, before, strict=True):
        table.clear()
        table.update(entries)
        for imported in imports:
            imported.cache_clear()
    for name in set(sys.modules) - modules:
        if name.startswith("wszoo."):
            del sys.modules[name]


def ask(*words):
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_model_is_one_file(drop):
    drop(wszoo.models, "twins", MODEL)
    assert "twins" in wszoo.list_models(family="toys")
    assert wszoo.info("twins").sharing == "AA" and "Two layers that are one." in ask(
        "info", "twins"
    )
    assert [row["name"] for row in json.loads(ask("list", "--family", "toys", "--json"))] == [
        "twins"
    ]
    model = wszoo.get("twins", width=5)
    assert wszoo.audit(model).stored_parameters == 5 * 5 + 5 + 5 * 3 + 3


def test_a_set_is_one_file_that_a_new_model_learns_by_its_name(drop):
    drop(wszoo.models, "twins", MODEL)
    drop(sets, "heaps", SET)
    assert "heaps" in list_sources()
    assert load("heaps", spread=0.0).arrays("test")[0].std(axis=0).tolist() == [0.5] * 4
    with pytest.raises(
        ValueError, match=r"heaps does not take spred=1; did you mean 'spread'\?; it"
    ):
        load("heaps", spred=1)
    with pytest.raises(
        ValueError, match=r"heaps does not take image_size=8; its options are spread"
    ):
        load("heaps", image_size=8)
    backbone = wszoo.get("twins", head=None)
    result = wszoo.transfer(backbone, "classification", "heaps", epochs=1, verbose=0)
    assert result.metrics["test"]["accuracy"] > 0.8


def test_a_format_is_one_file(drop, tmp_path):
    drop(formats, "points", FORMAT)
    rows = np.c_[np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2]
    np.savetxt(tmp_path / "mine.POINTS", rows)
    source = load(tmp_path / "mine.POINTS")
    assert source.input_shape == (3,) and source.num_classes == 2
    with pytest.raises(ValueError, match=r"mine.POINTS \(points\) does not take length=3; its opt"):
        load(tmp_path / "mine.POINTS", length=3)


def test_a_task_with_its_head_is_one_file(drop):
    drop(wszoo.tasks, "counting", TASK)
    assert "counting" in tasks.names(head=True)
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (200, 2)).astype("float32")
    y = rng.poisson(np.exp(1 + 2 * x[:, 0]))
    pairs = {"train": (x[:150], y[:150]), "validation": (x[150:175], y[150:175])}
    inputs = keras.Input((2,))
    backbone = keras.Model(inputs, keras.layers.Activation("linear", name="as_is")(inputs))
    result = wszoo.transfer(
        backbone, "counting", pairs | {"test": (x[175:], y[175:])}, epochs=40, batch_size=32,
        learning_rate=0.1, seed=0, verbose=0,
    )  # fmt: skip
    assert np.corrcoef(result.predict(x)[:, 0], np.exp(1 + 2 * x[:, 0]))[0, 1] > 0.99


def test_a_head_is_one_function():
    def narrow(features):
        return keras.layers.Dense(3, name="narrow")(features)

    inputs = keras.Input((4,))
    backbone = keras.Model(inputs, keras.layers.Dense(6, name="six")(inputs))
    x, y = np.eye(4, dtype="float32")[np.arange(60) % 3], np.arange(60) % 3
    result = wszoo.transfer(backbone, "classification", (x, y), head=narrow, epochs=1, verbose=0)
    assert result.model.get_layer("narrow").units == 3


def test_nothing_stays_after_a_test():
    assert "twins" not in wszoo.list_models() and "heaps" not in list_sources()
    assert "counting" not in tasks.names()
