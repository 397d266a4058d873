"""A recurrent classifier of sequences.

A recurrent network is weight sharing over time: one cell at every step. `steps` is the plan over
time steps inside the layer, the sites' plan ties the layers that are stacked on each other.
Elman 1990, "Finding Structure in Time"; Cho et al. 2014 (GRU).
"""

from typing import TYPE_CHECKING

from wszoo import layers
from wszoo.registry import register
from wszoo.sharing.spellings import as_plan

if TYPE_CHECKING:
    import keras

    from wszoo.sharing.bank import Bank


def sites(*, depth: int, **_: object) -> list[str]:
    """Sites in call order, one a recurrent layer."""
    if depth < 1:
        raise ValueError(f"rnn needs at least one recurrent layer; received depth={depth}")
    return [f"recurrent_{i}" for i in range(depth)]


@register(
    sites=sites,
    sharing="untied",
    task="classification",
    family="recurrent",
    default_tag="spoken_digit",
    free=("unroll", "dropout"),
)
def rnn(
    bank: "Bank",
    *,
    input_shape: tuple[int, int] = (28, 28),
    units: int = 64,
    depth: int = 2,
    cell: str = "gru",
    steps: str | None = None,
    dropout: float = 0.0,
    unroll: bool = False,
    head: int | None = 10,
) -> "keras.Model":
    """Stacked recurrent layers over a sequence, such as the frames of a recording or image rows.

    Maps `(batch, steps, features)` (a last axis of one channel, as images have, is dropped) to
    logits `(batch, head)`, or without a head to features `(batch, 2 × units)`: the last output and
    the largest over time. `steps` spells a plan over time steps as `wszoo.as_plan` takes it
    (`"untied"`, `"cycle:2"`, `"AABB…"`); `None` is one cell for all steps, the usual RNN.
    `unroll=True` has no loops: slow to build and a large graph, but LiteRT then takes a free batch
    dimension and int8, where a loop needs a fixed batch.
    """
    import keras

    inputs = x = keras.Input(input_shape, name="input")
    if len(input_shape) == 3 and input_shape[-1] == 1:
        x = keras.layers.Reshape(tuple(input_shape[:2]), name="rows")(x)
    if len(x.shape) != 3:
        raise ValueError(f"rnn wants input_shape=(steps, features); received {input_shape}")
    if steps is not None:
        steps = as_plan(steps, [f"step_{i}" for i in range(input_shape[0])]).pattern
    x = keras.layers.Dense(units, name="stem")(x)  # so that all layers are of one shape
    for i in range(depth):
        x = keras.layers.LayerNormalization(name=f"recurrent_{i}_norm")(x)
        x = keras.layers.Dropout(dropout, name=f"recurrent_{i}_dropout")(x)
        x = bank(
            f"recurrent_{i}",
            layers.TimeSharedRNN,
            units,
            cell=cell,
            steps=steps,
            return_sequences=True,
            unroll=unroll,
        )(x)
    last = keras.layers.Cropping1D((x.shape[1] - 1, 0), name="last")(x)
    last = keras.layers.Reshape((units,), name="last_output")(last)
    x = keras.layers.Concatenate(name="features")(
        [last, keras.layers.GlobalMaxPooling1D(name="max_pool")(x)]
    )
    if head is not None:
        x = keras.layers.Dropout(dropout, name="features_dropout")(x)
        x = keras.layers.Dense(head, name="head")(x)
    return keras.Model(inputs, x, name="rnn")
