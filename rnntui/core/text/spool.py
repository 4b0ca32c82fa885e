"""A text on disk while it is cut into tokens, so that it need not fit into memory."""

from __future__ import annotations

import bisect
import errno
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import IO

from rnntui.core.errors import InputError
from rnntui.core.files import refused
from rnntui.core.runs.store import cache_home
from rnntui.core.text.corpus import Source

_BLOCK = 1 << 18
"""Bytes of a block, at least: what the tokenizers look at at once."""

Report = Callable[[str, float | None], None]
"""Told what is being done, and how much of it is: a fraction, or None where nobody knows."""


def silent(line: str, fraction: float | None = None) -> None:
    """Nobody listens."""


class StoredText:
    """UTF-8 in a file without a name, with marks that find the place of a character."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._marks = [(0, 0)]  # (characters, bytes) before each block
        self.chars = self.bytes = 0

    def append(self, block: str) -> None:
        """Add a block at the end."""
        content = block.encode("utf-8", "replace")
        self.chars += len(block)
        self.bytes += len(content)
        self._file.write(content)
        if self.bytes - self._marks[-1][1] >= _BLOCK:
            self._marks.append((self.chars, self.bytes))

    def part(self, first: int, last: int) -> Iterator[str]:
        """The characters from `first` to before `last`, block by block."""
        at = bisect.bisect_right(self._marks, first, key=lambda mark: mark[0]) - 1
        marks = [*self._marks[at:], (self.chars, self.bytes)]
        for (start, begin), (end, stop) in pairwise(marks):
            if start >= last:
                return
            self._file.seek(begin)
            block = self._file.read(stop - begin).decode()
            yield block[max(first - start, 0) : min(last, end) - start]


@contextmanager
def stored(source: Source, report: Report) -> Iterator[StoredText]:
    """Read `source` to its end onto the disk, where it stays for the length of the block.

    Raises InputError where the source cannot be read, RnntuiError where there is no room.
    """
    folder, text = cache_home(), None
    with ExitStack() as opened:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = opened.enter_context(tempfile.TemporaryFile(dir=folder))
            text = StoredText(file)
            for block in source.blocks():
                text.append(block)
                report(f"reading {source.source}", source.fraction)
            file.flush()
        except OSError as error:
            fault = refused(folder, text.bytes if text else 0, error)
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise InputError(f"{fault}; set RNNTUI_HOME to a folder that can be written") from error
            raise fault from error
        yield text
