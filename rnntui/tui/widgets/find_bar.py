"""The row in which one types what to find in a text."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static


class FindBar(Horizontal):
    """Finds at every key; Enter or down goes to the next match, up to the one before, Escape closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+f", "step(1)", "Next", tooltip="Next match"),
        Binding("up", "step(-1)", "Previous", tooltip="Match before"),
        Binding("escape", "close", "Close", tooltip="Close the search"),
    ]

    class Sought(Message):
        """Something is looked for: by a step of 1 the next match, by -1 the one before, by 0 the first from here on."""

        def __init__(self, text: str, step: int) -> None:
            super().__init__()
            self.text, self.step = text, step

    class Closed(Message):
        """The search is over."""

    def compose(self) -> ComposeResult:
        yield Static("find ", id="find-label")
        yield Input(placeholder="Enter: next, up: before, Escape closes", id="find-text", compact=True)
        yield Static(id="find-count")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def show_place(self, number: int, count: int) -> None:
        """Show which match of how many is selected."""
        told = f"{number}/{count}" if count else "no match" if self.query_one(Input).value else ""
        self.query_one("#find-count", Static).update(told)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Sought(event.value, 0))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Sought(event.value, 1))

    def action_step(self, by: int) -> None:
        """Go to the next match, or to the one before."""
        self.post_message(self.Sought(self.query_one(Input).value, by))

    def action_close(self) -> None:
        """Close."""
        self.post_message(self.Closed())
