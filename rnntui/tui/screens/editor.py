"""A screen on which a text is written beside a model, opened and saved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import reactive
from textual.timer import Timer
from textual.widgets import Static

from rnntui.core.errors import InputError, RnntuiError, oneline
from rnntui.core.files import expanded, write_atomically
from rnntui.core.runs.folder import Run
from rnntui.core.runs.ownership import owner_of
from rnntui.core.runs.safe_files import holds_run
from rnntui.core.text.segmentation import word_count
from rnntui.tui.base_app import KeptEditing
from rnntui.tui.messages import WatchRequested
from rnntui.tui.screens.base import RnntuiScreen, token_of
from rnntui.tui.screens.dialogs import Confirm
from rnntui.tui.screens.file_picker import PickerScreen
from rnntui.tui.screens.pickers import choose_model
from rnntui.tui.services.weights import WeightsWatcher
from rnntui.tui.syntax import language_of, language_of_file
from rnntui.tui.widgets.find_bar import FindBar
from rnntui.tui.widgets.plain_text import PlainText
from rnntui.ui.terminal_safety import visible_line

_REFRESH_S = 2.0
"""Seconds between requests for the newest weights of a run that trains."""
_COUNT_S = 0.3
_OPEN, _SAVE = "Open a text to write in", "Save the text as"
_BETWEEN = "  ·  "
_LARGEST = 200_000
"""Characters of a text that is opened: an area for typing, not a pager."""


def fitting(parts: Sequence[str], width: int, between: str) -> list[str]:
    """The first parts, as many as fit into `width` columns."""
    found: list[str] = []
    for part in parts:
        width -= cell_len(part) + len(between) * bool(found)
        if width < 0:
            break
        found.append(part)
    return found


BACK = Binding("ctrl+b", "back", "Back", tooltip="Back to the training")
"""For those who derive from the screen below: behind the keys of their own."""


class EditorScreen(RnntuiScreen):
    """Follows the weights of a run; opens a file into the text area, and saves what stands there.

    Who derives from it has a `#headline`, a `#text`, and sets `_wanted` when an answer is wanted.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "open", "Open", show=False, tooltip="Open a text"),
        Binding("ctrl+s", "save", "Save", show=False, tooltip="Save the text"),
        Binding("ctrl+f", "find", "Find", show=False, tooltip="Find in the text"),
        Binding("alt+c", "copy_all", "Copy all", show=False, tooltip="Copy the whole text"),
        Binding("ctrl+r", "choose", "Model", show=False, tooltip="Use another run or checkpoint"),
    ]

    weights: reactive[str] = reactive("")
    """Description of the weights in use."""

    def __init__(self, path: Path, follower: WeightsWatcher) -> None:
        super().__init__()
        self._path, self._follower = path, follower
        self._file, self._saved = "", ""
        """Path of the file that is open, and its text as it was opened or saved last."""
        self._area: PlainText | None = None
        self._wanted = asyncio.Event()
        self._hint = ""
        self._count = ""
        """Count of words, as it was a moment ago."""
        self._parts: Sequence[str] = ()
        self._counting: Timer | None = None
        self._look = False
        """True if it is time to look for newer weights."""

    def take_up(self, hint: str) -> None:
        """Go on with the text that was written before, with a hint below it."""
        area = self._area = self.query_one("#text", PlainText)
        self._hint = hint
        area.load_text(self.app.draft)
        area.move_cursor(area.document.end)
        if (kept := self.app.kept_editing) is not None and kept.text == area.text:
            area.history, self._file, self._saved = kept.history, kept.file, kept.saved
            area.move_cursor(kept.cursor)
        area.color_as(self._language())
        self._count_words()

    def on_unmount(self) -> None:
        """Keep what undoes the text, for whoever comes back to it."""
        if (area := self._area) is not None:
            kept = KeptEditing(area.text, area.history, area.cursor_location, self._file, self._saved)
            self.app.kept_editing = kept

    def _language(self) -> str | None:
        """Programming language of the file that is open, or of the text that the run was trained on."""
        if self._file:
            return language_of_file(self._file)
        with suppress(InputError):
            return language_of(Run.open(self._path).config.text.corpus)
        return None

    def on_text_area_changed(self) -> None:
        """Count the words once nobody has typed for a moment."""
        if self._counting is None:
            self._counting = self.set_timer(_COUNT_S, self._count_words)

    def _count_words(self) -> None:
        self._counting = None
        if self.shows:
            area = self.query_one("#text", PlainText)
            area.color_as(area.language)  # it may have become too long for colours
            count = word_count(area.text)
            self._count = f"{count:,} word{'s' * (count != 1)}"
            name = visible_line(Path(self._file).name, 40) if self._file else "write here"
            area.border_title = Content(name + " (changed)" * bool(self._file and area.text != self._saved))
            self.show_headline(self._parts)

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
        """The run's name, and what there is to say beside it; what does not fit stands in the frame of the text."""
        self._parts = parts
        name = visible_line(self._path.name)
        shown = fitting(parts, self.size.width - cell_len(name) - 4, _BETWEEN)
        text = Text.assemble((name, "bold"), "  ", _BETWEEN.join(shown), no_wrap=True, overflow="ellipsis")
        self.query_one("#headline", Static).update(text)
        rest = [*parts[len(shown) :], self._count, self._hint]
        area = self.query_one("#text", PlainText)
        told = fitting([part for part in rest if part], area.size.width - 4, " · ")
        area.border_subtitle = Content(" · ".join(told))

    def on_resize(self) -> None:
        self.call_after_refresh(lambda: self.show_headline(self._parts) if self.shows else None)

    @property
    def token(self) -> str:
        return token_of(self._path)

    def action_choose(self) -> None:
        """Choose another run or checkpoint."""
        choose_model(self, self._path)

    def action_back(self) -> None:
        """To the run's training screen."""
        self.post_message(WatchRequested(self._path))

    def action_open(self) -> None:
        """Choose a text to write in."""
        self.app.push_screen(PickerScreen(_OPEN), self._open)

    def _open(self, path: str | None) -> None:
        if not path:
            return
        from rnntui.core.text import corpus

        try:
            text = corpus.load(path).text
        except RnntuiError as error:
            self._again(oneline(error), PickerScreen(_OPEN, path), self._open)
            return
        if len(text) > _LARGEST:
            fault = f"{path}: {len(text):,} characters; open a text of at most {_LARGEST:,}"
            self._again(fault, PickerScreen(_OPEN, path), self._open)
            return
        area = self.query_one("#text", PlainText)
        area.replace_all(text)  # which undo takes back: what stood there was nowhere else
        self._file, self._saved = path, area.text
        area.color_as(self._language())
        self._count_words()
        area.focus()

    def _again(self, fault: str, picker: PickerScreen, take: Callable[[str | None], None]) -> None:
        """Say what is wrong with a path, and ask for it again."""
        self.say(fault, fault=True)
        self.app.push_screen(picker, take)

    def action_copy_all(self) -> None:
        """Copy the whole text to the clipboard."""
        text = self.query_one("#text", PlainText).text
        self.app.copy_to_clipboard(text)
        self.say(f"Copied {len(text):,} characters, if the terminal lets programs use its clipboard.")

    def action_find(self) -> None:
        """Find something in the text."""
        if there := self.query(FindBar):
            there.first().action_step(1)
        else:
            self.mount(FindBar(id="find"), after="#headline")

    def on_find_bar_sought(self, event: FindBar.Sought) -> None:
        self.query_one(FindBar).show_place(*self.query_one("#text", PlainText).find(event.text, event.step))

    def on_find_bar_closed(self) -> None:
        self.query(FindBar).remove()
        self.query_one("#text").focus()

    def action_save(self) -> None:
        """Choose where to save the text."""
        self.app.push_screen(PickerScreen(_SAVE, self._file, saving=True), self._save)

    def _save(self, path: str | None) -> None:
        if not path:
            return
        again = partial(self._again, picker=PickerScreen(_SAVE, path, saving=True), take=self._save)
        try:
            target = expanded(path)
        except InputError as error:
            again(oneline(error))
            return
        if target.is_dir():
            again(f"{path}: a folder; add a file's name")
        elif target.exists() and path != self._file:
            question = Confirm(f"{path} exists. Replace it by the text written here?", "Replace")
            self.app.push_screen(question, lambda answer: self._write(path, target) if answer else None)
        else:
            self._write(path, target)

    def _write(self, path: str, target: Path) -> None:
        """Write the text to a file."""
        text = self.query_one("#text", PlainText).text
        try:
            write_atomically(target, text.encode())
        except (RnntuiError, OSError) as error:
            self._again(oneline(error), PickerScreen(_SAVE, path, saving=True), self._save)
            return
        self._file, self._saved = path, text
        self._count_words()
        self.say(f"saved {path}")
