"""`wszoo predict`: names and scores for photos, texts and recordings.

wszoo predict mine/model.keras photo.jpg more/*.jpg
wszoo predict shared_encoder.clinc_oos "what is my balance"
wszoo predict rnn.spoken_digit one.wav --json
"""

import json
import sys
from pathlib import Path
from typing import Annotated

from wszoo.cli.shared import Json, start_for
from wszoo.command_line import options as option
from wszoo.command_line import start
from wszoo.command_line.starting import kept_back


def command(
    model: Annotated[
        str,
        option.argument(
            option.text("A .keras or .tflite file, the folder of a SavedModel, or NAME.TAG.")
        ),
    ],
    inputs: Annotated[
        list[str], option.argument(option.text("Photos, wav files, texts, .txt or .npy files."))
    ],
    top: Annotated[int, option.whole("How many classes or labels to name.", most=10_000)] = 3,
    out: Annotated[
        Path | None, option.folder("Also write predictions.json there, and photos with words.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what a model takes photos, texts or recordings for."""
    if Path(model).exists() or Path(model).suffix == ".tflite":
        start()
    else:
        start_for(model)
    from wszoo.predicting import opening, predictions, reading, showing

    with kept_back():  # LiteRT speaks when it begins
        chosen = opening.opened(model)
    given = reading.read(chosen, inputs)
    answers = predictions.answered(chosen, given, top=top)
    if as_json:
        print(json.dumps([each.to_dict() for each in answers], indent=1, ensure_ascii=False))
    else:
        print(*answers, sep="\n")  # no table: a path stays whole, and can be copied
    if out is not None:
        showing.write(out, given, answers)
        print(f"wrote {showing.written(given)} to {out}", file=sys.stderr)
