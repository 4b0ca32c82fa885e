"""`rnntui config`."""

from __future__ import annotations

import rich_click as click

from rnntui.cli.output import write, write_line
from rnntui.ui import preferences


@click.group()
def config() -> None:
    """What you like: theme, plots, sampling.  The app remembers it; the file can be edited."""


@config.command()
def show() -> None:
    """The preferences in use, each with its meaning."""
    write(preferences.to_toml(preferences.load()))


@config.command()
def path() -> None:
    """Where they are kept."""
    write_line(str(preferences.path()))


COMMANDS = (config,)
