"""Mixed precision: a backbone that computes in 16 bits under a head that stays in float32."""

import keras

from wszoo.sharing import graph
from wszoo.sharing.about import about, describe
from wszoo.sharing.surgery.carrying import carry_over
from wszoo.sharing.surgery.copying import copy


def policy_name(mixed_precision: bool | str) -> str:
    """Keras' dtype policy: of `True` float16 on a GPU, else bfloat16.

    Raises `ValueError` for a name that Keras does not know.
    """
    if isinstance(mixed_precision, str):
        try:
            return keras.DTypePolicy(mixed_precision).name
        except (TypeError, ValueError) as error:
            raise ValueError(
                "mixed_precision must be True, False or the name of a dtype policy of Keras; "
                f"received {mixed_precision!r}"
            ) from error
    return "mixed_float16" if keras.distribution.list_devices("gpu") else "mixed_bfloat16"


def in_precision(model: keras.Model, mixed_precision: bool | str) -> keras.Model:
    """A copy of a functional model that computes under a dtype policy; same weights and names."""
    policy = policy_name(mixed_precision)

    def change(layer: keras.Layer) -> keras.Layer:
        return copy(layer, layer.name, dtype=policy)

    names = graph.names_of(model)
    clone = keras.models.clone_model(model, clone_function=change)
    carry_over([model], clone)
    graph.remember(clone, names.sites, names.declared)
    describe(clone, **about(model))
    return clone
