"""The undo history of a text area."""

from __future__ import annotations

from textual.document._history import EditHistory
from textual.widgets.text_area import Edit

_STEPS = 200
"""Undo steps that are kept."""
_PAUSE_S = 1.0
"""A pause in typing after which a new undo step begins."""
_CHARACTERS = 30
"""Typed characters of one undo step, at most."""


class UndoHistory(EditHistory):
    """Textual's history, in which all that a model writes at a stretch is undone in one step."""

    def __init__(self) -> None:
        super().__init__(_STEPS, _PAUSE_S, _CHARACTERS)
        self.generating = False
        """True while it is the model that writes."""
        self._grown: Edit | None = None
        """The model's last insertion, which may grow."""

    def begin_generation(self) -> None:
        """Let what the model writes from here on be a step of its own."""
        self._grown = None

    def record(self, edit: Edit) -> None:
        """Record an edit; an insertion of the model is part of its last one if it goes on where that ended."""
        if self.generating and self._grown is not None and self._goes_on(self._grown, edit):
            self._grown.text += edit.text
            self._grown._edit_result = edit._edit_result
            return
        if self.generating:
            self.checkpoint()
        super().record(edit)
        self._grown = edit if self.generating else None

    def _goes_on(self, grown: Edit, edit: Edit) -> bool:
        """True if `edit` inserts where `grown`, the newest edit that can be undone, has ended."""
        if not self._undo_stack or self._undo_stack[-1][-1] is not grown:
            return False
        before, now = grown._edit_result, edit._edit_result
        return bool(before and now and not now.replaced_text and edit.top == before.end_location)
