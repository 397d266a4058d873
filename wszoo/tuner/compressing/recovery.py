"""A tied model trained towards its original: on the targets, and on what the original gives."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np

from wszoo import checks, private
from wszoo.arguments import checked, model, number_of
from wszoo.sharing import graph
from wszoo.sharing.surgery.retie import retie
from wszoo.training import check_finite, cosine

Pair = tuple[np.ndarray, np.ndarray]
LossFunction = Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]


@checked(epochs=number_of, share=partial(checks.number, least=0, most=1))
@dataclass(frozen=True)
class Recovery:
    """How a tied model is trained towards its original: AdamW, cosine to zero.

    The loss is `share` × that of the targets + (1 - share) × that of the original's outputs, for
    classes softened by `temperature` (Hinton et al. 2015, "Distilling the Knowledge in a Neural
    Network").
    """

    epochs: int = 5
    learning_rate: float = 5e-3
    batch_size: int = 32
    share: float = 0.3
    temperature: float = 2.0


@checked(student=model, teacher=model)
def recover(
    student: keras.Model,
    teacher: keras.Model,
    train: Pair,
    recovery: Recovery,
    *,
    seed: int = 0,
    verbose: int | str = 0,
) -> keras.Model:
    """Trains `student` on the targets and on the outputs of `teacher`, which are computed once.

    Returns a copy of the trained student that is not compiled: the loss belongs to the recovery.
    Raises `ValueError` where the loss stops to be a number.
    """
    if not recovery.epochs:
        return student
    x, y = train
    given = teacher.predict(x, batch_size=256, verbose=0)
    classes = y.ndim == 1 and given.ndim == 2 and given.shape[1] > 1
    of_classes = classes and _class_loss(recovery, probabilities(teacher))
    loss = of_classes or _Unsqueezed(_value_loss(recovery))
    wanted = keras.utils.to_categorical(y, given.shape[1]) if classes else y.reshape(given.shape)
    target = np.stack([wanted, given], axis=1).astype("float32")
    steps = recovery.epochs * -(-len(x) // recovery.batch_size)
    keras.utils.set_random_seed(seed)
    optimizer = keras.optimizers.AdamW(cosine(recovery.learning_rate, steps, warmup=steps // 20))
    # XLA halves the speed of small convolutions on a CPU.
    jit = "auto" if keras.backend.backend() != "tensorflow" else False
    student.compile(optimizer, loss=loss, jit_compile=jit)
    student.fit(
        x,
        target,
        batch_size=recovery.batch_size,
        epochs=recovery.epochs,
        verbose=verbose,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=check_finite)],
    )
    return retie(student, graph.plan_of(student))


def probabilities(model: keras.Model) -> bool:
    """Whether the model's last layer is a softmax."""
    last = private.maker_of(model.outputs[0])
    return isinstance(last, keras.layers.Softmax) or (
        getattr(last, "activation", None) is keras.activations.softmax
    )


def _class_loss(recovery: Recovery, given_probabilities: bool) -> LossFunction:
    ops, share, warm = keras.ops, recovery.share, recovery.temperature

    def logits(outputs: keras.KerasTensor) -> keras.KerasTensor:
        return ops.log(ops.maximum(outputs, 1e-7)) if given_probabilities else outputs

    def loss(target: keras.KerasTensor, outputs: keras.KerasTensor) -> keras.KerasTensor:
        wanted, given, mine = target[:, 0], logits(target[:, 1]), logits(outputs)
        hard = ops.categorical_crossentropy(wanted, mine, from_logits=True)
        soft = ops.categorical_crossentropy(
            ops.softmax(given / warm), mine / warm, from_logits=True
        )
        return share * hard + (1 - share) * warm**2 * soft

    return loss


class _Unsqueezed(keras.losses.Loss):
    """A loss whose targets have an axis more than the outputs.

    Of functions' targets Keras drops a last axis of length 1 then, and the rest would broadcast.
    """

    def __init__(self, function: LossFunction):
        super().__init__(name="recovery")
        self.function = function

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        return self.function(y_true, y_pred)


def _value_loss(recovery: Recovery) -> LossFunction:
    def loss(target: keras.KerasTensor, outputs: keras.KerasTensor) -> keras.KerasTensor:
        wanted, given = target[:, 0], target[:, 1]
        gaps = (
            recovery.share * (outputs - wanted) ** 2 + (1 - recovery.share) * (outputs - given) ** 2
        )
        return keras.ops.mean(gaps, axis=tuple(range(1, len(gaps.shape))))

    return loss
