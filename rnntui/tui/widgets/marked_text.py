"""A text area in which parts of the text are marked."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from rnntui.tui.widgets.plain_text import PlainText


class MarkedText(PlainText):
    """Marks are styles, by their names among the component classes; they stay until they are given anew."""

    def __init__(self, *, id: str, placeholder: str = "") -> None:
        super().__init__(id=id, placeholder=placeholder)
        self._marks: dict[int, list[tuple[int, int, str]]] = {}

    def mark(self, pieces: Iterable[tuple[str, str]]) -> None:
        """Mark the text's beginning, given in pieces with their styles; '' marks nothing."""
        self._marks = {}
        row = column = 0
        for piece, style in pieces:
            for line, part in enumerate(piece.split("\n")):
                if line:
                    row, column = row + 1, 0
                if style and part:
                    self._marks.setdefault(row, []).append((column, column + len(part), style))
                column += len(part)
        self._line_cache.clear()
        self.refresh()

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        for start, end, style in self._marks.get(line_index, ()):
            line.stylize(self.get_component_rich_style(style), start, end)
        return line
