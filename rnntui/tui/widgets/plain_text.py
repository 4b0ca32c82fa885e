"""A text area into which nothing gets that could steer the terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from rnntui.tui.widgets.history import UndoHistory
from rnntui.ui.terminal_safety import visible


class PlainText(TextArea):
    """Text, wrapped; control characters become visible ones on their way in."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # ctrl+z suspends the program, as in every other one of the terminal.
        Binding("ctrl+underscore,alt+u", "undo", "Undo", show=False, tooltip="Undo the last edit"),
    ]
    history: UndoHistory

    def __init__(
        self, text: str = "", *, id: str | None = None, read_only: bool = False, placeholder: str = ""
    ) -> None:
        super().__init__(
            visible(text),
            placeholder=placeholder,
            id=id,
            soft_wrap=True,
            tab_behavior="focus",
            show_line_numbers=False,
            read_only=read_only,
            highlight_cursor_line=False,
        )
        self.history = UndoHistory()

    def edit(self, edit: Edit) -> EditResult:
        """Every way into the text: keys, paste, ghost text."""
        self.history.generating = self.read_only  # the keys cannot write then: it is the model
        lines = edit.text.replace("\r\n", "\n").replace("\r", "\n")
        return super().edit(replace(edit, text=visible(lines)))

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        """TextArea's, but for the moment within an undo when the cursor stands below the shorter text's end.

        A scrollbar that goes away in that moment asks for it (https://github.com/Textualize/textual/issues/6686).
        """
        if self.cursor_location[0] >= self.document.line_count:
            return Offset()
        return super().scroll_cursor_visible(center, animate)

    def load_text(self, text: str) -> None:
        super().load_text(visible(text))
