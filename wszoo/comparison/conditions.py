"""What all arms of a comparison have in common."""

from dataclasses import dataclass

from wszoo import tasks
from wszoo.arguments import checked, count, each, number_of, rate


@checked(rates=each(rate), tune_seeds=count)
@dataclass(frozen=True)
class Conditions:
    """What all arms have in common.

    A training is `steps` batches, whatever the number of samples; at each of `points` equal
    stretches validation is scored. `rates` are the learning rates to choose from, by `tune_seeds`
    trainings each. `noise` (standard deviation, fresh at every step) is added to the inputs of a
    reconstruction, whose target stays clean.
    """

    task: str
    steps: int = 600
    batch_size: int = 32
    points: int = 20
    noise: float = 0.0
    rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    tune_seeds: int = 2

    def __post_init__(self) -> None:
        valid = [n for n in tasks.names(score=True) if not tasks.find(n).continues]
        if self.task not in valid:
            raise ValueError(f"task must be one of {', '.join(valid)}, not {self.task!r}")
        if self.steps % self.points:
            raise ValueError(
                f"the number of points must divide the {self.steps} steps; {self.points} does not"
            )
        if not self.rates or min(self.rates) <= 0 or len(set(self.rates)) < len(self.rates):
            raise ValueError(f"learning rates must be positive and differ: {self.rates}")
        if self.noise < 0 or (self.noise and not tasks.find(self.task).restores):
            raise ValueError(
                f"noise is for reconstructions and not negative; received {self.noise} for "
                f"{self.task}"
            )

    @property
    def metric(self) -> str:
        """The name of the task's score, which is compared."""
        return tasks.find(self.task).metric

    @property
    def higher_is_better(self) -> bool:
        """Whether more of the metric is better."""
        return tasks.find(self.task).higher_is_better

    @checked(step=number_of)
    def epochs(self, step: int, samples: int) -> float:
        """How often `samples` examples were seen after a step."""
        return step * self.batch_size / samples
