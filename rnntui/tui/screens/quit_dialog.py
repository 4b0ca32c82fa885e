"""The question on leaving while something trains."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Label

from rnntui.ui.terminal_safety import visible_line


class LeaveScreen(ModalScreen[str]):
    """Asks what becomes of the trainings; answers `keep`, `stop` or ''."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "answer('keep')", "Keep training"),
        Binding("s", "answer('stop')", "Stop and save"),
        Binding("escape,c", "answer('')", "Cancel"),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self._names = names

    def compose(self) -> ComposeResult:
        what = visible_line(", ".join(self._names), 60)
        one = len(self._names) == 1
        with Vertical(classes="dialog"):
            yield Label(f"{what} {'is' if one else 'are'} still training.", markup=False)
            run = what if one else "RUN"
            yield Label(f"Reattach later with: rnntui watch {run}", id="later", markup=False)
            with Horizontal():
                yield Button("Keep training (k)", id="keep", variant="primary")
                yield Button("Stop and save (s)", id="stop")
                yield Button("Cancel (c)", id="cancel")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.action_answer("" if event.button.id == "cancel" else event.button.id or "")

    def action_answer(self, answer: str) -> None:
        """Close with an answer."""
        self.dismiss(answer)
