"""What valid calls share: a tiny trained model, a few arrays and files, made once."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

Calls = dict[str, Callable[["World"], dict[str, Any]]]  # by public name, the arguments of a call

SEVERAL = {"digit": "classification", "slant": "regression"}  # tasks side by side


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
        return self.classifier(10)

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
        import keras

        from wszoo.transferring.training.repeated import Trainer

        return Trainer(self.logits, keras.optimizers.Adam(), "mse")

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
        return self.classifier(4)

    def classifier(self, classes: int) -> Any:
        from wszoo.tasks import heads, linear

        return heads.attach(self.net, linear.logistic(classes)).model

    def make_logits(self) -> Any:
        import keras

        return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(),
                                 keras.layers.Dense(4)])  # fmt: skip

    @cached_property
    def targets(self) -> Any:
        return {"digit": self.y, "slant": np.arange(20, dtype="float32")}

    @cached_property
    def tasks(self) -> Any:
        from wszoo.tasks.several import attach_heads

        return attach_heads(self.net, SEVERAL, self.targets)

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
        from wszoo.data.sets.pen import prepare

        return prepare(self.ink)

    @cached_property
    def card(self) -> dict[str, Any]:
        from wszoo.cards import KEYS
        from wszoo.sharing.graph import plan_of

        objects = {"plan": plan_of(self.model).to_dict(), "config": {}, "metrics": {}, "seed": 0}
        return dict.fromkeys(KEYS, "x") | objects

    @property
    def key(self) -> str:
        """The name of the input of `dense`."""
        return str(self.dense.inputs[0].name)

    def measure(self, pairs: Any) -> np.ndarray:
        return np.arange(len(pairs), dtype=float)
