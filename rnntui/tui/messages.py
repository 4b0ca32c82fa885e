"""What a screen asks of the app.  Screens do not know each other: the app decides what is shown next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textual.message import Message


class StartRequested(Message):
    """Train a new model and watch it."""

    def __init__(self, settings: Mapping[str, Any], preset: str) -> None:
        super().__init__()
        self.settings = settings
        self.preset = preset


class WatchRequested(Message):
    """Show the training of the run folder `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path


class PlayRequested(Message):
    """Write with the model of the run folder `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path


class NewRunRequested(Message):
    """Choose another text; what trains goes on."""
