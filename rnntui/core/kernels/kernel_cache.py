"""The folder that keeps compiled kernels between processes.

Loading a kernel unpickles data and runs machine code.  So a file is used only if its sha256 fits, and if
nobody else can have put it there; anything else is compiled anew.  What goes wrong costs time, never a
training.  Neither torch nor numba is imported here: `rnntui doctor` looks at the same folder.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import platformdirs

from rnntui.core.errors import RnntuiError, oneline
from rnntui.core.files import make_private, write_atomically

Trouble = Literal["damaged", "not kept", "untrusted"]

_SUFFIX = ".kernel"
_HEADER = b"rnntui kernel 1\n"
_DIGEST_SIZE = hashlib.sha256().digest_size
_WRITABLE_BY_OTHERS = 0o022


class DamagedError(Exception):
    """A kernel's file that is not as it was saved."""


class Contents(NamedTuple):
    """Contents of a folder of kernels."""

    damaged: int
    files: int
    """Number of files, damaged ones included."""
    size: int
    """Bytes in those that are whole."""


class KernelFolder:
    """A folder of kernels, each in one file: a header, the sha256 of the content, the content.

    One file a kernel, and no index: two processes that save at the same moment write the same name with
    the same meaning, and no file is ever read that belongs to another.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.missed: Callable[[str], None] = lambda kernel: None
        """Called with the name of a kernel that is not here, before it is compiled."""
        self._reported: set[Trouble] = set()
        self._unread: list[str] = []

    def load(self, name: str) -> bytes | None:
        """Return the content saved under `name`, or None if there is none that can be used."""
        content = self._sound(name)
        if content is None:
            self.missed(kernel_name(name))
        return content

    def _sound(self, name: str) -> bytes | None:
        if not self._trusted():
            return None
        try:
            return read_kernel(self._file(name))
        except FileNotFoundError:
            return None
        except (OSError, DamagedError):
            self.discard(name)
            return None

    def save(self, name: str, content: bytes) -> None:
        """Save `content` under `name`, whole or not at all; where the system refuses, that is reported."""
        data = _HEADER + hashlib.sha256(content).digest() + content
        try:
            make_private(self.path)
            if self._trusted():
                # A power loss may still leave an empty file: the digest tells, and waiting for the disk is saved.
                write_atomically(self._file(name), data, durable=False)
        except (OSError, RnntuiError) as error:
            self._report(
                "not kept", f"compiled kernels cannot be kept, every start compiles them: {oneline(error)}"
            )

    def discard(self, name: str) -> None:
        """Delete a file that cannot be used, and report it."""
        file = self._file(name)
        self._report("damaged", f"{file}: this compiled kernel was damaged and is compiled anew")
        with suppress(OSError):  # it is replaced anyway, where that is possible
            file.unlink()

    def report(self) -> str:
        """Return what went wrong and was not returned before, in one line; each kind of trouble once."""
        line, self._unread = "; ".join(self._unread), []
        return line

    def untrusted(self) -> str:
        """Return why nothing may be loaded from the folder, or "" if it may."""
        try:
            found = self.path.stat()
        except OSError:
            return ""  # there is nothing to load
        if not _own(found):
            return "belongs to another user"
        if os.name != "nt" and found.st_mode & _WRITABLE_BY_OTHERS:
            return "can be written by other users"
        return ""

    def writable(self) -> bool:
        """Return True if the system lets this user save here, or make the folder."""
        there = next((path for path in (self.path, *self.path.parents) if os.path.lexists(path)), self.path)
        return there.is_dir() and os.access(there, os.W_OK | os.X_OK)

    def check(self) -> Contents:
        """Read every file and count those that cannot be used."""
        damaged = files = size = 0
        for file in self.path.glob(f"*{_SUFFIX}"):
            files += 1
            try:
                size += len(read_kernel(file))
            except (OSError, DamagedError):
                damaged += 1
        return Contents(damaged, files, size)

    def _file(self, name: str) -> Path:
        return self.path / (name + _SUFFIX)

    def _trusted(self) -> bool:
        if reason := self.untrusted():
            self._report(
                "untrusted", f"{self.path}: {reason}; its compiled kernels are not used, and none are kept"
            )
        return not reason

    def _report(self, trouble: Trouble, message: str) -> None:
        if trouble not in self._reported:
            self._reported.add(trouble)
            self._unread.append(message)


def read_kernel(file: Path) -> bytes:
    """The content of a kernel's file.

    Raises DamagedError if it is not whole or somebody else's, OSError if it cannot be read.
    """
    with file.open("rb") as opened:
        # Of the file that is open, not of the name: the folder may be exchanged between a look and a read.
        if not _own(os.fstat(opened.fileno())):
            raise DamagedError
        data = opened.read()
    start = len(_HEADER) + _DIGEST_SIZE
    content = data[start:]
    if data[:start] != _HEADER + hashlib.sha256(content).digest():
        raise DamagedError
    return content


def kernel_name(file: str) -> str:
    """Name of a kernel for a person: `lstm forward` for `lstm.forward-25-0f3a...`."""
    module, *function = (
        file.split("-")[0].removesuffix(".locals.sweep").removesuffix(".locals.part").split(".")
    )
    return re.sub(r"[\s_]+", " ", " ".join([module, *function])).strip()


def _own(found: os.stat_result) -> bool:
    return os.name == "nt" or found.st_uid == os.geteuid()


def kernels_path() -> Path:
    """The folder of the kernels of these sources: a change in one of them may change what another compiles to."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    home = platformdirs.user_cache_path("rnntui", appauthor=False)
    return home / "kernels" / digest.hexdigest()[:16]


@cache
def kernel_folder() -> KernelFolder:
    """The folder that this process uses, named as its sources were when they were imported."""
    return KernelFolder(kernels_path())


def report_compiling(show: Callable[[str], None]) -> None:
    """Have `show` called with a line for every kernel that this process compiles from now on."""
    count = 0

    def missed(kernel: str) -> None:
        nonlocal count
        count += 1
        show(f"compiling kernel {count}, {kernel} (once per machine)")

    kernel_folder().missed = missed


def cache_report() -> str:
    """Return what went wrong with the kept kernels and was not returned before, in one line, or ""."""
    return kernel_folder().report()
