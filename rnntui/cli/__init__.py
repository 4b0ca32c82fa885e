"""The command line.  Importing it loads no command: the app, which needs none, opens sooner.

The commands are in `commands`; importing them loads neither torch nor textual, and each loads what it needs when it
runs.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from rnntui.cli import output
from rnntui.cli.terminal import open_app
from rnntui.core.errors import RnntuiError, oneline
from rnntui.core.interrupts import leave_by_interrupt
from rnntui.ui.terminal_safety import visible_line

COMPLETING = "_RNNTUI_COMPLETE"
"""Variable in which a shell asks what could follow."""
_LINE = 1000
"""Characters of a message at most: a hostile file may have put any number into it."""
_FEW_CYCLES = 50_000
"""Objects made after which cycles are looked for.  More than a hundred thousand come with torch and stay: to go
through them as often as Python does by itself takes a tenth of the time until a training begins."""


def main() -> NoReturn:
    """Run the program.  Every failure is one line on standard error and an exit code.

    0 done, 1 failed, 2 bad usage or bad input, 130 interrupted.
    """
    _use_utf8()
    output.open_standard_streams()
    gc.set_threshold(_FEW_CYCLES)
    leave_by_interrupt()
    code = _answered(_run)
    sys.exit(_answered(output.flush) or code)


def _run() -> int:
    """Open the app, or run the command that the arguments name."""
    if len(sys.argv) == 1 and COMPLETING not in os.environ:
        return open_app()
    from rnntui.cli.commands import cli

    if os.environ.get(COMPLETING):
        cli.main(prog_name="rnntui", complete_var=COMPLETING, standalone_mode=False)
    # Not click's own `main`, which takes a file that ends too early for ctrl+c, and exits 1 where a reader has gone.
    try:
        with cli.make_context("rnntui", sys.argv[1:]) as context:
            return cli.invoke(context) or 0
    except OSError as error:
        if error.filename is None and error.errno in output.OF_A_STREAM:
            raise output.broken(error) from None  # while help was printed, which is click's
        raise


def _answered(work: Callable[[], int | None]) -> int:
    """The exit code of `work`, and one line on standard error where it fails."""
    try:
        return work() or 0
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except output.ReaderGoneError:
        return 0
    except RnntuiError as error:
        return _fail(oneline(error), error.exit_code)
    except MemoryError:
        return _fail("memory is exhausted; close other programs, raise `ulimit -v`, or take smaller sizes", 1)
    except OSError as error:
        if not isinstance(error.filename, str | bytes):
            return _unforeseen(error)
        return _fail(f"{os.fsdecode(error.filename)}: {error.strerror}", 1)
    except Exception as error:
        return _answered_for_click(error)


def _answered_for_click(error: Exception) -> int:
    """The exit code of an exception of click's, or of one that nobody foresaw."""
    import click
    from click.exceptions import Exit, NoArgsIsHelpError

    match error:
        case Exit():
            return error.exit_code
        case NoArgsIsHelpError():
            output.report(error.format_message())
            return 2
        case click.UsageError():
            where = error.ctx.command_path if error.ctx else "rnntui"
            return _fail(f"{error.format_message()} (see `{where} --help`)", 2)
        case click.ClickException():
            return _fail(error.format_message(), 2)
        case click.Abort():
            return _fail("interrupted", 130)
    return _unforeseen(error)


def _unforeseen(error: Exception) -> int:
    if os.environ.get("RNNTUI_DEBUG"):
        traceback.print_exc()
    return _fail(f"{type(error).__name__}: {oneline(error)} (RNNTUI_DEBUG=1 shows where)", 1)


def _fail(message: str, code: int) -> int:
    output.report(f"rnntui: {visible_line(message, _LINE)}")
    return code


def _use_utf8() -> None:
    """Begin anew where the names of files are not read as UTF-8, as in a plain C locale.

    Names are kept in `run.toml` and in JSON, which are UTF-8; and another locale must find the same files.
    """
    if os.name != "posix" or sys.getfilesystemencoding() == "utf-8" or os.environ.get("PYTHONUTF8") == "1":
        return
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "PYTHONUTF8": "1"})
