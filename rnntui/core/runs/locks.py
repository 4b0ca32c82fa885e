"""Locks on files, which the system takes from a process that dies, and what names a process for good.

A clock that moves changes neither: the lock is the kernel's, and a process is named by its number and its start
in ticks of a boot that has an identifier.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)
_UNSUPPORTED = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL)


class BusyError(Exception):
    """Another process holds the lock."""


class UnsupportedError(Exception):
    """The file system has no locks, as some network file systems."""


def lock(file: BinaryIO, shared: bool = False) -> None:
    """Lock an open file until it is closed; `shared` locks exclude only those that are not.

    Raises BusyError where another process holds it, UnsupportedError where the file system has no locks, and OSError.
    """
    try:
        if sys.platform == "win32":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            raise BusyError from None
        if error.errno in _UNSUPPORTED:
            raise UnsupportedError from None
        raise


def lock_beside(file: BinaryIO, shared: bool = False) -> None:
    """As `lock`, of a file that others read meanwhile: not on Windows, where a lock keeps readers away."""
    if sys.platform != "win32":
        lock(file, shared)


def process_identity(pid: int) -> str:
    """A name of the process `pid` that no other process ever has on this machine; '' where there is none.

    On Linux the boot's identifier and the start in ticks since that boot: neither moves with the clock.
    """
    if not sys.platform.startswith("linux"):
        return _start_time(pid)
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # The name of the program, in brackets, may hold spaces and brackets.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (OSError, ValueError):
        return ""
    state, ticks = fields[0], fields[19]
    return "" if state in (b"Z", b"X") else f"{boot} {int(ticks)}"


def _start_time(pid: int) -> str:
    import psutil

    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except (psutil.Error, ValueError, OverflowError):  # no such process, or no number that one could have
        return ""


def this_process() -> str:
    """The identity of this process."""
    return process_identity(os.getpid())
