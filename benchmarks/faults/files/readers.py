"""Kind of file → what a user's call reads from it. Each raises as that call does."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults.files.samples import CONFIG, inputs, network


def read_keras(path: Path) -> Any:
    import wszoo

    model = wszoo.load(path)
    state = [np.asarray(v) for v in getattr(model.optimizer, "variables", [])]
    return np.asarray(model(inputs())), state


def read_weights(path: Path) -> Any:
    import wszoo
    from wszoo import weights

    config = CONFIG if path.suffix == ".h5" else {}
    model = wszoo.get("conv_net", weights=path, **config)
    card = {} if path.suffix == ".h5" else weights.find("conv_net", str(path)).card
    return np.asarray(model(inputs())), card


def read_exported(path: Path) -> Any:
    from wszoo.exporting.stored import inspect_file
    from wszoo.exporting.tflite.share import share_constants

    report = inspect_file(path)
    if path.suffix == ".tflite":
        try:
            return report, share_constants(path.read_bytes())[1]
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error  # the command is given the path
    return report


def read_data(path: Path) -> Any:
    from wszoo.data import load

    source = load(path)
    return source.splits, source.class_names, source.vocabulary


def read_series(path: Path) -> Any:
    from wszoo.data import nab

    return nab.read_csv(path)


def read_features(path: Path) -> Any:
    from wszoo.transferring.features import cache

    return cache.features(_backbone(), inputs(), folder=path)


@functools.cache
def _backbone() -> Any:
    import keras

    model = network()
    return keras.Model(model.inputs, model.layers[-2].output)


def read_backup(path: Path) -> Any:
    from wszoo.transferring.training.backup import Backup

    model = network()
    model.compile("sgd", "mse")
    backup = Backup(path)
    record = backup.record()
    assert record is not None
    best = backup.read(model, record)
    return record, model.get_weights(), best


def resume_of(folder: Path) -> Any:
    """The callback of pretrain.py on a compiled network of other weights than the backup's."""
    from wszoo.training import Resume

    model = network()
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    resume = Resume(folder, delete_checkpoint=False)
    resume.set_model(model)
    resume.set_params({"steps": 1, "epochs": 3})
    return resume


def read_resume(path: Path) -> Any:
    resume = resume_of(path)
    resume.on_train_begin()
    return resume.model.get_weights(), [np.asarray(v) for v in resume.model.optimizer.variables]


def pair() -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(0).random((8, 4)), np.arange(8) % 2


def tuner_of(folder: Path) -> Any:
    """A search of two plans of a small net, with all that was done in its folder."""
    import keras

    from wszoo.tuner import Schedule, SearchSpace, TieHyperModel, TieOracle, TieTuner

    keras.utils.set_random_seed(0)
    ends = keras.Input((4,))
    x = keras.layers.Dense(4, name="a")(ends)
    x = keras.layers.Dense(4, name="b")(x)
    model = keras.Model(ends, keras.layers.Dense(2, name="head")(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    space = SearchSpace.of(model)
    schedule = Schedule(space, 1, 1, 2, 1, 1, 0)
    oracle = TieOracle(schedule, "val_accuracy")
    oracle.verbose = 0
    hypermodel = TieHyperModel(lambda hp: model, space, parent=model, epochs=1)
    return TieTuner(oracle, hypermodel, directory=str(folder), project_name="trials")


_tuners: dict[str, Any] = {}


def read_search(path: Path) -> Any:
    if str(path) not in _tuners:
        _tuners[str(path)] = tuner_of(path)
    tuner = _tuners[str(path)]
    tuner.reload()
    return {str(run): score for run, score in tuner.oracle.results().items()}


def read_trial(path: Path) -> Any:
    read_search(path)
    tuner = _tuners[str(path)]
    return tuner.load_model(tuner.oracle.trials["0000"]).get_weights()


def read_row(path: Path) -> Any:
    from wszoo.checksums import read_json

    try:
        return read_json(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error  # as wszoo.comparison says it


def read_plan(path: Path) -> Any:
    from wszoo.transferring.freezing.freeze_plan import FreezePlan

    return FreezePlan.from_yaml(path).to_dict()


def read_claim(path: Path) -> Any:
    from wszoo.claims import claim

    claim(path, {"epochs": 3, "rate": 0.01, "data": np.arange(10), "name": "sample"})
    return "taken up"


READERS: dict[str, Callable[[Path], Any]] = {
    ".keras": read_keras,
    ".weights.h5 with card": read_weights,
    "card.json": read_weights,
    ".weights.h5, bare": read_weights,
    ".tflite": read_exported,
    ".tflite of others": read_exported,
    ".onnx": read_exported,
    "SavedModel, saved_model.pb": read_exported,
    "SavedModel, variables.index": read_exported,
    "SavedModel, variables.data-00000-of-00001": read_exported,
    ".npz": read_data,
    "features": read_features,
    "backup of transfer": read_backup,
    "best weights of transfer": read_backup,
    "backup of pretrain": read_resume,
    "trial.json of a search": read_search,
    "oracle.json of a search": read_search,
    "tuner0.json of a search": read_search,
    "weights of a trial": read_trial,
    "results of a comparison": read_row,
    "settings.json": read_claim,
    "freeze plan (YAML)": read_plan,
    "texts (csv)": read_data,
    "series (csv)": read_series,
    "text": read_data,
    "png": read_data,
    "jpg": read_data,
    "tiff": read_data,
    "wav": read_data,
}
