"""Standard output: data, byte for byte in a pipe, and harmless on a terminal."""

from __future__ import annotations

import sys

import rich_click as click

from rnntui.visible import visible


def write(text: str) -> None:
    """Give out `text` as it is; on a terminal, characters that could steer it are shown by stand-ins."""
    click.echo(visible(text) if sys.stdout.isatty() else text, nl=False)


def write_line(text: str) -> None:
    """As `write`, and a line end."""
    write(f"{text}\n")
