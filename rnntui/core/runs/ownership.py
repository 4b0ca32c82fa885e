"""The owner of a run folder: a lock that the system takes from the dead, and a record of who holds it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from rnntui.core.errors import InputError, RnntuiError, command
from rnntui.core.files import refused, write_atomically
from rnntui.core.runs import locks
from rnntui.core.runs.folder_handle import FolderHandle
from rnntui.core.runs.safe_files import GUARD, check_growing, holds_run, open_file, open_growing, read_file

_MOMENT_S = 2.0
"""Longest time for which a process holds the lock without owning the run: to look, or to make one."""
_RETRY_S = 0.005


class Owner(msgspec.Struct, frozen=True):
    """The process that owns a run folder."""

    pid: int
    started: float
    """Its creation time by the clock of that moment, for people: a clock may be set."""
    identity: str = ""
    """Identity of the process, see `locks.process_identity`; '' where an older version wrote the record."""
    folder: str = ""
    """Identity of the folder: a copy of the folder has a copy of the record, and nobody owns it."""

    @classmethod
    def this_process(cls, path: Path) -> Owner:
        """This process as the owner of the folder `path`."""
        import psutil

        return cls(os.getpid(), psutil.Process().create_time(), locks.this_process(), _folder_identity(path))

    def owns(self, path: Path) -> bool:
        """True if the process is surely there, whatever the clock says, and it is this folder that it took."""
        if not self.identity or locks.process_identity(self.pid) != self.identity:
            return False
        return self.folder in ("", _folder_identity(path))


def _folder_identity(path: Path) -> str:
    """A name of the folder that it keeps when it is moved; '' where the system has none."""
    with suppress(OSError):
        status = path.stat()
        return f"{status.st_dev}:{status.st_ino}" if status.st_ino else ""
    return ""


def owner_of(path: Path) -> Owner | None:
    """The living process that trains in the run folder `path`, if there is one.

    The lock decides.  The record alone does where the file system has no locks, and where the lock's file was
    deleted under its owner.
    """
    record = _recorded(path)
    if record is not None and (_is_held(path) or record.owns(path)):
        return record
    return None


def _recorded(path: Path) -> Owner | None:
    """Whoever the file `lock` names, dead or alive."""
    try:
        return msgspec.json.decode(read_file(path / "lock"), type=Owner)
    except (OSError, InputError, msgspec.DecodeError, RecursionError):
        return None


def _is_held(path: Path) -> bool:
    """True if another open file has the lock; it is held for no longer than this look."""
    return _is_locked(path / GUARD, locks.lock)


def _is_written(path: Path) -> bool:
    """True if a training has its `events.jsonl` open."""
    return _is_locked(path / "events.jsonl", locks.lock_beside)


def _is_locked(path: Path, lock: Callable[[BinaryIO, bool], None]) -> bool:
    try:
        with open_file(path) as file:
            lock(file, True)
    except locks.BusyError:
        return True
    except (OSError, InputError, locks.UnsupportedError):
        return False
    return False


@contextmanager
def guarded(path: Path, doing: str, writes: bool = True) -> Iterator[None]:
    """Hold the lock of the run folder `path` for the length of the block; nobody else trains or changes it.

    Where the block `writes` into its files, those that grow have to have a single name.  Raises InputError which says
    that another process is `doing` something with it, or why the folder cannot be written.
    """
    try:
        if writes:
            check_growing(path)
        file = _locked(path, doing)
    except OSError as error:
        raise InputError(str(refused(path, 0, error))) from None
    with file:
        record = _recorded(path)
        # Where there are no locks, or somebody deleted the lock's file, the record is all there is.
        if record is not None and record.owns(path) and record.pid != os.getpid():
            raise _taken(path, record, doing)
        if _is_written(path):  # somebody deleted both under their owner
            raise _taken(path, None, doing)
        yield


def _locked(path: Path, doing: str) -> BinaryIO:
    """The lock's file, locked.  Raises InputError, OSError."""
    end = time.monotonic() + _MOMENT_S
    while True:
        file = open_growing(path / GUARD, 0)
        try:
            locks.lock(file)
        except locks.UnsupportedError:
            return file
        except locks.BusyError:
            file.close()
            # Who looks or makes a run holds the lock for a moment; an owner soon names itself in `lock`.
            owner = owner_of(path)
            if owner or time.monotonic() > end:
                raise _taken(path, owner, doing) from None
            time.sleep(_RETRY_S)
            continue
        except BaseException:
            file.close()
            raise
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # whoever held it before has deleted it: lock the one that is there now


def _taken(path: Path, owner: Owner | None, doing: str) -> InputError:
    who = f"process {owner.pid}" if owner else "another process"
    return InputError(f"{path}: {who} {doing}")


@contextmanager
def owned(path: Path) -> Iterator[FolderHandle]:
    """Own the run folder `path` for the length of the block, moved or not.  Raises InputError as `guarded`."""
    with guarded(path, f"is training this run; watch it with {command('rnntui', 'watch', path)}"):
        if not holds_run(path):
            raise InputError(f"{path}: the run was deleted meanwhile; train a new one")
        with FolderHandle(path) as folder:
            try:
                write_atomically(path / "lock", msgspec.json.encode(Owner.this_process(path)), durable=False)
                yield folder
            finally:
                with suppress(OSError, RnntuiError):
                    folder.follow()
                    (folder.path / "lock").unlink(missing_ok=True)
