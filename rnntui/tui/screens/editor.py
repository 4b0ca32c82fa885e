"""A screen on which a text is written beside a model, opened and saved."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.widgets import Static

from rnntui.core.errors import InputError, RnntuiError, oneline
from rnntui.core.files import expanded, write_atomically
from rnntui.core.runs.ownership import owner_of
from rnntui.core.runs.safe_files import holds_run
from rnntui.tui.messages import WatchRequested
from rnntui.tui.screens.base import RnntuiScreen, tokenizer_of
from rnntui.tui.screens.file_picker import PickerScreen
from rnntui.tui.screens.pickers import choose_model
from rnntui.tui.services.weights import WeightsWatcher
from rnntui.tui.widgets.plain_text import PlainText
from rnntui.ui.terminal_safety import visible_line

_REFRESH_S = 2.0
"""Seconds between requests for the newest weights of a run that trains."""
_LARGEST = 200_000
"""Characters of a text that is opened: an area for typing, not a pager."""


BACK = Binding("ctrl+b", "back", "Back", tooltip="Back to the training")
"""For those who derive from the screen below: behind the keys of their own."""


class EditorScreen(RnntuiScreen):
    """Follows the weights of a run; opens a file into the text area, and saves what stands there.

    Who derives from it has a `#headline`, a `#text`, and sets `_wanted` when an answer is wanted.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "open", "Open", show=False, tooltip="Open a text"),
        Binding("ctrl+s", "save", "Save", show=False, tooltip="Save the text"),
        Binding("ctrl+r", "choose", "Model", show=False, tooltip="Use another run or checkpoint"),
    ]

    weights: reactive[str] = reactive("")
    """Description of the weights in use."""

    def __init__(self, path: Path, follower: WeightsWatcher) -> None:
        super().__init__()
        self._path, self._follower = path, follower
        self._file = ""
        self._wanted = asyncio.Event()
        self._look = False
        """True if it is time to look for newer weights."""

    def take_up(self, hint: str) -> None:
        """Go on with the text that was written before, with a hint below it."""
        area = self.query_one("#text", PlainText)
        area.border_title, area.border_subtitle = "write here", hint
        area.load_text(self.app.draft)
        area.move_cursor(area.document.end)

    def follow(self) -> None:
        """Look for weights now, and then every two seconds."""
        self._ask_for_weights()
        self.set_interval(_REFRESH_S, self._ask_for_weights)

    def _ask_for_weights(self) -> None:
        """Ask a run that trains for its weights of this moment, and look for new ones."""
        self._follower.ask_for_weights()
        self._look = True
        self._wanted.set()

    def waiting_or(self, error: RnntuiError) -> str:
        """Message where there are no weights: that they are on their way, or why there are none."""
        waiting = owner_of(self._path) is not None or not holds_run(self._path)
        return "the model takes its first steps …" if waiting else visible_line(oneline(error))

    def show_headline(self, parts: Sequence[str]) -> None:
        """The run's name, and what there is to say beside it."""
        name = (visible_line(self._path.name), "bold")
        text = Text.assemble(name, "  ", "  ·  ".join(parts), no_wrap=True, overflow="ellipsis")
        self.query_one("#headline", Static).update(text)

    @property
    def tokenizer(self) -> str:
        return tokenizer_of(self._path)

    def action_choose(self) -> None:
        """Choose another run or checkpoint."""
        choose_model(self, self._path)

    def action_back(self) -> None:
        """To the run's training screen."""
        self.post_message(WatchRequested(self._path))

    def action_open(self) -> None:
        """Choose a text to write in."""
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
        """Choose where to save the text."""
        self.app.push_screen(PickerScreen("Save the text as", self._file, saving=True), self._save)

    def _save(self, path: str | None) -> None:
        if not path:
            return
        try:
            target = expanded(path)
        except InputError as error:
            self.say(oneline(error), fault=True)
            return
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
