"""Files that appear whole: many writers on one path, and writers that are killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from wszoo import files
from wszoo.files import folder_written_whole, working_folder, written_whole
from wszoo.locks import only_one

HOLDS = "import sys, time; from wszoo import files, locks\n"


def left(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(files.PREFIX)]


def child(code, *arguments):
    """A process that says "ready" once it has what it holds, and then sleeps."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS + code, *map(str, arguments)], stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    return process


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_a_file_takes_its_place_when_the_block_succeeds(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with written_whole(path) as part:
        assert part.name == "a.txt" and not path.exists()
        part.write_text("1")
    assert path.read_text() == "1"
    with pytest.raises(ZeroDivisionError), written_whole(path) as part:
        part.write_text("2")
        1 / 0  # noqa: B018
    assert path.read_text() == "1"
    assert left(path.parent) == []


def test_new_files_and_folders_have_the_usual_rights(tmp_path):
    mask = os.umask(0o027)
    try:
        with written_whole(tmp_path / "a") as part:
            part.write_text("1")
        with folder_written_whole(tmp_path / "b") as part:
            (part / "c").write_text("1")
    finally:
        os.umask(mask)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o750


def test_a_folder_replaces_the_one_that_stands(tmp_path):
    folder = tmp_path / "weights"
    for i in range(3):
        with folder_written_whole(folder) as part:
            (part / f"{i}.txt").write_text(str(i))
        assert [p.name for p in folder.iterdir()] == [f"{i}.txt"]
    with pytest.raises(ZeroDivisionError), folder_written_whole(folder):
        1 / 0  # noqa: B018
    assert [p.name for p in folder.iterdir()] == ["2.txt"]
    assert left(tmp_path) == []


def test_a_folder_replaces_another_where_paths_cannot_change_places(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_exchanged", lambda a, b: False)
    test_a_folder_replaces_the_one_that_stands(tmp_path)


def test_what_stood_is_put_back_where_a_folder_cannot_take_its_place(tmp_path, monkeypatch):
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "old.txt").write_text("old")
    monkeypatch.setattr(files, "_exchanged", lambda a, b: False)
    rename = type(folder).rename

    def refuse(self, target):
        if target == folder and self.parent.name.startswith(files.PREFIX):
            raise PermissionError("no")
        return rename(self, target)

    monkeypatch.setattr(type(folder), "rename", refuse)
    with pytest.raises(PermissionError), folder_written_whole(folder) as part:
        (part / "new.txt").write_text("new")
    assert (folder / "old.txt").read_text() == "old"


def test_a_folder_does_not_replace_a_file(tmp_path):
    (tmp_path / "weights").write_text("mine")
    with (
        pytest.raises(NotADirectoryError, match="weights"),
        folder_written_whole(tmp_path / "weights"),
    ):
        pass
    assert (tmp_path / "weights").read_text() == "mine"


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    with folder_written_whole(tmp_path / "link") as part:
        (part / "a").write_text("1")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "disk" / "a").read_text() == "1"


@pytest.mark.parametrize("exchange", [True, False])
def test_threads_that_write_one_folder_lose_none_of_it(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(files, "_exchanged", lambda a, b: False)
    folder = tmp_path / "weights"

    def write(i):
        with folder_written_whole(folder) as part:
            for name in "ab":
                (part / name).write_text(f"{i}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(50)))
    assert (folder / "a").read_text() == (folder / "b").read_text()
    assert sorted(p.name for p in folder.iterdir()) == ["a", "b"]
    assert left(tmp_path) == []


def test_a_reader_never_misses_a_file_that_is_replaced(tmp_path):
    path, stop = tmp_path / "a", threading.Event()
    sizes = set()

    def read():
        while not stop.is_set():
            sizes.add(len(path.read_bytes()))

    def write(i):
        with written_whole(path) as part:
            part.write_bytes(b"x" * 100_000)

    write(0)
    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(50)))
    stop.set()
    reader.join()
    assert sizes == {100_000}


def test_the_next_writer_removes_what_a_killed_one_left_and_nothing_of_a_living_one(tmp_path):
    code = """
with files.written_whole(sys.argv[1]) as part:
    part.write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""
    path = tmp_path / "a"
    dead, living = child(code, path), child(code, path)
    kill(dead)
    assert len(left(tmp_path)) == 2
    with written_whole(path) as part:
        part.write_text("whole")
    assert len(left(tmp_path)) == 1
    kill(living)
    with working_folder(tmp_path):
        pass
    assert left(tmp_path) == []
    assert path.read_text() == "whole"


def test_a_writer_killed_between_its_two_renames_loses_nothing(tmp_path):
    code = """
files._exchanged = lambda a, b: False
rename = files.Path.rename
def stop(self, target):
    rename(self, target)
    print("ready", flush=True)
    time.sleep(60)
files.Path.rename = stop
with files.folder_written_whole(sys.argv[1]) as part:
    (part / "a").write_text("new")
"""
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "a").write_text("old")
    kill(child(code, folder))
    assert not folder.exists()
    files.sweep(tmp_path)
    assert (folder / "a").read_text() == "old"
    assert left(tmp_path) == []


def test_only_one_is_at_work_in_a_folder(tmp_path):
    code = """
with locks.only_one(sys.argv[1], "a search"):
    print("ready", flush=True)
    time.sleep(60)
"""
    process = child(code, tmp_path)
    refused = pytest.raises(ValueError, match=r"a search is under way in .* another folder")
    with refused, only_one(tmp_path, "a search"):
        pass
    kill(process)
    with only_one(tmp_path, "a search"), refused, only_one(tmp_path, "a search"):
        pass


def test_those_who_wait_work_one_after_the_other(tmp_path):
    inside, most = [0], [0]

    def work(_):
        with only_one(tmp_path, "a cache", wait=True):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.005)
            inside[0] -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))
    assert most == [1]
