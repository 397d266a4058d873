"""Runs a command: its options from its annotations, its errors in one line, its exit code."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer


def run(command: Callable[..., Any]) -> None:
    """Runs a command and ends the process; its errors end in one line on stderr and code 2.

    `command` is a typer app, or a function whose annotated arguments become its options. A mistake
    of ours ends in a traceback (see `errors`), a signal in code 128 + its number, after what the
    command has written is in order, and in a line that says how to go on.
    """
    from wszoo.command_line.errors import sentence
    from wszoo.command_line.stopping import farewell, ignored_at_exit, stopped_by_signals

    if not isinstance(command, typer.Typer):
        function, command = (
            command,
            typer.Typer(add_completion=False, pretty_exceptions_enable=False),
        )
        command.command()(function)
    name = Path(sys.argv[0]).name
    code: Any = 0
    with stopped_by_signals() as received:
        try:
            command()
        except SystemExit as end:
            code = end.code
        except KeyboardInterrupt:
            received = received or [signal.SIGINT]
        except Exception as error:
            if not received:  # else a library made an error of its own of the signal
                said, code = sentence(error), 2
                if said is None:
                    raise
                print(f"{name}: {said}", file=sys.stderr)
        if not received:
            ignored_at_exit()
    if received:
        print(f"{name}: {farewell(received[0])}", file=sys.stderr)
        code = 128 + received[0]
    sys.exit(code)
