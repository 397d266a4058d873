"""A search small enough to run many times, as a script for other processes too.

WSZOO_SECONDS=0.3 python tests/tuner/tie_search.py FOLDER
"""

import os
import sys
import time

import keras
import numpy as np

from wszoo.tuner import SearchSpace, search

SETTINGS = {"epochs": 2, "short": 1, "plans": 6, "finalists": 2, "seeds": 2, "batch_size": 20}


def net(sites=3, width=4):
    h = inputs = keras.Input((width,))
    for i in range(sites):
        h = keras.layers.Dense(width, activation="tanh", name=f"block_{i}")(h)
    model = keras.Model(inputs, keras.layers.Dense(3, name="head")(h), name="little")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # without a graph: a trial has a handful of steps, and tracing them would take longer
    model.compile("adam", loss=loss, metrics=["accuracy"], run_eagerly=True)
    return model


def arrays():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4)).astype("float32")
    y = (x[:, 0] > 0) + (x[:, 1] > 0).astype("int32")
    return (x[:40], y[:40]), (x[40:], y[40:])


class Slow(keras.callbacks.Callback):
    """Makes an epoch last. How long is no attribute: a claim would hold it."""

    def on_epoch_end(self, epoch, logs=None):
        time.sleep(float(os.environ.get("WSZOO_SECONDS", 0)))


def run(folder, **settings):
    keras.utils.set_random_seed(0)
    model = net()
    settings = {**SETTINGS, "objective": "val_loss", **settings}
    settings["patience"] = float(os.environ.get("WSZOO_PATIENCE", 60))
    space = settings.pop("space", None) or SearchSpace.of(model, "block_*")
    return search(model, *arrays(), folder, space=space, callbacks=[Slow()], **settings)


if __name__ == "__main__":
    found = run(sys.argv[1])
    print("complete", found.complete, found.trials)
