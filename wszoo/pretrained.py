"""A registered model with the weights of a tag, or its backbone without the head."""

from typing import TYPE_CHECKING

from wszoo import cards
from wszoo import weights as weight_files
from wszoo.cards import Card
from wszoo.sharing.about import FACTS, describe, of_images
from wszoo.sharing.plan import SharingPlan

if TYPE_CHECKING:
    import keras

    from wszoo.entry import Config, Entry


def pretrained(
    entry: "Entry",
    saved: "weight_files.Saved",
    sharing: SharingPlan | str | None,
    config: "Config",
) -> "keras.Model":
    """The model that a card describes, with its weights; `head=None` in `config` cuts the head off.

    Raises `ValueError` for settings or a plan that differ from those of the weights, and for a card
    or a file that is not as it was written.
    """
    card = saved.card
    if card["model"] != entry.name:
        raise ValueError(f"{saved.folder} holds weights of {card['model']!r}, not {entry.name!r}")
    theirs = _settings_of(entry, saved)
    settings = entry.settings(card["config"] | config)
    cut = settings.get("head", "") is None and theirs.get("head") is not None
    differing = [
        key
        for key in settings
        if cards.plain(settings[key]) != cards.plain(theirs[key])
        and key not in entry.free
        and not (cut and key == "head")
    ]
    if differing:
        asked = ", ".join(f"{key}={settings[key]!r}" for key in differing)
        has = ", ".join(f"{key}={theirs[key]!r}" for key in differing)
        hint = "; head=None gives its backbone" if "head" in differing else ""
        raise ValueError(f"{saved.name} was trained with {has}, not {asked}{hint}")
    plan = _plan_of(saved)
    if sharing is not None and entry.plan(sharing, **settings) != plan:
        asked = entry.plan(sharing, **settings).pattern
        raise ValueError(
            f"{saved.name} was trained under the plan {plan.pattern!r}, not {asked!r}; get it as "
            "it is and use wszoo.retie(model, plan)"
        )
    chosen = theirs | {key: settings[key] for key in entry.free}
    whole = weight_files.load_into(_built(entry, saved, plan, chosen), saved.weights)
    if not cut:
        describe(whole, **{"task": entry.task, **_facts(card)})
        describe(whole, **of_images(whole))
        return whole
    backbone = entry.make(plan, **settings)
    for layer in backbone.layers:
        layer.set_weights(whole.get_layer(layer.name).get_weights())
    return backbone


def _facts(card: Card) -> dict[str, object]:
    """What a card says of the meaning of its model's inputs and outputs."""
    return {"resize": card.get("source", {}).get("resize")} | {
        fact: card[fact] for fact in FACTS if fact in card
    }


def _settings_of(entry: "Entry", saved: "weight_files.Saved") -> "Config":
    try:
        return entry.settings(saved.card["config"])
    except ValueError as error:
        raise ValueError(f"the card of {str(saved.folder)!r}: {error}") from error


def _plan_of(saved: "weight_files.Saved") -> SharingPlan:
    try:
        return SharingPlan.from_dict(saved.card["plan"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"the plan in the card of {str(saved.folder)!r} cannot be read: {error}"
        ) from error


def _built(
    entry: "Entry", saved: "weight_files.Saved", plan: SharingPlan, config: "Config"
) -> "keras.Model":
    """The model of a card, which may declare any size, and no more of it than its file fills."""
    from wszoo.sharing.files import budget
    from wszoo.sharing.files.arrays import file_parameters

    weight_files.check_file(saved.weights, saved.sha256)
    stored = file_parameters(saved.weights)
    try:
        with budget.for_weights(stored):
            return entry.make(plan, **config)
    except Exception as error:  # builders raise whatever settings of nonsense suggest
        raise ValueError(
            f"{entry.name!r} cannot be built by the settings in the card of "
            f"{str(saved.folder)!r}: {error}"
        ) from error
