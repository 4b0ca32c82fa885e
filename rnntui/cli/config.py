"""`rnntui config`."""

from __future__ import annotations

import rich_click as click

from rnntui.cli.output import write, write_line
from rnntui.ui import preferences


@click.group()
def config() -> None:
    """Show your preferences: theme, plots, sampling.  The app remembers them; the file can be edited."""


@config.command()
def show() -> None:
    """The preferences in use, each with its meaning."""
    write(preferences.to_toml(preferences.load()))


@config.command()
def path() -> None:
    """Show the path of the file."""
    write_line(str(preferences.path()))


COMMANDS = (config,)
