"""A playground in which the model writes by itself."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from textual import work
from textual.binding import Binding
from textual.reactive import reactive

from rnntui.core.errors import RnntuiError, oneline
from rnntui.tui.screens.base import is_left
from rnntui.tui.screens.live_playground import LivePlayground
from rnntui.tui.services.completer import Completer, line_of, some
from rnntui.tui.widgets.ghost_text import GhostText

_WRITE_S = 0.08
"""Seconds of generated text that are shown at once."""


class GeneratingPlayground(LivePlayground):
    """Lets the model continue the text at the cursor, until somebody types or stops it."""

    writing: reactive[bool] = reactive(False, bindings=True)
    """True if the model is continuing the text by itself."""

    def __init__(self, path: Path, completer: Completer) -> None:
        super().__init__(path, completer)
        self._completer = completer

    @property
    def busy(self) -> bool:
        return self.writing

    def label_of(self, binding: Binding) -> str:
        stops = binding.action == "write_on" and self.writing
        return "Stop" if stops else super().label_of(binding)

    def on_ghost_text_dismissed(self) -> None:
        self.writing = False

    def action_write_on(self) -> None:
        """Generate from the cursor on, or stop."""
        if self.writing or not self._completer.ready:
            self.writing = False
            return
        self._write_on()

    def action_write_line(self) -> None:
        """Take the ghost text and generate on to the end of the line, or stop."""
        if self.writing or not self._completer.ready:
            self.writing = False
            return
        self.query_one(GhostText).action_accept()
        self._write_on(line=True)

    @work(exclusive=True, group="pen")
    async def _write_on(self, line: bool = False) -> None:
        """Continue the text at the cursor until it is stopped; with `line` at most to the end of the line."""
        area = self.query_one(GhostText)
        area.ghost, begun = "", False
        self.writing = True
        area.read_only = True
        try:
            pieces = await self.in_thread(self._completer.write_on, area.before, self.preferences)
            area.history.begin_generation()
            text = area.text
            while self.writing and not is_left(self):
                drawn = time.monotonic()
                written = await self.in_thread(some, pieces, _WRITE_S)
                if not written or not self.writing or is_left(self) or area.text != text:
                    break  # it is another text where somebody has undone what was written
                written, ended = line_of(written, begun) if line else (written, False)
                begun = begun or bool(written.strip("\n"))
                area.insert(written)
                text = area.text
                area.scroll_cursor_visible(animate=False)
                if ended:
                    break
                await asyncio.sleep(drawn + _WRITE_S - time.monotonic())
        except RnntuiError as error:  # the numbers of a run that diverged
            if not is_left(self):
                self.say(oneline(error), fault=True)
        finally:
            self.writing = area.read_only = False
            self._wanted.set()
