"""What an argument of a name, or of an annotation, may be: said once for all functions."""

from functools import partial

from wszoo import checks
from wszoo.arguments.arrays import array, arrays, pair
from wszoo.arguments.combined import (
    axes,
    by_name,
    each,
    mapping,
    name_or_names,
    names,
    one_word,
    some,
)
from wszoo.arguments.objects import (
    MOST,
    Check,
    at_least_0,
    called,
    count,
    fraction,
    known_to_keras,
    model,
    number_of,
    path,
    plan,
    plan_or_text,
    positive,
    rate,
    seed,
    token,
    tolerance,
    verbose,
)

BY_NAME: dict[str, Check] = {
    **dict.fromkeys(("epochs", "short", "batch_size", "accumulate", "early_stopping"), count),
    **dict.fromkeys(("steps", "points", "lanes", "samples", "plans", "finalists", "seeds"), count),
    **dict.fromkeys(("units", "filters", "rank", "heads", "adapters", "image_size"), count),
    **dict.fromkeys(("input_dim", "input_channels", "length", "max_per_split", "classes"), count),
    **dict.fromkeys(("per_class", "examples", "stride", "lora", "max_parameters"), count),
    **dict.fromkeys(("kernel_size", "strides", "tiles"), axes),
    **dict.fromkeys(("views", "epoch", "rest", "join"), number_of),
    **dict.fromkeys(("seed", "random_state"), seed),
    **dict.fromkeys(("learning_rate", "rate"), rate),
    **dict.fromkeys(("l2_sp", "patience", "noise", "sd"), at_least_0),
    **dict.fromkeys(("alpha", "temperature", "max_gb", "epsilon", "power"), positive),
    **dict.fromkeys(("lr_decay",), partial(checks.number, above=0, most=1)),
    **dict.fromkeys(("validation", "fraction"), fraction),
    **dict.fromkeys(("train", "held", "test", "validation_data", "test_data"), pair),
    **dict.fromkeys(("path", "folder", "data_dir", "manual_dir"), path),
    **dict.fromkeys(("resume", "tensorboard"), path),
    **dict.fromkeys(("sites", "labels"), names),
    **dict.fromkeys(("inputs", "calibration"), arrays),
    **{f"{part}_initializer": partial(known_to_keras, "initializers")
       for part in ("kernel", "bias", "recurrent", "down", "up")},
    **{f"{part}_regularizer": partial(known_to_keras, "regularizers")
       for part in ("kernel", "bias", "recurrent", "activity", "logits")},
    **{f"{part}_constraint": partial(known_to_keras, "constraints") for part in ("kernel", "bias")},
    "initializer": partial(known_to_keras, "initializers"),
    "regularizer": partial(known_to_keras, "regularizers"),
    "activation": partial(known_to_keras, "activations"),
    "recurrent_activation": partial(known_to_keras, "activations"),
    **dict.fromkeys(("report", "cost", "make", "measure", "metric", "extra", "tick"), called),
    **dict.fromkeys(("preprocess", "others"), called),
    **dict.fromkeys(("vocabulary", "class_names"), each(token)),
    **dict.fromkeys(("licence", "origin", "title"), some(str, "a text")),
    "verbose": verbose,
    "bound": tolerance,
    "max_loss": tolerance,
    "multipliers": by_name(at_least_0),
    "data_format": one_word("channels_last", "channels_first"),
    "model": model,
}  # fmt: skip

_MODEL = "keras.src.models.model.Model"
_PLAN = "wszoo.sharing.plan.SharingPlan"
BY_TYPE: dict[str, Check] = {
    "int": partial(checks.whole, most=MOST),
    "float": checks.number,
    "bool": checks.flag,
    "str": checks.text,
    **dict.fromkeys(("str | os.PathLike", "os.PathLike", "Path", "pathlib.Path"), path),
    **dict.fromkeys(("str | pathlib.Path", "str | os.PathLike[str]"), path),
    **dict.fromkeys(("keras.Model", _MODEL), model),
    **dict.fromkeys(("SharingPlan", _PLAN), plan),
    **dict.fromkeys(("SharingPlan | str", f"{_PLAN} | str"), plan_or_text),
    **dict.fromkeys(("np.ndarray", "numpy.ndarray"), array),
    **dict.fromkeys(("Sequence[str]", "collections.abc.Sequence[str]"), names),
    **dict.fromkeys(("str | Sequence[str]", "str | collections.abc.Sequence[str]"), name_or_names),
    **dict.fromkeys(("Mapping[str, Any]", "Mapping[str, object]"), mapping),
}
