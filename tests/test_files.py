"""Files and folders that are replaced whole: what a disk without room, a power loss or a link may do to them."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from rnntui.core import files
from rnntui.core.errors import WriteError
from rnntui.core.files import folder_written_atomically, write_atomically


class ShortOfRoom(io.FileIO):
    """A file on a disk that takes three bytes at first, and then the rest or nothing more."""

    def __init__(self, path: Path, full: bool) -> None:
        super().__init__(path, "rb+")
        self._writes, self._full = 0, full

    def write(self, data: Any) -> int:
        self._writes += 1
        if self._writes == 1:
            return super().write(data[:3])
        if self._full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


@pytest.mark.parametrize("full", [False, True])
def test_a_line_is_added_whole_or_not_at_all(full: bool, tmp_path: Path) -> None:
    """Protects `events.jsonl` on a disk that is nearly full: it takes a part of a line, then the rest or nothing."""
    path = tmp_path / "lines"
    path.write_bytes(b"before\n")
    with ShortOfRoom(path, full) as file, pytest.raises(OSError, match="No space") if full else nullcontext():
        files.append(file, b"a line\n")
    assert path.read_bytes() == (b"before\n" if full else b"before\na line\n")


def test_what_must_last_is_forced_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects against power loss: the content, then the folder, reach fsync; where it need not last, nothing waits."""
    synced: list[str] = []
    descriptors: list[int] = []

    def fsync(descriptor: int) -> None:
        descriptors.append(descriptor)
        found = os.fstat(descriptor).st_ino
        synced.append(
            next(str(each) for each in [tmp_path, *tmp_path.rglob("*")] if each.stat().st_ino == found)
        )

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(tmp_path / "live", b"x", durable=False)
    assert synced == []
    write_atomically(tmp_path / "last", b"x")
    assert synced == [str(tmp_path / f".last.{os.getpid()}.part"), str(tmp_path)]
    synced.clear()
    with folder_written_atomically(tmp_path / "whole") as part:
        files.put(part / "one", b"1")
    assert synced == [str(part / "one"), str(part), str(tmp_path)]
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, when: Callable[..., bool]) -> None:
    """Let one of the operations fail for want of room."""
    honest = getattr(files, name)

    def operation(*arguments: Any) -> None:
        if when(*arguments):
            raise OSError(errno.ENOSPC, "No space left on device")
        honest(*arguments)

    monkeypatch.setattr(files, name, operation)


@pytest.mark.parametrize("name", ["put", "sync_file", "rename", "sync_folder"])
def test_a_refused_file_leaves_the_one_before(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects pointers and settings: whatever is refused, one whole content is there, and no half of another."""
    path = tmp_path / "last"
    write_atomically(path, b"before")
    refuse(monkeypatch, name, lambda *_: True)
    with pytest.raises(WriteError, match=r"last: cannot be written \(3 bytes\): No space left on device"):
        write_atomically(path, b"now")
    assert [each.name for each in tmp_path.iterdir()] == ["last"]
    assert path.read_bytes() == (b"now" if name == "sync_folder" else b"before")


@pytest.mark.parametrize("name", ["put", "sync_file", "sync_folder", "rename"])
def test_a_refused_folder_leaves_the_one_before(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects a checkpoint whose step is saved again: whatever is refused, the old one is in its place."""
    path = tmp_path / "00000020"
    path.mkdir()
    (path / "model").write_bytes(b"before")
    # Of the two moves the second: the old folder is aside by then.
    refuse(
        monkeypatch, name, lambda *given: name != "rename" or given[0].name.endswith(f"{os.getpid()}.part")
    )
    with (
        pytest.raises(WriteError, match=r"00000020: cannot be written( \(3 bytes\))?: No space") as caught,
        folder_written_atomically(path) as part,
    ):
        files.put(part / "model", b"now")
    assert ("bytes" in str(caught.value)) == (name != "put")
    assert [each.name for each in tmp_path.iterdir()] == ["00000020"]
    assert (path / "model").read_bytes() == b"before"


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    """Protects the new content: what a killed writer left under the same name is no part of it, and stays nowhere."""
    path = tmp_path / "deep" / "00000020"
    for content in (b"first", b"second"):
        rest = path.with_name(f".{path.name}.{os.getpid()}.part")
        rest.mkdir(parents=True)
        (rest / "rest").write_text("of a killed writer")
        with folder_written_atomically(path) as part:
            assert part == rest and not list(part.iterdir())
            assert stat.S_IMODE(part.stat().st_mode) == 0o700 or sys.platform == "win32"
            files.put(part / "model", content)
        assert [(each.name, each.read_bytes()) for each in path.iterdir()] == [("model", content)]
        assert [each.name for each in path.parent.iterdir()] == ["00000020"]
    below = path / "model" / "00000020"  # below a file
    with (
        pytest.raises(WriteError, match=r"cannot be written: Not a directory"),
        folder_written_atomically(below),
    ):
        pass
    with pytest.raises(ZeroDivisionError), folder_written_atomically(path) as part:
        raise ZeroDivisionError
    assert (path / "model").read_bytes() == b"second" and not part.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_under_the_name_of_a_half_written_folder_is_replaced(tmp_path: Path) -> None:
    """Protects a person's folder to which such a link leads: nothing in it is deleted or written."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis").write_text("mine")
    path = tmp_path / "00000020"
    (tmp_path / f".00000020.{os.getpid()}.part").symlink_to(tmp_path / "mine")
    with folder_written_atomically(path) as part:
        files.put(part / "model", b"x")
    assert [each.name for each in (tmp_path / "mine").iterdir()] == ["thesis"]
    assert path.is_dir() and not path.is_symlink()
