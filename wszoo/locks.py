"""Locks of files and folders among processes and threads; whoever dies holds nothing."""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

LOCK = ".lock"  # the file that stands in a folder in which a run is under way


@contextmanager
def only_one(folder: str | os.PathLike, doing: str, *, wait: bool = False) -> Iterator[None]:
    """Within it no other process or thread is within it for the same folder.

    The folder is made, and removed again if nothing came to lie in it.

    The lock goes with its holder, however that one ends. Raises `ValueError` where another holds
    it, unless `wait`; `doing` says what for: "a search".
    """
    folder = Path(folder)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    with ExitStack() as stack:
        stack.callback(_remove_empty, missing)
        try:
            stack.enter_context(locked(folder / LOCK, wait=wait))
        except BlockingIOError as error:
            raise ValueError(
                f"{doing} is under way in {str(folder)!r}, begun by another process; wait for its "
                "end, or name another folder"
            ) from error
        yield


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def locked(path: str | os.PathLike, *, wait: bool = True) -> Iterator[None]:
    """Within it no other that asks is within it for the same path, where a file stands meanwhile.

    Makes the path's folder. A process that dies holds nothing. Raises `BlockingIOError` if another
    holds it, unless `wait`. Where the file system has no locks, it keeps nobody out.
    """
    path = Path(path)
    if os.name == "nt":
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked_on_windows(path, wait):
            yield
        return
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if take_lock(descriptor, wait=wait) is False:
                raise BlockingIOError(errno.EAGAIN, "another process holds it", str(path))
            if not _is(path, descriptor):
                continue  # who was before us has removed this one; there may be another
            try:
                yield
            finally:
                with suppress(OSError):
                    if _is(path, descriptor):
                        path.unlink()
            return
        finally:
            os.close(descriptor)


@contextmanager
def _locked_on_windows(path: Path, wait: bool) -> Iterator[None]:
    from filelock import FileLock, Timeout  # elsewhere it would leave its file behind

    lock = FileLock(path)
    try:
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout as error:
        raise BlockingIOError(errno.EAGAIN, "another process holds it", str(path)) from error
    try:
        yield
    finally:
        lock.release()


def _is(path: Path, descriptor: int) -> bool:
    """Whether the open file is still the one of that path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def take_lock(descriptor: int, *, wait: bool = False) -> bool | None:
    """Takes the lock of an open file or folder: whether it did, `None` if there are no locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # a file system without them
        return None
    return True
