"""The range of inputs that a model wants: said, kept with it, or seen in what it does to inputs.

Data come in [0, 1]. A model that begins with its own scaling (`Rescaling(1 / 255)`, a
`Normalization`, a division, however deep) wants 0 to 255, and would scale what it gets once more.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import keras
import numpy as np

from wszoo import private
from wszoo.sharing import graph
from wszoo.sharing.about import about, describe
from wszoo.sharing.surgery.retie import retie

UNIT, BYTES = (0.0, 1.0), (0.0, 255.0)
FEW = 64  # examples that are looked at
SLACK = 1e-3  # of a range, by which resizing may overshoot
LEAST, MOST = 0.05, 2000.0  # of the distance that a network's own scaling puts from black to white
FAR = 12.0  # such distances that black may lie from zero
Range = tuple[float, float]


def fitted(
    model: keras.Model, x: np.ndarray, asked: Sequence[float] | None = None
) -> tuple[keras.Model, tuple[str, ...]]:
    """The model behind a scaling to the range that it wants, and what was found, in sentences.

    `x` are examples `(n, …)`. The range is `asked`, or the one that `describe` gave the model; else
    what the model makes of real images before its first layer with weights tells: where they
    would be 255 times too small for it, it wants 0 to 255. Layers and sites stay the same, and what
    is given back says of itself that it takes the range of `x`.

    Raises `ValueError` for a range that is none, for examples that are neither in it nor in
    [0, 1], and for images in a range that cannot be right.
    """
    given, notes = wanted(model, x) if asked is None else (checked(asked), ())
    if given is None:
        return model, ()
    scale = scale_to(given, x)
    if scale is None:
        describe(model, input_range=list(given))
        return model, notes
    enter = keras.layers.Rescaling(
        *scale, name=graph.free_layer_name("input_range", *model.outputs)
    )
    scaled = behind(model, model.inputs[0].shape[1:], enter)
    describe(scaled, input_range=list(UNIT))
    return scaled, notes


def wanted(model: keras.Model, x: np.ndarray) -> tuple[Range | None, tuple[str, ...]]:
    """The range that the model says or shows, `None` where it does neither; what it shows as
    sentences. Raises `ValueError` as `fitted`."""
    said = about(model).get("input_range")
    return _seen(model, x) if said is None else (checked(said), ())


def taken(model: keras.Model, x: np.ndarray) -> list[float] | None:
    """The range in which a `fitted` model takes its inputs, `None` where nobody knows."""
    given = about(model).get("input_range")
    return list(UNIT) if given is None and x.ndim == 4 and _within(x, UNIT) else given


def checked(given: Sequence[float]) -> Range:
    """A range as two numbers. Raises `ValueError` for anything else."""
    try:
        low, high = map(float, given)
    except (TypeError, ValueError):
        low = high = 0.0
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"input_range is (low, high), such as (0, 255); received {given!r}")
    return low, high


def scale_to(wanted: Range, x: np.ndarray) -> tuple[float, float] | None:
    """Factor and offset that take examples to a range, `None` where they are in it as they are.

    Raises `ValueError` for examples that are in neither.
    """
    if wanted == UNIT and _within(x, UNIT):
        return None
    if _within(x, UNIT):
        return wanted[1] - wanted[0], wanted[0]
    if _within(x, wanted):
        return None
    raise ValueError(
        f"examples run from {x.min():g} to {x.max():g}; a model with input_range={wanted} takes "
        "them in [0, 1], from which they are scaled, or in its own range"
    )


def _within(x: np.ndarray, wanted: Range) -> bool:
    slack = SLACK * (wanted[1] - wanted[0])
    return bool(wanted[0] - slack <= x.min() and x.max() <= wanted[1] + slack)


def _seen(model: keras.Model, x: np.ndarray) -> tuple[Range | None, tuple[str, ...]]:
    """The range that real images tell, and how."""
    few = x[np.unique(np.linspace(0, len(x) - 1, FEW).astype(int))]
    if few.ndim != 4 or not np.issubdtype(few.dtype, np.floating) or _moments(few)[1] == 0:
        return None, ()
    inside = before_weights(model, few)
    if inside is None or _plausible(few, inside):
        return None, ()
    if _within(few, UNIT) and _plausible(few, before_weights(model, few * 255.0)):
        note = (
            "the backbone scales its inputs itself, so it is given images in 0 to 255; if that is "
            "wrong, say input_range=(0, 1)"
        )
        return BYTES, (note,)
    raise ValueError(
        f"after the scaling of {model.name!r} itself the largest value over real examples is "
        f"{np.abs(inside).max():.2g}, and their mean {inside.mean():.2g}: it was made for inputs "
        "of another range; say which, such as input_range=(0, 255), or (0, 1) for the data as "
        "they are"
    )


def _plausible(x: np.ndarray, inside: np.ndarray | None) -> bool:
    """Whether the scaling that made `inside` of x leaves black and white far enough apart, and not
    too far from zero, to have been meant for the range of x."""
    if inside is None:
        return False
    white = UNIT[1] if _within(x, UNIT) else BYTES[1] if _within(x, BYTES) else float(np.ptp(x))
    (mean, spread), (mean_inside, spread_inside) = _moments(x), _moments(inside)
    slope = spread_inside / spread
    black = mean_inside - slope * mean
    return LEAST < slope * white < MOST and abs(black) < FAR * slope * white


def _moments(x: np.ndarray) -> tuple[float, float]:
    """Mean, and spread around the mean of each channel, which networks scale by itself."""
    channels = x.reshape(-1, x.shape[-1])
    return float(x.mean()), float(channels.std(axis=0).mean())


def before_weights(model: keras.Model, x: np.ndarray) -> np.ndarray | None:
    """What the first layer with weights, norms aside, gets for `x`; `None` without such a layer,
    or where that is no float."""
    try:
        with _stopping(model):
            model(x, training=False)
    except _Reached as reached:
        inside = keras.ops.convert_to_numpy(reached.args[0])
        return inside if np.issubdtype(inside.dtype, np.floating) else None
    return None


class _Reached(BaseException):
    """Ends a pass through the model. No `Exception`: Keras would put its own message into it."""


@contextmanager
def _stopping(model: keras.Model) -> Iterator[None]:
    """Within it, the first layer with weights raises `_Reached` with its input."""

    def stop(inputs: object, *args: object, **kwargs: object) -> None:
        raise _Reached(keras.tree.flatten(inputs)[0])

    norms = (keras.layers.Normalization, keras.layers.BatchNormalization)
    stops = [
        layer
        for layer in private.parts_of(model, itself=False)
        if private.own_variables(layer) and not isinstance(layer, norms)
    ]
    for layer in stops:
        vars(layer)["call"] = stop
    try:
        yield
    finally:
        for layer in stops:
            del vars(layer)["call"]


def behind(
    model: keras.Model,
    shape: tuple[int | None, ...],
    enter: Callable[[keras.KerasTensor], keras.KerasTensor],
    *,
    dtype: str | None = None,
) -> keras.Model:
    """A copy of the model whose inputs, of that shape and any number, first go through `enter`."""
    names = graph.names_of(model)
    name = graph.free_layer_name("input", *model.outputs)
    inputs = keras.Input(shape, dtype=dtype, name=name)
    outer = keras.Model(inputs, model.call(enter(inputs)), name=model.name)  # call: one flat graph
    graph.remember(outer, names.sites, names.declared)
    describe(outer, **about(model))
    return retie(outer, graph.plan_of(outer))  # its layers are called once, and not also in `model`
