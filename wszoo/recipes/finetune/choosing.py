"""Which backbone suits data that it was not named for, and where its features are kept."""

import dataclasses
import warnings
from pathlib import Path

from wszoo import tasks, user_cache
from wszoo.command_line import options as option
from wszoo.data import Source, load
from wszoo.data.audio import FRAMES, MELS
from wszoo.data.examples import examples
from wszoo.data.formats.csv_file import is_table_file, read_table
from wszoo.data.loading import find_reader
from wszoo.recipes.finetune import Finetune
from wszoo.transferring import backbones

COLOUR, GREY = "efficientnet_lite0.imagenet", "conv_net.omniglot"
RECORDINGS, TEXTS = "rnn.spoken_digit", "shared_encoder.clinc_oos"
PIXELS = {COLOUR: 160}  # a side, where nobody says another: half the time of its 224
PEEK, FEW = 16, 20  # pixels a side, and examples a split, by which the kind of data is told


def chosen(options: Finetune) -> Finetune:
    """The options with a backbone, the size of its images, and a place for its features."""
    backbone = options.backbone or backbone_for(options)
    size = options.image_size or PIXELS.get(backbone)
    cache = options.cache
    if cache == "auto" and (":" in backbone or backbone == COLOUR):  # seconds, not minutes, again
        cache = str(user_cache.folder() / "features")
    return dataclasses.replace(options, backbone=backbone, image_size=size, cache=cache)


def backbone_for(options: Finetune) -> str:
    """The pretrained backbone for this kind of data. Raises `ValueError` where there is none."""
    shape, texts = kind_of(options)
    if texts:
        return TEXTS
    if shape == (FRAMES, MELS):
        return RECORDINGS
    if len(shape) == 3 and shape[-1] in (1, 3):
        return COLOUR if shape[-1] == 3 else GREY
    raise ValueError(
        f"{options.data} has examples of shape {shape}, for which no backbone is known; name one "
        "with --backbone"
    )


def kind_of(options: Finetune) -> tuple[tuple[int, ...], bool]:
    """The shape of an example, and whether it is a text; from headers and a few examples."""
    data, places = options.data, option.reading(options) | {"resize": None}
    if data.endswith(".npz"):
        return examples(data).input_shape, False
    if is_table_file(Path(data)):
        if "text" in read_table(Path(data)).columns:
            return (), True
        places["targets"] = "numbers" if tasks.find(options.task, head=True).numbers else None
    takes = find_reader(data)[0].options  # none of a table, whose columns say
    images = takes is None or "image_size" in takes
    places |= {"image_size": PEEK} if images else {"image_size": None, "on_broken": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is worth a word is said when all is read
        source = load(data, max_per_split=FEW, **places)
    return source.input_shape, bool(source.vocabulary)


def source_for(options: Finetune) -> Source | str:
    """The data as the backbone takes them; targets that are no classes stay in their .npz.

    Raises `ValueError` for options that do not fit the task or the backbone.
    """
    data, task = options.data, tasks.find(options.task, head=True)
    if options.order is not None and not task.ordered:
        raise ValueError(f"--order is for --task ordinal, not for {options.task}")
    backbone = backbones.find(options.backbone or "", image_size=options.image_size)
    if options.image_size not in (None, backbone.size):
        raise ValueError(
            f"{backbone.name} takes images of {backbone.size} pixels a side; --image-size is for "
            "backbones that take several sizes"
        )
    if data.endswith(".npz") and not task.labels:
        return data
    places = option.reading(options) | {"image_size": backbone.size}
    if is_table_file(Path(data)):
        places["targets"] = "numbers" if task.numbers else None
        places["vocabulary"] = backbone.vocabulary or None
    source = load(data, **places)
    if options.labels_per_class and not options.compare:
        source = source.subset(options.labels_per_class[0], seed=options.seed)
    return source
