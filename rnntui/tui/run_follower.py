"""Follows a run for whoever shows it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from rnntui.core.errors import InputError, oneline
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.runs.history import History
from rnntui.core.runs.journal import EventTail
from rnntui.core.runs.ownership import owner_of
from rnntui.core.runs.summaries import read_history
from rnntui.tui.training_process import TrainingProcess


class RunFollower:
    """Events and state of a run.

    `process` is its training process, if this app started it; the run at `path` may not exist yet.
    """

    def __init__(self, path: Path, process: TrainingProcess | None = None) -> None:
        self.path, self.process = path, process
        self.history = History()
        self.fault = ""
        """Why its events cannot be read, if they cannot."""
        self._tail = EventTail(path / "events.jsonl")
        self._resumed = False
        """True once the process at work has logged something: an end logged before it began is not its end."""

    @property
    def behind(self) -> bool:
        """True if the last poll left something to read: a long run is read piece by piece."""
        return self._tail.behind

    def poll(self) -> list[ev.AnyEvent]:
        """Take in what was logged since the last poll, some megabytes at most, and return it.

        Nothing of a run whose events cannot be read; `fault` says why.
        """
        if self.fault:
            return []
        try:
            events = self._tail.poll()
        except InputError as error:
            self.fault = oneline(error)
            return []
        self.history.add(events)
        return events

    def poll_all(self) -> None:
        """Take in everything that is there."""
        while self.poll():
            pass

    @property
    def at_work(self) -> bool:
        """True while a process prepares or trains the run."""
        started_here = self.process is not None and self.process.poll() is None
        return started_here or owner_of(self.path) is not None

    @property
    def state(self) -> str | None:
        """`preparing`, `running`, `paused`, `crashed`, or the reason why it finished; None while that is not read."""
        history, at_work = self.history, self.at_work
        self._resumed = self._resumed or history.finished is None
        if history.finished is not None and (self._resumed or not at_work):
            return history.finished.reason
        if not at_work:
            return None if self.behind else "crashed"
        if history.started is not None and history.finished is None:
            return "paused" if history.paused else "running"
        return "preparing"


def histories_of(paths: Iterable[Path]) -> list[tuple[Path, History]]:
    """The events of these runs; a run that was deleted meanwhile is left out."""
    found = []
    for path in paths:
        with suppress(InputError):
            found.append((path, read_history(Run.open(path))))
    return found
