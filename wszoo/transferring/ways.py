"""Ways to get a classifier from few labels: what a pretrained backbone is worth.

Every way is one training on one draw of labels with one setting: a learning rate, or the strength
of a logistic regression. Trained ways see images moved a little, but for those that are `plain`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """`trains`: nothing (a closed form), `"head"`, `"all"` or `"lora"`; `moved` images or not.

    `settings` are those a search begins with, learning rates, or strengths (scikit-learn's C); the
    middle one is what it came to (benchmarks/transfer/settings.py).
    """

    pretrained: bool
    trains: str | None
    settings: tuple[float, float, float]
    moved: bool = True

    @property
    def usual(self) -> float:
        """The setting where none is searched for."""
        return self.settings[1]


WAYS = {
    "pixels": Way(False, None, (0.3, 1.0, 3.0)),
    "scratch": Way(False, "all", (3e-3, 1e-2, 3e-2)),
    "probe": Way(True, None, (30.0, 100.0, 300.0)),
    "frozen": Way(True, "head", (3e-2, 1e-1, 3e-1)),
    "finetune": Way(True, "all", (1e-3, 3e-3, 1e-2)),
    "lora": Way(True, "lora", (1e-3, 3e-3, 1e-2)),
    "scratch-plain": Way(False, "all", (3e-3, 1e-2, 3e-2), moved=False),
    "finetune-plain": Way(True, "all", (3e-4, 1e-3, 3e-3), moved=False),
}
