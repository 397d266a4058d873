"""A registered model: its builder, its sites and its settings."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wszoo import checks, keras_settings
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.spellings import as_plan

if TYPE_CHECKING:
    import keras

Builder = Callable[..., "keras.Model"]  # from a bank and keyword settings
Config = dict[str, Any]

MOST = 1_000_000  # of a width, a depth, …


@dataclass(frozen=True)
class Entry:
    """A registered model. `build(bank, **config)` makes it; `sites(**config)` names its sites."""

    name: str
    build: Builder = field(repr=False)
    sites: Callable[..., Sequence[str]] = field(repr=False)
    sharing: str | Callable[[Sequence[str]], SharingPlan]
    task: str
    family: str
    default_tag: str | None = None
    free: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The first line of the builder's docstring."""
        return (inspect.getdoc(self.build) or "").partition("\n")[0]

    @property
    def config(self) -> Config:
        """The builder's settings and their defaults."""
        settings = list(inspect.signature(self.build).parameters.values())[1:]
        return {setting.name: setting.default for setting in settings}

    def plan(self, sharing: SharingPlan | str | None = None, **config: object) -> SharingPlan:
        """A spelling of a plan (`None`: the entry's own) over the sites of this configuration."""
        sites = tuple(self.sites(**self.settings(config)))
        spec = self.sharing if sharing is None else sharing
        return as_plan(spec(sites) if callable(spec) else spec, sites)

    def make(self, plan: SharingPlan, **config: object) -> "keras.Model":
        """Builds the model under a plan; checks that it asked for every site once.

        Keras' global settings change nothing but the dtype policy, in which the model is made.
        Raises `ValueError` for a policy in which it cannot be.
        """
        settings = self.settings(config)
        with keras_settings.pinned(), keras_settings.policy_fits(self.name):
            from wszoo.sharing.bank import Bank

            bank = Bank(plan)
            try:
                return bank.finish(self.build(bank, **settings))
            except (ValueError, TypeError, IndexError) as error:  # from deep within a layer
                given = {k: v for k, v in config.items() if v != self.config[k]}
                said = ", ".join(f"{key}={checks.shown(value)}" for key, value in given.items())
                raise ValueError(f"{self.name} cannot be built with {said}: {error}") from error

    def settings(self, config: Config) -> Config:
        """All settings of the builder, those of `config` over the defaults."""
        unknown = sorted(set(config) - set(self.config))
        if unknown:
            near = checks.near(unknown[0], self.config)
            raise ValueError(
                f"{self.name} has no setting {', '.join(unknown)}{near}; its settings are "
                f"{', '.join(self.config)}"
            )
        for setting, value in config.items():
            _check_setting(f"the setting {setting} of {self.name}", value, self.config[setting])
        return self.config | config


def _check_setting(name: str, value: object, default: object) -> None:
    """A setting is a value of its default's kind, or `None`; one number may stand for several."""
    if value is None or default is None:
        return
    if isinstance(default, bool):
        checks.flag(name, value)
    elif isinstance(default, str):
        checks.text(name, value)
    elif isinstance(default, float):
        checks.number(name, value)
    elif isinstance(default, int):
        _check_sizes(name, value, least=1 if default > 0 else None)
    elif isinstance(default, tuple) and default and isinstance(default[0], int):
        _check_sizes(name, value, least=1)


def _check_sizes(name: str, value: object, *, least: int | None) -> None:
    several = isinstance(value, list | tuple)
    for size in value if isinstance(value, list | tuple) else [value]:
        if size is not None or not several:
            checks.whole(name, size, least=least, most=MOST)
