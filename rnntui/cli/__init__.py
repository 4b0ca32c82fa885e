"""The commands.  Importing them loads neither torch nor textual; each loads what it needs when it runs."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

import rich_click as click
from click.exceptions import Exit, NoArgsIsHelpError

from rnntui import __version__
from rnntui.cli import (
    classify,
    config,
    corpora,
    doctor,
    export,
    gradients,
    measure,
    model,
    output,
    runs,
    screens,
    studies,
    train,
    translate,
)
from rnntui.cli.options import COMPLETING
from rnntui.core.errors import RnntuiError, oneline
from rnntui.core.interrupts import leave_by_interrupt
from rnntui.ui.terminal_safety import visible_line

click.rich_click.TEXT_MARKUP = None  # a text in brackets is a text
click.rich_click.SHOW_ARGUMENTS = True
click.rich_click.COMMAND_GROUPS = {
    "rnntui": [
        {"name": "Train", "commands": ["train", "watch", "play", "duel", "sweep"]},
        {
            "name": "Use a model",
            "commands": ["complete", "generate", "classify", "translate", "nearest", "export"],
        },
        {"name": "Evaluate", "commands": ["evaluate", "score", "gradients"]},
        {"name": "Manage", "commands": ["runs", "corpora", "config", "doctor"]},
    ]
}


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rnntui")
@click.pass_context
def cli(context: click.Context) -> int:
    """Train recurrent language models on your own text, and write with them while they learn.

    Without a command, the app opens: choose a text and a cell, press Enter, watch, write.
    """
    if context.invoked_subcommand is None:
        return screens.open_app()
    return 0


for group in (
    train,
    studies,
    model,
    classify,
    translate,
    measure,
    export,
    gradients,
    runs,
    corpora,
    config,
    doctor,
    screens,
):
    for command in group.COMMANDS:
        cli.add_command(command)


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
    """Run the command that the arguments name."""
    if os.environ.get(COMPLETING):  # the shell asks what could follow
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
    except Exit as end:
        return end.exit_code
    except NoArgsIsHelpError as error:
        output.report(error.format_message())
        return 2
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "rnntui"
        return _fail(f"{error.format_message()} (see `{where} --help`)", 2)
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
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
