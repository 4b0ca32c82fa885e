"""A text area into which nothing gets that could steer the terminal."""

from __future__ import annotations

from dataclasses import replace

from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from rnntui.visible import visible


class PlainText(TextArea):
    """Text, wrapped; control characters become visible ones on their way in."""

    def __init__(self, text: str = "", *, id: str | None = None, read_only: bool = False) -> None:
        super().__init__(
            visible(text),
            id=id,
            soft_wrap=True,
            tab_behavior="focus",
            show_line_numbers=False,
            read_only=read_only,
            highlight_cursor_line=False,
        )

    def edit(self, edit: Edit) -> EditResult:
        """Every way into the text: keys, paste, ghost text."""
        lines = edit.text.replace("\r\n", "\n").replace("\r", "\n")
        return super().edit(replace(edit, text=visible(lines)))

    def load_text(self, text: str) -> None:
        super().load_text(visible(text))
