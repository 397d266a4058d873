"""All trainings of a comparison, one file each, so that a killed run goes on where it was."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wszoo import arguments, checksums
from wszoo.arguments import checked, each, some
from wszoo.claims import claimed
from wszoo.comparison.arms import Arm
from wszoo.comparison.conditions import Conditions
from wszoo.comparison.trials import Extra, Trainer, draw
from wszoo.data import Source
from wszoo.fingerprints import digest

TUNE_SEED = 1000  # tuning's seeds start here, so none of them is scored
Tick = Callable[[int], object]  # called with the trainings done, after each


@checked(arms=each(some(Arm, "an Arm")), samples=each(arguments.count))
@dataclass
class Study:
    """Arms × samples × seeds, trained under equal conditions; results in `folder`.

    Each arm chooses, for each number of samples, the learning rate of the best mean validation
    score over the tuning seeds; then each seed draws its samples once and trains every arm on
    them. The same folder may be given more arms, seeds and samples later.
    Raises `ValueError` for fewer than two seeds or arms, samples that the source does not have, and
    a folder of other conditions or other arms of the same label.
    """

    arms: Sequence[Arm]
    source: Source
    conditions: Conditions
    samples: Sequence[int]
    seeds: int
    folder: Path
    extra: Extra | None = None

    def __post_init__(self) -> None:
        if self.seeds < 2:
            raise ValueError(f"a spread needs two seeds or more; received {self.seeds}")
        if self.seeds > TUNE_SEED:
            raise ValueError(f"at most {TUNE_SEED} seeds; received {self.seeds}")
        if len({arm.label for arm in self.arms}) < max(2, len(self.arms)):
            raise ValueError("a comparison needs two arms or more, with labels of their own")
        if not self.samples:
            raise ValueError("name a number of samples, such as 100")
        for count in self.samples:
            draw(self.source, count, 0)  # refuses more than there are
        self._trainers: dict[str, Trainer] = {}
        self._codes: dict[str, str] = {}

    @property
    def trainings(self) -> int:
        """How many trainings the whole study takes."""
        rates, tune = len(self.conditions.rates), self.conditions.tune_seeds
        each = self.seeds + (rates * tune if rates > 1 else 0)
        return each * len(self.arms) * len(self.samples)

    @checked()
    def run(self, tick: Tick = lambda done: None) -> list[dict[str, Any]]:
        """The scored trainings, those that were finished before read from their files."""
        decides = asdict(self.conditions) | {"data": self.source, "extra": self.extra}
        with claimed(self.folder, decides, "a comparison"):
            return self._run(tick)

    def _run(self, tick: Tick) -> list[dict[str, Any]]:
        done, results = 0, []

        def train(*args: Any, final: bool) -> dict[str, Any]:
            nonlocal done
            result = self._train(*args, final=final)
            done += 1
            tick(done)
            return result

        for count in self.samples:
            chosen = {arm.label: self._tuned(arm, count, train) for arm in self.arms}
            for seed in range(self.seeds):
                # Arms take turns: a slow moment of the machine meets all of them.
                for arm in self.arms:
                    results.append(train(arm, count, seed, chosen[arm.label], final=True))
        return results

    def _code_of(self, arm: Arm) -> str:
        """Of what makes the arm's model: its spec may not say all."""
        if arm.label not in self._codes:
            self._codes[arm.label] = digest(arm.make)
        return self._codes[arm.label]

    def _tuned(self, arm: Arm, count: int, train: Callable[..., dict[str, Any]]) -> float:
        """The learning rate with the best mean validation score; a diverged one is the worst."""
        rates = self.conditions.rates
        if len(rates) == 1:
            return rates[0]
        seeds = range(TUNE_SEED, TUNE_SEED + self.conditions.tune_seeds)
        sign = 1 if self.conditions.higher_is_better else -1
        means = [
            sign * np.mean([train(arm, count, s, rate, final=False)["validation"] for s in seeds])
            for rate in rates
        ]
        return rates[int(np.argmax(np.nan_to_num(means, nan=-np.inf)))]

    def _train(self, arm: Arm, count: int, seed: int, rate: float, *, final: bool) -> dict:
        path = self.folder / f"{_slug(arm.label)}.n{count}.lr{rate:g}.seed{seed}.json"
        wanted: dict[str, Any] = {
            "label": arm.label,
            "arm": dict(arm.spec),
            "made": self._code_of(arm),
        }
        wanted |= {"samples": count}
        wanted = _rounded(wanted | {"seed": seed, "rate": rate})
        if path.is_file():
            kept = _read(path)
            if {key: kept.get(key) for key in wanted} != wanted:
                raise ValueError(
                    f"{path} holds the arm {kept.get('arm')} made by {kept.get('made')}, not "
                    f"{dict(arm.spec)} made by {wanted['made']}; give the arm another label, or "
                    "name another folder"
                )
            return {k: v if k in wanted else _with_nan(v) for k, v in kept.items()}
        if arm.label not in self._trainers:
            self._trainers[arm.label] = Trainer(arm.make, self.conditions)
        result = wanted | _rounded(
            self._trainers[arm.label].run(
                self.source, count, seed, rate, final=final, extra=self.extra
            )
        )
        checksums.write_json(path, _as_json(result))
        return result


def _read(path: Path) -> dict[str, Any]:
    try:
        return checksums.read_json(path)
    except ValueError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error}; remove it") from error


def _slug(label: str) -> str:
    """A file's name for a label: labels that differ have names that do."""
    slug = re.sub(r"[^A-Za-z0-9_.-]", "-", label)[:60]
    return slug if slug == label else f"{slug}-{digest(label)[:8]}"


def _as_json(value: Any) -> Any:
    """A result as JSON knows it: null for what is not finite, of a training that diverged."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    return [_as_json(item) for item in value] if isinstance(value, list) else value


def _with_nan(value: Any) -> Any:
    """A figure, or a list of them, read again: NaN for null."""
    if isinstance(value, list):
        return [_with_nan(item) for item in value]
    return math.nan if value is None else value


def _rounded(result: Any) -> Any:
    """Six digits of every number: more would be noise, and larger files."""
    if isinstance(result, float):
        return float(f"{result:.6g}")
    if isinstance(result, dict):
        return {key: _rounded(value) for key, value in result.items()}
    if isinstance(result, Iterable) and not isinstance(result, str):
        return [_rounded(value) for value in result]
    return result
