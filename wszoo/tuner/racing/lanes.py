"""One compiled training of many candidates, lane by lane, each with a plan of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np

from wszoo.arguments import checked, loss
from wszoo.sharing import graph
from wszoo.sharing.plan import SharingPlan
from wszoo.tuner.space.space import SearchSpace

if TYPE_CHECKING:
    import tensorflow as tf

Lanes = list["tf.Tensor"]  # of each slot its values, lanes first
State = tuple["tf.Tensor", Lanes, Lanes, Lanes]  # the step, the values and Adam's moments
BETAS, EPSILON = (0.9, 0.999), 1e-7  # of Adam, as in Keras


@checked(loss=loss)
@dataclass(frozen=True)
class Training:
    """How each candidate is trained: Adam, a cosine from `learning_rate` to zero.

    `loss` is a loss of Keras by name; `points` is how often it is measured on held data, the last
    time at the end.
    """

    loss: str = "mse"
    learning_rate: float = 1e-2
    steps: int = 600
    batch_size: int = 40
    points: int = 1

    def __post_init__(self) -> None:
        if self.steps % self.points:
            raise ValueError(f"points must divide the {self.steps} steps; {self.points} do not")


@dataclass(frozen=True)
class Slot:
    """Variables of the untied model, by number, that lie in one bank, and of which units."""

    variables: tuple[int, ...]
    units: tuple[int, ...] = ()  # none: one variable that belongs to no searched unit


def slots_of(model: keras.Model, space: SearchSpace) -> list[Slot]:
    """A slot for each weight of each kind of units, and one for each other variable."""
    number = {id(variable): i for i, variable in enumerate(model.trainable_variables)}
    layer_of = graph.layers_of(model)
    slots = []
    for members in space.kinds:
        columns = zip(
            *([v for s in space.units[unit] for v in layer_of[s].trainable_variables]
              for unit in members),
            strict=True,
        )  # fmt: skip
        slots += [Slot(tuple(number[id(v)] for v in column), members) for column in columns]
    banked = {i for slot in slots for i in slot.variables}
    return slots + [Slot((i,)) for i in range(len(number)) if i not in banked]


def owners_of(space: SearchSpace, plan: SharingPlan) -> list[int]:
    """For each unit the place, within its kind, of the group's first unit."""
    labels = space.labels(plan)
    place = {unit: i for members in space.kinds for i, unit in enumerate(members)}
    return [place[labels.index(label)] for label in labels]


def compiled(
    model: keras.Model, slots: Sequence[Slot], training: Training
) -> Callable[..., "tf.Tensor"]:
    """`fit(values, owners, x, y, rows, held_x, held_y)`: the losses `(lanes, points)` on held data.

    All of a training is one call of one compiled function, whatever the plans.
    """
    import tensorflow as tf

    loss = keras.losses.get(training.loss)
    total = len(model.trainable_variables)
    length = training.steps // training.points

    def one(lane: tuple[Lanes, "tf.Tensor", "tf.Tensor"]) -> "tf.Tensor":
        """The loss of one candidate, its variables gathered already."""
        gathered, x, y = lane
        variables: list[tf.Tensor | None] = [None] * total
        for slot, rows in zip(slots, gathered, strict=True):
            for i, value in zip(slot.variables, tf.unstack(rows), strict=True):
                variables[i] = value
        outputs, _ = model.stateless_call(variables, [], x, training=True)
        return tf.reduce_mean(loss(y, outputs))

    def losses(values: Lanes, owners: "tf.Tensor", x: "tf.Tensor", y: "tf.Tensor") -> "tf.Tensor":
        gathered = [
            tf.gather(value, tf.gather(owners, slot.units, axis=1), axis=1, batch_dims=1)
            if slot.units
            else value
            for slot, value in zip(slots, values, strict=True)
        ]
        return tf.vectorized_map(one, (gathered, x, y), fallback_to_while_loop=False)

    @tf.function(jit_compile=True)
    def fit(
        values: Lanes,
        owners: "tf.Tensor",
        x: "tf.Tensor",
        y: "tf.Tensor",
        rows: "tf.Tensor",
        held_x: "tf.Tensor",
        held_y: "tf.Tensor",
    ) -> "tf.Tensor":
        def step(i: "tf.Tensor", values: Lanes, first: Lanes, second: Lanes) -> State:
            with tf.GradientTape() as tape:
                tape.watch(values)
                each = losses(values, owners, tf.gather(x, rows[i]), tf.gather(y, rows[i]))
                summed = tf.reduce_sum(each)
            slopes = [tf.convert_to_tensor(g) for g in tape.gradient(summed, values)]
            return i + 1, *_adam(training, tf.cast(i, "float32"), values, first, second, slopes)

        def stretch(
            point: "tf.Tensor", curve: "tf.Tensor", *state: Lanes
        ) -> tuple["tf.Tensor", "tf.Tensor", Lanes, Lanes, Lanes]:
            state = tf.while_loop(
                lambda i, *_: i < (point + 1) * length, step, (point * length, *state)
            )[1:]
            place = tf.one_hot(point, training.points)[None]
            return (
                point + 1,
                curve + place * losses(state[0], owners, held_x, held_y)[:, None],
                *state,
            )

        zeros = [tf.zeros_like(value) for value in values]
        curve = tf.zeros((owners.shape[0], training.points))
        start = (tf.constant(0), curve, list(values), zeros, zeros)
        return tf.while_loop(lambda point, *_: point < training.points, stretch, start)[1]

    return fit


def _adam(
    training: Training, i: "tf.Tensor", values: Lanes, first: Lanes, second: Lanes, slopes: Lanes
) -> tuple[Lanes, Lanes, Lanes]:
    """One step of Adam at step `i` (from 0) on a cosine to zero: new values and moments."""
    import tensorflow as tf

    b1, b2 = BETAS
    rate = training.learning_rate * 0.5 * (1 + tf.cos(np.pi * i / training.steps))
    rate *= tf.sqrt(1 - b2 ** (i + 1)) / (1 - b1 ** (i + 1))
    first = [b1 * m + (1 - b1) * g for m, g in zip(first, slopes, strict=True)]
    second = [b2 * v + (1 - b2) * g * g for v, g in zip(second, slopes, strict=True)]
    new = [
        w - rate * m / (tf.sqrt(v) + EPSILON) for w, m, v in zip(values, first, second, strict=True)
    ]
    return new, first, second
