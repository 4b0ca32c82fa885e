"""Writing that survives a crash."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rnntui.core.errors import RnntuiError


def write_atomically(path: Path, data: bytes, durable: bool = True) -> None:
    """Replace the file at `path` so that a reader sees the old content or the new, never a part.

    `durable` also forces it to disk, so that a power loss keeps one of the two.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise RnntuiError(unwritable(path, len(data), error)) from error
    if durable:
        sync_folder(path.parent)


@contextmanager
def folder_written_atomically(path: Path) -> Iterator[Path]:
    """A fresh folder beside `path` to fill; it becomes `path`, durably, when the block ends well."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        for file in part.iterdir():
            _sync_file(file)
        sync_folder(part)
        old = path.with_name(f".{path.name}.{os.getpid()}.old.part")
        if path.exists():
            path.rename(old)
        part.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        size = sum(file.stat().st_size for file in part.iterdir()) if part.exists() else 0
        raise RnntuiError(unwritable(path, size, error)) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    sync_folder(path.parent)


def unwritable(path: Path, size: int, error: OSError) -> str:
    """One line for a write that failed: the path, the bytes and the system's reason."""
    reason = error.strerror or str(error)
    return f"{path}: cannot be written ({size:,} bytes): {reason}"


def sync_folder(path: Path) -> None:
    """Force the folder's own entries to disk, where the system has that notion (not Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
