"""The runs in the runs' home as summaries, kept in the cache: what has not changed is not read again.

The index can be thrown away at any time; one that is damaged, or of another version, counts as none.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from rnntui import __version__
from rnntui.core.errors import RnntuiError
from rnntui.core.files import make_private, write_atomically
from rnntui.core.runs.events import encodable
from rnntui.core.runs.store import cache_home, opened, run_folders, runs_home
from rnntui.core.runs.summaries import RunSummary, summarise

_LOOKED_AT = ("run.toml", "events.jsonl", "stderr.log")
"""Files that say whether a run has changed."""

Stamp = tuple[int, ...]


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    stamp: Stamp
    summary: RunSummary


class _Content(msgspec.Struct, frozen=True):
    version: str
    home: str
    entries: dict[str, _Entry]


class RunIndex:
    """Summaries of all runs in the runs' home, read as far as they have changed."""

    def __init__(self) -> None:
        self._path = cache_home() / "runs.json"
        self._entries = self._read()
        self._changed = False

    def look(self, left: Callable[[], bool] = lambda: False) -> list[RunSummary]:
        """The summaries now, the newest run last; fewer where `left` says that nobody waits for them any more."""
        found: dict[str, _Entry] = {}
        summaries: list[RunSummary] = []
        for path in run_folders():
            if left():
                return summaries
            stamp, known = _stamp(path), self._entries.get(path.name)
            if known is None or not stamp or known.stamp != stamp:
                known = _Entry(stamp, summarise(opened(path)))
                self._changed = self._changed or bool(stamp)
            found[path.name] = known
            summaries.append(known.summary)
        self._changed = self._changed or len(found) != len(self._entries)
        self._entries = found
        self._save()
        return summaries

    def _read(self) -> dict[str, _Entry]:
        with suppress(OSError, ValueError, RecursionError):
            content = msgspec.json.decode(self._path.read_bytes(), type=_Content)
            if (content.version, content.home) == (__version__, str(runs_home())):
                return content.entries
        return {}

    def _save(self) -> None:
        """Keep what was read, if anything is new; where it cannot be kept, the next one reads again."""
        if not self._changed:
            return
        self._changed = False
        content = _Content(__version__, str(runs_home()), self._entries)
        with suppress(OSError, RnntuiError):
            make_private(self._path.parent)
            data = msgspec.json.encode(encodable(msgspec.to_builtins(content)))
            write_atomically(self._path, data, durable=False)


def _stamp(path: Path) -> Stamp:
    """Key that changes when a run has to be read again; None for one that trains, or died while it did."""
    stamp: list[int] = []
    for name in _LOOKED_AT:
        try:
            status = (path / name).lstat()
        except OSError:
            stamp += (0, 0)
        else:
            stamp += (status.st_mtime_ns, status.st_size)
    try:
        (path / "lock").lstat()
    except OSError:
        return tuple(stamp)
    return ()
