"""What layers take as Keras' own do: an object, its name or its configuration."""

from collections.abc import Callable

import keras

Initializer = str | dict[str, object] | keras.initializers.Initializer
Regularizer = str | dict[str, object] | keras.regularizers.Regularizer | None
Constraint = str | dict[str, object] | keras.constraints.Constraint | None
Activation = str | Callable[[keras.KerasTensor], keras.KerasTensor] | None
Shape = tuple[int | None, ...]  # `None` for a size that is not known yet
