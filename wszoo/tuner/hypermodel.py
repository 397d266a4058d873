"""TieHyperModel: a user's model under a plan, as KerasTuner builds and fits it."""

from collections.abc import Callable
from typing import Any

import keras
import keras_tuner

from wszoo.sharing.retie import retie
from wszoo.tuner.oracle import EPOCHS, PLAN, SEED
from wszoo.tuner.space import SearchSpace

LISTED = 250  # plans that fit in a Choice; of a larger space it lists the templates


class TieHyperModel(keras_tuner.HyperModel):
    """Builds `build(hp)`, a compiled functional model, and ties it as the value `plan` says.

    `build` may ask `hp` for hyperparameters of its own. With a trained untied `parent`, trials
    start from its weights, the mean over each group; else from scratch. Works with any oracle:
    `plan` is a Choice over all plans of the space, or of a large one its templates.
    Raises `ValueError` where a model or the parent does not have the sites of the space, or the
    parent's weights have other shapes than the model's.
    """

    def __init__(
        self,
        build: Callable[[Any], keras.Model],
        space: SearchSpace,
        *,
        parent: keras.Model | None = None,
        epochs: int = 1,
    ):
        super().__init__()
        self._make, self.space, self.parent, self.epochs = build, space, parent, epochs
        plans = space if space.count <= LISTED else space.templates().values()
        controls = [space.untied, space.tied]
        self.choices = [space.pattern(plan) for plan in dict.fromkeys([*controls, *plans])]

    def build(self, hp: Any) -> keras.Model:
        keras.utils.set_random_seed(int(hp.values.get(SEED, 0)))
        model = self._make(hp)
        plan = self.space.plan(hp.Choice(PLAN, self.choices))
        source = model if self.parent is None else self._fitting(model)
        tied = retie(source, plan, weights="mean")
        tied.compile_from_config(model.get_compile_config())
        return tied

    def fit(self, hp: Any, model: keras.Model, *args: Any, **settings: Any) -> Any:
        keras.utils.set_random_seed(int(hp.values.get(SEED, 0)))
        settings["epochs"] = int(hp.values.get(EPOCHS, settings.get("epochs", self.epochs)))
        return model.fit(*args, **settings)

    def _fitting(self, model: keras.Model) -> keras.Model:
        assert self.parent is not None
        untied = retie(model, self.space.untied)
        wanted, held = ([w.shape for w in m.weights] for m in (untied, self.parent))
        if wanted != held:
            raise keras_tuner.errors.FatalValueError(
                "the trained parent has weights of other shapes than the model: "
                f"{_differ(wanted, held)}; where hyperparameters change shapes, trials start from "
                "scratch: parent=None"
            )
        return self.parent


def _differ(wanted: list[Any], held: list[Any]) -> str:
    if len(wanted) != len(held):
        return f"{len(held)} weights, not {len(wanted)}"
    pairs = zip(wanted, held, strict=True)
    return next(f"{tuple(b)}, not {tuple(a)}" for a, b in pairs if a != b)
