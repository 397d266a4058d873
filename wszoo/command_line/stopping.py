"""Signals that stop a command: SIGTERM and SIGHUP end it as Ctrl-C does, and say how to go on.

The first signal is raised as `KeyboardInterrupt`, so that every block that tidies up does; a second
one ends the process at once.
"""

import atexit
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def stopped_by_signals() -> Iterator[list[int]]:
    """Within it the first signal raises `KeyboardInterrupt` and is noted in the list.

    One that is ignored, as under `nohup`, stays so. Outside of the main thread nothing changes.
    """
    received: list[int] = []
    before: dict[signal.Signals, Any] = {}

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(number)
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise KeyboardInterrupt

    with suppress(ValueError):  # not the main thread
        for number in (getattr(signal, name) for name in NAMES if hasattr(signal, name)):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, stop)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignored_at_exit() -> None:
    """Lets signals do nothing while the interpreter ends: what the command does is done."""

    def ignore() -> None:
        for number in (getattr(signal, name) for name in NAMES if hasattr(signal, name)):
            signal.signal(number, signal.SIG_IGN)

    atexit.register(ignore)


def farewell(number: int) -> str:
    """What to say after a signal: how to go on, or that nothing is half done."""
    name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
    claims = sys.modules.get("wszoo.claims")  # if a run was taken up, it was imported
    if claims is None or not claims.begun:
        return f"stopped by {name}; no file was left half written"
    return (
        f"stopped by {name}; what is done is kept in {str(claims.begun[-1])!r}: give the same "
        "command again to go on"
    )
