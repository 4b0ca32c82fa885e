"""Writing that survives a crash, a power loss and a disk without room.

All that must last passes through the operations at the end of this file, one line of the system's each.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from rnntui.core.errors import InputError, RnntuiError, WriteError

_PRIVATE = 0o700
_FILE, _PRIVATE_FILE = 0o666, 0o600


def expanded(name: str) -> Path:
    """The path that a person names, with `~` as their home.  Raises InputError for the home of nobody."""
    if "\0" in name:
        raise InputError(f"{name[:80]!r}: no name of a file: it holds a zero")
    try:
        return Path(name).expanduser()
    except RuntimeError:
        raise InputError(f"{name}: nobody of that name has a home here; give the path in full") from None


def open_named(path: Path) -> BinaryIO:
    """Open a file that a person names, behind a link or not, for reading; a pipe or a device never blocks.

    Raises OSError, also for anything but a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def make_private(folder: Path) -> None:
    """Make a folder for a person's texts, unless it is there: nobody else may look inside.  Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)


def write_atomically(path: Path, data: bytes, durable: bool = True, private: bool = False) -> None:
    """Replace the file at `path` so that a reader sees the old content or the new, never a part.

    `durable` also forces it to disk, so that a power loss keeps one of the two; a `private` one is for its owner
    alone.  Raises WriteError where the system refuses, RnntuiError where the folder is gone.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        put(part, data, _PRIVATE_FILE if private else _FILE)
        if durable:
            sync_file(part)
        rename(part, path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise refused(path, len(data), error) from error


@contextmanager
def folder_written_atomically(path: Path) -> Iterator[Path]:
    """A fresh folder beside `path` to fill; it becomes `path`, durably, when the block ends well.

    A folder that was there is moved aside first, to `.NAME.PID.old.part`: a kill between the two moves leaves it
    there.  Raises WriteError where the system refuses.
    """
    part, old = _beside(path, "part"), _beside(path, "old.part")
    if part.is_symlink():
        part.unlink()
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True, mode=_PRIVATE)
        yield part
        for file in part.iterdir():
            sync_file(file)
        sync_folder(part)
        if path.exists():
            rename(path, old)
        rename(part, path)
        sync_folder(path.parent)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        size = sum(file.stat().st_size for file in part.iterdir()) if part.exists() else 0
        raise refused(path, size, error) from error
    finally:
        if old.exists() and not path.exists():
            rename(old, path)
        shutil.rmtree(part, ignore_errors=True)


def _beside(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{kind}")


_HOPELESS = (errno.ENOENT, errno.EFBIG, errno.ENAMETOOLONG, errno.ELOOP)
"""Reasons that no waiting changes: the folder is gone, the file is larger than it may be, its name cannot be."""


def refused(path: Path, size: int, error: OSError) -> RnntuiError:
    """One line for a write that failed: the path, the bytes if there were any yet, and the system's reason.

    A WriteError only where there may be room after a while.
    """
    reason = error.strerror or str(error)
    if error.errno == errno.ENOENT:
        reason = "its folder is not there; was it moved or deleted?"
    if error.errno == errno.EFBIG:
        reason += "; raise the limit (`ulimit -f`), or use a file system that takes larger files"
    message = f"{path}: cannot be written{f' ({size:,} bytes)' if size else ''}: {reason}"
    return RnntuiError(message) if error.errno in _HOPELESS else WriteError(message)


# --- what the system does, and a test may refuse or forget ---


def put(path: Path, data: bytes, mode: int = _FILE) -> None:
    """Write a new file; it is not on disk yet.  A link that stands at `path` is replaced, not written through."""
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, mode), "wb") as file:
        file.write(data)


def append(file: BinaryIO, data: bytes) -> None:
    """Add whole `data` to an unbuffered file, or nothing."""
    size = file.seek(0, os.SEEK_END)
    try:
        written = file.write(data)
        if written < len(data):  # a disk that is nearly full takes what it can
            file.write(data[written:])
    except OSError:
        file.truncate(size)
        raise


def rename(old: Path, new: Path) -> None:
    """Let the file or folder `old` take the place of `new`."""
    old.replace(new)


def sync_file(path: Path) -> None:
    """Force the content of a file to disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Force the folder's own entries to disk, where the system has that notion (not Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems have no such thing for folders: what could be done has been done.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
    finally:
        os.close(descriptor)
