"""Messages of screens to the app.  Screens do not know each other: the app decides what is shown next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from textual.message import Message

Tab = Literal["texts", "training", "playground", "runs"]
TABS: tuple[Tab, ...] = ("texts", "training", "playground", "runs")


class TabRequested(Message):
    """Show another of the four screens, on the run that was looked at last."""

    def __init__(self, tab: Tab) -> None:
        super().__init__()
        self.tab = tab


class StartRequested(Message):
    """Train a new model and watch it."""

    def __init__(self, settings: Mapping[str, Any], preset: str) -> None:
        super().__init__()
        self.settings = settings
        self.preset = preset


class DuelRequested(Message):
    """Train these cells in turns with the same settings, and watch them."""

    def __init__(self, cells: Sequence[str], settings: Mapping[str, Any], preset: str) -> None:
        super().__init__()
        self.cells = cells
        self.settings = settings
        self.preset = preset


class ResumeRequested(Message):
    """Go on training the run folder `path`, with other settings where `settings` names some."""

    def __init__(self, path: Path, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.path = path
        self.settings = settings or {}


class ForkRequested(Message):
    """Make a new run out of the one in the folder `path`, with these settings on top of the preset."""

    def __init__(self, path: Path, settings: Mapping[str, Any], preset: str) -> None:
        super().__init__()
        self.path = path
        self.settings = settings
        self.preset = preset


class WatchRequested(Message):
    """Show the training of the run folder `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path


class PlayRequested(Message):
    """Write with the model of the run folder `path`; with no `checkpoint`, with its newest weights."""

    def __init__(self, path: Path, checkpoint: str | None = None) -> None:
        super().__init__()
        self.path = path
        self.checkpoint = checkpoint
