"""A folder that is held open, so that it is found again after somebody moved it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from rnntui.core.errors import RnntuiError


class FolderHandle:
    """An open folder and its present path.

    Linux and macOS tell the path of an open folder.  Windows moves no folder in which a file is open.
    """

    def __init__(self, path: Path) -> None:
        """Open the folder at `path`.  Raises OSError."""
        self.path = path
        """Where the folder was when `follow` last looked."""
        self._descriptor = None if os.name == "nt" else os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def follow(self) -> bool:
        """Look where the folder is now; True if it has moved.  Raises RnntuiError where it was deleted."""
        if self._descriptor is None or self._is_at(self.path):
            return False
        found = _path_of(self._descriptor)
        if found == self.path:
            return False  # a file system whose inodes have no lasting numbers
        if found is None or not self._is_at(found):
            raise RnntuiError(
                f"{self.path}: deleted while in use, or moved to another disk; nothing more can be saved there"
            )
        self.path = found
        return True

    def _is_at(self, path: Path) -> bool:
        assert self._descriptor is not None
        try:
            there = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # a disk that does not answer has moved nothing
            return True
        return os.path.samestat(there, os.fstat(self._descriptor))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


def _path_of(descriptor: int) -> Path | None:
    """The path of an open folder, where the system tells it."""
    if sys.platform == "darwin":
        import fcntl

        return Path(os.fsdecode(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0")))
    try:
        return Path(f"/proc/self/fd/{descriptor}").readlink()
    except OSError:
        return None
