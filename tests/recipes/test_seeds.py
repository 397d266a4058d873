"""What a recipe begins its first training with depends on its seed alone.

That whole runs give the same figures in two processes is tried by benchmarks/faults/seeds.py.
"""

import hashlib

import keras
import numpy as np
import pytest

from benchmarks.faults import bad_commands, seeds
from benchmarks.faults.lines import command_lines
from wszoo import report


class First(BaseException):
    """Raised in place of the first training: weights and data as one digest."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("lines")
    command_lines.prepare(made)
    return made


def begins_with(monkeypatch, folder, name):
    """The digest of the weights and the data of a command's first training."""
    found = []

    def fit(model, x=None, y=None, **options):
        x, y = (x, y) if isinstance(x, np.ndarray) else x[0]
        parts = [*model.get_weights(), x, y]
        arrays = [np.asarray(array) for array in keras.tree.flatten(parts)]
        found.append(hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest())
        raise First

    app, words = {n: (a, w) for n, a, w in command_lines.commands()}[name]
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "fit", fit)
        line = [*words, *bad_commands.right(name)]
        _, said = bad_commands.attempt(folder, name, app, line, 0)
    assert found, said
    return found[0]


# Recipes whose first training begins soon: the others take a seed to the functions of wszoo.
@pytest.mark.parametrize(
    "name", ["wszoo anomaly images", "wszoo language-model", "wszoo pretrain", "wszoo search-ties"]
)
def test_a_recipe_begins_as_its_seed_says_whatever_was_drawn_before(monkeypatch, folder, name):
    digests = set()
    for before in (1, 2):
        keras.utils.set_random_seed(before)
        digests.add(begins_with(monkeypatch, folder, name))
    assert len(digests) == 1


def test_every_recipe_is_run_twice_by_the_campaign():
    assert set(seeds.MORE) == set(command_lines.recipes())


def test_what_differs_is_found_and_times_are_no_metrics():
    one = {"a": [1, {"b": 0.5}], "c": float("nan")}
    assert not list(seeds.differing(one, {"a": [1, {"b": 0.5}], "c": float("nan")}))
    assert list(seeds.differing(one, one | {"a": [1, {"b": 0.25}]})) == ["a[1].b: 0.5, 0.25"]
    timed = {"rows": [{"mse": 1, "seconds": 2, "seconds_per_epoch": (3,)}], "seconds": 5}
    assert report.untimed(timed) == {"rows": [{"mse": 1}]}
