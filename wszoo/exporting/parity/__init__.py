"""Runs a Keras model beside the file that was made of it, and measures how far they differ."""

from wszoo.exporting.parity.differences import mean_error, outputs_that_differ, relative_error
from wszoo.exporting.parity.random_inputs import random_inputs
from wszoo.exporting.parity.runs import (
    Arrays,
    as_bytes,
    as_floats,
    fixed_batch,
    in_parts,
    input_range,
    keras_outputs,
    keras_side,
    run,
)

__all__ = [
    "Arrays",
    "as_bytes",
    "as_floats",
    "fixed_batch",
    "in_parts",
    "input_range",
    "keras_outputs",
    "keras_side",
    "mean_error",
    "outputs_that_differ",
    "random_inputs",
    "relative_error",
    "run",
]
