"""Stages: the parts of a model, from input to output, that are frozen or slowed together."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

_DEPTH = re.compile(r"depth\s*(<=|>=|==|<|>)\s*(-?\d+)")
_NUMBERED = re.compile(r"^(.*?\d+)(?=[._]|$)")
_HEAD = re.compile(r"head(?=\.)")


def stages(model: "keras.Model", pattern: str | None = None) -> dict[str, tuple[str, ...]]:
    """Stage name → its sites, in the order in which the model first calls them.

    `pattern` is a regular expression; what it matches at the start of a site's name is the name of
    its stage (`r"conv\\d"`). By default that is the name up to its first number, so that `block_2`
    and `block_2_norm` are the stage `block_2`; a site without one is a stage by itself, and
    `head.kernel` and `head.bias` are the stage `head`.
    Raises `ValueError` for a pattern that is no regular expression or matches no site.
    """
    from wszoo.sharing import graph

    try:
        rule = _NUMBERED if pattern is None else re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    sites_of: dict[str, list[str]] = {}
    matched = False
    for site in graph.sites(model):
        match = rule.match(site)
        matched = matched or match is not None
        match = _HEAD.match(site) or match
        sites_of.setdefault(match.group(0) if match else site, []).append(site)
    if pattern is not None and not matched:
        raise ValueError(
            f"the pattern {pattern!r} matches no site of {model.name!r}: {list(sites_of)}"
        )
    return {name: tuple(sites) for name, sites in sites_of.items()}


def select(parts: dict[str, tuple[str, ...]], chosen: str | Sequence[str]) -> list[str]:
    """The sites that globs over stages or sites, or rules on depth, choose, in order.

    `"head"`, `"block_*"`, `"block_2_norm"`, `"depth>=2"` (stages are counted from 0 at the input;
    negative numbers count from the output, `"depth>=-1"` is the last stage), `"all"`.
    Raises `ValueError` for one that chooses nothing.
    """
    names = list(parts)
    taken: set[str] = set()
    for rule in [chosen] if isinstance(chosen, str) else chosen:
        hit = _by_rule(parts, names, rule)
        if not hit:
            raise ValueError(
                f"{rule!r} matches no stage and no site; the stages are "
                f"{names or 'none: the model has no weights'}"
            )
        taken |= hit
    return [site for sites in parts.values() for site in sites if site in taken]


def _by_rule(parts: dict[str, tuple[str, ...]], names: list[str], rule: str) -> set[str]:
    depth = _DEPTH.fullmatch(rule.strip())
    if depth:
        sign, number = depth.group(1), int(depth.group(2))
        number += len(names) if number < 0 else 0
        kept = [n for i, n in enumerate(names) if _compare(i, sign, number)]
        return {site for name in kept for site in parts[name]}
    hit = {site for name in names if fnmatchcase(name, rule) for site in parts[name]}
    hit |= {site for sites in parts.values() for site in sites if fnmatchcase(site, rule)}
    return hit if rule != "all" else {site for sites in parts.values() for site in sites}


def _compare(value: int, sign: str, other: int) -> bool:
    return {
        "<": value < other,
        "<=": value <= other,
        ">": value > other,
        ">=": value >= other,
        "==": value == other,
    }[sign]
