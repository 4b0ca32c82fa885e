"""`events.jsonl`: one writer that appends whole lines, and readers that follow it while it grows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from rnntui.core.errors import InputError, RnntuiError
from rnntui.core.files import append, refused
from rnntui.core.runs import events as ev
from rnntui.core.runs import locks
from rnntui.core.runs.safe_files import UnsafeFileError, open_file, open_growing

_AT_ONCE = 1 << 22
"""Bytes of `events.jsonl` read at once: a long run must not fill the memory."""
_LAST_LINE = 1 << 16
"""Bytes in which the last line ends nearly always."""
_LONGEST_LINE = 1 << 24
"""Bytes of a line: a table of confusions between two thousand labels has fewer."""
_DAMAGE_AT_MOST = 1 << 18
"""Unreadable lines after which a file that has fewer others counts as none of ours."""
_LARGEST = 1 << 29
"""Bytes of the file that are read: the events of millions of steps, and what their figures fill in memory."""


class Journal:
    """Appends events, whole lines at a time.  What finds no room waits here for the next try."""

    def __init__(self, path: Path, alone: bool = True) -> None:
        """Open the file, `alone` with a lock on it: nobody thinks of deleting that one to free a run.

        Raises WriteError or RnntuiError where the file cannot be opened, InputError where it is none of a run or
        another process trains it.
        """
        self.path = path
        self._waiting = b""
        try:
            self._file = open_growing(path)
            if alone:
                self._lock()
            _drop_torn_line(self._file, path)
        except OSError as error:
            raise refused(path, 0, error) from None

    def _lock(self) -> None:
        with suppress(locks.UnsupportedError):
            try:
                locks.lock_beside(self._file)
            except locks.BusyError:
                self._file.close()
                raise InputError(f"{self.path.parent}: another process is training this run") from None

    def add(self, event: ev.AnyEvent) -> RnntuiError | None:
        """Write an event after all that waits; what stood in the way, or None."""
        self._waiting += ev.encode(event) + b"\n"
        return self.flush()

    def flush(self) -> RnntuiError | None:
        """Write what waits, if anything does; what stood in the way, or None."""
        try:
            if self._waiting:
                append(self._file, self._waiting)
        except OSError as error:
            return refused(self.path, len(self._waiting), error)
        self._waiting = b""
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._file.close()


def _drop_torn_line(file: BinaryIO, path: Path) -> None:
    """Cut off what a killed writer left of its last line, so that the next line starts clean."""
    size = file.seek(0, os.SEEK_END)
    for length in (min(_LAST_LINE, size), min(_LONGEST_LINE, size)):
        file.seek(size - length)
        found = file.read(length).rfind(b"\n")
        if found >= 0 or length == size:
            break
    else:
        raise UnsafeFileError(f"{path}: a line of more than {_LONGEST_LINE:,} bytes; delete this run")
    whole = size - length + found + 1
    if whole < size:
        file.truncate(whole)


class EventTail:
    """Reads `events.jsonl` as it grows.

    A torn last line is not there yet; a line that cannot be read is passed over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._damage = 0
        """Lines that could not be read, less those that could."""
        self.behind = False
        """True if the last poll left something to read."""

    def poll(self) -> list[ev.AnyEvent]:
        """The next events, some megabytes of them at most; none where all is read.

        Raises InputError where the file is none of a run, is damaged throughout, or larger than can be read.
        """
        while complete := self._read():
            events = ev.decode_lines(complete)
            self._damage += complete.count(b"\n") - 2 * len(events)
            if self._damage > _DAMAGE_AT_MOST:
                raise UnsafeFileError(f"{self.path}: most of its lines are no events; delete this run")
            if events:
                return events
        return []

    def _read(self) -> bytes:
        """The next whole lines, or b'' where all are read."""
        try:
            with open_file(self.path) as file:
                if file.seek(0, os.SEEK_END) > _LARGEST:
                    raise UnsafeFileError(
                        f"{self.path}: larger than {_LARGEST:,} bytes, which are read at most"
                    )
                file.seek(self._offset)
                data = file.read(_AT_ONCE)
                self.behind = len(data) == _AT_ONCE
                if self.behind and b"\n" not in data:
                    data += file.read(_LONGEST_LINE)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror}") from None
        complete = data[: data.rfind(b"\n") + 1]
        if not complete and len(data) > _LONGEST_LINE:
            raise UnsafeFileError(
                f"{self.path}: a line of more than {_LONGEST_LINE:,} bytes; delete this run"
            )
        self._offset += len(complete)
        return complete

    def all(self) -> Iterator[ev.AnyEvent]:
        """Every event from here to the end of the file.  Raises InputError as `poll`."""
        while events := self.poll():
            yield from events
