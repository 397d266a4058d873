"""Many plans of one model trained side by side: one compiled step serves every plan.

The weights of the searched sites lie in a bank, and a plan is an index into it: site i uses row
`labels[i]`. With an axis over candidates in front, plans, splits of the data and initial weights
can be mixed freely in one batch, and nothing is built or traced anew for any of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import keras
import numpy as np

from wszoo import batches
from wszoo.arguments import array, checked, each, some
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.surgery.retie import untied_twin
from wszoo.tuner.racing.lanes import Training, compiled, owners_of, slots_of
from wszoo.tuner.space.space import SearchSpace


@checked(train=array, held=array)
@dataclass(frozen=True)
class Job:
    """One training: a plan, the rows of the data to train on and to score on, and a seed.

    The seed decides initial weights and the order of examples, so candidates of one seed differ
    in their plan alone.
    """

    plan: SharingPlan
    train: np.ndarray  # int (n,)
    held: np.ndarray  # int (m,); equal lengths in all jobs
    seed: int


class SideBySide:
    """Trains plans of a functional model of matrix products on arrays, `lanes` at a time.

    The model must hold no state but trainable weights (no BatchNormalization, no Dropout), and
    have one input and one output. Needs the TensorFlow backend; XLA compiles it. For convolutions
    on a CPU this is slower than one model after the other.
    Raises `ValueError` for other models and for data that do not fit.
    """

    @checked()
    def __init__(
        self, model: keras.Model, space: SearchSpace, training: Training, *, lanes: int = 203
    ):
        self.model, self.space = untied_twin(model), space
        self.training, self.lanes = training, lanes
        _check(self.model)
        self._slots = slots_of(self.model, space)
        self._starts: dict[int, list[np.ndarray]] = {}
        self._fit = compiled(self.model, self._slots, training)

    @checked(jobs=each(some(Job, "a Job")))
    def run(
        self,
        jobs: Sequence[Job],
        x: np.ndarray,
        y: np.ndarray,
        test: tuple[np.ndarray, np.ndarray] | None = None,
        report: Callable[[int], object] = lambda done: None,
    ) -> np.ndarray:
        """Trains each job on its rows of `x`, `y`; the loss `(jobs, points)` on its held rows.

        With `test`, the loss on those `(x, y)` instead. `report` hears the number of jobs done.
        Raises `ValueError` for data that do not fit the model.
        """
        _check_data(self.model, x)
        curves: list[np.ndarray] = []
        for i in range(0, len(jobs), self.lanes):
            part = list(jobs[i : i + self.lanes])
            full = part + [part[0]] * (self.lanes - len(part))  # one shape, so one compilation
            if test is None:
                held = np.array([job.held for job in full])
                watched = x[held], y[held]
            else:
                wide = [np.broadcast_to(a, (self.lanes, *a.shape)) for a in test]
                watched = wide[0], wide[1]
            curves.append(self._train(full, x, y, watched)[: len(part)])
            report(i + len(part))
        return np.concatenate(curves)

    def _train(
        self,
        jobs: Sequence[Job],
        x: np.ndarray,
        y: np.ndarray,
        watched: tuple[np.ndarray, np.ndarray],
    ) -> np.ndarray:
        owners = np.array([owners_of(self.space, job.plan) for job in jobs], "int32")
        starts = [self._start(job.seed) for job in jobs]
        values = [np.stack(column) for column in zip(*starts, strict=True)]
        # Jobs of one split and seed see one order, which is made once for all of them.
        orders: dict[tuple[int, int], np.ndarray] = {}
        for job in jobs:
            key = (id(job.train), job.seed)
            orders[key] = orders[key] if key in orders else self.order(job)
        rows = np.stack([orders[id(job.train), job.seed] for job in jobs], axis=1)
        return np.asarray(self._fit(values, owners, x, y, rows, *watched))

    def order(self, job: Job) -> np.ndarray:
        """Rows of each step, `(steps, batch)`: shuffled epochs, incomplete batches left out."""
        plan, train = self.training, np.asarray(job.train)
        size = batches.fitting(plan.batch_size, len(train))
        whole = len(train) // size * size
        orders = batches.rounds(len(train), batches.generator(job.seed, 1))
        epochs = islice(orders, -(-plan.steps * size // whole))
        order = np.concatenate([train[rows[:whole]] for rows in epochs])
        return order.reshape(-1, size)[: plan.steps].astype("int32")

    def _start(self, seed: int) -> list[np.ndarray]:
        """Initial values of each slot, drawn as Keras draws them."""
        if seed not in self._starts:
            keras.utils.set_random_seed(seed)
            fresh = keras.models.clone_model(self.model).trainable_variables
            self._starts[seed] = [
                np.stack([np.asarray(fresh[i]) for i in slot.variables]) for slot in self._slots
            ]
        return self._starts[seed]


def _check(model: keras.Model) -> None:
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"training side by side needs KERAS_BACKEND=tensorflow, not {keras.backend.backend()}"
        )
    if model.non_trainable_variables:
        held = sorted({v.path for v in model.non_trainable_variables})
        raise ValueError(
            f"training side by side needs a model whose only state is trainable weights; "
            f"{model.name!r} also holds {', '.join(held[:6])}: train its plans one by one"
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"{model.name!r} has {len(model.inputs)} inputs and {len(model.outputs)} "
            "outputs; one of each is needed"
        )


def _check_data(model: keras.Model, x: np.ndarray) -> None:
    if model.inputs[0].shape[1:] != x.shape[1:]:
        raise ValueError(
            f"the data have examples of shape {x.shape[1:]}; {model.name!r} takes "
            f"{model.inputs[0].shape[1:]}"
        )
