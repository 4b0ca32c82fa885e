"""The app on a terminal."""

from __future__ import annotations

import sys

from rnntui.core.errors import InputError


def open_app() -> int:
    """Open the app on its first screen.  Raises InputError without a terminal."""
    need_terminal("the app")
    from rnntui.tui.app import open_corpora

    return open_corpora()


def on_terminal() -> bool:
    """True if a person reads and types here."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def need_terminal(what: str) -> None:
    """Raises InputError without a terminal, with what to use instead."""
    if not on_terminal():
        raise InputError(
            f"{what} needs a terminal; in scripts use `rnntui train --headless`, `rnntui complete` or `rnntui generate`"
        )
