"""The playground: write, and the model writes along."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Footer, Static

from rnntui.core import runs
from rnntui.core.errors import RnntuiError, oneline
from rnntui.tui.companion import Companion, Suggestions
from rnntui.tui.messages import WatchRequested
from rnntui.tui.widgets.alternatives import Alternatives
from rnntui.tui.widgets.ghost_text import GhostText
from rnntui.visible import visible_line

_REFRESH_S = 2.0
"""How often a run that trains is asked for its newest weights."""


class PlaygroundScreen(Screen[None]):
    """A text area with ghost text from the run's newest weights, also while it trains."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+b", "back", "Back"),
        Binding("ctrl+q", "app.leave", "Quit"),
    ]
    AUTO_FOCUS = "#text"

    weights: reactive[str] = reactive("")
    """Which weights write along."""
    ms: reactive[float | None] = reactive(None)

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._companion = Companion(path)
        self._wanted = asyncio.Event()
        self._before = ""

    def compose(self) -> ComposeResult:
        yield Static(id="headline", markup=False)
        with Horizontal(id="writing"):
            yield GhostText(id="text")
            yield Alternatives(id="alternatives")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#text").border_title = "write here"
        self.query_one("#alternatives").border_title = "may follow"
        self.query_one(Alternatives).message = "loading the model …"
        self._ask_for_weights()
        self.set_interval(_REFRESH_S, self._ask_for_weights)
        self._write_along()

    def _ask_for_weights(self) -> None:
        """Ask a run that trains for its weights of this moment, and look for new ones."""
        if runs.owner_of(self._path):
            runs.request(self._path, "live")
        self._wanted.set()

    def on_ghost_text_written(self, event: GhostText.Written) -> None:
        self._before = event.before
        self._wanted.set()

    @work(exclusive=True)
    async def _write_along(self) -> None:
        """Answer the newest text, one search at a time: what was typed meanwhile waits as one request."""
        shown: tuple[str, str] | None = None
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            fault, description = None, None
            try:
                description = await asyncio.to_thread(self._companion.refresh)
            except RnntuiError as error:
                fault = error
            if not self.is_attached:
                return  # the screen was left meanwhile
            if fault is not None:
                self._show_fault(fault)
            if description is not None:
                self.weights, shown = description, None
            if not self._companion.ready or shown == (self._before, self.weights):
                continue
            suggestions = await asyncio.to_thread(self._companion.complete, self._before)
            if not self.is_attached:
                return
            shown = (suggestions.text, self.weights)
            self._show(suggestions)

    def _show(self, suggestions: Suggestions) -> None:
        if suggestions.text != self._before:
            return  # typed on meanwhile: the answer to that is on its way
        self.ms = suggestions.ms
        self.query_one(Alternatives).suggestions = suggestions
        best = next((c.text for c in suggestions.completions if c.text.strip()), "")
        self.query_one(GhostText).offer(suggestions.text, best.partition("\n")[0])

    def _show_fault(self, error: RnntuiError) -> None:
        waiting = runs.owner_of(self._path) is not None or not (self._path / "run.toml").exists()
        message = "the model takes its first steps …" if waiting else visible_line(oneline(error))
        self.query_one(Alternatives).message = message

    def watch_weights(self) -> None:
        self._headline()

    def watch_ms(self) -> None:
        self._headline()

    def _headline(self) -> None:
        text = Text.assemble((visible_line(self._path.name), "bold"), "  ", self.weights, no_wrap=True)
        if self.ms is not None:
            text.append(f"  {self.ms:.0f} ms a key")
        self.query_one("#headline", Static).update(text)

    def on_ghost_text_dismissed(self) -> None:
        self.action_back()

    def action_back(self) -> None:
        """To the screen before, or to the run's training screen."""
        if len(self.app.screen_stack) > 2:
            self.app.pop_screen()
            return
        self.post_message(WatchRequested(self._path))
