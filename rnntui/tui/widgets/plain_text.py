"""A text area into which nothing gets that could steer the terminal."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import replace
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.document._document import Document
from textual.document._syntax_aware_document import SyntaxAwareDocument
from textual.geometry import Offset
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult, Selection

from rnntui.tui.syntax import KINDS, LARGEST, NAME, code_theme
from rnntui.tui.widgets.history import UndoHistory
from rnntui.ui.terminal_safety import visible


class PlainText(TextArea):
    """Text, wrapped; control characters become visible ones on their way in."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"code--{kind}" for kind in KINDS}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+z,ctrl+underscore,alt+u", "undo", "Undo", show=False, tooltip="Undo the last edit"),
        Binding("ctrl+home", "to_start", "To the start", show=False, tooltip="Go to the start of the text"),
        Binding("ctrl+end", "to_end", "To the end", show=False, tooltip="Go to the end of the text"),
        Binding("ctrl+y", "redo", "Redo", show=False, tooltip="Redo what was undone"),
    ]
    history: UndoHistory
    restoring = False
    """True while an undo or a redo changes the text."""

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

    def replace_all(self, text: str) -> None:
        """Put another text in the place of this one, which undo takes back; the cursor goes to its end."""
        self.history.checkpoint()
        self.replace(text, (0, 0), self.document.end, maintain_selection_offset=False)
        self.history.checkpoint()
        self.move_cursor(self.document.end)

    def action_to_start(self) -> None:
        """Go to the start of the text."""
        self.move_cursor((0, 0))

    def action_to_end(self) -> None:
        """Go to the end of the text."""
        self.move_cursor(self.document.end)

    def undo(self) -> None:
        self.restoring = True
        super().undo()
        self.restoring = False

    def redo(self) -> None:
        self.restoring = True
        super().redo()
        self.restoring = False

    def color_as(self, language: str | None) -> None:
        """Colour the text as code of a programming language; as prose with None, and where it is too long."""
        wanted = language if language and len(self.text) <= LARGEST else None
        if wanted not in (None, *self.available_languages):
            wanted = None
        if wanted is not None:
            self._learn_colors()
            self.theme = NAME
        if wanted != self.language:
            selection = self.selection
            self.language = wanted  # which puts the cursor at the beginning
            self.selection = selection

    def _learn_colors(self) -> None:
        self.register_theme(
            code_theme({kind: self.get_component_rich_style(f"code--{kind}") for kind in KINDS})
        )

    def _build_highlight_map(self) -> None:
        """Find the parts of speech of the code in view; TextArea looks through all of the text at every key."""
        self._line_cache.clear()
        self._highlights.clear()
        document = self.document
        if self._highlight_query is None or not isinstance(document, SyntaxAwareDocument):
            return
        # A row of the screen is at most a row of the text: long ones are wrapped.
        first = self.wrapped_document.offset_to_location(Offset(0, round(self.scroll_y)))[0]
        last = min(first + self.size.height + 1, document.line_count)
        captures = document.query_syntax_tree(self._highlight_query, (first, 0), (last, 0))
        for kind, nodes in captures.items():
            for node in nodes:
                (row, column), (end_row, end_column) = node.start_point, node.end_point
                for each in range(max(row, first), min(end_row, last) + 1):
                    start, end = column if each == row else 0, end_column if each == end_row else None
                    self._highlights[each].append((start, end, kind))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self.language is not None:
            self._build_highlight_map()

    def notify_style_update(self) -> None:
        """Take over the colours of another theme of the app."""
        super().notify_style_update()
        if self.language is not None:
            self._learn_colors()
            self._set_theme(NAME)

    def find(self, sought: str, step: int) -> tuple[int, int]:
        """Select the next match of `sought`, with a `step` of -1 the one before, with 0 that at the cursor or next.

        Case is ignored.  Returns the number of the match, from 1, and the count of all; 0 and 0 where there is none.
        """
        document = self.document
        assert isinstance(document, Document)
        matches = [match.span() for match in re.finditer(re.escape(sought), self.text, re.IGNORECASE)]
        if not sought or not matches:
            return 0, 0
        here = document.get_index_from_location(min(self.selection))
        found = bisect_left(matches, (here + (step > 0),)) - (step < 0)
        found %= len(matches)
        start, end = map(document.get_location_from_index, matches[found])
        self.selection = Selection(start, end)
        self.scroll_cursor_visible(center=True)
        return found + 1, len(matches)

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
