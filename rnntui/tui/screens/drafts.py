"""A screen on which a text is written, opened and saved."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from rnntui.core.errors import RnntuiError, oneline
from rnntui.core.files import write_atomically
from rnntui.tui.screens.base import RnntuiScreen
from rnntui.tui.screens.picker import PickerScreen
from rnntui.tui.widgets.plain_text import PlainText

_LARGEST = 200_000
"""Characters of a text that is opened: an area for typing, not a pager."""


class DraftScreen(RnntuiScreen):
    """Opens a file into the text area, and saves what stands there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "open", "Open", show=False, tooltip="Open a text"),
        Binding("ctrl+s", "save", "Save", show=False, tooltip="Save the text"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._file = ""

    def action_open(self) -> None:
        self.app.push_screen(PickerScreen("Open a text to write in"), self._open)

    def _open(self, path: str | None) -> None:
        if not path:
            return
        from rnntui.core.text import corpus

        try:
            text = corpus.load(path).text
        except RnntuiError as error:
            self.say(oneline(error), fault=True)
            return
        if len(text) > _LARGEST:
            self.say(f"{path}: {len(text):,} characters; open a text of at most {_LARGEST:,}", fault=True)
            return
        area = self.query_one("#text", PlainText)
        area.load_text(text)
        area.move_cursor(area.document.end)
        area.border_title = "write here"
        self._file = path
        area.focus()

    def action_save(self) -> None:
        self.app.push_screen(PickerScreen("Save the text as", self._file, saving=True), self._save)

    def _save(self, path: str | None) -> None:
        if not path:
            return
        target = Path(path).expanduser()
        if target.is_dir():
            self.say(f"{path}: a folder; add a file's name", fault=True)
            return
        try:
            write_atomically(target, self.query_one("#text", PlainText).text.encode())
        except (RnntuiError, OSError) as error:
            self.say(oneline(error), fault=True)
            return
        self._file = path
        self.say(f"saved {path}")
