"""Data-parallel training over several processes (machines, GPUs) with JAX and keras.distribution.

    processes = start("data_parallel")          # first of all; None: one process, nothing changes
    model = ...                                 # built after it: every process holds all weights
    model.fit(processes.part(data), shuffle=False)
    if processes.chief: ...                     # writes the files

Each process runs the same program on its rows of every batch, and gradients, losses and the
statistics of BatchNormalization are those of the joint batch: the run is that of one process.
Who takes part is said by arguments, or by Keras' own environment variables,
KERAS_DISTRIBUTION_JOB_ADDRESSES, KERAS_DISTRIBUTION_NUM_PROCESSES, KERAS_DISTRIBUTION_PROCESS_ID.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np

from wszoo.transferring.training.batches import Share

KINDS = ("data_parallel",)


@dataclass(frozen=True)
class Processes:
    """The processes that train one model together, and the number of this one among them."""

    number: int = 1
    index: int = 0

    @property
    def chief(self) -> bool:
        """Whether this is the one process that writes files and talks."""
        return self.index == 0

    @property
    def multiple(self) -> int:
        """What the size of a batch must be a multiple of: the devices that share it."""
        return len(keras.distribution.list_devices()) if is_on() else 1

    def agree(self, what: str, value: int) -> None:
        """Raises `ValueError` in all processes unless all of them have the same value."""
        if self.number == 1:
            return
        from jax.experimental import multihost_utils

        values = multihost_utils.process_allgather(np.array(value)).tolist()
        if len(set(values)) > 1:
            raise ValueError(
                f"{what}: the processes have {values}; they must all read the same files, in a "
                "folder that they share"
            )

    def part(self, data: keras.utils.PyDataset) -> keras.utils.PyDataset:
        """This process' rows of every batch; fit it with `shuffle=False`.

        The batches must be the same in all processes (their order drawn from a seed, as in
        `wszoo.training.EpochData`). Raises `ValueError`, when it is read, for a batch that the
        processes and their devices cannot share equally.
        """
        return data if self.number == 1 else Share(data, self._slice)

    def rows(self, batch_size: int, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """This process' rows of arrays that all processes have, in the order of the batches.

        Fit them with `shuffle=False` and a batch size of `batch_size / number`. Examples past the
        last full batch are left out. Raises `ValueError` unless the processes share a batch
        equally.
        """
        if self.number == 1:
            return arrays
        keep = len(arrays[0]) // batch_size * batch_size
        mine = np.arange(keep).reshape(-1, batch_size)[:, self._slice(batch_size)].ravel()
        return tuple(np.asarray(array)[mine] for array in arrays)

    def _slice(self, size: int) -> slice:
        devices = len(keras.distribution.list_devices())
        if size % devices:
            raise ValueError(
                f"a batch of {size} does not divide into equal parts for {devices} devices of "
                f"{self.number} processes; take a multiple of {devices} and drop the rest"
            )
        part = size // self.number
        return slice(self.index * part, (self.index + 1) * part)


def start(
    kind: str | None,
    *,
    address: str | None = None,
    processes: int | None = None,
    process: int | None = None,
    seed: int = 0,
) -> Processes:
    """Joins the other processes and makes Keras train in all of them; call it before all else.

    Args:
        kind: `"data_parallel"`; `None` does nothing and gives a single process.
        address: `host:port` of process 0, where the others find it.
        processes: how many there are. Without it (and without the environment variable) there is
            this one alone, on all of its devices: several GPUs of one machine.
        process: which this one is, from 0.
        seed: of Keras' random generators; all processes must draw the same first weights.

    Raises `ValueError` for an unknown kind, another backend than JAX, and where it is not said
    who takes part; `RuntimeError` from JAX when the others do not come, or when something was
    computed before.
    """
    if kind is None:
        return Processes()
    if kind not in KINDS:
        raise ValueError(f"unknown distribution {kind!r}; valid are {', '.join(KINDS)}")
    if keras.backend.backend() != "jax":
        raise ValueError(
            f"distribution {kind!r} needs the JAX backend, not {keras.backend.backend()}: set the "
            "environment variable KERAS_BACKEND=jax before Python starts"
        )
    said = _said(address, processes, process)
    keras.utils.set_random_seed(seed)
    if said is not None:
        import jax

        # XLA's own CPU collectives do not leave the process; with GPUs this has no effect.
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        keras.distribution.initialize(*said)
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    return Processes(*said[1:]) if said is not None else Processes()


def started(distribution: str | Processes | None, *, seed: int = 0) -> Processes:
    """The processes: those that were started already, or `start(distribution, seed=seed)`."""
    if isinstance(distribution, Processes):
        return distribution
    return start(distribution, seed=seed)


def is_on() -> bool:
    """Whether models that are made now are distributed."""
    return keras.distribution.distribution() is not None


@contextmanager
def alone() -> Iterator[None]:
    """Within it models are made and run on this process alone, as without a distribution."""
    before = keras.distribution.distribution()
    if before is None:
        yield
        return
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def _said(
    address: str | None, processes: int | None, process: int | None
) -> tuple[str, int, int] | None:
    """Address, number of processes and number of this one, by arguments or the environment."""
    said: dict[str, str | int | None] = {}
    for name, value in (
        ("JOB_ADDRESSES", address),
        ("NUM_PROCESSES", processes),
        ("PROCESS_ID", process),
    ):
        variable = f"KERAS_DISTRIBUTION_{name}"
        said[variable] = os.environ.get(variable) if value is None else value
    if set(said.values()) == {None}:
        return None
    missing = [variable for variable, value in said.items() if value is None]
    if missing:
        raise ValueError(
            f"a distribution over processes needs an address, the number of processes and that of "
            f"this one; {', '.join(missing)} is not said"
        )
    where, *numbers = said.values()
    try:
        number, index = (int(part or 0) for part in numbers)
    except ValueError as error:
        raise ValueError(f"numbers of processes are integers; received {numbers}") from error
    if not 0 <= index < number:
        raise ValueError(f"process {index} is not one of {number}, counted from 0")
    return str(where), number, index


def local_copy(model: keras.Model) -> keras.Model:
    """The same model on this process alone, to evaluate, predict and save with; not compiled.

    (`predict` over several processes would give each of them a part that it cannot read.)
    From here on new models are not distributed: call it when training is over.
    """
    from wszoo.sharing import graph
    from wszoo.sharing.about import about, describe
    from wszoo.sharing.calls import functional_class
    from wszoo.sharing.surgery.carrying import carry_over

    keras.distribution.set_distribution(None)
    copy = keras.models.clone_model(model)
    carry_over([model], copy)
    describe(copy, **about(model))
    if functional_class(model) is not None:
        names = graph.names_of(model)
        graph.remember(copy, names.sites, names.declared)
    return copy
