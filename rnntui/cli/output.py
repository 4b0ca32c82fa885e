"""Standard output and standard error: the only module of the commands that writes to them.

Data goes to standard output unchanged, unless that is a terminal.  Messages, on either stream, never contain control
characters.  A broken stream raises an error of this module on standard output and is ignored on standard error.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from rnntui.core.errors import RnntuiError
from rnntui.core.runs.events import encodable
from rnntui.ui.terminal_safety import visible

if TYPE_CHECKING:
    from rich.console import Console

_NOBODY_READS = (errno.EPIPE, errno.EIO)
"""Error numbers of a pipe without a reader, and of a closed terminal."""
OF_A_STREAM = (*_NOBODY_READS, errno.ENOSPC, errno.EBADF, errno.EFBIG, errno.EDQUOT)
"""Error numbers that a standard stream can raise when it is written."""


class ReaderGoneError(Exception):
    """The reader of standard output has closed it, as `head` does."""


class OutputError(RnntuiError):
    """Standard output cannot be written, as on a full disk."""


def open_standard_streams() -> None:
    """Make the three standard streams usable, and UTF-8 whatever the locale.

    Where the shell closed one, its number would go to the next file that is opened: an empty device takes it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                # It cannot be written, so that a command which has something to say finds out.
                os.open(os.devnull, os.O_RDONLY)
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # So that a pipe gets the bytes the model means.
            stream.reconfigure(encoding="utf-8", errors="replace")


def abandon(stream: TextIO) -> None:
    """Redirect a broken stream to the null device, so that no later flush fails."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass


def write(text: str) -> None:
    """Write `text` unchanged; on a terminal, with control characters replaced.

    Raises ReaderGoneError where nobody reads any more, OutputError where it cannot be written.
    """
    try:
        sys.stdout.write(visible(text) if sys.stdout.isatty() else text)
        sys.stdout.flush()
    except OSError as error:
        raise broken(error) from None


def write_line(text: str) -> None:
    """As `write`, and a line end."""
    write(f"{text}\n")


class JsonStream:
    """JSON lines on standard output during long work, which continues without them if they cannot be written."""

    def __init__(self) -> None:
        self._fault: ReaderGoneError | OutputError | None = None

    def write(self, line: str) -> None:
        """Write a line, unless one could not be written before."""
        if self._fault is not None:
            return
        try:
            write_line(line)
        except (ReaderGoneError, OutputError) as error:
            self._fault = error
            if isinstance(error, OutputError):
                report(f"rnntui: {error}; the work goes on without it")

    def end(self) -> None:
        """Raise what kept a line from being written, if anything did."""
        if self._fault is not None:
            raise self._fault


def as_json_text(content: Any) -> str:
    """`content` as JSON; half characters in its texts, as of names that are no UTF-8, are replaced."""
    return msgspec.json.encode(encodable(msgspec.to_builtins(content))).decode()


def show_line(text: str = "") -> None:
    """Print a message on standard output.  Raises as `write`."""
    write_line(visible(text))


def report(text: str) -> None:
    """Print a message on standard error; ignored if that cannot be written."""
    try:
        sys.stderr.write(f"{visible(text)}\n")
        sys.stderr.flush()
    except OSError:
        abandon(sys.stderr)


def confirm(question: str) -> None:
    """Ask on the terminal.  Raises click.Abort where the answer is not yes."""
    import click

    click.confirm(visible(question), abort=True, err=True)


def flush() -> None:
    """Write what waits in both streams.  Raises as `write`."""
    try:
        sys.stdout.flush()
    except OSError as error:
        raise broken(error) from None
    finally:
        try:
            sys.stderr.flush()
        except OSError:
            abandon(sys.stderr)


def broken(error: OSError) -> Exception:
    """Return the exception for an error of standard output."""
    abandon(sys.stdout)
    if error.errno in _NOBODY_READS:
        return ReaderGoneError()
    return OutputError(f"standard output: cannot be written: {error.strerror}")


class _Tolerant:
    """A stream for rich that ignores errors: rich does not handle a stream that breaks during a live display."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            abandon(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            abandon(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def console(stderr: bool = False, width: int | None = None) -> Console:
    """Return a rich console on a standard stream that replaces control characters in text."""
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class VisibleConsole(Console):
        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            for text, style, control in super().render(renderable, options):
                # What rich itself has for the terminal is marked as such.
                yield Segment(text if control else visible(text), style, control)

    file: Any = _Tolerant(sys.stderr) if stderr else sys.stdout
    return VisibleConsole(file=file, width=width)


def print_table(table: Any, width: int | None = None) -> None:
    """Print a rich table on standard output.  Raises as `write`."""
    try:
        console(width=width).print(table)
    except OSError as error:
        raise broken(error) from None
