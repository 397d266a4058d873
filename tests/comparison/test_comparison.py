"""Comparisons: trainings that do not touch each other, resuming, verdicts, errors."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from programs import ON_JAX
from scipy import stats

import wszoo
from wszoo.comparison import Arm, Conditions, Study, Trainer, paired, registered, summarise
from wszoo.comparison.summary import sentence
from wszoo.comparison.tables import markdown, picture, tables
from wszoo.comparison.trials import draw
from wszoo.data import load
from wszoo.data.arrays import from_arrays

TINY = {"widths": [6, 3]}
TIMES = {"seconds"}


@pytest.fixture(scope="module")
def digits():
    return load("digits", max_per_split=80)


@pytest.fixture(scope="module")
def whole(digits, tmp_path_factory):
    """The folder of a finished study, to be read, and its results."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, study(digits, folder).run()


def conditions(task="reconstruction", **changes):
    made = {"steps": 6, "points": 3, "batch_size": 8, "rates": (1e-3, 1e-2), "tune_seeds": 1}
    return Conditions(task, **made | changes)


def two_arms(source):
    return registered("tied_ae", source, variants=["tied=default", "untied=untied"], settings=TINY)[
        0
    ]


def study(source, folder, **changes):
    options = {"samples": (20,), "seeds": 2, "folder": folder} | changes
    return Study(two_arms(source), source, conditions(), **options)


def untimed(results):
    return [{k: v for k, v in result.items() if k not in TIMES} for result in results]


def counted_fits(monkeypatch):
    fits = []
    fit = keras.Model.fit
    monkeypatch.setattr(keras.Model, "fit", lambda *a, **k: fits.append(1) or fit(*a, **k))
    return fits


# -- one training -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "config", "task"),
    [
        ("tied_ae", {"input_shape": (8, 8, 1), **TINY}, "reconstruction"),
        ("conv_net", {"input_shape": (8, 8, 1), "width": 4, "depth": 2}, "classification"),
        (
            "rnn",
            {"input_shape": (8, 8, 1), "units": 4, "depth": 1, "dropout": 0.5, "unroll": False},
            "classification",
        ),
    ],
)
def test_a_training_is_that_of_a_new_model_whatever_ran_before(digits, name, config, task):
    def make():
        return wszoo.get(name, **config)

    plan = conditions(task)
    used = Trainer(make, plan)
    first = used.run(digits, 20, 3, 1e-2)
    used.run(digits, 40, 4, 1e-3)
    for trainer in (used, Trainer(make, plan)):
        again = trainer.run(digits, 20, 3, 1e-2)
        assert untimed([again]) == untimed([first])
        assert again["seconds"] > 0
    other = used.run(digits, 20, 4, 1e-2)
    assert other["curve"] != first["curve"]


def test_points_and_pieces_change_nothing_but_the_curve(digits, monkeypatch):
    arm = two_arms(digits)[0]
    whole = Trainer(arm.make, conditions()).run(digits, 20, 0, 1e-2)
    monkeypatch.setattr("wszoo.comparison.trials.PIECE", 1)  # a stretch at a time
    assert untimed([Trainer(arm.make, conditions()).run(digits, 20, 0, 1e-2)]) == untimed([whole])
    assert len(whole["curve"]) == 3


def test_noise_is_to_be_removed_and_scores_are_those_of_clean_images(digits):
    arm = two_arms(digits)[0]
    clean = Trainer(arm.make, conditions()).run(digits, 20, 0, 1e-2)
    noisy = Trainer(arm.make, conditions(noise=0.4)).run(digits, 20, 0, 1e-2)
    assert noisy["test"] != clean["test"]
    assert noisy["test"] < 0.4**2 + 0.2  # not the error against noisy targets


def test_scores_are_of_the_whole_test_split(digits):
    trainer = Trainer(two_arms(digits)[0].make, conditions())
    result = trainer.run(digits, 20, 0, 1e-2, extra=lambda model: {"twice": 2.0})
    x, _ = digits.arrays("test")
    wanted = np.mean(np.square(trainer.model.predict(x, verbose=0) - x))
    np.testing.assert_allclose(result["test"], wanted, rtol=1e-5)
    assert result["twice"] == 2
    assert "test" not in trainer.run(digits, 20, 0, 1e-2, final=False)


def test_a_smaller_draw_is_in_the_larger_and_classes_are_in_proportion(digits):
    small, large = (draw(digits, count, 5)[0] for count in (20, 60))
    np.testing.assert_array_equal(small, large[:20])
    assert np.bincount(draw(digits, 40, 5)[1], minlength=10).min() >= 3
    assert not np.array_equal(small, draw(digits, 20, 6)[0])


@pytest.mark.slow
def test_trainings_do_not_touch_each_other_on_jax():
    pytest.importorskip("jax")
    script = """
import keras, wszoo
from wszoo.comparison import Conditions, Trainer
from wszoo.data import load
assert keras.backend.backend() == "jax"
source, plan = load("digits"), Conditions("reconstruction", 6, 8, 3)
make = lambda: wszoo.get("tied_ae", input_shape=(8, 8, 1), widths=(6, 3))
used = Trainer(make, plan)
runs = [used.run(source, *run) for run in ((20, 3, 1e-2), (30, 4, 1e-3), (20, 3, 1e-2))]
runs.append(Trainer(make, plan).run(source, 20, 3, 1e-2))
curves = [run["curve"] for run in runs]
assert curves[0] == curves[2] == curves[3] != curves[1] and len(curves[0]) == 3, curves
assert curves[0][-1] < curves[0][0], curves
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=ON_JAX, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# -- many trainings ---------------------------------------------------------------------------


def test_a_study_that_stops_goes_on_and_ends_as_unbroken(digits, whole, tmp_path, monkeypatch):
    class Killed(Exception):
        pass

    def stop(done):
        if done == 5:
            raise Killed

    with pytest.raises(Killed):
        study(digits, tmp_path).run(stop)
    assert len(list(tmp_path.glob("*.seed*.json"))) == 5
    fits = counted_fits(monkeypatch)
    again = study(digits, tmp_path)
    assert untimed(again.run()) == untimed(whole[1])
    assert len(fits) == again.trainings - 5 == 3
    fits.clear()
    again.seeds = 3
    assert untimed(again.run())[:4] == untimed(whole[1])
    assert len(fits) == 2  # a third seed of two arms


def test_the_learning_rate_is_chosen_on_validation(whole):
    folder, results = whole
    tuned = [json.loads(path.read_text()) for path in folder.glob("*.seed1000.json")]
    for arm in ("tied", "untied"):
        tried = [t for t in tuned if t["label"] == arm]
        assert len(tried) == 2 and not any("test" in t for t in tried)
        best = min(tried, key=lambda t: t["validation"])["rate"]
        assert {r["rate"] for r in results if r["label"] == arm} == {best}


def test_a_folder_of_other_conditions_or_arms_is_refused(digits, whole):
    arms = two_arms(digits)
    with pytest.raises(ValueError, match="begun with steps=6, not steps=9"):
        Study(arms, digits, conditions(steps=9), (20,), 2, whole[0]).run()
    other = [Arm("tied", arms[1].make, arms[1].spec), Arm("untied", arms[0].make, arms[0].spec)]
    with pytest.raises(ValueError, match="another label"):
        Study(other, digits, conditions(), (20,), 2, whole[0]).run()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seeds": 1}, "two seeds"),
        ({"samples": (20, 81)}, "80 training examples; 81"),
        ({"samples": (0,)}, "each of samples must be a whole number of at least 1"),
        ({"samples": ()}, "samples must be a list of 1 or more"),
    ],
)
def test_what_cannot_be_measured_is_refused_at_once(digits, tmp_path, change, words):
    with pytest.raises(ValueError, match=words):
        study(digits, tmp_path, **change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": "detection"}, "classification, reconstruction"),
        ({"points": 4}, "divide the 6 steps"),
        ({"steps": 0}, "steps must be a whole number of at least 1"),
        ({"rates": (1e-3, -1.0)}, "each of rates must be a finite number above 0"),
        ({"task": "classification", "noise": 0.4}, "noise is for reconstructions"),
    ],
)
def test_conditions_that_make_no_sense(change, words):
    with pytest.raises(ValueError, match=words):
        conditions(**change)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"plans": ["untied", "tide"]}, "unknown plan 'tide'"),
        ({"plans": ["untied", "AB"]}, "4 sites"),
        ({"plans": ["untied", "tied"]}, "'tied' cannot be built.*own plan is 'ABBA'"),
        ({"plans": ["untied", "untied"]}, "two arms are called"),
        ({"plans": ["untied"]}, "two arms or more"),
        ({"variants": ["a=default", "untied"]}, "label=PLAN"),
        ({"variants": ["a=default", "b={1}"]}, "must be a JSON object"),
        ({"variants": ["a=default", 'b={"wide": 3}']}, "no setting wide"),
        ({"variants": ["a=default", 'b={"model": "conv_net", "width": 4}']}, "one task"),
    ],
)
def test_arms_that_cannot_be(digits, options, words):
    with pytest.raises(ValueError, match=f"(?s){words}"):
        registered("tied_ae", digits, **options)


def test_inner_plans_and_other_models_are_arms(digits):
    spec = {"filters": [2], "kernel_size": 3}
    variants = ['conv={"tiles": 1}', 'tiled={"tiles": 3}', 'local={"model": "local_net"}']
    arms, task = registered("tiled_net", digits, variants=variants, settings=spec)
    assert task == "classification"
    sizes = [arm.make().count_params() for arm in arms]
    assert sizes[0] < sizes[1] == sizes[2]  # 3 × 3 positions: as many tiles as positions


# -- verdicts ---------------------------------------------------------------------------------


def test_the_interval_is_that_of_a_paired_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=8), rng.normal(size=8)
    lift, differences = paired(a, b), a - b
    half = stats.t.ppf(0.975, 7) * differences.std(ddof=1) / np.sqrt(8)
    wanted = differences.mean() - half, differences.mean() + half
    np.testing.assert_allclose((lift.low, lift.high), wanted)
    assert lift.real == (stats.ttest_rel(a, b).pvalue < 0.05)
    alike = paired(a + 0.5, a)  # differences without a spread, up to rounding
    np.testing.assert_allclose((alike.low, alike.mean, alike.high), 0.5)


def test_the_rule():
    reference = [0.5, 0.6, 0.7]
    lift = paired([0.6, 0.7, 0.81], reference)
    assert lift.verdict(True) == "better" and lift.verdict(False) == "worse"
    assert paired([0.6, 0.5, 0.7], reference).verdict(True) == "no difference"
    assert paired(reference, reference).verdict(True) == "no difference"
    for values in ([0.5], [0.5, 0.6]):
        with pytest.raises(ValueError, match="must be a list of 2 or more"):
            paired(values, reference[:1])
    with pytest.raises(ValueError, match="each of values must be a finite number"):
        paired([0.5, np.nan, 0.7], reference)


def made_up(label, tests, curve):
    return [
        {
            "label": label,
            "samples": 16,
            "seed": seed,
            "rate": 1e-2,
            "stored": 100,
            "seconds": 0.5,
            "curve": curve,
            "validation": curve[-1],
            "train": value - 0.1,
            "test": value,
        }
        for seed, value in enumerate(tests)
    ]


def test_figures_of_a_summary():
    runs = made_up("untied", [0.5, 0.52], [0.9, 0.6, 0.5])
    runs += made_up("tied", [0.4, 0.41], [0.5, 0.3, 0.4])
    untied, tied = summarise(runs, conditions())
    assert untied["target"] == tied["target"] == 0.5  # the worst arm's validation at the end
    # A point is 2 steps of 8 examples out of 16: an epoch.
    assert untied["epochs_to_target"] == [3, 3] and tied["epochs_to_target"] == [1, 1]
    assert untied["seconds_per_epoch"] == [1, 1]
    np.testing.assert_allclose(tied["gap"], 0.1)
    assert untied["differences"] == {} and tied["reference"] == "untied"
    np.testing.assert_allclose(tied["differences"]["test"].mean, -0.105)
    words = sentence(tied, conditions())
    assert words.startswith("tied: better than untied, mse") and "gap: no difference" in words
    assert "epochs to target -2" in words

    rows = summarise(runs, conditions(), target=0.45, reference="tied")
    assert rows[0]["epochs_to_target"] == [None, None]
    assert "epochs_to_target" not in rows[0]["differences"]
    assert "epochs to target: not reached by all" in sentence(rows[0], conditions())
    assert "0 of 2 reach it" in markdown(rows, conditions())
    with pytest.raises(ValueError, match="'none' is no arm"):
        summarise(runs, conditions(), reference="none")


def test_tables_and_pictures_take_one_or_many_numbers_of_samples(tmp_path):
    runs = made_up("untied", [0.5, 0.5], [0.9, 0.6, 0.5])
    runs += made_up("tied", [0.4, 0.4], [0.95, 0.94, 0.93])
    for rows in (
        summarise(runs, conditions(), target=0.1),
        summarise(runs + [r | {"samples": 99} for r in runs], conditions()),
    ):
        assert [table.row_count for table in tables(rows, conditions(), title="t")] == [
            len(rows)
        ] * 2
        assert markdown(rows, conditions()).count("\n") == len(rows) + 1
        picture(tmp_path / "p.png", rows, conditions(), title="t")
        assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_a_real_difference_is_seen(tmp_path):
    """A class that is one pixel's sign: an arm that is not shown that pixel is worse."""
    x = np.random.default_rng(0).normal(size=(600, 4)).astype("float32")
    source = from_arrays(x, (x[:, 0] > 0).astype(int), name="sign")

    def make(first):
        inputs = keras.Input((4,))
        return keras.Model(inputs, keras.layers.Dense(2)(inputs[:, first:]))

    arms = [Arm(f"from {i}", lambda i=i: make(i), {"first": i}) for i in (0, 1)]
    plan = conditions("classification", steps=60, batch_size=16, rates=(0.05,))
    rows = summarise(Study(arms, source, plan, (200,), 3, tmp_path).run(), plan)
    (found,) = [row["differences"]["test"] for row in rows if row["differences"]]
    assert rows[0]["reference"] == "from 0"
    assert found.verdict(True) == "worse" and found.mean < -0.2
