"""Seconds of the searches of planted.py, each run for real, one after another on a quiet machine.

    python -m benchmarks.planted.times [RandomSearch BayesianOptimization Hyperband "wszoo race"]

A peer is KerasTuner's own tuner: each trial builds a Keras model, compiles it and calls `fit`, with
validation after each epoch; it runs fewer trials here than in planted.py. Ours is timed from
nothing: model, space, compilation, race.
"""

import json
import tempfile
import time
from typing import Annotated

import keras
import keras_tuner
import typer

from benchmarks.fronts.neighbours import joined
from benchmarks.planted.methods import EPOCHS, OURS, Measured, ours
from benchmarks.planted.stored import read, write
from benchmarks.planted.tasks import DRAWS, EXAMPLES, OUTPUTS, PRICE, TRAINING, WIDTH, Bench, Task
from wszoo.command_line import run

TASK = Task("ABABAB", DRAWS[0])
SHORTER = {  # enough for the seconds of a training, which are what the page multiplies
    "RandomSearch": {"max_trials": 8},
    "BayesianOptimization": {"max_trials": 8},
    "Hyperband": {"max_epochs": EPOCHS, "hyperband_iterations": 1},
}


class Net(keras_tuner.HyperModel):
    """What a user would write today: one boolean a pair of neighbours."""

    def build(self, hp) -> keras.Model:
        h = inputs = keras.Input((WIDTH,))
        layer = None
        for i in range(TASK.depth):
            if layer is None or not hp.Boolean(f"tie_{i}"):
                layer = keras.layers.Dense(WIDTH, activation="tanh")
            h = h + layer(h)
        model = keras.Model(inputs, keras.layers.Dense(OUTPUTS, use_bias=False)(h))
        rate = keras.optimizers.schedules.CosineDecay(TRAINING.learning_rate, TRAINING.steps)
        model.compile(keras.optimizers.Adam(rate), loss="mse")
        return model

    def fit(self, hp, model, *args, **settings):
        settings.setdefault("epochs", EPOCHS)  # Hyperband sets its own
        curve = model.fit(*args, **settings).history["val_loss"]
        groups = len(set(joined(hp.values, TASK.depth)))
        return {"val_loss": min(curve) + PRICE * groups / TASK.depth}


def peer(kind: str) -> dict:
    x, y = TASK.data()
    cut = EXAMPLES - 50
    with tempfile.TemporaryDirectory() as folder:
        tuner = getattr(keras_tuner, kind)(
            Net(), objective=keras_tuner.Objective("val_loss", "min"), seed=1,
            directory=folder, project_name="p", **SHORTER[kind],
        )  # fmt: skip
        # It imports tensorboard whether or not a callback asks for it; nothing else is changed.
        tuner._configure_tensorboard_dir = lambda *args, **settings: None
        started = time.perf_counter()
        tuner.search(
            x[:cut], y[:cut], validation_data=(x[cut:], y[cut:]), batch_size=TRAINING.batch_size,
            verbose=0,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        trials = [t.hyperparameters.values for t in tuner.oracle.trials.values()]
    work = sum(
        (v.get("tuner/epochs", EPOCHS) - v.get("tuner/initial_epoch", 0)) / EPOCHS for v in trials
    )
    return {"seconds": round(seconds, 2), "work": round(work, 2), "trials": len(trials)}


def race_from_nothing(first: int) -> dict:
    started, marks = time.perf_counter(), []
    bench = Bench(TASK.depth)
    trace, result = ours(
        bench,
        Measured(bench, TASK, 0),
        0,
        first,
        lambda: marks.append(time.perf_counter() - started),
    )
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "work": result.trained,
        "rounds": [[work, round(s, 2)] for (work, _), s in zip(trace.points, marks, strict=True)],
    }


def main(
    which: Annotated[list[str] | None, typer.Argument(help="Default: all, ours last.")] = None,
) -> None:
    """Seconds of the searches, each run for real."""
    for name in which or [*SHORTER, *OURS]:
        found = read("times.json")
        if name in OURS:
            found[name] = race_from_nothing(OURS[name])
        else:
            keras.utils.set_random_seed(0)
            found[f"KerasTuner {name}"] = peer(name)
        write("times.json", found)
        print(name, json.dumps(list(found.values())[-1]), flush=True)


if __name__ == "__main__":
    run(main)
