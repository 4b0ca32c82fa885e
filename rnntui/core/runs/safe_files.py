"""Files of a run folder: their names, and the one way to open and to delete them.

A run folder may come from anybody.  A link in it leads elsewhere, a pipe blocks whoever opens it, a sparse file
fills the memory.  So each file has to be a regular file, is opened without following links, and is read up to a
bound.  One that is appended to or locked has a single name: a second one (a hard link) would be written through.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rnntui.core.errors import InputError, command

GUARD = ".guard"
BEFORE_TRAINING = (
    GUARD,
    "stderr.log",
    "tokenizer.json",
    "target-tokenizer.json",
    "labels.json",
    "start.safetensors",
    "signature",
)
"""Files that are there before `run.toml` makes the folder a run."""
GROWING = ("events.jsonl", "control", "stderr.log", GUARD)
"""Files that are appended to or locked."""
RUN_FILES = (
    *BEFORE_TRAINING,
    "events.jsonl",
    "best",
    "last",
    "live.safetensors",
    "control",
    "lock",
    "run.toml",
)
"""Every file of a run but those of its checkpoints."""
COPIED = (*BEFORE_TRAINING[2:], "events.jsonl", "best", "last", "run.toml")
"""Files that a fork begins with."""
CHECKPOINT_FILES = ("model.safetensors", "trainer.safetensors", "state.json", "manifest.json")

SMALL = 1 << 20
"""Bytes of a file of settings or names."""
LARGE = 1 << 28
"""Bytes of a vocabulary."""
_LARGE_HOLE = 1 << 30
_DENSE = 100
"""Weights and events fill at least a hundredth of their size, also where the file system compresses."""
_TRIES = 3
_PART = re.compile(r"\.(.+?)\.[0-9]+(?:\.old)?\.part")
_CHECKPOINT = re.compile(r"[0-9]{8,18}")

# Absent on Windows, where `_refuse_link` alone has to do.
_CAREFUL = sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
)


class UnsafeFileError(InputError):
    """A file of a run is none that can be trusted: a link, a pipe, a device, or larger than it can be."""


def open_file(path: Path) -> io.BufferedReader:
    """Open a regular file of a run to read it.

    Raises UnsafeFileError for a link, a special file or one of holes, OSError where the system refuses.
    """
    return os.fdopen(_descriptor(path, os.O_RDONLY), "rb")


def open_growing(path: Path, flags: int = os.O_APPEND) -> io.FileIO:
    """Open a regular file of a run to append to it or to lock it, unbuffered; it is made where there is none.

    Raises UnsafeFileError as `open_file`, also for a file with a second name; OSError.
    """
    descriptor = _descriptor(path, os.O_RDWR | os.O_CREAT | flags)
    if os.fstat(descriptor).st_nlink > 1:
        os.close(descriptor)
        raise UnsafeFileError(_second_name(path))
    return os.fdopen(descriptor, "rb+", 0)


def _descriptor(path: Path, flags: int) -> int:
    """An open file that is known to be regular, whatever stood at `path` before."""
    refuse_link(path)
    descriptor = os.open(path, flags | _CAREFUL, 0o666)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or _is_hollow(status):
        os.close(descriptor)
        raise UnsafeFileError(_special(path))
    return descriptor


def _is_hollow(status: os.stat_result) -> bool:
    """True for a large file with hardly anything on the disk: nothing but holes, which read as zeros for hours."""
    on_disk = 512 * getattr(status, "st_blocks", status.st_size)
    return status.st_size > _LARGE_HOLE and on_disk * _DENSE < status.st_size


def read_file(path: Path, limit: int = SMALL) -> bytes:
    """Content of a file of a run.  Raises UnsafeFileError as `open_file`, also beyond `limit` bytes; OSError."""
    with open_file(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise UnsafeFileError(f"{path}: larger than {limit:,} bytes, which no run needs; delete this run")
    return content


def refuse_link(path: Path) -> None:
    """Raise UnsafeFileError where `path` is a link.  A path that does not exist is none."""
    with suppress(OSError):
        status = path.lstat()
        # A junction of Windows is a link to a folder.
        if stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", None):
            raise UnsafeFileError(
                f"{path}: a link, which could lead out of the run folder; replace it by the file itself"
            )


def _special(path: Path) -> str:
    return f"{path}: not a regular file with content; delete it"


def _second_name(path: Path) -> str:
    return (
        f"{path}: has a second name (a hard link), whose content would be written, too; "
        f"copy the folder without links, as with {command('cp', '-r', path.parent, 'NEW')}, and use the copy"
    )


def holds_run(folder: Path) -> bool:
    """True if a run lives in `folder`: there is a `run.toml`, whatever is wrong with it."""
    return os.path.lexists(folder / "run.toml")


def is_closed(folder: Path) -> bool:
    """True if the folder is there and its permissions hide what is in it, a run perhaps."""
    return folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK)


def check_folder(folder: Path) -> None:
    """Refuse a run folder in which a name of ours stands for a link or a special file.

    Raises UnsafeFileError naming the first one; OSError where the folder cannot be read.
    """
    _check_files(folder, RUN_FILES)
    checkpoints = folder / "checkpoints"
    refuse_link(checkpoints)
    for each in checkpoint_folders(folder):
        _check_files(each, CHECKPOINT_FILES)


def check_growing(folder: Path) -> None:
    """Refuse second names of files that training writes to.  Raises UnsafeFileError naming one."""
    for name in GROWING:
        with suppress(FileNotFoundError):
            if (folder / name).lstat().st_nlink > 1:
                raise UnsafeFileError(_second_name(folder / name))


def _check_files(folder: Path, names: tuple[str, ...]) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in names:
                refuse = entry.is_symlink() or not entry.is_file(follow_symlinks=False)
                if refuse:
                    refuse_link(folder / entry.name)
                    raise UnsafeFileError(_special(folder / entry.name))


def checkpoint_folders(run: Path) -> list[Path]:
    """The folders of the checkpoints of a run, by name, the newest last.  Raises UnsafeFileError for a link."""
    checkpoints = run / "checkpoints"
    refuse_link(checkpoints)
    try:
        found = sorted(path for path in checkpoints.iterdir() if _CHECKPOINT.fullmatch(path.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    for path in found:
        refuse_link(path)
    return [path for path in found if path.is_dir()]


def checkpoint_name(step: int) -> str:
    """The name of the folder of a checkpoint."""
    return f"{step:08d}"


def unfinished(folder: Path) -> bool:
    """True if `folder` is empty, or holds only what an interrupted start of a run leaves."""
    names = {path.name for path in folder.iterdir()}
    known = {name for name in names if name in BEFORE_TRAINING or _part_of(name) in RUN_FILES}
    return not names or (names == known and GUARD in names)


def _part_of(name: str) -> str:
    """The name of the file or folder that a half-written one is a part of, or ''."""
    match = _PART.fullmatch(name)
    return match[1] if match else ""


def parts_left(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Half-written files and folders that a killed process left in `folder`, each with what it is a part of."""
    for path in sorted(folder.iterdir()):
        whole = _part_of(path.name)
        if whole in RUN_FILES or _CHECKPOINT.fullmatch(whole):
            yield path, folder / whole


def delete_checkpoint(folder: Path) -> None:
    """Delete a folder of a checkpoint, whole or half written; what is not a file of ours stays, and the folder with it.

    Raises OSError where the system refuses.
    """
    if folder.is_symlink():
        folder.unlink()
        return
    for name in CHECKPOINT_FILES:
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def delete_run(folder: Path) -> list[Path]:
    """Delete what a run is made of, and the folder if it is then empty; return what was left in it.

    Links are deleted, never followed.  `run.toml` goes last: until then the folder can be deleted again.
    Raises OSError where the system refuses; before anything is deleted where a folder cannot be written.
    """
    checkpoints = folder / "checkpoints"
    inside = (
        [] if checkpoints.is_symlink() or not checkpoints.is_dir() else [checkpoints, *checkpoints.iterdir()]
    )
    for each in (folder.parent, folder, *inside):
        if each.is_dir() and not each.is_symlink() and not os.access(each, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(
                errno.EACCES, f"{each.name} cannot be written; nothing was deleted", str(each)
            )
    for path, whole in list(parts_left(folder)):
        if whole.name in RUN_FILES and not path.is_dir():
            path.unlink()
    if checkpoints.is_symlink():
        checkpoints.unlink()
    elif checkpoints.is_dir():
        for path in list(checkpoints.iterdir()):
            if _CHECKPOINT.fullmatch(_part_of(path.name) or path.name):
                delete_checkpoint(path)
        with suppress(OSError):
            checkpoints.rmdir()
    for name in RUN_FILES:
        if name != GUARD and not (folder / name).is_dir():
            (folder / name).unlink(missing_ok=True)
    for attempt in range(_TRIES):
        (folder / GUARD).unlink(missing_ok=True)
        if left := sorted(path for path in folder.iterdir() if path.name != GUARD):
            return left
        try:
            folder.rmdir()
            break
        except OSError:  # somebody who waited for the lock has made its file anew, and will find no run
            if attempt == _TRIES - 1:
                raise
    return []
