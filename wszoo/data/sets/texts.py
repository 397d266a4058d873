"""Sets of texts: `tiny_shakespeare` and `clinc_oos`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import numpy as np

from wszoo.data.formats.texts import TextOptions, labelled, language
from wszoo.data.registering import source
from wszoo.data.sets import tfds_prepare
from wszoo.data.source import Source
from wszoo.data.splits import SPLITS

if TYPE_CHECKING:
    import tensorflow_datasets as tfds


class Row(TypedDict, total=False):
    """An example of TFDS."""

    text: bytes
    intent: int
    intent_name: bytes


@source("tiny_shakespeare")
def tiny_shakespeare(
    *,
    data_dir: Path | None = None,
    manual_dir: Path | None = None,
    download: bool = False,
    **options: Unpack[TextOptions],
) -> Source:
    """Scenes of Shakespeare, for models of characters: Karpathy 2015, char-rnn."""
    builder = tfds_prepare.prepared("tiny_shakespeare", data_dir, manual_dir, download)
    return language(
        {split: _rows(builder, split)[0]["text"].decode() for split in SPLITS},
        name="tiny_shakespeare",
        licence="public domain",
        origin="Karpathy 2015, https://github.com/karpathy/char-rnn; TFDS tiny_shakespeare",
        **options,
    )


@source("clinc_oos")
def clinc_oos(
    *,
    data_dir: Path | None = None,
    manual_dir: Path | None = None,
    download: bool = False,
    **options: Unpack[TextOptions],
) -> Source:
    """What people ask an assistant, by intent: Larson et al. 2019, "An Evaluation Dataset for
    Intent Classification and Out-of-Scope Prediction".

    Texts that are out of scope are one class more; train has 100 of them and the test 1,000.
    """
    builder = tfds_prepare.prepared("clinc_oos", data_dir, manual_dir, download)
    rows = {s: _rows(builder, s) + _rows(builder, f"{s}_oos") for s in SPLITS}
    names = {int(r["intent"]): r["intent_name"].decode() for r in rows["train"]}
    pairs = {
        split: ([r["text"].decode() for r in own], np.array([r["intent"] for r in own]))
        for split, own in rows.items()
    }
    return labelled(
        pairs,
        [names[i] for i in sorted(names)],
        name="clinc_oos",
        licence="CC BY 3.0",
        origin="Larson et al. 2019, https://github.com/clinc/oos-eval/; TFDS clinc_oos",
        **options,
    )


def _rows(builder: tfds.core.DatasetBuilder, split: str) -> list[Row]:
    import tensorflow_datasets as tfds

    config = tfds.ReadConfig(try_autocache=False)
    data = builder.as_dataset(split, shuffle_files=False, read_config=config)
    return list(tfds.as_numpy(data))
