"""The real program in a pseudo-terminal, from start to accepted ghost text to quit."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX's")
pyte = pytest.importorskip("pyte")

COLUMNS, ROWS = 80, 24


class Terminal:
    """The program behind a pseudo-terminal, and the screen as a person sees it."""

    def __init__(self, *arguments: str) -> None:
        import fcntl
        import struct
        import termios

        self.screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self.screen)
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.environ |= {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
            os.execv(sys.executable, [sys.executable, "-m", "rnntui", *arguments])
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        os.set_blocking(self._fd, False)

    def read(self) -> str:
        """Everything on the screen now."""
        try:
            while data := os.read(self._fd, 65536):
                # pyte does not know the private sequences with '>' or '$', which show nothing.
                self._stream.feed(data.replace(b"\x1b[>", b"\x1b[?"))
        except (BlockingIOError, OSError):
            pass
        return "\n".join(self.screen.display)

    def wait(self, condition: Callable[[str], bool], seconds: float = 60) -> str:
        end = time.monotonic() + seconds
        while not condition(shown := self.read()):
            assert time.monotonic() < end, f"never came about; the screen shows:\n{shown}"
            time.sleep(0.02)
        return shown

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def ended(self) -> bool:
        self.read()
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        assert pid == 0 or os.waitstatus_to_exitcode(status) == 0
        return pid != 0


def first_row(shown: str) -> str:
    """The first row of the text area."""
    return next(line for line in shown.splitlines() if line.startswith("│")).strip("│ ")


def test_from_start_to_accepted_ghost_text_to_quit() -> None:
    """Protects the main job as a person does it: choose, Enter, watch, play, type, Tab, quit, stop."""
    terminal = Terminal()
    try:
        terminal.wait(lambda shown: "characters," in shown and "Start" in shown)
        terminal.type("\x1b[B" * 3)  # down to the grammar
        terminal.wait(lambda shown: "embedded Reber" in shown)
        terminal.type("\r")
        terminal.wait(lambda shown: "learning" in shown and "tok/s" in shown)
        terminal.type("p")
        terminal.wait(lambda shown: "write here" in shown and "live weights" in shown)
        terminal.type("B")
        terminal.wait(lambda shown: len(first_row(shown)) > 1)
        terminal.type("\t")
        terminal.wait(lambda shown: terminal.screen.cursor.x > 4)  # the cursor stands behind what was taken
        terminal.type("\x02")  # back
        terminal.wait(lambda shown: "New run" in shown)
        terminal.type("q")
        terminal.wait(lambda shown: "still learning" in shown)
        terminal.type("s")
        end = time.monotonic() + 60
        while not terminal.ended():
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        with suppress(ProcessLookupError):
            os.kill(terminal.pid, 9)
