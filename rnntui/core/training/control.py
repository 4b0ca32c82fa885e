"""Control of a running training: by signals, or by lines in `RUN/control`."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import get_args

from rnntui.core.errors import InputError
from rnntui.core.interrupts import leaving_signals
from rnntui.core.runs.folder import Command
from rnntui.core.runs.safe_files import open_file

_AT_ONCE = 1 << 16
"""Bytes of requests read between two steps."""


class Control:
    """Requests to the training loop, read between two steps.

    Lines in the control file work on every system; signals are their short form where there are any.
    """

    def __init__(
        self, run_path: Path, signalled: threading.Event | None = None, patience_s: float = 0.0
    ) -> None:
        """Read requests to the run at `run_path`.

        `signalled`, where several trainings share one process, tells all of them of its signals.  One that comes
        within `patience_s` of the first is the same request: a launcher hands on what a terminal has sent already.
        """
        self._path = run_path / "control"
        with suppress(OSError):
            self._path.unlink(missing_ok=True)  # requests to an earlier process are void
        self._offset = 0
        self._signalled = signalled or threading.Event()
        self._patience_s, self._first_signal = patience_s, 0.0

    def follow(self, run_path: Path) -> None:
        """Read on in the run folder's new place."""
        self._path = run_path / "control"

    @property
    def signalled(self) -> bool:
        """True if a signal has asked to stop: long work looks here between its parts."""
        return self._signalled.is_set()

    def poll(self) -> list[Command]:
        """The requests since the last call, in order; unknown words are passed over."""
        stop: list[Command] = ["stop"] if self._signalled.is_set() else []
        try:
            if self._path.lstat().st_size <= self._offset:
                return stop
            with open_file(self._path) as file:
                file.seek(self._offset)
                data = file.read(_AT_ONCE)
        except (OSError, InputError):
            return stop
        complete = data[: data.rfind(b"\n") + 1]
        # What has no line end in so many bytes is no request: it is passed over, not read again and again.
        self._offset += len(data) if len(data) == _AT_ONCE else len(complete)
        known: dict[str, Command] = {name: name for name in get_args(Command)}
        words = complete.decode("utf-8", "replace").split()
        return [known[word] for word in words if word in known] + stop

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Within the block, SIGINT, SIGTERM and their like ask to stop; a second one stops at once.

        One that was ignored before, as SIGHUP is under nohup, stays so.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._on_signal) for number in leaving_signals()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._signalled.is_set():
            self._signalled.set()
            self._first_signal = time.monotonic()
        elif time.monotonic() - self._first_signal >= self._patience_s:
            raise KeyboardInterrupt
