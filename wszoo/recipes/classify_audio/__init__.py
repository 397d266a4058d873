"""`wszoo classify-audio`: recordings, of speakers that were never heard and of your own.

    wszoo classify-audio --wav one.wav --wav two.wav
    wszoo classify-audio --data spoken_digit --data-dir TFDS --wav one.wav
    wszoo classify-audio --data my_words/ --model rnn --epochs 20 --wav new.wav

Without --data the weights of `--model NAME.TAG` say what the files of --wav hold. With --data they
are scored first, if their classes are those of the data; with `--model rnn` the network is trained
on the data. Your own data are a folder `class/x.wav` or `{train,validation,test}/class/x.wav`; give
the splits as folders to keep speakers apart.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from wszoo.command_line import command_of
from wszoo.command_line import options as option


@dataclass(frozen=True)
class ClassifyAudio:
    """Classify recordings, of speakers that were never heard and of your own."""

    data: Annotated[str | None, option.text("spoken_digit, or a folder.")] = None
    model: Annotated[str, option.text("NAME.TAG, or a NAME to train.")] = "rnn.spoken_digit"
    wav: Annotated[list[Path] | None, option.file("Recordings to classify.", suffix=".wav")] = None
    set_: Annotated[str, option.settings("Settings to train with, JSON.")] = "{}"
    sharing: Annotated[str | None, option.text("A plan to train under.")] = None
    epochs: Annotated[int, option.whole("Of the training.")] = 15
    learning_rate: Annotated[float, option.rate("Of AdamW, cosine to zero.")] = 3e-3
    seed: option.Seed = 0
    data_dir: option.DataDir = None
    out: option.Out = Path("runs/classify_audio")
    smoke: Annotated[bool, option.flag("Two tiny epochs, to see that it runs.")] = False

    def __post_init__(self) -> None:
        if "." in self.model and (self.set_ != "{}" or self.sharing is not None):
            given = "--set" if self.sharing is None else "--sharing"
            raise ValueError(f"{given} is for training a NAME; {self.model!r} has its own")
        if self.data is None and (not self.wav or "." not in self.model):
            raise ValueError(
                "name data to learn from or to score on, --data spoken_digit or a folder, or give "
                "recordings to weights that are there: --model NAME.TAG --wav FILE"
            )


command = command_of(ClassifyAudio, "wszoo.recipes.classify_audio.main")
