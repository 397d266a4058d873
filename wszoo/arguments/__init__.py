"""The arguments of a public function or class, checked by name before anything is done.

    @checked()                          # by the tables below: names first, then annotations
    @checked(share=fraction)            # and of this function's own

What an argument of a name may be is said once, in `BY_NAME`: `epochs` is the same thing wherever it
stands. Names that are not there are checked by their annotation, `BY_TYPE`. `None` may be given
where it is the default or the annotation says so. Imports nothing heavy: a value cannot be a Keras
model before Keras is imported.
"""

from wszoo.arguments.arrays import (
    any_array,
    are_texts,
    array,
    array_or_texts,
    arrays,
    data,
    finite,
    pair,
    texts_fit,
)
from wszoo.arguments.combined import (
    axes,
    by_name,
    each,
    either,
    mapping,
    name_or_names,
    names,
    of_class,
    one_or_more,
    one_word,
    several,
    some,
    text_or_function,
)
from wszoo.arguments.decorator import OF_LAYERS, checked, parameters
from wszoo.arguments.objects import (
    at_least_0,
    called,
    count,
    fraction,
    layer,
    loss,
    model,
    number_of,
    optimizer,
    path,
    plan,
    plan_or_text,
    positive,
    rate,
    seed,
    token,
    tolerance,
    verbose,
    whatever,
)

__all__ = [
    "OF_LAYERS",
    "any_array",
    "are_texts",
    "array",
    "array_or_texts",
    "arrays",
    "at_least_0",
    "axes",
    "by_name",
    "called",
    "checked",
    "count",
    "data",
    "each",
    "either",
    "finite",
    "fraction",
    "layer",
    "loss",
    "mapping",
    "model",
    "name_or_names",
    "names",
    "number_of",
    "of_class",
    "one_or_more",
    "one_word",
    "optimizer",
    "pair",
    "parameters",
    "path",
    "plan",
    "plan_or_text",
    "positive",
    "rate",
    "seed",
    "several",
    "some",
    "text_or_function",
    "texts_fit",
    "token",
    "tolerance",
    "verbose",
    "whatever",
]
