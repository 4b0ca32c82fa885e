"""The real program behind a pseudo-terminal, and its screen as a person sees it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Self

import pytest

pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX's")
pyte = pytest.importorskip("pyte")

MODES = {
    "1049": "the other screen",
    "1000": "the mouse",
    "1003": "the mouse",
    "2004": "pasting",
    "1004": "focus",
}
"""The terminal's modes that a full-screen program switches on, and must switch off again."""


class Terminal:
    """A program (rnntui with `arguments`) in a terminal of its own."""

    def __init__(
        self,
        *arguments: str,
        columns: int = 80,
        rows: int = 24,
        command: tuple[str, ...] = (sys.executable, "-m", "rnntui"),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        import fcntl
        import struct
        import termios

        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.output = b""
        """Everything that was written to the terminal."""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.settings = termios.tcgetattr(slave)
        self._slave = slave  # kept open, so that its settings can still be read when the program has ended
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._master)
            os.login_tty(slave)
            os.environ.update({"TERM": "xterm-256color", "COLORTERM": "truecolor"} | dict(environment or {}))
            for name in ("COLUMNS", "LINES"):  # readline sets them where Python does not see it
                os.environ.pop(name, None)
                os.unsetenv(name)
            os.execv(command[0], [*command, *arguments])
        os.set_blocking(self._master, False)

    @property
    def descriptor(self) -> int:
        """To wait on for output."""
        return self._master

    def drain(self) -> bytes:
        """Take what the program has written, without showing it."""
        taken = b""
        try:
            while data := os.read(self._master, 1 << 16):
                taken += data
        except (BlockingIOError, OSError):
            pass
        if b"\x1b[?2026$p" in taken:  # asked whether it can show an update whole: it can
            os.write(self._master, b"\x1b[?2026;2$y")
        self.output += taken
        return taken

    def read(self) -> str:
        """Everything on the screen now."""
        # pyte does not know the private sequences with '>' or '$', which show nothing.
        self._stream.feed(self.drain().replace(b"\x1b[>", b"\x1b[?"))
        return "\n".join(self.screen.display)

    def wait(self, condition: Callable[[str], bool], seconds: float = 60) -> str:
        end = time.monotonic() + seconds
        while not condition(shown := self.read()):
            assert time.monotonic() < end, f"never came about; the screen shows:\n{shown}"
            time.sleep(0.02)
        return shown

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def settle(self, quiet_s: float = 0.3, seconds: float = 3.0) -> None:
        """Wait until nothing has been written for a moment; a cursor that blinks is waited for no longer."""
        last = began = time.monotonic()
        while time.monotonic() - last < quiet_s and time.monotonic() - began < seconds:
            if self.drain():
                last = time.monotonic()
            time.sleep(0.02)

    def wait_for_end(self, seconds: float = 60, code: int = 0) -> None:
        """Wait until the program has ended, with the exit `code`."""
        assert self.wait_for_any_end(seconds) == code

    def wait_for_any_end(self, seconds: float = 60) -> int:
        """The exit code of the program, once it has ended."""
        end = time.monotonic() + seconds
        while True:
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.read()
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < end, "the program does not end"
            time.sleep(0.02)

    def assert_left_as_it_was(self) -> None:
        """The line settings are those from before, and every mode that was switched on is off again."""
        import termios

        assert termios.tcgetattr(self._slave) == self.settings
        for mode, what in MODES.items():
            on, off = (
                self.output.rfind(f"\x1b[?{mode}h".encode()),
                self.output.rfind(f"\x1b[?{mode}l".encode()),
            )
            assert off >= on, f"{what} (mode {mode}) is left switched on"
        assert self.output.rfind(b"\x1b[?25h") >= self.output.rfind(b"\x1b[?25l"), "the cursor is left hidden"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the program, whatever it does."""
        try:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self._master)
        os.close(self._slave)
