"""What is known of a registered model without building it."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from wszoo import cards, checks, registry
from wszoo import weights as weight_files
from wszoo.arguments import checked
from wszoo.cards import Card
from wszoo.packaged import keeping
from wszoo.shown import counted, tabled

if TYPE_CHECKING:
    from rich.table import Table

# What `_summary` says of a card.
SUMMARISED = ("model", "tag", "plan", "stored_parameters", "data", "licence", "metrics", "command",
              "notes")  # fmt: skip


@tabled("table")
@dataclass(frozen=True, repr=False)
class ModelInfo:
    """A registered model; `print` shows it as `wszoo info` does.

    Attributes:
        name: what `wszoo.get` is asked for.
        summary: one line.
        task, family: what its outputs mean, and what it is built like.
        config: settings and their defaults.
        sites: what may share layers, in the order of the graph.
        sharing: the spelling of the default plan.
        default_tag: the weights of `weights=True`.
        weights: tag → card, of the tag that was asked for, or of all.
        installable: tag → the command that brings its weights here.
        tag: the one that was asked for.
    """

    name: str
    summary: str
    task: str
    family: str
    config: dict[str, Any]
    sites: tuple[str, ...]
    sharing: str
    default_tag: str | None
    weights: dict[str, Card]
    installable: dict[str, str]
    tag: str | None = None

    def __repr__(self) -> str:
        name = self.name if self.tag is None else f"{self.name}.{self.tag}"
        sites = counted(len(self.sites), "site")
        tags = "" if self.tag else f"; weights {', '.join(self.weights) or 'none'}"
        return f"ModelInfo({name!r}: {self.task}, {sites}{tags})"

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return cards.plain(asdict(self))

    def table(self) -> "Table":
        """A row a subject; of a tag that was asked for, all that its card says."""
        from rich.markup import escape
        from rich.table import Column, Table

        table = Table(
            "", Column(overflow="fold"), show_header=False, box=None, padding=(0, 2, 0, 0)
        )
        table.add_row("name", self.name)
        table.add_row("summary", self.summary)
        table.add_row("task, family", f"{self.task}, {self.family}")
        table.add_row("settings", ", ".join(f"{k}={v!r}" for k, v in self.config.items()))
        table.add_row("sites", ", ".join(self.sites))
        table.add_row("default plan", self.sharing)
        for tag, card in self.weights.items():
            mark = " (default)" if tag == self.default_tag else ""
            table.add_row(f"weights {tag}{mark}", escape(_summary(card)))
        for tag, command in self.installable.items():
            table.add_row(f"weights {tag}", escape(f"not installed: {command}"))
        for key, value in self.weights[self.tag].items() if self.tag else ():
            if key not in SUMMARISED:
                table.add_row(key, escape(_member(value)))
        return table


@checked()
def info(name: str) -> ModelInfo:
    """What is known of a model, or of a model and the weights of one tag, `"name.tag"`.

    Neither Keras is imported nor weights read. Raises `ValueError` for an unknown name or tag.
    """
    name, _, tag = name.partition(".") if name not in registry.list_models() else (name, "", "")
    entry = registry.entry(name)
    tags = [tag] if tag else weight_files.tags(name)
    plan = entry.plan()
    return ModelInfo(
        name=name,
        summary=entry.summary,
        task=entry.task,
        family=entry.family,
        config=entry.config,
        sites=plan.sites,
        sharing=plan.pattern,
        default_tag=entry.default_tag,
        weights={each: weight_files.card_of(name, each) for each in tags},
        installable={} if tag else keeping.installable(name),
        tag=tag or None,
    )


def _summary(card: Card) -> str:
    metrics = ", ".join(f"{key} {_metric(value)}" for key, value in card["metrics"].items())
    plan = f"plan {card['plan']['pattern']}, {card['stored_parameters']:,} stored parameters"
    notes = f"\n{card['notes']}" if "notes" in card else ""
    trained = f"trained on {card['data']} ({card['licence']})"
    return f"{plan}\n{trained}\n{metrics}\n{card['command']}{notes}"


def _metric(value: object) -> str:
    if isinstance(value, dict):
        return f"{value['value']} ({value['mean']} ± {value['sd']} over {value['seeds']} seeds)"
    return str(value)


def _member(value: object) -> str:
    """A member of a card in a few words: 4,000 tokens are not spelled out."""
    if isinstance(value, list) and len(value) > 20:
        return f"{len(value):,}: {', '.join(map(repr, value[:10]))}, …"
    return checks.shown(value) if isinstance(value, list) else str(value)
