"""A text area in which the model's continuation appears as ghost text."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from rnntui.core.text.segmentation import first_word
from rnntui.tui.model_words import ModelWords
from rnntui.tui.widgets.marked_text import MarkedText
from rnntui.ui.terminal_safety import visible_line

_SURPRISING = (3.0, 6.0)
"""Bits from which a token is marked as surprising, and as very surprising."""


class GhostText(MarkedText):
    """Tab takes all of the ghost text, right one word of it, Escape sends it away.

    The ghost is shown at the end of a line only, never inside a word, and only where the cursor was
    when it was made.  The row shows as much of it as fits.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"ghost--surprising", "ghost--very-surprising", "ghost--model"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "accept", "Accept", tooltip="Accept the ghost text"),
        Binding("right", "cursor_right", "Word", key_display="→", tooltip="Accept a word of the ghost text"),
        Binding(
            "ctrl+right", "cursor_word_right", "Word", show=False, tooltip="Accept a word, or move over one"
        ),
        Binding("escape", "dismiss", "Dismiss", show=False, tooltip="Dismiss the suggestion"),
    ]

    ghost: reactive[str] = reactive("", bindings=True)
    """The whole continuation offered; the part in view is TextArea's `suggestion`."""

    class Dismissed(Message):
        """Escape was pressed with no ghost to send away."""

    class Written(Message):
        """The text before the cursor changed, or the cursor moved: a new continuation is wanted."""

        def __init__(self, before: str) -> None:
            super().__init__()
            self.before = before

    def __init__(self, *, id: str, placeholder: str = "") -> None:
        super().__init__(id=id, placeholder=placeholder)
        self._before = ""
        self.model_words = ModelWords()
        """What the model wrote, taken or generated, and nobody has edited since."""
        self._model_rows: dict[int, list[tuple[int, int]]] = {}
        self._taking = False
        self.saved = 0
        """Keys that taking ghost text has saved so far."""
        self.grown = 0
        """Characters written so far, typed or taken."""

    @property
    def before(self) -> str:
        """The text up to the cursor."""
        return self.document.get_text_range((0, 0), self.cursor_location)

    @property
    def at_line_end(self) -> bool:
        """True if nothing stands behind the cursor on its line."""
        row, column = self.cursor_location
        return self.selection.is_empty and column == len(self.document.get_line(row))

    def offer(self, before: str, continuation: str) -> None:
        """Show `continuation` if the cursor still stands after `before`, at the end of its line."""
        if before == self.before and self.at_line_end:
            self.ghost = continuation

    # --- what TextArea tells ---

    def update_suggestion(self) -> None:
        """TextArea's hook, after an edit: keep the rest of a ghost that is being typed, else drop it."""
        self.take_over(None)
        before = self.before
        typed = before[len(self._before) :] if before.startswith(self._before) else None
        keeps = typed is not None and self.ghost.startswith(typed) and self.at_line_end
        self.ghost = self.ghost[len(typed or "") :] if keeps else ""
        if not self.read_only and not self.restoring:  # else the model has the pen, or nobody types
            self.grown += len(typed or "")
        self._place_ghost()
        self._tell(before)

    def take_over(self, written: ModelWords | None) -> None:
        """Show which words are the model's; `written` knows it of a text that was loaded, None of an edit."""
        if written is not None and written.text == self.text:
            self.model_words = written
        self.model_words.change(self.text, by_model=self.read_only or self._taking)
        if self.model_words.spans or self._model_rows:
            self._model_rows = self.model_words.rows()
            self._line_cache.clear()

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        for start, end in self._model_rows.get(line_index, ()):
            line.stylize_before(self.get_component_rich_style("ghost--model"), start, end)
        return line

    def on_text_area_selection_changed(self) -> None:
        """Moving the cursor leaves the place that the ghost was made for."""
        if self.before != self._before:
            self.ghost = ""
            self._tell(self.before)

    def _tell(self, before: str) -> None:
        self._before = before
        self.post_message(self.Written(before))

    def watch_ghost(self) -> None:
        self._place_ghost()

    def _place_ghost(self) -> None:
        """Hand TextArea the part of the ghost that fits into the cursor's row."""
        line = visible_line(self.ghost)
        room = self.wrap_width - self._cursor_cell() - 1
        if cell_len(line) > room:
            line = set_cell_size(line, room - 1).rstrip() + "…" if room > 1 else ""
        self.suggestion = line

    def _cursor_cell(self) -> int:
        return self.wrapped_document.location_to_offset(self.cursor_location).x

    # --- surprise ---

    def mark_surprises(self, pieces: list[tuple[str, float]]) -> None:
        """Mark the text's beginning, given as tokens with their bits; an empty list marks nothing."""
        some, much = _SURPRISING
        self.mark(
            (
                piece,
                "" if bits < some else "ghost--surprising" if bits < much else "ghost--very-surprising",
            )
            for piece, bits in pieces
        )

    # --- keys ---

    def on_key(self, event: events.Key) -> None:
        """Insert nothing but text.

        A Tab that comes a moment before its ghost must not carry the keys elsewhere; shift+tab does.  With alt
        a terminal sends the letter as well, which TextArea would write.
        """
        if self.read_only and event.is_printable:
            self.post_message(self.Dismissed())  # who types wants the pen back
        if event.key == "tab" and not self.ghost:
            event.stop()
            event.prevent_default()
        elif event.key.startswith("alt+"):
            event.prevent_default()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.ghost) if action == "accept" else True

    def action_accept(self) -> None:
        """Take the ghost text."""
        self._take(self.ghost)

    def action_cursor_right(self, select: bool = False) -> None:
        """Take a word of the ghost if there is one; else move."""
        if self.ghost and not select:
            self._take_word()
            return
        self.suggestion = ""  # TextArea would insert it
        super().action_cursor_right(select)

    def action_cursor_word_right(self, select: bool = False) -> None:
        if self.ghost and not select:
            self._take_word()
        else:
            super().action_cursor_word_right(select)

    def _take_word(self) -> None:
        self._take(first_word(self.ghost))

    def action_dismiss(self) -> None:
        """Dismiss the ghost text."""
        if self.ghost:
            self.ghost = ""
        else:
            self.post_message(self.Dismissed())

    def _take(self, text: str) -> None:
        self.saved += len(text) - 1
        self._taking = True
        self.insert(text)
        self._taking = False
        self.scroll_cursor_visible()
