"""The first screen: a text, a cell, and Enter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import get_current_worker

from rnntui.core import runs
from rnntui.core.cells import CELLS
from rnntui.core.config import DEFAULT_PRESET, FIELDS, PRESETS
from rnntui.core.errors import RnntuiError, oneline
from rnntui.core.text import catalogue
from rnntui.tui.messages import StartRequested
from rnntui.tui.widgets.choice import Choice
from rnntui.visible import visible, visible_line

if TYPE_CHECKING:
    from rnntui.core.text.statistics import TextStatistics

_PREVIEW = 3000
_TOKENIZERS = {
    "char": "characters, a small vocabulary that works with little text",
    "word": "whole words, reads further back, wants a megabyte or more",
    "bpe": "pieces of words, between characters and words",
    "byte": "bytes of UTF-8, any text in any script",
}


class Texts(OptionList):
    """The list of texts, on which Enter starts the training."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Start")]


class PathInput(Input):
    """A line for a path, in which what could steer the terminal becomes visible."""

    def validate_value(self, value: str) -> str:
        return visible(value)


class CorporaScreen(Screen[None]):
    """Choose a text and a cell; Enter starts the training."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "start", "Start"),
        Binding("o", "open", "Open a file"),
        Binding("tab", "app.focus_next", "Next field"),
        Binding("w", "app.watch_newest", "Back to training"),
        Binding("q", "app.leave", "Quit"),
    ]

    source: reactive[str] = reactive("tales", init=False)
    """The corpus that Enter trains on."""

    def compose(self) -> ComposeResult:
        yield Static(
            Text.assemble(("rnntui", "bold"), "  choose a text, press Enter, watch it learn"), id="headline"
        )
        with Horizontal(id="texts"):
            with Vertical(id="sources"):
                yield Texts(*self._options(), id="samples")
                yield PathInput(placeholder="file, folder or URL", id="path")
            with Vertical(id="about"):
                yield Static(id="statistics", markup=False)
                with VerticalScroll(id="preview-side", can_focus=False):
                    yield Static(id="preview", markup=False)
        with Vertical(id="recipe"):
            yield Choice("cell", list(CELLS), "lstm", id="cell")
            yield Choice("tokens", list(_TOKENIZERS), "char", id="tokenizer")
            yield Choice("time", list(PRESETS), DEFAULT_PRESET, id="preset")
            yield Static(id="meaning", markup=False)
        yield Footer()

    def _options(self) -> list[Option]:
        """The samples, and the files that earlier runs were trained on."""
        options = [Option(name, id=name) for name in catalogue.SAMPLES]
        files = dict.fromkeys(run.config.text.corpus for run in reversed(runs.list_runs()))
        recent = [file for file in files if file not in catalogue.SAMPLES and file != "-"][:8]
        return options + [Option(Text(visible_line(runs.short_corpus(file), 28)), id=file) for file in recent]

    def on_mount(self) -> None:
        self.query_one("#samples").border_title = "texts"
        self.query_one("#path").border_title = "or a file of yours"
        self.query_one("#recipe").border_title = "model"
        self.query_one("#samples").focus()
        self._explain()

    # --- the text ---

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_id is not None:
            self.source = event.option_id
            self._look_at(event.option_id)

    def on_option_list_option_selected(self) -> None:
        self.action_start()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.source = event.value.strip()
            self._look_at(self.source)

    @work(thread=True, exclusive=True)
    def _look_at(self, source: str) -> None:
        """Read and measure a text away from the keys."""
        from rnntui.core.text import corpus
        from rnntui.core.text.statistics import statistics

        worker = get_current_worker()
        self.app.call_from_thread(self._show_reading, source)
        try:
            text = corpus.load(source).text
            figures = statistics(text)
        except RnntuiError as error:
            if not worker.is_cancelled:
                self.app.call_from_thread(self._show_fault, oneline(error))
            return
        if not worker.is_cancelled:
            self.app.call_from_thread(self._show_text, source, text[:_PREVIEW], figures)

    def _show_reading(self, source: str) -> None:
        self.query_one("#about").border_title = Content(visible_line(runs.short_corpus(source), 40))
        self.query_one("#statistics", Static).update("reading …")

    def _show_fault(self, message: str) -> None:
        self.query_one("#statistics", Static).update(visible_line(message))
        self.query_one("#preview", Static).update("")
        self.query_one("#about").add_class("-fault")

    def _show_text(self, source: str, beginning: str, figures: TextStatistics) -> None:
        self.query_one("#about").remove_class("-fault")
        sample = catalogue.SAMPLES.get(source)
        lines = [f"{sample.language}: {sample.summary}"] if sample else []
        lines += [
            f"{figures.characters:,} characters, {figures.vocabulary:,} different, {figures.lines:,} lines",
            f"entropy {figures.entropy:.2f} bits/char, gzip {figures.gzip_bits_per_byte:.2f} bits/byte",
            "commonest "
            + " ".join(f"{visible_line(c).replace(' ', '␣')} {p:.0%}" for c, p in figures.commonest[:7]),
        ]
        self.query_one("#statistics", Static).update("\n".join(lines))
        self.query_one("#preview", Static).update(Text(visible(beginning)))
        self.query_one("#preview-side").scroll_home(animate=False)

    # --- the recipe ---

    def on_choice_changed(self) -> None:
        self._explain()

    def _explain(self) -> None:
        """Say what the chosen values mean."""
        cell, tokenizer = self.query_one("#cell", Choice).value, self.query_one("#tokenizer", Choice).value
        preset = self.query_one("#preset", Choice).value
        setting = PRESETS[preset]
        layers = setting.get("num_layers", FIELDS["num_layers"].default)
        size = setting.get("hidden_size", FIELDS["hidden_size"].default)
        shape = f"{layers} layer{'s' * (layers > 1)} of {size} units"
        lines = (
            f"{cell}: {CELLS[cell].summary}",
            f"{tokenizer}: {_TOKENIZERS[tokenizer]}",
            f"{preset}: {shape}, {setting['max_time'] / 60:g} min at most, less if it stops gaining",
        )
        self.query_one("#meaning", Static).update("\n".join(lines))

    # --- keys ---

    def action_open(self) -> None:
        self.query_one("#path").focus()

    def action_start(self) -> None:
        settings = {
            "corpus": self.source,
            "cell": self.query_one("#cell", Choice).value,
            "tokenizer": self.query_one("#tokenizer", Choice).value,
        }
        self.post_message(StartRequested(settings, self.query_one("#preset", Choice).value))
