"""Files that appear whole or not at all, whoever else writes, and whenever a writer is killed.

A writer fills a folder of its own beside the target, has it on the disk, and renames it. The folder
is locked as long as its writer lives, so the next writer in that place knows which ones were left
by the dead, and removes them.
"""

import ctypes
import errno
import json
import math
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from wszoo.locks import take_lock

PREFIX = ".wszoo-part-"
_OLD = ".old"  # in a writer's folder: what stood where it writes, between two renames
_EXCHANGE = 2  # RENAME_EXCHANGE of linux/fs.h


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """A path of the same name to write to; it takes the place of `path` when the block succeeds.

    Several threads and processes may write one path: the last one's file stands.
    """
    path = Path(os.path.realpath(path))
    with _named(path), working_folder(path.parent) as own:
        part = own / path.name
        yield part
        on_disk(part)
        part.replace(path)
        on_disk(path.parent)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a text file in UTF-8, whole or not at all."""
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, value: object) -> None:
    """Writes JSON, whole or not at all. NaN and infinity, which JSON has no word for, are null."""
    write_text(path, json.dumps(_finite(value), indent=1, allow_nan=False) + "\n")


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


@contextmanager
def folder_written_whole(folder: str | os.PathLike) -> Iterator[Path]:
    """The same for a folder: an empty one to fill, which replaces `folder` on success.

    Raises `NotADirectoryError` where a file of that name stands.
    """
    folder = Path(os.path.realpath(folder))
    with suppress(FileNotFoundError):  # one look: another writer may move it between two
        if not stat.S_ISDIR(folder.stat().st_mode):
            raise NotADirectoryError(
                errno.ENOTDIR, "a file stands where a folder goes", str(folder)
            )
    with _named(folder), working_folder(folder.parent) as own:
        part = own / folder.name
        part.mkdir()
        yield part
        for written in (*part.rglob("*"), part):
            on_disk(written)
        _put_in_place(part, folder, own / _OLD)
        on_disk(folder.parent)


@contextmanager
def working_folder(parent: str | os.PathLike) -> Iterator[Path]:
    """A new empty folder inside `parent`, which is made too; it is removed at the end.

    What killed writers left in `parent` is removed first.
    """
    parent = Path(parent)
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    own, descriptor = _new_folder(parent)
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Has an `OSError` that names no file, as of a full disk, name what was to be written."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


def sweep(parent: Path) -> None:
    """Removes what writers that are dead left in a folder; puts back what one had moved aside."""
    for left in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another sweeper, or a folder that is not ours to remove
            descriptor = os.open(left, os.O_RDONLY)  # refused on Windows
            try:
                if take_lock(descriptor):
                    for moved in (left / _OLD).glob("*"):
                        if not (parent / moved.name).exists():
                            moved.rename(parent / moved.name)
                    shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(descriptor)


def on_disk(path: Path) -> None:
    """Returns when a file's contents, or a folder's names, are on the disk."""
    try:
        descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    except PermissionError:
        if path.is_dir():  # Windows opens no folders; elsewhere one may be there to write to only
            return
        raise
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system without it
            raise
    finally:
        os.close(descriptor)


def _new_folder(parent: Path) -> tuple[Path, int | None]:
    """A writer's own folder, and the descriptor whose lock says that the writer lives."""
    while True:
        own = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        try:
            descriptor = os.open(own, os.O_RDONLY)
        except FileNotFoundError:
            continue  # a sweeper came first
        except PermissionError:  # Windows opens no folders
            return own, None
        if take_lock(descriptor) is not False and own.is_dir():
            return own, descriptor
        os.close(descriptor)


def remove_whole(folder: str | os.PathLike) -> None:
    """Removes a folder, all of it or, if this process is killed before, nothing."""
    folder = Path(folder)
    with working_folder(folder.parent) as own, suppress(FileNotFoundError):
        folder.rename(own / folder.name)


def _put_in_place(part: Path, folder: Path, old: Path) -> None:
    """Renames a folder over another; where the system can, there is no moment without one."""
    old.mkdir()
    aside = old / folder.name
    try:
        while part.exists():
            try:
                if folder.exists():
                    if _exchanged(part, folder):
                        return
                    folder.rename(aside)
                part.rename(folder)
            except OSError as error:  # another writer was between
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                    raise
                shutil.rmtree(aside, ignore_errors=True)
    finally:
        if part.exists() and aside.exists() and not folder.exists():
            try:
                aside.rename(folder)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # another's stands there
                    raise


def _exchanged(a: Path, b: Path) -> bool:
    """Lets two paths change places at once, where the system can."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # not Linux
        return False
    here = -100  # AT_FDCWD
    return rename(here, os.fsencode(a), here, os.fsencode(b), _EXCHANGE) == 0
