"""Checks of several things, and checks made of others."""

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import TypeVar

from wszoo import checks
from wszoo.arguments.objects import Check, called, class_named, count

Given = TypeVar("Given")


def names(name: str, value: object) -> object:
    """Texts in a sequence, none empty; no text itself."""
    return each(checks.text)(name, value)


def name_or_names(name: str, value: object) -> object:
    """A name, or several."""
    return checks.text(name, value) if isinstance(value, str) else names(name, value)


def one_or_more(name: str, value: Given) -> Given:
    """A size for every axis, or one an axis."""
    sizes = value if isinstance(value, list | tuple) and value else [value]
    for size in sizes:
        count(name, size)
    return value


def several(name: str, value: object) -> Iterable[str]:
    """What can be gone through once, such as a generator; no text."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise ValueError(f"{name} must be a list; received {checks.shown(value)}")
    return value


def one_word(*valid: str) -> Check:
    """The check for one of some words."""
    return partial(checks.one_of, valid=valid)


def some(kind: type | tuple[type, ...], valid: str) -> Check:
    """The check for an object of a class, given in words: "a SearchSpace"."""
    return partial(checks.kind, types=kind, valid=valid)


def either(*rules: Check, valid: str = "") -> Check:
    """The check for what one of several takes; `valid` says it in words, else the last one does."""

    def check(name: str, value: object) -> object:
        for rule in rules:
            try:
                return rule(name, value)
            except ValueError as error:
                said = error
        if valid:
            raise ValueError(f"{name} must be {valid}; received {checks.shown(value)}")
        raise said

    return check


def each(rule: Check, *, least: int = 1, most: int | None = None) -> Check:
    """The check for a list, or the like, of things of one kind: how many at least and at most."""

    def check(name: str, value: object) -> object:
        no_list = isinstance(value, str | bytes | Mapping)
        many = value if isinstance(value, Collection) and not no_list else None
        if many is None or len(many) < least or (most is not None and len(many) > most):
            number = f"{least} or more" if most is None else f"{least} to {most}"
            raise ValueError(f"{name} must be a list of {number}; received {checks.shown(value)}")
        for item in many:
            rule(f"each of {name}", item)
        return value

    return check


def mapping(name: str, value: object) -> Mapping[str, object]:
    """A dict or another mapping."""
    given: Mapping[str, object] = checks.kind(name, value, (Mapping,), "a mapping")
    return given


def by_name(rule: Check, *, least: int = 0) -> Check:
    """The check for a mapping from names to things of one kind, at least so many."""

    def check(name: str, value: object) -> object:
        given = mapping(name, value)
        if len(given) < least:
            raise ValueError(f"{name} must not be empty; received {checks.shown(value)}")
        for key, one in given.items():
            checks.text(f"a name in {name}", key)
            rule(f"{name}[{key!r}]", one)
        return value

    return check


def of_class(wanted: str) -> Check:
    """The check for an object of a class, known by its name."""
    return partial(class_named, wanted)


text_or_function = either(called, checks.text)
axes = one_or_more
