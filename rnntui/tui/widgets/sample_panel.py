"""The samples of a run, one at a time."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from rnntui.core.runs.history import History
from rnntui.ui.terminal_safety import visible


class SamplePanel(VerticalScroll, can_focus=False):
    """Shows the newest sample, or the one that a person went back to."""

    index: reactive[int | None] = reactive(None)
    """Index of the sample shown; None for the newest."""

    def __init__(self, history: History, *, id: str) -> None:
        super().__init__(id=id)
        self._history = history
        self._shown: tuple[str, Text] | None = None

    def compose(self) -> ComposeResult:
        yield Static("The first sample comes with the first evaluation.", id="sample", markup=False)

    def on_mount(self) -> None:
        self.border_title = "sample"

    def go(self, by: int) -> None:
        """Show an earlier or a later sample."""
        last = len(self._history.samples) - 1
        if last < 0:
            return
        number = (last if self.index is None else self.index) + by
        self.index = None if number >= last else max(number, 0)

    def watch_index(self) -> None:
        if self.is_mounted:
            self.show()

    def show(self) -> None:
        """Show the sample, if it is another one than before: Textual lays the screen out anew for it."""
        samples = self._history.samples
        if not samples:
            return
        number = len(samples) - 1 if self.index is None else min(self.index, len(samples) - 1)
        event = samples[number]
        place = f" · {number + 1}/{len(samples)} ([ and ])" if len(samples) > 1 else ""
        title = f"{self._history.spec.sample} · step {event.step:,}{place}"
        text = Text(visible(event.prompt), style="bold").append(
            visible(event.text).lstrip("\n"), style="not bold"
        )
        if self._shown != (title, text):
            self._shown = title, text
            self.border_title = Content(title)
            self.query_one("#sample", Static).update(text)
