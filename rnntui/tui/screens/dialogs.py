"""Short questions and answers above a screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label

from rnntui.core.errors import RnntuiError, oneline
from rnntui.tui.widgets.plain_text import PlainText
from rnntui.ui.terminal_safety import visible, visible_line


class Confirm(ModalScreen[bool]):
    """Asks before something that cannot be undone."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]
    AUTO_FOCUS = "#no"

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question, self._yes = question, yes

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Label(visible_line(self._question), markup=False)
            with Horizontal():
                yield Button(f"{self._yes} (y)", id="yes", variant="error")
                yield Button("Cancel (n)", id="no")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """Close with an answer."""
        self.dismiss(answer)


class Ask(ModalScreen[str]):
    """Asks for one line; answers '' when it is given up."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "Cancel")]

    def __init__(self, question: str, value: str = "", check: Callable[[str], object] | None = None) -> None:
        """`check` raises InputError for an answer that cannot be taken."""
        super().__init__()
        self._question, self._value, self._check = question, value, check

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Label(visible_line(self._question), markup=False)
            yield Input(visible_line(self._value))
            yield Label(
                "Enter takes it, Escape leaves it as it is.", classes="hint", id="answer-fault", markup=False
            )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        answer = event.value.strip()
        try:
            if answer and self._check is not None:
                self._check(answer)
        except RnntuiError as error:
            self.query_one("#answer-fault", Label).update(visible_line(oneline(error)))
            return
        self.dismiss(answer)

    def action_give_up(self) -> None:
        """Close without an answer."""
        self.dismiss("")


class Fault(ModalScreen[None]):
    """A failure in full, to read and to copy."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "Copy"),
        Binding("escape,q", "close", "Close"),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, visible(text)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="fault"):
            yield Label(visible_line(self._title), markup=False)
            yield PlainText(self._text, read_only=True)
            with Horizontal():
                yield Button("Copy (c)", id="copy", variant="primary")
                yield Button("Close (Escape)", id="close")

    def on_mount(self) -> None:
        area = self.query_one(PlainText)
        area.move_cursor(area.document.end)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "copy":
            self.action_copy()
        else:
            self.action_close()

    def action_copy(self) -> None:
        """Copy the text to the clipboard."""
        self.app.copy_to_clipboard(self._text)
        self.notify("Copied.")

    def action_close(self) -> None:
        """Close."""
        self.dismiss()


class Paste(ModalScreen[str]):
    """Takes a text from the clipboard or the keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "take", "Use this text", priority=True),
        Binding("escape", "give_up", "Cancel"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="fault"):
            yield Label("Paste or type a text to learn from.")
            yield PlainText()
            with Horizontal():
                yield Button("Use this text (^s)", id="take", variant="primary")
                yield Button("Cancel (Escape)", id="cancel")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "take":
            self.action_take()
        else:
            self.action_give_up()

    def action_take(self) -> None:
        """Close with the text."""
        self.dismiss(self.query_one(PlainText).text)

    def action_give_up(self) -> None:
        """Close without an answer."""
        self.dismiss("")
