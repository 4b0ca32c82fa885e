"""`rnntui watch` and `rnntui play`: the app on a run."""

from __future__ import annotations

import time

import rich_click as click

from rnntui.cli.display import PlainLines
from rnntui.cli.options import RunName
from rnntui.cli.output import show_line
from rnntui.cli.terminal import need_terminal, on_terminal
from rnntui.core.runs import events as ev
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.core.runs.journal import EventTail

_POLL_S = 0.2


@click.command()
@click.argument("run", type=RunName())
def watch(run: str) -> int:
    """Watch a run that trains, or look at one that has; without a terminal, as plain lines."""
    found = store.find(run)
    if not on_terminal():
        _watch_plainly(found)
        return 0
    from rnntui.tui.app import open_watch

    return open_watch(found)


@click.command()
@click.argument("run", type=RunName())
def play(run: str) -> int:
    """Write with a run's model: it completes the text as you type."""
    found = store.find(run)
    need_terminal("play")
    from rnntui.tui.app import open_playground

    return open_playground(found)


def _watch_plainly(run: Run) -> None:
    """Tell events as lines until the run is over and nobody trains it."""
    tail = EventTail(run.events_path)
    display = PlainLines(show_text=show_line)
    while True:
        alive = run.owner() is not None  # asked before the last read, so that no line is missed
        for event in tail.poll():
            display.show(event)
            if isinstance(event, ev.Finished) and not alive:
                return
        if not alive:
            return
        time.sleep(_POLL_S)


COMMANDS = (watch, play)
