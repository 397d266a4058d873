"""A command in two parts: its options, which import nothing heavy, and what it does with them.

    @dataclass(frozen=True)
    class Denoise:
        "Restore noisy images."

        target: Annotated[str, option.argument(option.text("NAME.TAG."))] = "tied_ae.digits"
        smoke: option.Smoke = False

    command = command_of(Denoise, "wszoo.recipes.denoise.main")

So help is there at once, and a wrong option is refused before Keras is imported.
"""

import functools
import importlib
from collections.abc import Callable

from wszoo.command_line.starting import start


def command_of(options: type, module: str) -> Callable[..., None]:
    """The command whose options are the fields of a dataclass.

    It imports the module when it is called, and gives the options to its function `main`. What
    does not go together is refused by the dataclass, in `__post_init__`.
    """

    def command(*given: object, **named: object) -> None:
        chosen = options(*given, **named)
        start()
        importlib.import_module(module).main(chosen)

    return functools.update_wrapper(command, options, updated=())
