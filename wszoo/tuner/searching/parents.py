"""The untied models from which trials start, trained once and kept in the search's folder."""

from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from wszoo.fingerprints import digest
from wszoo.locks import locked
from wszoo.sharing import graph
from wszoo.sharing.files.loading import load
from wszoo.sharing.files.saving import save
from wszoo.sharing.surgery.retie import retie
from wszoo.tuner.searching.builds import sort

Pair = tuple[np.ndarray, np.ndarray]


@dataclass
class Parents:
    """Untied models trained, a file for each kind of model that hyperparameters make.

    Numbers such as rates of learning or dropout make no other kind: the first model stands for all.
    """

    compiled: dict[str, object]
    train: Pair
    folder: Path
    epochs: int
    batch_size: int
    seed: int
    _loaded: dict[str, keras.Model] = field(default_factory=dict)

    def __call__(self, untied: keras.Model) -> keras.Model:
        """The trained parent of an untied model, which has its first weights."""
        sorts = [sort(layer) for layer in graph.layers_of(untied).values()]
        name = f"parent_{digest([sorts, [w.shape for w in untied.weights]])[:12]}.keras"
        if name not in self._loaded:
            path = self.folder / name
            with locked(path.with_suffix(".lock")):  # other workers wait for it
                if not path.is_file():
                    self._fit(untied, path)
            self._loaded[name] = load(path)
        return self._loaded[name]

    def _fit(self, untied: keras.Model, path: Path) -> None:
        keras.utils.set_random_seed(self.seed)
        model = retie(untied, graph.plan_of(untied))
        model.compile_from_config(self.compiled)
        model.fit(*self.train, epochs=self.epochs, batch_size=self.batch_size, verbose=0)
        save(model, path)
