"""A text area in which each word is tinted by how much it moves an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.message import Message

from rnntui.tui.widgets.marked_text import MarkedText

_STRONG = 0.5
"""Share of the greatest influence from which on a word is tinted strongly."""
_WEAK = 0.15


class TintedText(MarkedText):
    """Words that speak for the answer are tinted one way, words against it the other."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "tint--for", "tint--strongly-for", "tint--against", "tint--strongly-against", "tint--unknown",
    }  # fmt: skip

    class Written(Message):
        """The text changed."""

    class Pointed(Message):
        """The mouse or the cursor is at this character of the text."""

        def __init__(self, offset: int) -> None:
            super().__init__()
            self.offset = offset

    def tint(self, pieces: Sequence[tuple[str, float]], unknown: Sequence[bool]) -> None:
        """Tint the text, given in pieces with their influences; pieces that the model does not know are marked."""
        most = max((abs(influence) for _, influence in pieces), default=0.0) or 1.0
        unknown = unknown or [False] * len(pieces)
        self.mark(
            (piece, "tint--unknown" if is_unknown else _style(influence / most))
            for (piece, influence), is_unknown in zip(pieces, unknown, strict=True)
        )

    def on_text_area_changed(self) -> None:
        self.post_message(self.Written())

    def on_text_area_selection_changed(self) -> None:
        self._point(self.cursor_location)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._point(self.get_target_document_location(event))

    def _point(self, location: tuple[int, int]) -> None:
        self.post_message(self.Pointed(len(self.document.get_text_range((0, 0), location))))


def _style(share: float) -> str:
    """The tint for a share of the greatest influence, from -1 to 1."""
    if abs(share) < _WEAK:
        return ""
    strongly = "strongly-" if abs(share) >= _STRONG else ""
    return f"tint--{strongly}{'for' if share > 0 else 'against'}"
