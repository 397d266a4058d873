"""Runs a command: its options from its annotations, its errors in one line, its exit code."""

import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

HELP = {"help_option_names": ["-h", "--help"]}


def app_of(command: Callable[..., Any], name: str | None = None) -> typer.Typer:
    """The app of one command, whose annotated arguments become its options."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, context_settings=HELP)
    app.command(name, context_settings=HELP)(command)
    return app


def app_of_several(commands: Mapping[str, Callable[..., Any]], *, help: str) -> typer.Typer:
    """The app of several commands by name."""
    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings=HELP,
        no_args_is_help=True,
        help=help,
    )
    for name, command in commands.items():
        app.command(name, context_settings=HELP)(command)
    return app


@contextmanager
def notes_in_lines(name: str) -> Iterator[None]:
    """Within it a `UserWarning`, which is for whoever gave the data, is a line without a place."""
    shown = warnings.showwarning

    def show(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
        if category is UserWarning:
            print(f"{name}: note: {message}", file=sys.stderr)
        else:
            shown(message, category, *place, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = shown


def run(command: Callable[..., Any]) -> None:
    """Runs a command and ends the process; its errors end in one line on stderr and code 2.

    `command` is a typer app, or a function whose annotated arguments become its options. A mistake
    of ours ends in a traceback (see `errors`), a signal in code 128 + its number, after what the
    command has written is in order, and in a line that says how to go on.
    """
    from wszoo.command_line.errors import sentence
    from wszoo.command_line.stopping import farewell, ignored_at_exit, stopped_by_signals

    app = command if isinstance(command, typer.Typer) else app_of(command)
    script = Path(sys.argv[0])
    name = script.parent.name if script.name == "__main__.py" else script.name  # of python -m
    code: Any = 0
    with stopped_by_signals() as received, notes_in_lines(name):
        try:
            app()
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
