"""The first screen: a text, a recipe, and Enter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import get_current_worker

from rnntui.core import config
from rnntui.core.cells import CELLS, equations
from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.errors import RnntuiError, oneline
from rnntui.core.runs import store
from rnntui.core.text import catalogue
from rnntui.core.text.corpus import recent_texts
from rnntui.core.text.tables import task_for
from rnntui.tui.estimator import Estimator, expected, limit
from rnntui.tui.messages import DuelRequested, StartRequested, Tab
from rnntui.tui.screens.base import RnntuiScreen, is_left
from rnntui.tui.screens.file_picker import PathInput, PickerScreen
from rnntui.tui.widgets.choice import Choice
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible, visible_line

if TYPE_CHECKING:
    from rnntui.core.text.preview import Cut
    from rnntui.core.text.statistics import TextStatistics

_PREVIEW, _RECENT = 3000, 8
_ESTIMATE_AFTER_S = 0.5
"""Torch takes both cores for a second: not while a person still chooses."""
_OPEN, _PASTE = "+open", "+paste"


class Texts(OptionList):
    """The list of texts, on which Enter starts the training."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Start", tooltip="Start training")]


class CorporaScreen(RnntuiScreen):
    """Choose a text and a cell; Enter starts the training."""

    TAB: ClassVar[Tab] = "texts"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "start", "Start", tooltip="Start training"),
        Binding("o", "open", "Open", tooltip="Open a file or a folder"),
        Binding("v", "paste", "Paste", show=False, tooltip="Paste a text to learn from"),
        Binding("m", "more", "More settings", tooltip="Every setting, with its default and meaning"),
        Binding("t", "turn", "Tokens", tooltip="Show the tokens in the place of the text, and back"),
        Binding(
            "slash",
            "type_path",
            "Type a path",
            show=False,
            tooltip="Type the path of a file",
            key_display="/",
        ),
        Binding(
            "d",
            "duel",
            "Duel",
            tooltip="Let the cells race on this text: a million parameters, a minute each",
        ),
        Binding("escape", "to_list", "Back to the list", tooltip="Back to the list of texts"),
        Binding("q", "app.leave", "Quit", tooltip="Quit"),
    ]

    source: reactive[str] = reactive("", init=False)
    """The corpus that Enter trains on."""
    figures: reactive[TextStatistics | None] = reactive(None)
    cuts: reactive[tuple[Cut, ...]] = reactive(())
    cost: reactive[dict[str, Any]] = reactive(dict)
    """What the estimator has answered to the present choices."""

    def __init__(self) -> None:
        super().__init__()
        self._estimator = Estimator()
        self._settings: dict[str, Any] = {}
        """What was chosen under 'more'."""
        self._purpose = "lm"

    def compose_body(self) -> ComposeResult:
        with Horizontal(id="texts"):
            with Vertical(id="sources"):
                yield Texts(*self._options(), id="samples")
                yield PathInput(placeholder="path, folder or URL", id="path")
            with Vertical(id="about"):
                yield Static(id="statistics", markup=False)
                with VerticalScroll(id="preview-side"):
                    yield Static(id="preview", markup=False)
            with VerticalScroll(id="cuts-side"):
                yield Static("…", id="cuts-waiting")
        with Vertical(id="recipe"):
            with Horizontal(id="choices"):
                with Vertical(id="dials"):
                    yield Choice("cell", list(CELLS), "lstm", id="cell")
                    yield Choice("tokens", list(TOKENIZERS), "char", id="tokenizer")
                    yield Choice("time", list(config.PRESETS), config.DEFAULT_PRESET, id="preset")
                yield Static(id="equations", markup=False)
            yield Static(id="meaning", markup=False)
            yield Static(id="cost", markup=False)

    def _options(self) -> list[Option]:
        """The samples, and two ways to bring another text."""
        options = [Option(name, id=name) for name in catalogue.SAMPLES]
        return [*options, Option("＋ open a file …", id=_OPEN), Option("＋ paste a text …", id=_PASTE)]

    def _offer_recent(self) -> None:
        """The files that earlier runs were trained on; found once the screen stands, for there may be many runs."""
        self.query_one("#samples", Texts).add_options(
            Option(Text(visible_line(store.short_corpus(file), 28)), id=file)
            for file in recent_texts(_RECENT)
        )

    def on_mount(self) -> None:
        self.query_one("#samples").border_title = "texts"
        self.query_one("#path").border_title = "or type a path"
        self.query_one("#recipe").border_title = "model"
        self.query_one("#cuts-side").border_title = "tokenization"
        self.query_one("#samples").focus()
        self._explain()
        self.call_after_refresh(self._offer_recent)

    async def on_unmount(self) -> None:
        await self._estimator.close()

    # --- the text ---

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_id is not None and event.option_id not in (_OPEN, _PASTE):
            self.source = event.option_id

    async def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_id == _OPEN:
            self.action_open()
        elif event.option_id == _PASTE:
            self.action_paste()
        else:
            await self.action_start()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self._take(event.value.strip())

    def _take(self, source: str) -> None:
        """Look at `source`, also when it was looked at before: the file may have changed."""
        self.query_one("#path", PathInput).value = source
        if source == self.source:
            self._look_at(source)
        self.source = source

    def watch_source(self, before: str, source: str) -> None:
        task, self._purpose = self._purpose, task_for(source)
        if task != self._purpose:
            self.query_one("#tokenizer", Choice).choose(config.build({"task": self._purpose}).text.tokenizer)
        self._look_at(source)

    @work(thread=True, exclusive=True, group="look")
    def _look_at(self, source: str) -> None:
        """Read and measure a text away from the keys."""
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
        self.app.call_from_thread(self._if_open, self._show_text, source, text.beginning[:_PREVIEW], figures)
        for found in self._cut(text.beginning):
            if worker.is_cancelled:
                return
            self.app.call_from_thread(self._if_open, self._show_cuts, found)

    def _cut(self, text: str) -> Iterator[tuple[Cut, ...]]:
        from rnntui.core.text.preview import HEAD, cut

        head = text[:HEAD]
        found: tuple[Cut, ...] = ()
        for kind in TOKENIZERS:
            found = (*found, cut(head, kind))
            yield found

    def _if_open(self, show: Callable[..., None], *found: Any) -> None:
        """Show what a thread found, if there still is where to show it."""
        if not is_left(self):
            show(*found)

    def _show_reading(self, source: str) -> None:
        self.query_one("#about").border_title = Content(visible_line(store.short_corpus(source), 40))
        self.query_one("#statistics", Static).update("reading …")
        self.figures, self.cuts = None, ()

    def _show_fault(self, message: str) -> None:
        self.query_one("#statistics", Static).update(visible_line(message))
        self.query_one("#preview", Static).update("")
        self.query_one("#about").add_class("-fault")
        self._explain()

    def _show_text(self, source: str, beginning: str, figures: TextStatistics) -> None:
        self.query_one("#about").remove_class("-fault")
        sample = catalogue.SAMPLES.get(source)
        lines = [f"{sample.language}: {sample.summary}"] if sample else []
        lines += [
            f"{figures.characters:,} characters, {figures.vocabulary:,} distinct",
            f"entropy {figures.entropy:.2f} bits/char, gzip {figures.gzip_bits_per_byte:.2f} bits/byte",
        ]
        self.query_one("#statistics", Static).update("\n".join(lines))
        self.query_one("#preview", Static).update(Text(visible(beginning)))
        self.query_one("#preview-side").scroll_home(animate=False)
        self.figures = figures

    def _show_cuts(self, found: tuple[Cut, ...]) -> None:
        from rnntui.tui.widgets.cuts import Cuts

        if there := self.query(Cuts):
            widget = there.first()
        else:
            self.query("#cuts-waiting").remove()
            widget = Cuts(id="cuts")
            self.query_one("#cuts-side").mount(widget)
        widget.cuts, widget.chosen = found, self._tokenizer
        self.cuts = found

    # --- the recipe ---

    @property
    def _tokenizer(self) -> str:
        return self.query_one("#tokenizer", Choice).value

    @property
    def _preset(self) -> str:
        return self.query_one("#preset", Choice).value

    def _chosen(self) -> dict[str, Any]:
        """What Enter starts with, besides the preset."""
        cell = self.query_one("#cell", Choice).value
        purpose = {} if self._purpose == "lm" else {"task": self._purpose}
        return purpose | self._settings | {"corpus": self.source, "cell": cell, "tokenizer": self._tokenizer}

    def on_choice_changed(self) -> None:
        from rnntui.tui.widgets.cuts import Cuts

        self._explain()
        for widget in self.query(Cuts):
            widget.chosen = self._tokenizer

    def watch_figures(self) -> None:
        if self.figures is not None:
            self._explain()

    def watch_cuts(self) -> None:
        if len(self.cuts) == len(TOKENIZERS):
            self._estimate()

    def _explain(self) -> None:
        """Say what the chosen values mean, and find out what they cost."""
        cell, preset = self.query_one("#cell", Choice).value, self._preset
        setting = config.build(self._chosen(), preset)
        layers, size = setting.model.num_layers, setting.model.hidden_size
        shape = f"{layers} layer{'s' * (layers > 1)} of {size} units"
        lines = [
            f"{cell}: {CELLS[cell].summary}",
            f"{self._tokenizer}: {TOKENIZERS[self._tokenizer].summary}",
            f"{preset}: {shape}, {limit(setting)}",
        ]
        self.query_one("#meaning", Static).update("\n".join(lines))
        self.query_one("#equations", Static).update("\n".join(equations(cell)))
        self.cost = {}
        self._estimate()

    @work(exclusive=True, group="estimate")
    async def _estimate(self) -> None:
        """Ask for the size and the speed of what is chosen, once a person has stopped choosing."""
        import asyncio

        await asyncio.sleep(_ESTIMATE_AFTER_S)
        vocab_size = None if is_left(self) else self._vocab_size()
        if vocab_size is None:
            return
        async for answer in self._estimator.estimate(self._chosen(), self._preset, vocab_size):
            self.cost = answer

    def _vocab_size(self) -> int | None:
        """Of the tokenizer chosen; None while that is not known."""
        given = self._settings.get("vocab_size")
        if TOKENIZERS[self._tokenizer].distinct_characters and self.figures is not None:
            return self.figures.vocabulary + 1
        for each in self.cuts:
            if each.kind == self._tokenizer:
                return min(each.vocab_size, given) if given else each.vocab_size
        return None

    def watch_cost(self) -> None:
        if self.shows:
            self.query_one("#cost", Static).update(self._cost_line())

    def _cost_line(self) -> str:
        cost = self.cost
        if "fault" in cost:
            return visible_line(cost["fault"])
        if not cost:
            return "measuring this machine …"
        about = "about " if TOKENIZERS[self._tokenizer].vocab_size else ""
        parts = [f"{about}{formats.count(cost['parameters'])} parameters", cost["device"]]
        if "tokens_per_s" not in cost:
            return " · ".join([*parts, "measuring this machine …"])
        speed = cost["tokens_per_s"]
        parts[1] += f" {cost['precision']}"
        parts.append(f"{formats.count(speed)} tokens/s here")
        setting = config.build(self._chosen(), self._preset)
        if self.figures is not None:
            size = next(
                (each.characters_per_token for each in self.cuts if each.kind == self._tokenizer), 1.0
            )
            parts.append(expected(setting, self.figures.characters / size, speed))
        return " · ".join(parts)

    # --- keys ---

    def action_open(self) -> None:
        def take(path: str | None) -> None:
            if path:
                self._take(path)

        self.app.push_screen(PickerScreen("Open a text: a file, or a folder of files"), take)

    def action_type_path(self) -> None:
        self.query_one("#path").focus()

    def action_to_list(self) -> None:
        self.query_one("#samples").focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return isinstance(self.focused, PathInput) if action == "to_list" else True

    def action_paste(self) -> None:
        from rnntui.tui.screens.dialogs import Paste

        def take(text: str | None) -> None:
            if text and text.strip():
                self._take(str(store.keep_text(text)))

        self.app.push_screen(Paste(), take)

    def action_more(self) -> None:
        from rnntui.tui.screens.settings import SettingsScreen

        def take(settings: dict[str, Any] | None) -> None:
            if settings is None:
                return
            for name in ("cell", "tokenizer"):
                if name in settings:
                    self.query_one(f"#{name}", Choice).choose(settings.pop(name))
            settings.pop("corpus", None)
            self._settings = settings
            self._explain()

        self.app.push_screen(SettingsScreen(self._chosen(), self._preset, "Settings of the next run"), take)

    def action_turn(self) -> None:
        self.toggle_class("-tokens")

    async def action_start(self) -> None:
        await self._begin(StartRequested)

    async def action_duel(self) -> None:
        await self._begin(DuelRequested)

    async def _begin(self, request: type[StartRequested] | type[DuelRequested]) -> None:
        if not self.source or self.query_one("#about").has_class("-fault"):
            self.say("This text cannot be read: choose another one.", fault=True)
            return
        self.workers.cancel_group(self, "estimate")
        await self._estimator.close()
        self.post_message(request(self._chosen(), self._preset))
