"""A number between two ends."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

_LABEL, _VALUE = 13, 6


class Slider(Widget, can_focus=True):
    """Left and right move it by a step, a click sets it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"slider--label", "slider--track", "slider--knob"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Less", key_display="←"),
        Binding("right", "move(1)", "More", key_display="→"),
        Binding("escape", "screen.to_text", "Back to the text"),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    value: reactive[float] = reactive(0.0)

    class Changed(Message):
        """The value was moved."""

        def __init__(self, slider: Slider) -> None:
            super().__init__()
            self.slider = slider

    def __init__(self, label: str, low: float, high: float, step: float, *, id: str) -> None:
        super().__init__(id=id)
        self._label, self._low, self._high, self._step = label, low, high, step

    def validate_value(self, value: float) -> float:
        """On a step, between the ends."""
        steps = round((value - self._low) / self._step)
        return round(min(max(self._low + steps * self._step, self._low), self._high), 6)

    def watch_value(self) -> None:
        self.post_message(self.Changed(self))

    def action_move(self, steps: int) -> None:
        """Move to a higher or a lower value."""
        self.value += steps * self._step

    def on_click(self, event: events.Click) -> None:
        place = (event.x - _LABEL) / max(self._room() - 1, 1)
        if 0 <= place <= 1:
            self.value = self._low + place * (self._high - self._low)

    def render(self) -> Text:
        room = self._room()
        at = round((self.value - self._low) / (self._high - self._low) * (room - 1))
        label, track, knob = (
            self.get_component_rich_style(f"slider--{part}") for part in ("label", "track", "knob")
        )
        return Text.assemble(
            (f"{self._label:<{_LABEL}}", label),
            ("━" * at, knob),
            ("●", knob),
            ("─" * (room - at - 1), track),
            f"{self.value:>{_VALUE}g}",
            no_wrap=True,
        )

    def _room(self) -> int:
        return max(self.size.width - _LABEL - _VALUE, 4)
