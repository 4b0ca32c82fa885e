"""The playground of a classifier: write, and see what the text is taken for."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from rnntui.tui.messages import Tab
from rnntui.tui.screens.base import is_left
from rnntui.tui.screens.editor import BACK
from rnntui.tui.screens.live_playground import LivePlayground
from rnntui.tui.services.classifier import ClassifierAnswer, ClassifierService
from rnntui.tui.widgets.bars import Bars
from rnntui.tui.widgets.tinted_text import TintedText
from rnntui.ui import formats
from rnntui.ui.explanations import ShownFigure
from rnntui.ui.terminal_safety import visible_line

_EMPTY = "Start typing: the text is classified after every key, and each word tinted by its influence."
_LISTED = 10
"""Words in the list of those that move the answer most."""


class ClassifyingScreen(LivePlayground):
    """A text area whose words are tinted by how much they move the answer, and the answer as bars."""

    TAB: ClassVar[Tab] = "playground"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "next_label", "Other label", tooltip="Tint the words for the next label"),
        BACK,
    ]
    AUTO_FOCUS = "#text"

    latest: reactive[ClassifierAnswer | None] = reactive(None)
    rank: reactive[int] = reactive(0)
    """Rank of the label whose words are tinted, 0 for the likeliest."""
    pointed: reactive[int | None] = reactive(None)
    """The character of the text that the mouse or the cursor is at."""

    def __init__(self, path: Path, checkpoint: str | None = None) -> None:
        self._classifier = ClassifierService(path, checkpoint)
        self._asked: tuple[str, int] | None = None
        """Text and rank that the latest answer is for."""
        super().__init__(path, self._classifier)

    def compose_body(self) -> ComposeResult:
        """The text, the labels and the words that move them."""
        yield Static(id="headline", markup=False)
        with Horizontal(id="writing"):
            yield TintedText(id="text", placeholder=_EMPTY)
            with Vertical(id="aside"):
                yield Bars(id="labels")
                yield Static("loading the model …", id="moves", markup=False)

    def on_mount(self) -> None:
        self.take_up("each word is tinted by how it moves the answer")
        self.query_one("#labels").border_title = "prediction"
        self.query_one("#moves").border_title = "word influence"
        self.follow()
        self.answer_along()

    # --- the model ---

    def on_tinted_text_written(self) -> None:
        self.app.draft = self.query_one(TintedText).text
        self._wanted.set()

    def on_tinted_text_pointed(self, event: TintedText.Pointed) -> None:
        self.pointed = event.offset

    async def answer(self, fresh: bool) -> None:
        """Classify the text, if it or the label to explain has changed."""
        asked = (self.query_one(TintedText).text, self.rank)
        if fresh or asked != self._asked:
            latest = await self.in_thread(self._classifier.answer, *asked)
            if not is_left(self):
                self._asked, self.latest = asked, latest

    def show_fault(self, text: str) -> None:
        """Show a fault in the panel of influential words."""
        self._asked = None  # the next answer takes the fault away
        self.query_one("#moves", Static).update(text)

    # --- showing it ---

    def watch_latest(self) -> None:
        found = self.latest
        if found is None:
            return
        self.query_one("#labels", Bars).rows = tuple(
            zip(found.labels, found.prediction.probabilities, strict=True)
        )
        area = self.query_one(TintedText)
        if area.text == found.text:
            area.tint(found.pieces, found.prediction.unknown)
        self._show_moves()
        self._headline()

    def watch_pointed(self) -> None:
        if self.latest is not None:
            self._show_moves()

    def _show_moves(self) -> None:
        """The words that move the answer most; first the one that is pointed at."""
        found = self.latest
        assert found is not None
        label = visible_line(found.labels[found.about], 24)
        self.query_one("#moves").border_title = Content(f"word influence on {label}")
        text = Text(no_wrap=True)
        here = found.piece_at(self.pointed) if self.pointed is not None else None
        if here is not None and here[0].strip():
            text.append(f"{here[1]:+.2f} nats  {visible_line(here[0].strip(), 24)}\n", "bold")
        words = [each for each in found.pieces if each[0].strip()]
        for word, influence in sorted(words, key=lambda each: -abs(each[1]))[:_LISTED]:
            text.append(f"{influence:+.2f}  {visible_line(word.strip(), 24)}\n")
        if not words:
            text.append("No word yet.")
        self.query_one("#moves", Static).update(text)

    def watch_weights(self) -> None:
        self._headline()

    def _headline(self) -> None:
        if not self.shows:
            return
        parts = [self.weights] if self.weights else []
        if self.latest is not None:
            parts.append(f"{self.latest.ms:.0f} ms per key")
            if unknown := sum(self.latest.prediction.unknown):
                parts.append(f"{unknown} unknown word{'s' * (unknown > 1)}, underlined")
        self.show_headline(parts)

    def figures(self) -> list[ShownFigure]:
        found = self.latest
        if found is None:
            return []
        predicted = zip(found.labels, found.prediction.probabilities, strict=True)
        words = (each for each in found.pieces if each[0].strip())
        return [
            ShownFigure("ms per key", f"{found.ms:.0f}", "ms per key"),
            *(ShownFigure(label, formats.share(p).strip(), "prediction") for label, p in predicted),
            *(ShownFigure(word.strip(), f"{moved:+.2f}", "influence", "nats") for word, moved in words),
        ]

    # --- keys ---

    def action_next_label(self) -> None:
        """Tint the words by how they move the next label."""
        self.rank += 1
        self._wanted.set()
