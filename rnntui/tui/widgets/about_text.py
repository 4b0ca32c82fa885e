"""Statistics and preview of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from rnntui.core.config.tasks import TASKS
from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.errors import RnntuiError, oneline
from rnntui.core.runs import store
from rnntui.core.text import catalogue
from rnntui.ui.explanations import ShownFigure
from rnntui.ui.terminal_safety import visible, visible_line

if TYPE_CHECKING:
    from rnntui.core.config.schema import TextConfig
    from rnntui.core.text.preview import Cut
    from rnntui.core.text.statistics import TextStatistics

_PREVIEW = 3000
"""Characters that are shown."""
_READ, _SHOWN = 2_000, 100
"""Records of a table that are cut into tokens, and that are shown."""
_LABEL, _FIELD = 14, 400
"""Columns of a label, and characters of a text, at most."""


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
    def look_at(self, config: TextConfig) -> None:
        """Read and measure the corpus that `config` names; messages say what is found."""
        from rnntui.core.text import corpus
        from rnntui.core.text.preview import first_records
        from rnntui.core.text.statistics import statistics

        worker, source = get_current_worker(), config.corpus
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
        rows = first_records(config, _READ)
        shown = _table(rows[:_SHOWN], config.task) if rows else Text(visible(text.beginning[:_PREVIEW]))
        self.app.call_from_thread(self._if_open, self._show, source, shown, figures)
        read = "\n".join(row[0] for row in rows) if rows else text.beginning
        for found in _cuts_of(read):
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

    def refuse(self, message: str) -> None:
        """Say why the text, which can be read, cannot be trained on."""
        advice = "" if "--" not in message else " (m opens the settings)"
        self.query_one("#statistics", Static).update(visible_line(message, 400) + advice)
        self.add_class("-fault")

    def _show(self, source: str, beginning: Text | Table, figures: TextStatistics) -> None:
        self.remove_class("-fault")
        sample = catalogue.SAMPLES.get(source)
        lines = [f"{sample.language}: {sample.summary}"] if sample else []
        lines += [
            f"{figures.characters:,} characters, {figures.vocabulary:,} distinct",
            f"entropy {figures.entropy:.2f} bits/char, gzip {figures.gzip_bits_per_byte:.2f} bits/byte",
        ]
        self.query_one("#statistics", Static).update("\n".join(lines))
        self.query_one("#preview", Static).update(beginning)
        self.query_one("#preview-side").scroll_home(animate=False)
        self.post_message(self.Measured(figures))


def _table(rows: Sequence[tuple[str, ...]], task: str) -> Table:
    """Records, each field in a column of its own: a label before its text, a text before what it becomes."""
    settings = TASKS[task].fields
    labelled = settings[-1] == "label_column"
    order = range(len(settings) - 1, -1, -1) if labelled else range(len(settings))
    table = Table(box=None, padding=(0, 2, 0, 0), expand=True)
    for place, field in enumerate(order):
        first = place == 0
        table.add_column(
            settings[field].removesuffix("_column"),
            style="bold" if first and labelled else "",
            ratio=None if first and labelled else 1,
            max_width=_LABEL if first and labelled else None,
            no_wrap=first and labelled,
        )
    for row in rows:
        table.add_row(*(Text(visible_line(row[field], _FIELD)) for field in order))
    return table


def _cuts_of(text: str) -> Iterator[tuple[Cut, ...]]:
    """The beginning of a text, cut by one more tokenizer each time."""
    from rnntui.core.text.preview import HEAD, cut

    head = text[:HEAD]
    found: tuple[Cut, ...] = ()
    for kind in TOKENIZERS:
        found = (*found, cut(head, kind))
        yield found


def figures_of(text: TextStatistics, cuts: Sequence[Cut]) -> list[ShownFigure]:
    """The figures of a text, to be explained."""
    characters = text.characters
    return [
        ShownFigure("characters", f"{characters:,}", "characters"),
        ShownFigure("distinct characters", f"{text.vocabulary:,}", "distinct"),
        ShownFigure("entropy", f"{text.entropy:.2f}", "entropy", "bits/char"),
        ShownFigure("gzip", f"{text.gzip_bits_per_byte:.2f}", "gzip", "bits/byte"),
        *(
            ShownFigure(f"{each.kind} tokens", f"{characters / each.characters_per_token:,.0f}", "tokens")
            for each in cuts
        ),
    ]


def tokens_of(text: TextStatistics, cuts: Sequence[Cut], tokenizer: str) -> float:
    """Tokens of a text, about."""
    sizes = (each.characters_per_token for each in cuts if each.kind == tokenizer)
    return text.characters / next(sizes, 1.0)


def vocab_size_of(
    text: TextStatistics | None, cuts: Sequence[Cut], tokenizer: str, most: int | None
) -> int | None:
    """Vocabulary of a tokenizer on a text, of `most` tokens at most; None while it is not known."""
    if TOKENIZERS[tokenizer].distinct_characters and text is not None:
        return text.vocabulary + 1
    found = (each.vocab_size for each in cuts if each.kind == tokenizer)
    return next((min(size, most) if most else size for size in found), None)
