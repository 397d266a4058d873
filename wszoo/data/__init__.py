"""Data sources: a name in, labelled splits and batches out.

    source = wszoo.data.load("digits", image_size=28)
    x, y = source.arrays("train")                       # (797, 28, 28, 1) float32, (797,) int32
    for x, y in source.batches("train", 32, epoch=3): ...

Image files that would be more than `max_gb` as arrays are a stream: `batches` and `wszoo.transfer`
read them as they need them.

Every source has the splits "train", "validation" and "test", and the same name gives the same
splits everywhere. Importing this package imports neither Keras, TensorFlow nor scikit-learn.
"""

from wszoo.data.arrays import from_arrays
from wszoo.data.errors import MissingDataError
from wszoo.data.loading import list_sources, load
from wszoo.data.sets import nab
from wszoo.data.source import Source
from wszoo.data.splits import Batches, Spec

__all__ = [
    "Batches",
    "MissingDataError",
    "Source",
    "Spec",
    "from_arrays",
    "list_sources",
    "load",
    "nab",
]
