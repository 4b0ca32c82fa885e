"""The commands, as one group."""

from __future__ import annotations

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
from rnntui.cli.terminal import open_app

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
        return open_app()
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
