"""Statistics and preview of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.errors import RnntuiError, oneline
from rnntui.core.runs import store
from rnntui.core.text import catalogue
from rnntui.ui.terminal_safety import visible, visible_line

if TYPE_CHECKING:
    from rnntui.core.text.preview import Cut
    from rnntui.core.text.statistics import TextStatistics

_PREVIEW = 3000
"""Characters that are shown."""


class AboutText(Vertical):
    """Statistics and the beginning of a text, which it reads and measures away from the keys."""

    class Reading(Message):
        """A text is being read; what was known of another one is void."""

    class Failed(Message):
        """The text cannot be read."""

    class Measured(Message):
        """A text was read to its end."""

        def __init__(self, figures: TextStatistics) -> None:
            super().__init__()
            self.figures = figures

    class CutUp(Message):
        """One more tokenizer has cut the beginning of the text."""

        def __init__(self, cuts: tuple[Cut, ...]) -> None:
            super().__init__()
            self.cuts = cuts

    def compose(self) -> ComposeResult:
        yield Static(id="statistics", markup=False)
        with VerticalScroll(id="preview-side"):
            yield Static(id="preview", markup=False)

    @property
    def failed(self) -> bool:
        """True if the text cannot be read."""
        return self.has_class("-fault")

    @work(thread=True, exclusive=True, group="look")
    def look_at(self, source: str) -> None:
        """Read and measure the text `source`; messages say what is found."""
        from rnntui.core.text import corpus
        from rnntui.core.text.statistics import statistics

        worker = get_current_worker()
        self.app.call_from_thread(self._if_open, self._show_reading, source)
        try:
            text = corpus.Source(source)
            # Another text chosen meanwhile ends the reading of this one, however long it is.
            figures = statistics(takewhile(lambda _: not worker.is_cancelled, text.blocks()))
        except RnntuiError as error:
            if not worker.is_cancelled:
                self.app.call_from_thread(self._if_open, self._show_fault, oneline(error))
            return
        if worker.is_cancelled:
            return
        self.app.call_from_thread(self._if_open, self._show, source, text.beginning[:_PREVIEW], figures)
        for found in _cuts_of(text.beginning):
            if worker.is_cancelled:
                return
            self.app.call_from_thread(self._if_open, self.post_message, self.CutUp(found))

    def _if_open(self, show: Callable[..., object], *found: Any) -> None:
        """Show what a thread found, if there still is where to show it."""
        if self.is_attached and self.app.is_running and self.screen in self.app.screen_stack:
            show(*found)

    def _show_reading(self, source: str) -> None:
        self.border_title = Content(visible_line(store.short_corpus(source), 40))
        self.query_one("#statistics", Static).update("reading …")
        self.post_message(self.Reading())

    def _show_fault(self, message: str) -> None:
        self.query_one("#statistics", Static).update(visible_line(message))
        self.query_one("#preview", Static).update("")
        self.add_class("-fault")
        self.post_message(self.Failed())

    def _show(self, source: str, beginning: str, figures: TextStatistics) -> None:
        self.remove_class("-fault")
        sample = catalogue.SAMPLES.get(source)
        lines = [f"{sample.language}: {sample.summary}"] if sample else []
        lines += [
            f"{figures.characters:,} characters, {figures.vocabulary:,} distinct",
            f"entropy {figures.entropy:.2f} bits/char, gzip {figures.gzip_bits_per_byte:.2f} bits/byte",
        ]
        self.query_one("#statistics", Static).update("\n".join(lines))
        self.query_one("#preview", Static).update(Text(visible(beginning)))
        self.query_one("#preview-side").scroll_home(animate=False)
        self.post_message(self.Measured(figures))


def _cuts_of(text: str) -> Iterator[tuple[Cut, ...]]:
    """The beginning of a text, cut by one more tokenizer each time."""
    from rnntui.core.text.preview import HEAD, cut

    head = text[:HEAD]
    found: tuple[Cut, ...] = ()
    for kind in TOKENIZERS:
        found = (*found, cut(head, kind))
        yield found
