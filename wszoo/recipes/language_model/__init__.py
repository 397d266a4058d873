"""`wszoo language-model`: text, a character at a time, from blocks shared over depth.

wszoo language-model --prompt "ROMEO:" --temperature 0.7 --length 400
wszoo language-model --data my.txt --steps 2000 --prompt "Once"
wszoo language-model --data my.txt --sharing depth:cycle:2 --set '{"width": 96}'
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from wszoo.command_line import command_of
from wszoo.command_line import options as option

PRETRAINED = "tiny_shakespeare"


@dataclass(frozen=True)
class LanguageModel:
    """Write text with a language model, pretrained or of your own text."""

    prompt: Annotated[str, option.any_text("How the text begins.")] = "ROMEO:"
    temperature: Annotated[
        float, option.number("0 takes the likeliest character.", least=0, most=100)
    ] = 0.8
    length: Annotated[int, option.whole("Characters to write.")] = 400
    data: Annotated[Path | None, option.file("A .txt file to learn from.", suffix=".txt")] = None
    saved: Annotated[str, option.text("A tag, or the folder of an earlier run.", "--weights")] = (
        PRETRAINED
    )
    sharing: Annotated[str | None, option.text("A plan, as depth:cycle:2.")] = None
    set_: Annotated[str, option.settings("The model's settings, JSON.")] = "{}"
    steps: Annotated[int, option.whole("Training steps, 16 windows each.")] = 2000
    learning_rate: Annotated[float, option.rate("Of AdamW, cosine to zero.")] = 3e-3
    seed: option.Seed = 0
    out: option.Out = Path("runs/language_model")
    smoke: option.Smoke = False

    def __post_init__(self) -> None:
        if self.data is not None and self.saved != PRETRAINED:
            raise ValueError("--weights are those that write without --data; give one of the two")
        if self.data is None and (self.set_ != "{}" or self.sharing is not None):
            given = "set" if self.sharing is None else "sharing"
            raise ValueError(f"--{given} is for training on --data")


command = command_of(LanguageModel, "wszoo.recipes.language_model.main")
