"""The app as its screens see it."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from platformdirs import user_downloads_path
from rich.segment import Segment
from textual.app import App
from textual.color import Color
from textual.filter import LineFilter
from textual.timer import Timer

from rnntui.core.errors import InputError, RnntuiError, oneline
from rnntui.core.files import make_private, write_atomically
from rnntui.core.runs import store
from rnntui.tui import draft_file
from rnntui.tui.ghost_style import ghost_style
from rnntui.tui.run_colors import RunColors, run_variables
from rnntui.ui import preferences
from rnntui.ui.preferences import Preferences
from rnntui.ui.terminal_safety import harmless, visible_line

if TYPE_CHECKING:
    from rnntui.tui.model_words import ModelWords
    from rnntui.tui.widgets.history import UndoHistory


class _Harmless(LineFilter):
    """The last look at every row before it is drawn: no text on it steers the terminal."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Replace what could steer the terminal."""
        return [
            segment if segment.control else Segment(harmless(segment.text), segment.style)
            for segment in segments
        ]


class KeptEditing(NamedTuple):
    """State of the editor besides the draft: undo history, cursor and file."""

    text: str
    history: UndoHistory
    cursor: tuple[int, int]
    file: str
    saved: str


DEFAULT_THEME = "tokyo-night"
_HARMLESS = _Harmless()
_DRAFT_S = 1.0
"""Seconds after which what was written is on disk."""


class BaseApp(App[int]):
    """An app that remembers what a person likes and what they write."""

    crash: Exception | None = None
    """Unexpected error that has ended the app, if any."""
    _variables: dict[str, str]
    """Variables of the theme with which the style sheets were read."""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, and that of harmless text."""
        return [*super().get_line_filters(), _HARMLESS]

    def get_css_variables(self) -> dict[str, str]:
        """Textual's variables of the theme, and the looks of ghost text and curves in it."""
        variables = super().get_css_variables()
        look = ghost_style(variables["foreground"], variables["background"])
        ghost = {"ghost-color": look.color, "ghost-style": look.text_style}
        return variables | ghost | run_variables(variables)

    def refresh_css(self, animate: bool = True) -> None:
        """Read the style sheets anew if the theme is another one than they were read with."""
        variables = self.get_css_variables()
        if variables != self._variables:
            self._variables = variables
            super().refresh_css(animate)

    def _handle_exception(self, error: Exception) -> None:
        self.crash = self.crash or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        # Textual would print the traceback with every variable in it; see `opened`.
        self._close_messages_no_wait()

    def opened(self) -> int:
        """Run the app to its end; returns the exit code.

        Raises RnntuiError with one line where something unforeseen ended it; the whole is in a log.
        """
        code = self.run()
        self._save_draft()
        if self.crash is None:
            return code or 0
        log = store.home() / "crash.log"
        with suppress(OSError, RnntuiError):
            make_private(log.parent)
            write_atomically(log, "".join(traceback.format_exception(self.crash)).encode("utf-8", "replace"))
        reason = f"{type(self.crash).__name__}: {oneline(self.crash)}"
        kept = (
            "; your text comes back at the next start" if self._draft and self.preferences.keep_draft else ""
        )
        raise RnntuiError(f"the app ended by a fault of its own: {reason}; please report it with {log}{kept}")

    def __init__(self) -> None:
        super().__init__()
        self.fault = ""
        """Why the file of preferences could not be read."""
        try:
            self.preferences = preferences.load()
        except InputError as error:
            self.preferences, self.fault = Preferences(), oneline(error)
        self._draft = draft_file.load() if self.preferences.keep_draft else ""
        self._draft_timer: Timer | None = None
        # Set before any style sheet is read: with each theme all of them are read anew.
        preferred = self.preferences.theme
        if preferred not in self.available_themes or (self.no_color and preferred.startswith("ansi-")):
            preferred = DEFAULT_THEME  # without colours, the terminal's own ones would all be black
        self.theme = preferred
        self._variables = self.get_css_variables()
        self.stylesheet.set_variables(self._variables)
        self.run_colors = RunColors()
        self.kept_editing: KeptEditing | None = None
        self.model_words: ModelWords | None = None
        """Model-written spans of the draft, in this session."""
        if not self.preferences.keep_draft:
            self._save_draft()

    @property
    def draft(self) -> str:
        """Text written in the playground, on whichever model, in this session or the last one."""
        return self._draft

    @draft.setter
    def draft(self, text: str) -> None:
        if text == self._draft:
            return
        self._draft = text
        if self._draft_timer is None:
            self._draft_timer = self.set_timer(_DRAFT_S, self._save_draft)

    def _save_draft(self) -> None:
        """Bring the draft to disk, or take it away where a person does not want it there."""
        self._draft_timer = None
        with suppress(OSError, RnntuiError):  # a full disk is told by what matters more
            draft_file.save(self._draft if self.preferences.keep_draft else "")

    def prefer(self, name: str, value: object) -> None:
        """Remember what a person likes, in this session and the next."""
        if getattr(self.preferences, name) == value:
            return
        setattr(self.preferences, name, value)
        if self.fault:
            return  # a file that cannot be read is not written over
        try:
            preferences.save(self.preferences)
        except RnntuiError as error:
            self.say_fault(oneline(error))

    def save_picture(self) -> None:
        """Save the screen as an SVG file: among the downloads, or where there are none, in the present folder."""
        folder = user_downloads_path()
        self.deliver_screenshot(path=str(folder if folder.is_dir() else Path.cwd()))

    def training(self) -> list[Path]:
        """The run folders in which a training that this app started is still at work."""
        return []

    def say_fault(self, message: str) -> None:
        """Show a fault as a toast."""
        self.notify(visible_line(message), severity="error", markup=False)
