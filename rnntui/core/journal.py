"""`events.jsonl`: one writer that appends whole lines, and readers that follow it while it grows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from rnntui.core import events as ev
from rnntui.core.errors import RnntuiError
from rnntui.core.files import append, refused

_AT_ONCE = 1 << 22
"""Bytes of `events.jsonl` read at once: a long run must not fill the memory."""
_LINE_AT_MOST = 1 << 16
"""Bytes looked at from the end for where the last whole line ends, before the rest is looked at as well."""


class Journal:
    """Appends events, whole lines at a time.  What finds no room waits here for the next try."""

    def __init__(self, path: Path) -> None:
        """Raises WriteError or RnntuiError where the file cannot be opened."""
        self.path = path
        self._waiting = b""
        try:
            self._file = path.open("ab+", buffering=0)
            _drop_torn_line(self._file)
        except OSError as error:
            raise refused(path, 0, error) from None

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


def _drop_torn_line(file: BinaryIO) -> None:
    """Cut off what a killed writer left of its last line, so that the next line starts clean."""
    size = file.seek(0, os.SEEK_END)
    begin = max(size - _LINE_AT_MOST, 0)
    while True:
        file.seek(begin)
        end = file.read(size - begin).rfind(b"\n")
        if end >= 0 or begin == 0:
            break
        begin = 0
    whole = begin + end + 1
    if whole < size:
        file.truncate(whole)


class EventTail:
    """Reads `events.jsonl` as it grows.

    A torn last line is not there yet; a line that cannot be read is passed over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self.behind = False
        """Whether the last poll left something to read."""

    def poll(self) -> list[ev.AnyEvent]:
        """The next events, some megabytes of them at most; none where all is read."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                data = file.read(_AT_ONCE)
        except FileNotFoundError:
            return []
        self.behind = len(data) == _AT_ONCE
        complete = data[: data.rfind(b"\n") + 1]
        if not complete and len(data) == _AT_ONCE:
            complete = data  # no line of ours is so long: pass over it in pieces
        self._offset += len(complete)
        events = ev.decode_lines(complete)
        return events or (self.poll() if complete else [])

    def all(self) -> Iterator[ev.AnyEvent]:
        """Every event from here to the end of the file."""
        while events := self.poll():
            yield from events
