"""The registry: name → how to build a model, which sites it has, how they share by default.

Reading the registry imports neither Keras nor TensorFlow: builders import Keras when they run.
Other packages add models through the entry-point group `wszoo.models`; each entry point names a
module (or a function of no arguments) that calls `wszoo.register`.
"""

import functools
import importlib
import importlib.metadata
import os
import pkgutil
import warnings
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from wszoo import checks
from wszoo import weights as weight_files
from wszoo.arguments import called, checked, each, either, number_of, path, text_or_function
from wszoo.entry import Builder, Entry
from wszoo.pretrained import pretrained
from wszoo.sharing.plan import SharingPlan

if TYPE_CHECKING:
    import keras


_entries: dict[str, Entry] = {}
broken_plugins: dict[str, str] = {}


@checked(sites=called, sharing=text_or_function, free=each(checks.text, least=0))
def register(
    *,
    sites: Callable[..., Sequence[str]],
    sharing: str | Callable[[Sequence[str]], SharingPlan],
    task: str,
    family: str,
    default_tag: str | None = None,
    free: Sequence[str] = (),
    replace: bool = False,
) -> Callable[[Builder], Builder]:
    """Registers a builder under its own name.

    `sites` takes the builder's settings and gives the site names in call order; `sharing` is the
    default plan: a spelling (`"tied"`, `"cycle:2"`) or a function from sites to a plan. `free`
    names settings that no weight depends on: with pretrained weights they may be chosen anew.
    Raises `ValueError` if the name is taken, unless `replace=True`.
    """

    def decorate(build: Builder) -> Builder:
        name = checks.file_name("the name of a model", build.__name__)
        if "." in name:
            raise ValueError(
                f"the name of a model has no dots: a tag follows one; received {name!r}"
            )
        if not build.__module__.startswith("wszoo.models."):
            _import_own()  # so that a name that the zoo has is taken
        if name in _entries and not replace:
            home = _entries[name].build.__module__
            raise ValueError(
                f"a model named {name!r} is already registered by {home}; give the builder another "
                "name, or register it with replace=True"
            )
        parameters.cache_clear()
        _entries[name] = Entry(name, build, sites, sharing, task, family, default_tag, tuple(free))
        return build

    return decorate


@checked()
def entry(name: str) -> Entry:
    """The entry of that name. Raises `ValueError` with near names if there is none."""
    entries = _all()
    if name not in entries:
        near = checks.near(name, entries)
        raise ValueError(f"no model named {name!r}{near}; see wszoo.list_models()")
    return entries[name]


@checked(weights=either(checks.flag, path))
def get(
    name: str,
    *,
    sharing: SharingPlan | str | None = None,
    weights: str | os.PathLike | bool | None = None,
    **config: object,
) -> "keras.Model":
    """Builds a registered model.

    Args:
        name: the model's name, or `"name.tag"` for that tag's weights.
        sharing: a plan or its spelling over the model's sites; `None` is the entry's own plan
            (with `weights`, the plan they were trained with).
        weights: a tag, `True` for the default tag, the path of a folder like those in
            `saved_models/`, or the path of a `.weights.h5` file, which has no checksum: that its
            numbers are those that were written, nobody knows; `None` or `False` draws new ones.
        **config: the builder's settings. With a tag, those left out are the tag's.

    Raises:
        ValueError: for an unknown name, tag or setting, a plan that does not fit the sites, a
            weights file that is not the one its card describes, and a tag whose settings differ
            from those asked for. Allowed are `head=None`, which cuts the head off, and settings
            that no weight depends on (`Entry.free`).
    """
    if "." in name and name not in _all():
        name, _, tag = name.partition(".")
        if weights not in (None, True, tag):
            raise ValueError(f"{name}.{tag} names a tag, and weights={weights!r} another")
        weights = tag
    registered = entry(name)
    if weights is None or weights is False:
        return registered.make(registered.plan(sharing, **config), **config)
    if str(weights).endswith(".h5"):
        model = registered.make(registered.plan(sharing, **config), **config)
        return weight_files.load_into(model, str(weights))
    chosen = registered.default_tag if weights is True else str(weights)
    if chosen is None:
        raise ValueError(f"{name} has no default tag; its tags are {weight_files.tags(name)}")
    return pretrained(registered, weight_files.find(name, chosen), sharing, config)


@checked(max_parameters=number_of)
def list_models(
    pattern: str = "*",
    *,
    task: str | None = None,
    family: str | None = None,
    pretrained: bool | None = None,
    max_parameters: int | None = None,
) -> list[str]:
    """Names of the registered models that match, sorted.

    `pattern` is a glob; `pretrained` asks for entries with (or without) shipped weights;
    `max_parameters` bounds the stored parameters of the default configuration. Raises `ValueError`
    for a task or a family that no model has.
    """
    entries = _all()
    for key, value in (("task", task), ("family", family)):
        if value is not None:
            checks.one_of(key, value, sorted({getattr(item, key) for item in entries.values()}))
    return [
        name
        for name, item in sorted(entries.items())
        if fnmatchcase(name, pattern)
        and task in (None, item.task)
        and family in (None, item.family)
        and pretrained in (None, bool(weight_files.tags(name)))
        and (max_parameters is None or parameters(name) <= max_parameters)
    ]


@functools.cache
def parameters(name: str) -> int:
    """Stored parameters of the default configuration; builds the model once."""
    return get(name).count_params()


def _all() -> dict[str, Entry]:
    """All entries; imports the zoo's own models and other packages' on first use."""
    _discover()
    return _entries


@functools.cache
def _import_own() -> None:
    import wszoo.models

    for module in pkgutil.iter_modules(wszoo.models.__path__):
        importlib.import_module(f"wszoo.models.{module.name}")


@functools.cache
def _discover() -> None:
    _import_own()
    for point in importlib.metadata.entry_points(group="wszoo.models"):
        try:
            loaded = point.load()
            if callable(loaded):
                loaded()
        except Exception as error:  # somebody else's code: report it and go on
            broken_plugins[point.name] = f"{type(error).__name__}: {error}"
            warnings.warn(
                f"the model plugin {point.name!r} ({point.value}) is left out: "
                f"{broken_plugins[point.name]}",
                stacklevel=2,
            )
