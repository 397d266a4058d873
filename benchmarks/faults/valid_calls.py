"""A valid call of every public function and class of wszoo, from objects that are made once.

`VALID` gives arguments by public name; `OWNERS` the objects whose methods are called. `*name`
holds arguments of `*args`. `EXEMPT` says why a name has none.
"""

import random
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

RESULT = "a result: wszoo makes it"
NOTHING = "takes nothing"
EXEMPT = {
    "Audit": RESULT,
    "comparison.Difference": RESULT,
    "data.Spec": RESULT,
    "data.nab.Series": RESULT,
    "layers.InnerSharing": RESULT,
    "exporting.ExportReport": RESULT,
    "exporting.Exported": RESULT,
    "transferring.Result": RESULT,
    "transferring.Result.picture": "wszoo.transfer makes its owner",
    "transferring.Result.predict": "wszoo.transfer makes its owner",
    "tuner.Front": RESULT,
    "tasks.Task": "a task's file makes it",
    "tasks.Task.encode": "a field",
    "tasks.Task.fits": "a field",
    "tasks.Task.named": "a field",
    "tasks.Task.read": "a field",
    "tasks.Task.share": "a field",
    "tasks.register": "a decorator of functions",
    "tasks.names": "takes flags alone",
    "locks.only_one": "recipes hold it around their run",
    "report.untimed": "takes any plain data",
    "Bank.finish": "wszoo.get calls it",
    "registry.Entry": "register makes it",
    "registry.Entry.make": "wszoo.get checks what it is given",
    "registry.Entry.plan": "wszoo.get checks what it is given",
    "registry.Entry.settings": "wszoo.get checks what it is given",
    "data.MissingDataError": "an error",
    "data.list_sources": NOTHING,
    "data.nab.list_series": NOTHING,
    "data.Batches": "Source.batches makes it",
    "layers.Adapted.from_config": "Keras calls it",
    "training.Resume": "a callback of Keras, with its arguments",
    "transferring.start": "for processes of JAX",
    "transferring.training.processes.local_copy": "for processes of JAX",
    "tuner.Race": "wszoo.tuner.race makes it",
    "tuner.Race.rank": "wszoo.tuner.race calls it",
    "tuner.Race.promising": "wszoo.tuner.race calls it",
    "tuner.SideBySide.order": "SideBySide.run calls it",
    "tuner.TieHyperModel.fit": "KerasTuner calls it",
    "tuner.TieHyperModel.loaded": "wszoo.tuner.search calls it",
    "tuner.TieTuner": "a tuner of KerasTuner, with its arguments",
    "tuner.TieTuner.load_model": "KerasTuner calls it",
}

# The groups of a transfer run.
FREEZING = {"freeze": "head", "lora": None, "lr_decay": 1.0, "multipliers": None, "l2_sp": 0.0}
FEATURES = {"cache": False, "augment": "jitter", "views": 1}
TRAINING = {
    "epochs": 1, "batch_size": 4, "learning_rate": 1e-3, "schedule": "cosine", "optimizer": None,
    "probe_first": False, "early_stopping": 1, "class_weight": "balanced",
    "mixed_precision": False, "accumulate": 1,
}  # fmt: skip
PREPARATION = {"weights": None, "image_size": 8, "resize": "crop", "input_range": (0, 1)}
RUNNING = {"resume": None, "tensorboard": None, "distribution": None, "seed": 0, "verbose": 0}


class World:
    """What the calls share: a tiny trained model, a few arrays and files."""

    def __init__(self, folder: Path, seed: int):
        self.folder, self.rng = folder, np.random.default_rng(seed)
        self.x = self.rng.random((20, 8, 8, 1), dtype="float32")
        self.y = np.arange(20, dtype="int32") % 4
        self.train = (self.x, self.y)

    @cached_property
    def model(self) -> Any:
        import keras

        keras.utils.set_random_seed(0)
        inputs = keras.Input((8, 8, 1), name="image")
        x = keras.layers.Conv2D(2, 3, padding="same", name="first")(inputs)
        for name in ("a", "b", "c", "d"):
            x = keras.layers.Conv2D(2, 3, padding="same", activation="relu", name=name)(x)
        x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
        outputs = keras.layers.Dense(4, activation="softmax", name="head")(x)
        model = keras.Model(inputs, outputs, name="tiny")
        model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(*self.train, verbose=0)
        return model

    @cached_property
    def ten(self) -> Any:
        """Of ten classes, as digits has."""
        from wszoo.tasks.heads import attach_head

        return attach_head(self.net, 10)

    @cached_property
    def tied(self) -> Any:
        import wszoo

        return wszoo.retie(self.model, "ABBBBC")

    @cached_property
    def net(self) -> Any:
        """Without a head: features `(batch, width)`."""
        import keras

        return keras.Model(self.model.input, self.model.get_layer("pool").output, name="net")

    @cached_property
    def dense(self) -> Any:
        import keras

        inputs = keras.Input((4,), name="vector")
        x = keras.layers.Dense(4, name="a")(inputs)
        return keras.Model(inputs, keras.layers.Dense(4, name="b")(x), name="products")

    @cached_property
    def relaxed(self) -> Any:
        import wszoo

        return wszoo.relax(self.tied, rank=1)

    @cached_property
    def lora(self) -> Any:
        from wszoo.transferring.lora import add_lora

        return add_lora(self.model, rank=1).model

    @cached_property
    def plan(self) -> Any:
        import wszoo

        return wszoo.SharingPlan.from_pattern(("a", "b", "c"), "AAB")

    @cached_property
    def space(self) -> Any:
        from wszoo.tuner import SearchSpace

        return SearchSpace.plain(("a", "b", "c"))

    @cached_property
    def schedule(self) -> Any:
        from wszoo.tuner import Schedule

        return Schedule(self.space, 2, 1)

    @cached_property
    def front(self) -> Any:
        from wszoo.tuner.searching.front import Front, Point

        points = (Point("AAA", 10, 40, (0.5, 0.6)), Point("ABC", 30, 120, (0.7, 0.8)))
        return Front("accuracy", "max", points, "ABC")

    @cached_property
    def source(self) -> Any:
        from wszoo.data import from_arrays

        x, y = self.rng.random((80, 8, 8, 1), dtype="float32"), np.arange(80) % 4
        return from_arrays(x, y, name="noise")

    @cached_property
    def conditions(self) -> Any:
        from wszoo.comparison import Conditions

        return Conditions("classification", steps=2, points=1, rates=(1e-3,))

    @cached_property
    def arms(self) -> Any:
        from wszoo.comparison import Arm

        return [Arm(label, self.make_logits, {"label": label}) for label in ("one", "other")]

    @cached_property
    def plain_arms(self) -> Any:
        """Arms made by functions that can be written down."""
        from wszoo.comparison import registered

        return registered("conv_net", self.source, plans=("untied", "default"))[0]

    @cached_property
    def results(self) -> list[dict[str, Any]]:
        common = {"samples": 8, "rate": 1e-3, "stored": 10, "seconds": 0.1, "curve": [0.5]}
        scores = {"validation": 0.5, "train": 0.5, "test": 0.5}
        return [
            {"label": label, "seed": seed, **common, **scores}
            for label in ("one", "other")
            for seed in (0, 1)
        ]

    @cached_property
    def rows(self) -> Any:
        from wszoo.comparison import summarise

        return summarise(self.results, self.conditions)

    @cached_property
    def rivals(self) -> Any:
        from wszoo.transferring.rivals import Rivals

        return Rivals(lambda: self.net, 4, 2, self.folder / "rivals")

    @cached_property
    def trainer(self) -> Any:
        from wszoo.transferring.training.repeated import Schedule, Trainer

        return Trainer(self.logits, Schedule(1e-3, 2, points=1))

    @cached_property
    def fair(self) -> Any:
        from wszoo.comparison import Trainer

        return Trainer(self.make_logits, self.conditions)

    @cached_property
    def study(self) -> Any:
        from wszoo.comparison import Study

        return Study(self.plain_arms, self.source, self.conditions, (8,), 2, self.folder / "study")

    @property
    def logits(self) -> Any:
        from wszoo.tasks.heads import attach_head

        return attach_head(self.net, 4)

    def make_logits(self) -> Any:
        import keras

        return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(),
                                 keras.layers.Dense(4)])  # fmt: skip

    @cached_property
    def heads(self) -> Any:
        from wszoo.tasks.several import Head

        return {"digit": Head("classification", 4), "slant": Head("regression")}

    @cached_property
    def tasks(self) -> Any:
        from wszoo.tasks.several import attach_heads

        return attach_heads(self.net, self.heads)

    @cached_property
    def freeze_plan(self) -> Any:
        from wszoo.transferring.freezing.freeze_plan import FreezePlan

        return FreezePlan.from_dict({"phases": [{"name": "p", "train": "all", "epochs": 1}]})

    @cached_property
    def side(self) -> Any:
        from wszoo.tuner import SearchSpace, SideBySide, Training

        training = Training(steps=2, batch_size=2)
        return SideBySide(self.dense, SearchSpace.of(self.dense), training, lanes=2)

    @cached_property
    def low_rank(self) -> Any:
        from wszoo.layers import LowRankPart

        layer = LowRankPart(1, kernel_shape=(3, 3), equation="...a,ab->...b")
        layer.build((2, 3), (2, 3))
        return layer

    @cached_property
    def built(self) -> Any:
        import keras

        layer = keras.layers.Dense(8)
        layer.build((2, 8))
        return layer

    @cached_property
    def adapted(self) -> Any:
        from wszoo.layers import Adapted

        return Adapted(self.built, rank=1)

    @cached_property
    def keras_file(self) -> Path:
        import wszoo

        wszoo.save(self.model, self.folder / "tiny.keras")
        return self.folder / "tiny.keras"

    @cached_property
    def tflite(self) -> Path:
        from wszoo.exporting.tflite.write import litert

        return litert(self.dense, self.folder / "dense.tflite").path

    @cached_property
    def yaml(self) -> Path:
        path = self.folder / "plan.yaml"
        path.write_text("phases:\n  - {name: p, train: all, epochs: 1}\n")
        return path

    @cached_property
    def table(self) -> Path:
        path = self.folder / "series.csv"
        lines = (f"2020-01-01 {h:02}:00:00,{h}\n" for h in range(24))
        path.write_text("timestamp,value\n" + "".join(lines))
        return path

    @cached_property
    def nab(self) -> Path:
        """A folder in the shape of NAB's, without its series."""
        (self.folder / "nab" / "labels").mkdir(parents=True)
        (self.folder / "nab" / "labels" / "combined_windows.json").write_text("{}")
        return self.folder / "nab"

    @cached_property
    def wav(self) -> Path:
        import wave

        path = self.folder / "tone.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes((1000 * np.sin(np.arange(8000))).astype("<i2").tobytes())
        return path

    @cached_property
    def ink(self) -> np.ndarray:
        return (self.rng.random((2, 28, 28, 1)) > 0.8).astype("float32")

    @cached_property
    def drawings(self) -> Any:
        from wszoo.data.pen import prepare

        return prepare(self.ink)

    @cached_property
    def card(self) -> dict[str, Any]:
        from wszoo.sharing.graph import plan_of
        from wszoo.weights import CARD_KEYS

        objects = {"plan": plan_of(self.model).to_dict(), "config": {}, "metrics": {}, "seed": 0}
        return dict.fromkeys(CARD_KEYS, "x") | objects

    @property
    def key(self) -> str:
        """The name of the input of `dense`."""
        return str(self.dense.inputs[0].name)

    def measure(self, pairs: Any) -> np.ndarray:
        return np.arange(len(pairs), dtype=float)


def _calls() -> dict[str, Any]:
    """Public name → function from the world to arguments by name."""
    local = {"filters": 2, "kernel_size": 3, "strides": 1, "padding": "valid", "tiles": 1,
             "data_format": None, "activation": "relu", "use_bias": True, "implementation": None,
             "kernel_initializer": "zeros", "bias_initializer": "zeros",
             "kernel_regularizer": "l2", "bias_regularizer": "l2", "activity_regularizer": "l2",
             "kernel_constraint": "non_neg", "bias_constraint": "non_neg"}  # fmt: skip
    low_rank_local = {k: v for k, v in local.items() if k not in
                      ("tiles", "implementation", "kernel_constraint", "bias_constraint",
                       "activity_regularizer")}  # fmt: skip
    kernel = {"kernel_initializer": "zeros", "kernel_regularizer": "l2",
              "kernel_constraint": "non_neg"}  # fmt: skip
    names = ("a", "b", "c")
    return {
        # plans
        "Bank": lambda w: {"plan": w.plan},
        "SharingPlan": lambda w: {"owners": (("a", "a"), ("b", "a"))},
        "SharingPlan.cycle": lambda w: {"sites": names, "groups": 2},
        "SharingPlan.cycle_rev": lambda w: {"sites": names, "groups": 2},
        "SharingPlan.sequence": lambda w: {"sites": names, "groups": 2},
        "SharingPlan.extend": lambda w: {"sites": (*names, "d")},
        "SharingPlan.from_dict": lambda w: {"data": {"sites": names, "pattern": "AAB"}},
        "SharingPlan.from_pattern": lambda w: {"sites": names, "pattern": "AAB"},
        "SharingPlan.match": lambda w: {"*names": ("a",)},
        "SharingPlan.owner": lambda w: {"site": "a"},
        "SharingPlan.restrict": lambda w: {"sites": ("a", "b")},
        "SharingPlan.sandwich": lambda w: {"sites": names},
        "SharingPlan.tied": lambda w: {"sites": names},
        "SharingPlan.untied": lambda w: {"sites": names},
        "SharingPlan.tie": lambda w: {"*names": ("a", "b")},
        "SharingPlan.untie": lambda w: {"*names": ("a",)},
        "as_plan": lambda w: {"spec": "AAB", "sites": names},
        # models
        "audit": lambda w: {"model": w.model},
        "flatten": lambda w: {"model": w.model},
        "get": lambda w: {"name": "tied_ae", "sharing": "untied", "weights": False},
        "info": lambda w: {"name": "tied_ae"},
        "list_models": lambda w: {"pattern": "*", "task": "reconstruction",
                                  "family": "autoencoder", "pretrained": True,
                                  "max_parameters": None},
        "load": lambda w: {"path": w.keras_file},
        "merge_relaxed": lambda w: {"model": w.relaxed},
        "plan_of": lambda w: {"model": w.model},
        "register": lambda w: {"sites": lambda: names, "sharing": "tied", "task": "classification",
                               "family": "mine", "default_tag": None, "free": (), "replace": True},
        "registry.entry": lambda w: {"name": "tied_ae"},
        "relax": lambda w: {"model": w.tied, "rank": 1, "plan": None, "sites": None,
                            "weights": "mean"},
        "relaxed.SoftTying": lambda w: {"plan": "ABBBBC", "steps": 2, "power": 3.0},
        "relaxed.spread": lambda w: {"model": w.model, "plan": "ABBBBC"},
        "retie": lambda w: {"model": w.model, "plan": "ABBBBC", "weights": "owner"},
        "save": lambda w: {"model": w.model, "path": w.folder / "saved.keras"},
        "sites": lambda w: {"model": w.model},
        "untied_twin": lambda w: {"model": w.tied},
        "weights.find": lambda w: {"name": "tied_ae", "tag": "digits"},
        "weights.write": lambda w: {"folder": w.folder / "weights", "model": w.model,
                                    "card": w.card},
        # layers
        "layers.Adapted": lambda w: {"layer": w.built, "rank": 1, "alpha": 1.0, "adapters": 1},
        "layers.Adapted.values": lambda w: {"adapter": 0},
        "layers.Attend": lambda w: {"heads": 2, "causal": True},
        "layers.Bias": lambda w: {"initializer": "zeros", "regularizer": "l2"},
        "layers.LocallyConnected1D": lambda w: local,
        "layers.LocallyConnected2D": lambda w: local,
        "layers.LowRankLocallyConnected2D": lambda w: low_rank_local | {
            "rank": 2, "logits_regularizer": "l2"},
        "layers.LowRankPart": lambda w: {
            "rank": 1, "kernel_shape": (3, 3), "equation": "...a,ab->...b", "convolution": None,
            "bias_axes": None, "activation": "relu", "down_initializer": "zeros",
            "up_initializer": "zeros", "bias_initializer": "zeros", "bias_regularizer": "l2",
            "bias_constraint": "non_neg"},
        "layers.LowRankPart.approximate": lambda w: {"kernel": np.eye(3)},
        "layers.PositionEmbedding": lambda w: {"initializer": "zeros"},
        "layers.RMSNorm": lambda w: {"epsilon": 1e-6},
        "layers.ReversibleConv2D": lambda w: {"filters": 2, "kernel_size": 3, "strides": 1,
                                              "padding": "same", "input_channels": 2} | kernel,
        "layers.ReversibleDense": lambda w: {"units": 2, "input_dim": 3} | kernel,
        "layers.Scale": lambda w: {"initial": 1.0},
        "layers.SelfAttention": lambda w: {"heads": 2, "causal": True,
                                           "kernel_initializer": "zeros"},
        "layers.TimeSharedRNN": lambda w: {
            "units": 2, "cell": "gru", "steps": 2, "activation": "tanh",
            "recurrent_activation": "sigmoid", "use_bias": True, "kernel_initializer": "zeros",
            "recurrent_initializer": "zeros", "bias_initializer": "zeros",
            "kernel_regularizer": "l2", "recurrent_regularizer": "l2", "bias_regularizer": "l2",
            "reset_after": True, "return_sequences": True, "go_backwards": True, "unroll": True},
        # data
        "data.Source": lambda w: {"name": "mine", "splits": dict(w.source.splits),
                                  "class_names": w.source.class_names, "licence": "none",
                                  "origin": "here", "vocabulary": (), "notes": (), "resize": None},
        "data.Source.arrays": lambda w: {"split": "train"},
        "data.Source.batches": lambda w: {"split": "train", "batch_size": 4, "shuffle": True,
                                          "seed": 0, "epoch": 0},
        "data.Source.subset": lambda w: {"per_class": 2, "seed": 0},
        "data.from_arrays": lambda w: {
            "x": w.x, "y": w.y, "name": "mine", "validation_data": w.train, "test_data": w.train,
            "class_names": list("abcd"), "image_size": 8, "resize": "crop", "validation": None,
            "max_per_split": 100, "max_gb": 1.0, "licence": "none", "origin": "here"},
        "data.load": lambda w: {
            "name": "digits", "image_size": 8, "resize": "crop", "length": None,
            "vocabulary": None, "targets": None, "data_dir": None, "manual_dir": None,
            "download": False, "validation": None, "max_per_split": 10, "max_gb": None,
            "on_broken": None},
        "data.audio.read_frames": lambda w: {"paths": [w.wav]},
        "data.csv_file.is_table_file": lambda w: {"path": w.table},
        "data.nab.find_folder": lambda w: {"manual_dir": w.nab},
        "data.nab.load": lambda w: {"manual_dir": w.nab, "max_per_split": 10, "max_gb": 1.0},
        "data.nab.point_scores": lambda w: {"errors": np.ones((3, 4)), "count": 6, "stride": 1},
        "data.nab.read_csv": lambda w: {"path": w.table, "where": None, "format": None},
        "data.nab.series": lambda w: {"name": "nyc_taxi", "manual_dir": w.nab},
        "data.nab.standardise": lambda w: {"values": np.arange(9.0), "until": 5},
        "data.nab.windows": lambda w: {"values": np.arange(9.0), "steps": 4, "stride": 1},
        "data.pen.prepare": lambda w: {"images": w.ink},
        "data.pen.views": lambda w: {
            "drawings": w.drawings, "index": np.array([0]), "turns": np.array([0]),
            "rng": np.random.default_rng(0), "pen": None, "chunk": 8},
        "data.splitting.first_stratified": lambda w: {"y": w.y, "limit": 4},
        "data.text.decode": lambda w: {"ids": [0, 1], "vocabulary": ("a", "b")},
        "data.text.encode": lambda w: {"text": "ab", "vocabulary": ("a", "b")},
        "batches.generator": lambda w: {"*key": (0, 1)},
        "batches.shuffled": lambda w: {"rows": 4, "rng": np.random.default_rng(0)},
        "batches.stream": lambda w: {"examples": 4, "length": 8, "rng": np.random.default_rng(0)},
        # training and scores
        "training.EpochData": lambda w: {"make": lambda epoch: w.train, "batch_size": 4,
                                         "examples": 20, "epochs": 1},
        "training.cosine": lambda w: {"learning_rate": 0.1, "steps": 4, "warmup": 1},
        "training.evaluate": lambda w: {"model": w.model, "source": w.source,
                                        "task": "classification", "split": "test", "noise": 0.0},
        "training.noisy": lambda w: {"x": w.x, "sd": 0.1, "seed": 0},
        "training.score": lambda w: {"outputs": np.eye(4)[w.y], "x": w.x, "y": w.y,
                                     "task": "classification"},
        "training.spread": lambda w: {"scores": [{"test_accuracy": 0.5}]},
        "evaluation.data_of": lambda w: {"model": w.ten, "name": "ten", "data": "digits",
                                         "data_dir": None, "manual_dir": None},
        "evaluation.for_export": lambda w: {"model": w.model, "source": w.source,
                                            "task": "classification"},
        "report.mean_sd": lambda w: {"values": [1.0, 2.0]},
        "report.grid": lambda w: {"results": [{"a": 1, "b": 2, "c": 3.0}], "row": "a",
                                  "column": "b", "value": "c", "title": None},
        "report.bars": lambda w: {"path": w.folder / "p.png", "groups": {"g": {"a": [1.0]}},
                                  "y": "y", "title": "t"},
        "report.confusion": lambda w: {"path": w.folder / "p.png",
                                       "table": np.eye(2, dtype=int), "names": ("a", "b"),
                                       "title": "t"},
        "report.curves": lambda w: {"path": w.folder / "p.png",
                                    "panels": {"t": {"a": [[(1, 0.5)]]}}, "levels": {},
                                    "x": "x", "y": "y", "scale": "linear"},
        "report.images": lambda w: {"path": w.folder / "p.png", "rows": {"a": w.x[:2]}},
        "report.timeline": lambda w: {
            "path": w.folder / "p.png", "times": np.arange(4), "rows": {"a": np.arange(4.0)},
            "marked": (), "until": None, "title": "t"},
        # comparison
        "comparison.Arm": lambda w: {"label": "a", "make": w.make_logits, "spec": {}},
        "comparison.Conditions": lambda w: {
            "task": "reconstruction", "steps": 4, "batch_size": 4, "points": 2, "noise": 0.1,
            "rates": (1e-3, 1e-2), "tune_seeds": 1},
        "comparison.Conditions.epochs": lambda w: {"step": 1, "samples": 8},
        "comparison.Difference.verdict": lambda w: {"higher_is_better": True},
        "comparison.Study": lambda w: {"arms": w.arms, "source": w.source,
                                       "conditions": w.conditions, "samples": (8,), "seeds": 2,
                                       "folder": w.folder / "study", "extra": None},
        "comparison.Study.run": lambda w: {"tick": lambda done: None},
        "comparison.Trainer": lambda w: {"make": w.make_logits, "conditions": w.conditions},
        "comparison.Trainer.run": lambda w: {"source": w.source, "samples": 8, "seed": 0,
                                             "rate": 1e-3, "final": True, "extra": None},
        "comparison.Trainer.score": lambda w: {"x": w.x, "y": w.y},
        "comparison.paired": lambda w: {"values": [1.0, 2.0], "reference": [1.0, 1.0]},
        "comparison.registered": lambda w: {"name": "conv_net", "source": w.source,
                                            "plans": ("untied", "default"), "variants": (),
                                            "settings": None},
        "comparison.summarise": lambda w: {"results": w.results, "conditions": w.conditions,
                                           "reference": None, "target": 0.5},
        "comparison.summary.sentence": lambda w: {"row": w.rows[1], "conditions": w.conditions},
        "comparison.tables.markdown": lambda w: {"rows": w.rows, "conditions": w.conditions},
        "comparison.tables.picture": lambda w: {"path": w.folder / "p.png", "rows": w.rows,
                                                "conditions": w.conditions, "title": "t"},
        "comparison.tables.tables": lambda w: {"rows": w.rows, "conditions": w.conditions,
                                               "title": "t"},
        # transfer
        "transfer": lambda w: {
            "backbone": w.net, "task": "classification", "data": {"train": w.train,
            "validation": w.train, "test": w.train}, "order": None, "head": "dense",
            **FREEZING, **FEATURES, **TRAINING, **PREPARATION, **RUNNING},
        "transferring.Features": lambda w: FEATURES,
        "transferring.Freezing": lambda w: FREEZING,
        "transferring.Preparation": lambda w: PREPARATION,
        "transferring.Running": lambda w: RUNNING,
        "transferring.Training": lambda w: TRAINING,
        "transferring.backbones.find": lambda w: {"backbone": w.net, "weights": None,
                                              "image_size": 8},
        "transferring.freeze": lambda w: {"model": w.logits, "train": "head",
                                             "batch_norm": "frozen", "pattern": None},
        "tasks.heads.attach_head": lambda w: {"backbone": w.net, "classes": 4},
        "tasks.heads.random_start": lambda w: {"model": w.logits, "seed": 0},
        "transferring.add_lora": lambda w: {"model": w.model, "where": "all", "rank": 1,
                                             "alpha": 1.0, "train": (), "adapters": None,
                                             "pattern": None},
        "transferring.merge": lambda w: {"model": w.lora, "untie": False},
        "tasks.several.Head": lambda w: {"kind": "regression", "units": 1, "mean": 0.0,
                                              "sd": 1.0},
        "tasks.several.attach_heads": lambda w: {"backbone": w.net, "heads": w.heads},
        "tasks.several.compile_heads": lambda w: {"model": w.tasks, "heads": w.heads,
                                                       "optimizer": "adam", "weights": None},
        "tasks.several.known": lambda w: {
            "targets": {"digit": w.y, "slant": w.y.astype("float32")}, "heads": w.heads},
        "tasks.several.sharing_between_tasks": lambda w: {"model": w.tasks},
        "transferring.FreezePlan": lambda w: {"phases": w.freeze_plan.phases, "pattern": None},
        "transferring.FreezePlan.check": lambda w: {"model": w.model},
        "transferring.FreezePlan.from_dict": lambda w: {"data": w.freeze_plan.to_dict()},
        "transferring.FreezePlan.from_yaml": lambda w: {"path": w.yaml},
        "transferring.FreezePlan.table": lambda w: {"model": w.model},
        "transferring.Phase": lambda w: {"name": "p", "train": "all", "epochs": 1,
                                            "batch_norm": "frozen", "learning_rate": 1e-3},
        "transferring.freezing.freeze_plan.start_phase": lambda w: {
            "model": w.model, "freeze_plan": w.freeze_plan, "phase": w.freeze_plan.phases[0]},
        "tasks.probe.accuracy": lambda w: {"x": np.eye(4), "y": np.arange(4),
                                              "linear": (np.eye(4), np.zeros(4))},
        "tasks.probe.features": lambda w: {"backbone": w.net, "x": w.x, "batch_size": 4},
        "tasks.probe.fit_probe": lambda w: {"x": np.eye(4), "y": np.arange(4), "classes": 4,
                                               "strength": 1.0},
        "transferring.freezing.rates.layer_rates": lambda w: {"model": w.model, "decay": 0.9,
                                                 "multipliers": {"a": 0.5}, "shared": "mean",
                                                 "pattern": None},
        "transferring.freezing.rates.with_rates": lambda w: {
            "optimizer": _adam(), "rates": {"a": 0.5}},
        "transferring.rivals.Rivals": lambda w: {"make": lambda: w.net, "classes": 4, "steps": 2,
                                             "folder": w.folder / "rivals"},
        "transferring.rivals.Rivals.accuracy": lambda w: {"name": "pixels", "train": w.train,
                                                      "held": w.train, "setting": 1.0, "seed": 0},
        "transferring.rivals.Rivals.features": lambda w: {"x": w.x},
        "tasks.find": lambda w: {"task": "classification"},
        "transferring.training.repeated.Schedule": lambda w: {
            "learning_rate": 1e-3, "steps": 4, "batch_size": 4,
                                             "points": 2, "jitter": False},
        "transferring.training.repeated.Trainer": lambda w: {
            "model": w.logits, "schedule": w.trainer.schedule},
        "transferring.training.repeated.Trainer.run": lambda w: {
            "start": w.trainer.model.get_weights(),
                                                "train": w.train, "held": w.train, "seed": 0},
        "transferring.training.repeated.accuracy": lambda w: {"model": w.model, "x": w.x, "y": w.y,
                                             "batch_size": 4},
        "transferring.features.cache.features": lambda w: {
            "backbone": w.net, "x": w.x, "folder": None,
                                              "preprocess": None, "batch_size": 4},
        "transferring.features.cache.views": lambda w: {
            "backbone": w.net, "x": w.x, "augment": lambda x, seed: x, "count": 1,
            "folder": None, "preprocess": None, "batch_size": 4},
        # which layers to tie
        "suggest": lambda w: {"model": w.model, "x": w.x, "y": w.y, "method": "weights",
                              "sites": list("abcd"), "loss": None, "samples": 8},
        "tuner.Front.best_under": lambda w: {"max_parameters": 20},
        "tuner.Front.hypervolume": lambda w: {"reference": (100.0, 0.0)},
        "tuner.Front.picture": lambda w: {"path": w.folder / "p.png"},
        "tuner.Front.smallest_within": lambda w: {"points": 0.5},
        "tuner.Job": lambda w: {"plan": w.plan, "train": np.arange(3), "held": np.arange(3),
                                "seed": 0},
        "tuner.Race.equal_to_best": lambda w: {"width": 1.0},
        "tuner.Round": lambda w: {"repeats": 1, "keep": 1, "join": 0},
        "tuner.Schedule": lambda w: {"space": w.space, "epochs": 2, "short": 1, "plans": 4,
                                     "finalists": 1, "seeds": 1, "seed": 0},
        "tuner.Schedule.fronted": lambda w: {"scores": {}},
        "tuner.Schedule.generation": lambda w: {"scores": {}, "others": lambda rng: {}},
        "tuner.SearchSpace": lambda w: {"units": (("a",), ("b",)), "classes": ((0, 1),),
                                        "sizes": (1, 1), "rest": 0, "item_bytes": 4.0,
                                        "limit": 2},
        "tuner.SearchSpace.draw": lambda w: {"rng": random.Random(0)},
        "tuner.SearchSpace.labels": lambda w: {"plan": w.plan},
        "tuner.SearchSpace.mutate": lambda w: {"plan": w.plan, "rng": random.Random(0)},
        "tuner.SearchSpace.of": lambda w: {"model": w.model, "sites": list("abcd"),
                                           "by_depth": False, "max_parameters": 0.9,
                                           "max_bytes": None},
        "tuner.SearchSpace.pattern": lambda w: {"plan": w.plan},
        "tuner.SearchSpace.plain": lambda w: {"sites": names, "size": 1, "rest": 0},
        "tuner.SearchSpace.plan": lambda w: {"pattern": "AAB"},
        "tuner.SearchSpace.stored_bytes": lambda w: {"plan": w.plan},
        "tuner.SearchSpace.stored_parameters": lambda w: {"plan": w.plan},
        "tuner.SearchSpace.within": lambda w: {"max_parameters": 0.9, "max_bytes": None},
        "tuner.SideBySide": lambda w: {"model": w.dense, "space": w.side.space,
                                       "training": w.side.training, "lanes": 2},
        "tuner.SideBySide.run": lambda w: {
            "jobs": [_job(w)], "x": np.eye(4, dtype="float32"), "y": np.eye(4, dtype="float32"),
            "test": None, "report": lambda done: None},
        "tuner.TieHyperModel": lambda w: {"build": lambda hp: w.model, "space": w.space,
                                          "parent": None, "epochs": 1, "largest": None},
        "tuner.TieOracle": lambda w: {"schedule": w.schedule, "objective": "val_loss",
                                      "patience": 1.0},
        "tuner.Training": lambda w: {"loss": "mse", "learning_rate": 0.1, "steps": 4,
                                     "batch_size": 2, "points": 2},
        "tuner.compressing.compress.Recovery": lambda w: {
            "epochs": 1, "learning_rate": 1e-3, "batch_size": 4,
                                              "share": 0.3, "temperature": 2.0},
        "tuner.compress": lambda w: {
            "model": w.model, "train": w.train, "max_parameters": None, "fraction": 0.9,
            "method": "weights", "sites": list("abcd"), "relax": 0, "recovery": _recovery(),
            "seed": 0, "verbose": 0},
        "tuner.compressing.compress.recover": lambda w: {
            "student": w.tied, "teacher": w.model, "train": w.train, "recovery": _recovery(),
            "seed": 0, "verbose": 0},
        "tuner.halving": lambda w: {"plans": 8, "first": 1, "finalists": 2},
        "tuner.compressing.narrow.narrower": lambda w: {"model": w.model, "max_parameters": 60},
        "tuner.race": lambda w: {"plans": list(w.space), "measure": w.measure,
                                 "rounds": [_round()], "pool": (), "cost": lambda plan: 0.0,
                                 "report": lambda race: None},
        "tuner.race_through": lambda w: {"space": w.space, "measure": w.measure, "first": 1,
                                         "cost": lambda plan: 0.0, "report": lambda race: None,
                                         "seed": 0},
        "tuner.search": lambda w: {
            "model": w.model, "train": w.train, "held": w.train, "folder": w.folder / "search",
            "space": None, "objective": "val_accuracy", "better": "max", "epochs": 1, "short": 1,
            "plans": 2, "finalists": 1, "seeds": 1, "seed": 0, "batch_size": 4, "parent": None,
            "callbacks": (), "patience": 1.0, "report": lambda oracle: None, "verbose": 0},
        "tuner.side_by_side": lambda w: {"engine": w.side, "x": np.zeros((10, 4), "float32"),
                                         "y": np.zeros((10, 4), "float32"), "seed": 0},
        # export
        "export": lambda w: {
            "model": w.dense, "folder": w.folder / "export", "formats": ["litert"],
            "precision": "float32", "inputs": {w.key: np.eye(4, dtype="f4")},
            "bound": 1e-3, "metric": None, "max_loss": 0.01, "calibration": None,
            "signature_batch": 1, "prefer": "speed", "labels": None, "uint8": False,
            "warmup": False},
        "exporting.litert": lambda w: {
            "model": w.dense, "path": w.folder / "d.tflite", "precision": "float32",
            "inputs": {w.key: np.eye(4, dtype="f4")}, "bound": 1e-3,
            "metric": None, "max_loss": 0.01, "calibration": None, "prefer": "speed", "batch": 1,
            "per_channel": None, "uint8": False},
        "exporting.onnx_file": lambda w: {
            "model": w.dense, "path": w.folder / "d.onnx",
            "inputs": {w.key: np.eye(4, dtype="f4")}, "bound": 1e-4},
        "exporting.saved_model.write.saved_model": lambda w: {"model": w.dense,
                                                     "folder": w.folder / "served"},
        "exporting.share_constants": lambda w: {
            "data": w.tflite.read_bytes(), "prefer": "speed", "min_bytes": 16},
        "exporting.write_saved_model": lambda w: {
            "model": w.dense, "folder": w.folder / "written", "labels": None, "uint8": False,
            "warmup": None, "inputs": None, "bound": 1e-3},
        "exporting.inspect_file": lambda w: {"path": w.tflite, "min_bytes": 16},
        "exporting.parity.run": lambda w: {
            "data": w.tflite.read_bytes(), "threads": 1, "batch": 1,
            "inputs": {w.key: np.eye(4, dtype="f4")[:1]}},
    }  # fmt: skip


VALID = _calls()
OWNERS = {
    "SharingPlan": lambda w: w.plan,
    "Bank": lambda w: __import__("wszoo").Bank(w.plan),
    "layers.Adapted": lambda w: w.adapted,
    "layers.LowRankPart": lambda w: w.low_rank,
    "data.Source": lambda w: w.source,
    "comparison.Conditions": lambda w: w.conditions,
    "comparison.Difference": lambda w: w.rows[1]["differences"]["test"],
    "comparison.Study": lambda w: w.study,
    "comparison.Trainer": lambda w: w.fair,
    "transferring.FreezePlan": lambda w: w.freeze_plan,
    "transferring.rivals.Rivals": lambda w: w.rivals,
    "transferring.training.repeated.Trainer": lambda w: w.trainer,
    "tuner.Front": lambda w: w.front,
    "tuner.Race": lambda w: _race(w),
    "tuner.Schedule": lambda w: w.schedule,
    "tuner.SearchSpace": lambda w: w.space,
    "tuner.SideBySide": lambda w: w.side,
}


def _adam() -> Any:
    import keras

    return keras.optimizers.Adam()


def _job(w: World) -> Any:
    from wszoo.tuner import Job

    return Job(w.side.space.untied, np.arange(2), np.arange(2), 0)


def _round() -> Any:
    from wszoo.tuner import Round

    return Round(1, 2)


def _recovery() -> Any:
    from wszoo.tuner.compressing.compress import Recovery

    return Recovery(epochs=1)


def _race(w: World) -> Any:
    from wszoo.tuner import race

    return race(list(w.space), w.measure, [_round()])
