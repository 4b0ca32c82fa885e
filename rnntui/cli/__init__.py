"""The commands.  Importing them loads neither torch nor textual; each loads what it needs when it runs."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from typing import NoReturn

import rich_click as click

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
    runs,
    screens,
    studies,
    train,
    translate,
)
from rnntui.core.errors import RnntuiError, oneline
from rnntui.core.interrupts import leave_by_interrupt
from rnntui.visible import visible_line

click.rich_click.TEXT_MARKUP = None  # a text in brackets is a text
click.rich_click.SHOW_ARGUMENTS = True
click.rich_click.COMMAND_GROUPS = {
    "rnntui": [
        {"name": "Learn and look", "commands": ["train", "watch", "play", "duel", "sweep"]},
        {
            "name": "Use a model",
            "commands": ["complete", "generate", "classify", "translate", "nearest", "export"],
        },
        {"name": "Judge a model", "commands": ["evaluate", "score", "gradients"]},
        {"name": "Keep order", "commands": ["runs", "corpora", "config", "doctor"]},
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


_FEW_CYCLES = 50_000
"""Objects made after which cycles are looked for.  More than a hundred thousand come with torch and stay: to go
through them as often as Python does by itself takes a tenth of the time until a training begins."""


def main() -> NoReturn:
    """Run the program.  Every failure is one line on standard error and an exit code.

    0 done, 1 failed, 2 bad usage or bad input, 130 interrupted.
    """
    if hasattr(sys.stdout, "reconfigure"):
        # Text is UTF-8 whatever the locale, so that a pipe gets the bytes the model means.
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="utf-8", errors="replace")
    gc.set_threshold(_FEW_CYCLES)
    leave_by_interrupt()
    try:
        code = cli(standalone_mode=False)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "rnntui"
        code = _fail(f"{error.format_message()} (see `{where} --help`)", 2)
    except click.ClickException as error:
        code = _fail(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
        code = _fail("interrupted", 130)
    except RnntuiError as error:
        code = _fail(oneline(error), error.exit_code)
    except BrokenPipeError:
        # The reader of a pipe has enough; nothing more can or need be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        if os.environ.get("RNNTUI_DEBUG"):
            traceback.print_exc()
        code = _fail(f"{type(error).__name__}: {oneline(error)} (RNNTUI_DEBUG=1 shows where)", 1)
    sys.exit(code or 0)


def _fail(message: str, code: int) -> int:
    click.echo(f"rnntui: {visible_line(message)}", err=True)
    return code
