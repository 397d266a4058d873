"""wszoo.fingerprints: equal for what is the same in every process, other for what is not."""

import enum
import functools
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wszoo
from wszoo.fingerprints import digest, plain
from wszoo.transferring.freezing.rates import with_rates

STRENGTH = 3


def by_global(x):
    return x * STRENGTH


def calls_another(x):
    return by_global(x) + 1


def closure(strength):
    def moved(x, seed):
        return x + strength

    return moved


def default(strength):
    def moved(x, seed, by=strength):
        return x + by

    return moved


class Scaled:
    """An object that is called; `unit` is a constant of the class."""

    unit = 1

    def __init__(self, strength):
        self.strength = strength

    def __call__(self, x, seed):
        return x * self.strength

    def turned(self, x, seed):
        return x - self.strength


@dataclass(frozen=True)
class Setting:
    strength: float


class Focal(keras.losses.Loss):
    """Without get_config, as people write it."""

    def __init__(self, strength):
        super().__init__()
        self.strength = strength

    def call(self, y, outputs):
        return keras.ops.abs(y - outputs) ** self.strength


class Own(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, strength):
        self.strength = strength

    def __call__(self, step):
        return self.strength / (1 + step)

    def get_config(self):
        return {}


def wrapped(strength):
    return functools.lru_cache(functools.wraps(by_global)(closure(strength)))


# Each makes a value of a number; values of equal numbers are the same.
KINDS = {
    "float": lambda n: 0.1 * n,
    "numpy": lambda n: np.float32(n),
    "array": lambda n: np.array([1, n]),
    "strings": lambda n: np.array(["a", "b" * n], object),
    "nested": lambda n: {"a": [(n, {3: {n, 7}})]},
    "bytes": lambda n: bytes([n]),
    "path": lambda n: Path(f"a/{n}"),
    "enum": lambda n: enum.Enum("Kind", "a b c d")(n),
    "dataclass": lambda n: Setting(n),
    "closure": closure,
    "default": default,
    "partial": lambda n: functools.partial(closure, strength=n),
    "called object": Scaled,
    "method": lambda n: Scaled(n).turned,
    "wrapped": wrapped,
    "generator": lambda n: np.random.default_rng(n).random,
    "optimizer": lambda n: keras.optimizers.Adam(0.1 * n),
    "schedule": lambda n: keras.optimizers.SGD(Own(n)),
    "loss": Focal,
    "metric": lambda n: keras.metrics.MeanMetricWrapper(closure(n), name="m"),
    "callback": lambda n: keras.callbacks.EarlyStopping(patience=n),
    "layer": lambda n: keras.layers.GaussianNoise(0.1 * n),
    "augmentation": lambda n: keras.Sequential([keras.layers.RandomRotation(0.1 * n)]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_equal_for_the_same_and_other_for_another(kind):
    one, again, other = (plain(KINDS[kind](n)) for n in (1, 1, 2))
    assert one == again != other


def test_code_counts_and_names_of_variables_do_not():
    plus, same, minus = (lambda x, s: x + 1), (lambda x, s: x + 1), (lambda x, s: x - 1)
    assert digest(plus) == digest(same) != digest(minus)
    one = {k: eval(f"lambda x: [{k} for {k} in x if {k} in ('b', 'a')]") for k in "uv"}
    assert digest(one["u"]) == digest(one["v"])


def test_a_global_counts_that_code_reaches_through_other_code(monkeypatch):
    before = [plain(f) for f in (by_global, calls_another, lambda x: calls_another(x))]
    monkeypatch.setitem(globals(), "STRENGTH", 4)
    after = [plain(f) for f in (by_global, calls_another, lambda x: calls_another(x))]
    assert all(a != b for a, b in zip(before, after, strict=True))
    monkeypatch.setattr(Scaled, "unit", 2)
    assert plain(Scaled(1)) != (monkeypatch.undo(), plain(Scaled(1)))[1]


def test_functions_that_call_each_other_have_an_end():
    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    assert plain(even) != plain(odd)


@pytest.mark.parametrize("value", [threading.Lock(), (i for i in ()), sys.stdout])
def test_what_has_no_state_that_can_be_told_is_refused(value):
    with pytest.raises(ValueError, match="cannot be written down, so that another one"):
        plain([value])


def net(rate=1e-3, loss="mse", activation=None, name=None, trainable=True):
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(2, activation=activation, name=name)
    model = keras.Sequential([keras.Input((3,)), layer])
    layer.trainable = trainable
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["mae"])
    return model


def test_a_model_is_its_graph_weights_and_compile_state():
    same = [net(), net(), net(name="other")]
    others = [
        net(rate=1e-2),
        net(loss="mae"),
        net(loss=closure(1)),
        net(loss=closure(2)),
        net(activation="relu"),
        net(activation=closure(1)),
        net(trainable=False),
    ]
    moved = net()
    moved.set_weights([w + 1 for w in moved.get_weights()])
    later = net()
    later.optimizer.learning_rate = 0.5  # after `compile`
    digests = [digest(model) for model in (*same, *others, moved, later)]
    with pytest.raises(ValueError, match="has no config that can be written down"):
        digest(net(activation=Scaled(1)))
    assert len(set(digests[:3])) == 1 and len(set(digests[2:])) == len(digests) - 2


def test_a_source_is_what_it_holds():
    source = wszoo.data.load("digits", max_per_split=30)
    assert plain(source) == source.fingerprint()


TEXTS = st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(JSON)
@settings(max_examples=25, deadline=None)
def test_plain_values_are_themselves_but_for_numbers_without_end(value):
    def ended(value):
        if isinstance(value, float) and not np.isfinite(value):
            return repr(value)
        if isinstance(value, dict):
            return {key: ended(inner) for key, inner in value.items()}
        return [ended(inner) for inner in value] if isinstance(value, list) else value

    assert plain(value) == ended(value)


SCRIPT = """
import sys, functools, numpy as np
from wszoo.fingerprints import digest
WORDS = {"a", "b", "c", "d", "e"}
class Moved:
    def __init__(self, by): self.by = by
    def __call__(self, x): return [x + self.by for w in WORDS if w in {"x", "y", "z", "a"}]
f = lambda x: Moved(2)(x) if x in ("a", "b") else np.roll(x, 1)
print(digest([f, Moved(3), functools.partial(f, 2), WORDS, np.random.default_rng(1)]))
"""


def test_equal_in_another_process_wherever_the_code_stands():
    def run(script, seed):
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": str(Path(wszoo.__file__).parents[1])},
        )  # fmt: skip
        return done.stdout

    lower = textwrap.dedent(SCRIPT).replace("import sys", "# a line\nimport sys")
    assert run(SCRIPT, 1) == run(SCRIPT, 2) == run(lower, 3) != run(SCRIPT.replace("2)", "4)"), 1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1)),
        lambda: with_rates(keras.optimizers.Adam(0.1), {}),
    ],
)
def test_the_numbers_in_names_of_optimizers_do_not_count(make):
    assert plain(make()) == plain(make())
