"""What one would write with KerasTuner alone: is this block the one before it? One boolean each."""

from typing import Any

import numpy as np


def oracle(kind: str, depth: int, seed: int, **length: int) -> Any:
    """A KerasTuner oracle over one boolean a pair of neighbours, silent; `length` limits it."""
    import keras_tuner

    parameters = keras_tuner.HyperParameters()
    for i in range(1, depth):
        parameters.Boolean(f"tie_{i}")
    made = getattr(keras_tuner.oracles, f"{kind}Oracle")(
        objective=keras_tuner.Objective("val_loss", "min"),
        hyperparameters=parameters,
        seed=seed + 1,  # KerasTuner takes 0 for none
        **length,
    )
    made.verbose = 0
    return made


def joined(values: dict[str, Any], depth: int) -> str:
    """The pattern that the booleans spell."""
    groups = np.cumsum([0, *(not values[f"tie_{i}"] for i in range(1, depth))])
    return "".join(chr(ord("A") + group) for group in groups)
