"""The decorator that checks what a public function is called with."""

import inspect
import numbers
import re
from collections.abc import Callable, Collection, Mapping
from functools import partial, wraps
from typing import Any, TypeVar, Unpack, get_args, get_origin

from wszoo import checks
from wszoo.arguments.objects import Check, class_named
from wszoo.arguments.tables import BY_NAME, BY_TYPE

Target = TypeVar("Target", bound=Callable[..., Any])  # is given back as it came, typed

# What a Keras layer takes beside its own arguments.
OF_LAYERS = ("name", "dtype", "trainable", "autocast", "activity_regularizer", "weights",
             "input_shape", "input_dim", "batch_shape", "batch_input_shape")  # fmt: skip


def checked(
    *, also: Collection[str] | None = None, **own: Check | None
) -> Callable[[Target], Target]:
    """A decorator that checks what a function, or a class's `__init__`, is called with.

    `own` are checks by argument, before the tables'; `None` switches one off. Where the function
    takes any keywords, `also` says which are known; those of `**options: Unpack[…]` it knows, and
    leaves their values to the function. Checks raise `ValueError`; arguments that do not fit the
    signature raise `TypeError`, as they do in Python, with the near ones.
    """

    def decorate(target: Target) -> Target:
        if isinstance(target, type):
            target.__init__ = decorate(target.__init__)  # type: ignore[misc]
            return target
        signature, named = inspect.signature(target), parameters(target)
        rules = {
            name: rule
            for name, parameter in signature.parameters.items()
            if (rule := own[name] if name in own else _rule(parameter)) is not None
        }
        optional = {name for name, p in signature.parameters.items() if _takes_none(p)}

        @wraps(target)
        def call(*args: object, **kwargs: object) -> object:
            bound = _bound(target.__qualname__, signature, named, args, kwargs, also)
            for name, value in list(bound.arguments.items()):
                if name in rules and (value is not None or name not in optional):
                    given = rules[name](name, value)
                    if _is_odd_number(value):
                        bound.arguments[name] = given
            return target(*bound.args, **bound.kwargs)

        call.__signature__ = signature  # type: ignore[attr-defined]  # Keras reads it of layers
        return call  # type: ignore[return-value]

    return decorate


def parameters(function: Callable[..., object]) -> dict[str, inspect.Parameter]:
    """The arguments of a function by name, those of its `**options: Unpack[…]` one by one."""
    given = dict(inspect.signature(function).parameters)
    for name, parameter in list(given.items()):
        if get_origin(parameter.annotation) is Unpack:
            del given[name]
            (options,) = get_args(parameter.annotation)
            for key, annotation in options.__annotations__.items():
                given[key] = parameter.replace(
                    name=key, kind=parameter.KEYWORD_ONLY, annotation=annotation
                )
    return given


def _bound(
    name: str,
    signature: inspect.Signature,
    named: dict[str, inspect.Parameter],
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    also: Collection[str] | None,
) -> inspect.BoundArguments:
    takes_others = any(p.kind is p.VAR_KEYWORD for p in named.values())
    unknown = [] if takes_others else [key for key in kwargs if key not in named]
    try:
        bound = signature.bind(*args, **kwargs)
        if unknown:
            raise TypeError
    except TypeError as error:
        said = str(error)
        if unknown:
            near = checks.near(unknown[0], named)
            said = f"got an unexpected keyword argument {unknown[0]!r}{near}"
        raise TypeError(f"{name.removesuffix('.__init__')}: {said}") from None
    if also is not None:
        taken = {*signature.parameters, *also} - {"self", "kwargs"}
        for key in kwargs.keys() - taken:
            raise ValueError(
                f"{name.removesuffix('.__init__')} has no argument {key!r}"
                f"{checks.near(key, taken) or '; it has ' + ', '.join(sorted(taken))}"
            )
    return bound


def _is_odd_number(value: object) -> bool:
    """A number that is none of Python's own, as numpy's: what is kept is plain."""
    return isinstance(value, numbers.Number) and not isinstance(value, int | float)


def _takes_none(parameter: inspect.Parameter) -> bool:
    return parameter.default is None or "None" in _words(parameter.annotation)


def _words(annotation: object) -> str:
    said = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return said.strip("'\"")


def _rule(parameter: inspect.Parameter) -> Check | None:
    if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
        return None
    if parameter.name in BY_NAME:
        return BY_NAME[parameter.name]
    said = _words(parameter.annotation).replace(" | None", "").strip()
    if "Literal[" in said:
        chosen = [c for c in get_args(parameter.annotation) if isinstance(c, str)]
        return partial(checks.one_of, valid=chosen) if chosen else None
    return BY_TYPE.get(said) or _class_rule(said)


def _class_rule(said: str) -> Check | None:
    """The check of an annotation that is the name of a class, known by name: it may be one that is
    not imported here, and then no value is of it."""
    name = said.rpartition(".")[2]
    is_class = re.fullmatch(r"[\w.]+", said) and name[:1].isupper() and name != "Any"
    return partial(class_named, name) if is_class else None
