"""What is compared: a model under several plans, or with several settings."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from wszoo import checks, registry, tasks
from wszoo.arguments import checked, each, some

if TYPE_CHECKING:
    import keras

    from wszoo.data import Source

DEFAULT = "default"  # spells the plan that a model has of its own


@checked(spec=some(Mapping, "a mapping"))
@dataclass(frozen=True)
class Arm:
    """One of the models of a comparison. `make()` builds it, with weights of the global seed.

    `spec` says as plain data what it is, so that a finished training can be known again.
    """

    label: str
    make: Callable[[], "keras.Model"] = field(repr=False, compare=False)
    spec: Mapping[str, Any]


@checked(
    plans=each(checks.text, least=0),
    variants=each(checks.text, least=0),
    settings=some(Mapping, "a mapping"),
)
def registered(
    name: str,
    source: "Source",
    *,
    plans: Sequence[str] = (),
    variants: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> tuple[list[Arm], str]:
    """Arms of a registered model and their task.

    Args:
        name: a registered model, without a tag: arms start from random weights.
        source: its data give the input shape, and the classes of a classifier.
        plans: plans over sites, as `wszoo.as_plan` takes them, or `default`, the model's own; the
            label is the plan.
        variants: `label=PLAN`, `label={"tiles": 2}` or `label=PLAN@{"tiles": 2}`: settings of this
            arm alone, as JSON. The setting `model` takes another registered model.
        settings: of all arms.

    Raises:
        ValueError: for an unknown model, setting or plan, a plan that does not fit the sites, a
            label given twice, fewer than two arms, and models of different tasks.
    """
    asked = [_variant(f"{plan}={plan}") for plan in plans] + [_variant(text) for text in variants]
    labels = [label for label, _, _ in asked]
    if repeated := sorted({label for label in labels if labels.count(label) > 1}):
        raise ValueError(f"two arms are called {repeated[0]!r}; arms have labels of their own")
    if len(asked) < 2:
        raise ValueError(f"a comparison needs two arms or more; received {labels}")
    arms, by_task = [], {}
    for label, plan, private in asked:
        config = {**(settings or {}), **private}
        entry = registry.entry(config.pop("model", name))
        by_task[entry.task] = label
        config.setdefault("input_shape", source.input_shape)
        if tasks.find(entry.task).labels:
            config.setdefault("head", source.num_classes)
        pattern = entry.plan(plan, **config).pattern
        spec = {"model": entry.name, "plan": pattern, "settings": config}
        make = partial(registry.get, entry.name, sharing=pattern, **config)
        try:
            make()  # refuses what does not fit before anything is trained
        except ValueError as error:
            own = entry.plan(None, **config).pattern
            raise ValueError(
                f"the arm {label!r} cannot be built: {error}\n(the model's own plan is "
                f"{own!r}, written {DEFAULT!r})"
            ) from error
        arms.append(Arm(label, make, json.loads(json.dumps(spec))))
    if len(by_task) > 1:
        both = " and ".join(f"{label!r} is of {task}" for task, label in by_task.items())
        raise ValueError(f"arms must be of one task; {both}")
    return arms, next(iter(by_task))


def _variant(text: str) -> tuple[str, str | None, dict[str, Any]]:
    """`label=PLAN@{…}` → label, plan or None (the model's own), settings."""
    label, equals, rest = text.partition("=")
    if not (label and equals and rest):
        raise ValueError(
            f'an arm is written label=PLAN, label={{"setting": value}} or label=PLAN@{{…}}; '
            f"received {text!r}"
        )
    if rest.startswith("{"):
        plan, spelled = None, rest
    else:
        plan, _, spelled = rest.partition("@")
    plan = None if plan == DEFAULT else plan
    return label, plan, checks.json_object(f"the settings of the arm {label!r}", spelled or "{}")
