"""The options of commands and recipes: what each may be is said where it is declared.

    from wszoo.command_line import options as option

    epochs: Annotated[int, option.whole("Of the recovery.")] = 5
    target: option.Target
    out: Annotated[Path, option.folder("The folder to write to.")] = Path("runs/mine")

A value is checked when the command line is read, before anything is loaded, trained or written, by
`wszoo.checks` and in its words: `--epochs must be a whole number of at least 1; received 0`. That
is one line on stderr and exit code 2. Lists by commas and JSON stay the texts that they are.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from wszoo import checks
from wszoo.command_line import option_values
from wszoo.command_line.option_values import Valid

Check = Callable[[str, Any], Any]  # the option's name, its value → the value to use
MOST = 1_000_000  # epochs, steps, seeds, …: more is a slip of the keyboard
ANY = 10**18  # of what is an upper bound itself, such as a batch or a number of examples
RATE = 10.0  # the largest learning rate, of Adam and its kin
split = option_values.split  # words and numbers by commas stay the texts that they are


def option(
    help: str, names: tuple[str, ...], check: Check, panel: str | None = None, shown: str = ""
) -> Any:
    """An option whose values, once typer has given them their type, one function checks."""

    def checked(parameter: typer.CallbackParam, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [check(parameter.opts[0], each) for each in value]
        return None if value is None else check(parameter.opts[0], value)

    return typer.Option(
        *names, help=help, callback=checked, rich_help_panel=panel, metavar=shown or None
    )


def argument(option: Any) -> Any:
    """The same, as an argument."""
    return typer.Argument(help=option.help, callback=option.callback, parser=option.parser)


def path(help: str, names: tuple[str, ...], check: Check, panel: str | None = None) -> Any:
    """An option for a path."""
    made = option(help, names, check, panel)
    made.parser = _path
    return made


def _path(value: Any) -> Path:
    if not str(value):
        raise typer.BadParameter("a path must not be empty; received ''")
    return Path(value)


def whole(
    help: str, *names: str, least: int = 1, most: int = MOST, panel: str | None = None
) -> Any:
    """An option that takes whole numbers from `least` to `most`."""
    check = partial(checks.whole, least=least, most=most)
    return option(help, names, check, panel, f"<int ≥ {least}>")


def number(help: str, *names: str, panel: str | None = None, **bounds: Any) -> Any:
    """An option that takes finite numbers; the bounds are those of `checks.number`."""
    signs = {"least": "≥", "above": ">", "most": "≤", "below": "<"}
    shown = ", ".join(f"{signs[bound]} {value:g}" for bound, value in bounds.items())
    check = partial(checks.number, **bounds)
    return option(help, names, check, panel, f"<float {shown}>" if shown else "<float>")


def rate(help: str, *names: str, panel: str | None = None) -> Any:
    """An option that takes a learning rate."""
    return number(help, *names, panel=panel, above=0, most=RATE)


def text(help: str, *names: str, panel: str | None = None) -> Any:
    """An option that takes a text that is not empty."""
    return option(help, names, checks.text, panel)


def any_text(help: str, *names: str) -> Any:
    """An option that takes any text, none too."""
    return typer.Option(*names, help=help)


def name(help: str, *names: str) -> Any:
    """An option that takes a name for files and folders."""
    return option(help, names, checks.file_name)


def word(help: str, *names: str, valid: Valid, panel: str | None = None) -> Any:
    """An option that takes one word of some; `valid` may be a function that looks them up."""
    return option(help, names, partial(option_values.word, valid=valid), panel)


def words(help: str, *names: str, valid: Valid | None = None, panel: str | None = None) -> Any:
    """An option that takes words that differ, by commas."""
    return option(help, names, partial(option_values.words, valid=valid), panel)


def numbers(help: str, *names: str, kind: type, **bounds: Any) -> Any:
    """An option that takes numbers that differ, by commas."""
    check = partial(option_values.numbers, kind=kind, bounds=bounds)
    return option(help, names, check)


def settings(help: str) -> Any:
    """`--set`, which takes a JSON object."""
    return option(help, ("--set",), option_values.settings)


def file(help: str, *names: str, suffix: str = "") -> Any:
    """An option that takes a file that exists."""
    return path(help, names, partial(option_values.file, suffix=suffix))


def new_file(help: str, *names: str) -> Any:
    """An option that takes a file to write."""
    return path(help, names, option_values.new_file)


def folder(help: str, *names: str, panel: str | None = None) -> Any:
    """An option that takes a folder to write to, which need not exist."""
    return path(help, names, option_values.new_folder, panel)


def _old_folder(help: str) -> Any:
    return path(help, (), option_values.old_folder)


def flag(help: str, *names: str, panel: str | None = None) -> Any:
    """An option that is there or not."""
    return typer.Option(*names, help=help, rich_help_panel=panel)


def _resize() -> tuple[str, ...]:
    from wszoo.data.images import RESIZE

    return RESIZE


def _preferences() -> tuple[str, ...]:
    from wszoo.exporting.tflite.share import PREFER

    return PREFER


MAX_LOSS = 0.01  # wszoo.exporting.gate.MAX_LOSS, without its imports
Backbone = Annotated[str, argument(text("A model with its tag."))]
Target = Annotated[str, argument(text("NAME.TAG or a .keras file."))]
Seed = Annotated[int, whole("Of all that is drawn.", least=0, most=2**32 - 1)]
Data = Annotated[str, text("A source: a name, an .npz file, a folder.")]
CardData = Annotated[str, text("A source; card: that of the weights.")]
DataDir = Annotated[Path | None, _old_folder("Where TFDS keeps data sets.")]
ManualDir = Annotated[Path | None, _old_folder("Where raw files lie.")]
ImageSize = Annotated[int | None, whole("Resize images to this side.", most=4096)]
Resize = Annotated[str | None, word("How: crop (the default), pad or stretch.", valid=_resize)]
OnBroken = Annotated[
    str | None,
    word("refuse (the default) or skip broken image files.", valid=("refuse", "skip")),
]
Prefer = Annotated[str, word("speed, load, size or integer.", valid=_preferences)]
MaxLoss = Annotated[
    float, number("What a file may lose of the data's metric beyond its error.", least=0, most=1)
]
Bound = Annotated[
    float | None, number("The largest difference to Keras ÷ the largest output.", above=0, most=1)
]
Out = Annotated[Path, folder("Folder of the results.")]
Smoke = Annotated[bool, flag("A few steps, to see that it runs.")]


def reading(options: Any) -> dict[str, Any]:
    """Of a command's options those that say how data are read, as `wszoo.data.load` takes them."""
    names = ("image_size", "resize", "on_broken", "data_dir", "manual_dir")
    return {name: getattr(options, name) for name in names if hasattr(options, name)}
