"""A setting with a few values, all in view on one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """One of several values: left and right move, a click chooses."""

    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"choice--label", "choice--value", "choice--chosen"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Change", key_display="←→"),
        Binding("right", "move(1)", "Change", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    index: reactive[int] = reactive(0)
    note: reactive[str] = reactive("")
    """What the chosen value comes to, behind it."""

    class Changed(Message):
        """Another value was chosen."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

        @property
        def control(self) -> Choice:
            return self.choice

    def __init__(
        self, label: str, values: Sequence[str], chosen: str, *, id: str, label_width: int = 10
    ) -> None:
        super().__init__(id=id)
        self._label = f"{label:<{label_width}}"
        self._values = list(values)
        self.set_reactive(Choice.index, self._values.index(chosen))

    @property
    def value(self) -> str:
        """The chosen value."""
        return self._values[self.index]

    def choose(self, value: str) -> None:
        """Choose `value`, which must be one of the values."""
        self.index = self._values.index(value)

    def action_move(self, by: int) -> None:
        """Choose the next value, or the one before, up to the ends."""
        self.index = min(max(self.index + by, 0), len(self._values) - 1)

    def watch_index(self) -> None:
        self.post_message(self.Changed(self))

    def on_click(self, event: events.Click) -> None:
        x = event.x - len(self._label)
        for index, _value in enumerate(self._values):
            if 0 <= x < len(self._shown(index)):
                self.index = index
            x -= len(self._shown(index)) + 1

    def render(self) -> Text:
        text = Text(no_wrap=True)
        text.append(self._label, self.get_component_rich_style("choice--label"))
        for index, _ in enumerate(self._values):
            kind = "choice--chosen" if index == self.index else "choice--value"
            text.append(self._shown(index), self.get_component_rich_style(kind)).append(" ")
        return text

    def _shown(self, index: int) -> str:
        # The brackets say what is chosen where colours cannot.
        if index != self.index:
            return f" {self._values[index]} "
        return f"[{self._values[index]}: {self.note}]" if self.note else f"[{self._values[index]}]"
