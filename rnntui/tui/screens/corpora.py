"""The first screen: a text, a recipe, and Enter."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.reactive import reactive
from textual.widgets import Input, OptionList, Static

from rnntui.core import config
from rnntui.core.config.tasks import DEFAULT_TASK
from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.runs import store
from rnntui.core.text import catalogue
from rnntui.core.text.corpus import is_soon_read
from rnntui.core.text.tables import task_for
from rnntui.tui.estimator import Estimator, facts_of
from rnntui.tui.messages import DuelRequested, StartRequested, Tab
from rnntui.tui.screens.base import RnntuiScreen, is_left
from rnntui.tui.screens.file_picker import PathInput, PickerScreen
from rnntui.tui.widgets.about_text import AboutText, figures_of, tokens_of, vocab_size_of
from rnntui.tui.widgets.recipe import Recipe
from rnntui.tui.widgets.texts import OPEN, PASTE, Texts
from rnntui.ui import formats
from rnntui.ui.explanations import ShownFigure, token_name

if TYPE_CHECKING:
    from rnntui.core.config.defaults import Facts
    from rnntui.core.config.schema import TextConfig
    from rnntui.core.text.preview import Cut
    from rnntui.core.text.statistics import TextStatistics

_ESTIMATE_AFTER_S = 0.5
"""Torch takes both cores for a second: not while a person still chooses."""
_WELCOME = "Choose a text and press Enter: a small model learns to write like it."


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
            tooltip="Train several cells side by side on this text",
        ),
        Binding("escape", "to_list", "Back to the list", tooltip="Back to the list of texts"),
        Binding("q", "app.leave", "Quit", tooltip="Quit"),
    ]

    source: reactive[str] = reactive("", init=False)
    """The corpus that Enter trains on."""
    statistics: reactive[TextStatistics | None] = reactive(None)
    cuts: reactive[tuple[Cut, ...]] = reactive(())
    cost: reactive[dict[str, Any]] = reactive(dict)
    """Answers of the estimator to the present choices."""

    def __init__(self, before: StartRequested | None = None) -> None:
        """`before` is what was started here last: its choices are those that the screen opens with."""
        super().__init__()
        self._estimator = Estimator()
        self._before = before
        self._settings: dict[str, Any] = {}
        """What was chosen under 'more'."""
        self._trained_for = DEFAULT_TASK
        self._looked_at: TextConfig | None = None
        """What was chosen about the text that is shown."""
        self._checked: TextConfig | None = None
        """What a run was found to read, or not."""

    def compose_body(self) -> ComposeResult:
        """The list of texts, the text, its tokens and the recipe."""
        yield Static(_WELCOME, id="welcome", markup=False)
        with Horizontal(id="texts"):
            with Vertical(id="sources"):
                yield Texts(id="samples")
                yield PathInput(placeholder="path, folder or URL", id="path")
            yield AboutText(id="about")
            with VerticalScroll(id="cuts-side"):
                yield Static("…", id="cuts-waiting")
        yield Recipe(id="recipe")

    def on_mount(self) -> None:
        self.query_one("#samples").border_title = "texts"
        self.query_one("#path").border_title = "or type a path"
        self.query_one("#recipe").border_title = "model: Tab, then ← →"
        self.query_one("#cuts-side").border_title = "tokenization"
        self.query_one("#samples").focus()
        if self._before is not None:
            self._choose_again(self._before)
        self._explain()
        self.call_after_refresh(self.query_one(Texts).offer_recent)

    def on_resize(self) -> None:
        """Where rows are few, the line about what to do moves into a frame."""
        self.query_one("#recipe").border_subtitle = _WELCOME if self.has_class("-short") else ""

    def _choose_again(self, before: StartRequested) -> None:
        """Choose what was chosen when a run was started here."""
        settings = dict(before.settings)
        self._take(settings.pop("corpus"))
        for name in ("cell", "tokenizer"):
            self._recipe.choose(name, settings.pop(name))
        self._recipe.choose("preset", before.preset)
        settings.pop("task", None)
        self._settings = settings

    async def on_unmount(self) -> None:
        await self._estimator.close()

    # --- the text ---

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_id is not None and event.option_id not in (OPEN, PASTE):
            self.source = event.option_id

    async def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_id == OPEN:
            self.action_open()
        elif event.option_id == PASTE:
            self.action_paste()
        else:
            await self.action_start()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self._take(event.value.strip())
            self.action_to_list()  # where Enter starts

    def _take(self, source: str) -> None:
        """Highlight `source` in the list and look at it, again if it was before: the file may have changed."""
        texts = self.query_one(Texts)
        texts.offer(source)
        if source not in catalogue.SAMPLES:
            self.query_one("#path", PathInput).value = source
        if source == self.source:
            self._look_at()
        self.source = source
        texts.highlighted = texts.get_option_index(source)

    def watch_source(self, before: str, source: str) -> None:
        task, self._trained_for = self._trained_for, task_for(source)
        if task != self._trained_for:
            self._recipe.choose("tokenizer", config.build({"task": self._trained_for}).text.tokenizer)
        self._look_at()

    def _look_at(self) -> None:
        self._checked = None
        self._looked_at = self._text_config()
        self.query_one(AboutText).look_at(self._looked_at)

    def _text_config(self) -> TextConfig:
        """What is chosen about the text."""
        return config.build(self._chosen(), self._recipe.preset).text

    def on_about_text_reading(self) -> None:
        from rnntui.tui.widgets.cuts import Cuts

        self.statistics, self.cuts = None, ()
        for widget in self.query(Cuts):
            widget.cuts = ()

    def on_about_text_failed(self) -> None:
        self._explain()
        self.workers.cancel_group(self, "estimate")
        self.cost = {"fault": "choose a text that can be read"}

    def on_about_text_measured(self, event: AboutText.Measured) -> None:
        self.statistics = event.figures

    def on_about_text_cut_up(self, event: AboutText.CutUp) -> None:
        from rnntui.tui.widgets.cuts import Cuts

        if there := self.query(Cuts):
            widget = there.first()
        else:
            self.query("#cuts-waiting").remove()
            widget = Cuts(id="cuts")
            self.query_one("#cuts-side").mount(widget)
        widget.cuts, widget.chosen = event.cuts, self._recipe.tokenizer
        self.cuts = event.cuts

    # --- the recipe ---

    @property
    def _recipe(self) -> Recipe:
        return self.query_one(Recipe)

    def _chosen(self) -> dict[str, Any]:
        """Settings of the run that Enter starts, besides the preset."""
        task = {} if self._trained_for == DEFAULT_TASK else {"task": self._trained_for}
        recipe = self._recipe
        return (
            task
            | self._settings
            | {"corpus": self.source, "cell": recipe.cell, "tokenizer": recipe.tokenizer}
        )

    def on_choice_changed(self) -> None:
        from rnntui.tui.widgets.cuts import Cuts

        self._explain()
        for widget in self.query(Cuts):
            widget.chosen = self._recipe.tokenizer

    def watch_statistics(self) -> None:
        if self.statistics is not None:
            self._explain()

    def watch_cuts(self) -> None:
        if len(self.cuts) == len(TOKENIZERS):
            self._estimate()

    def _explain(self) -> None:
        """Say what the chosen values mean, and find out what they cost."""
        self._recipe.explain(config.build(self._chosen(), self._recipe.preset))
        self.cost = {}
        self._estimate()

    @work(exclusive=True, group="estimate")
    async def _estimate(self) -> None:
        """Ask for the size and the speed of what is chosen, once a person has stopped choosing."""
        await asyncio.sleep(_ESTIMATE_AFTER_S)
        if not is_left(self):
            await self._check_text()
        if is_left(self):
            return
        given = self._settings.get("vocab_size")
        vocab_size = vocab_size_of(self.statistics, self.cuts, self._recipe.tokenizer, given)
        if vocab_size is None:
            return
        async for answer in self._estimator.estimate(self._chosen(), self._recipe.preset, vocab_size):
            self.cost = self.cost | answer

    async def _check_text(self) -> None:
        """Find out whether a run can read the text, once for what is chosen about it; say so where it cannot."""
        chosen = self._text_config()
        if self._checked == chosen or self.statistics is None:
            return
        if not await asyncio.to_thread(is_soon_read, self.source) or is_left(self):
            return
        fault = await self._estimator.fault_of(self._chosen(), self._recipe.preset)
        if not is_left(self) and chosen == self._text_config():
            self._checked = chosen
            if fault:
                self.query_one(AboutText).refuse(fault)

    def watch_cost(self) -> None:
        if not self.shows:
            return
        recipe = self._recipe
        recipe.show_cost(self.cost, config.build(self._chosen(), recipe.preset), self._tokens)

    @property
    def _tokens(self) -> float | None:
        """Tokens of the text, about; None before it is read."""
        return tokens_of(self.statistics, self.cuts, self._recipe.tokenizer) if self.statistics else None

    @property
    def _facts(self) -> Facts:
        """What is known of the text."""
        return facts_of(config.build(self._chosen(), self._recipe.preset), self._tokens)

    def figures(self) -> list[ShownFigure]:
        found = figures_of(self.statistics, self.cuts) if self.statistics else []
        if "parameters" in self.cost:
            found.append(ShownFigure("parameters", formats.count(self.cost["parameters"]), "parameters"))
        if "tokens_per_s" in self.cost:
            found.append(ShownFigure("tokens/s", formats.count(self.cost["tokens_per_s"]), "tokens/s"))
        return found

    @property
    def token(self) -> str:
        return token_name(self._recipe.tokenizer, self._trained_for)

    # --- keys ---

    def action_open(self) -> None:
        """Choose a file or a folder."""

        def take(path: str | None) -> None:
            if path:
                self._take(path)

        self.app.push_screen(PickerScreen("Open a text: a file, or a folder of files"), take)

    def action_type_path(self) -> None:
        """Go to the path field."""
        self.query_one("#path").focus()

    def action_to_list(self) -> None:
        """Go back to the list of texts."""
        self.query_one("#samples").focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return isinstance(self.focused, PathInput) if action == "to_list" else True

    def action_paste(self) -> None:
        """Paste a text to learn from."""
        from rnntui.tui.screens.dialogs import Paste

        def take(text: str | None) -> None:
            if text and text.strip():
                self._take(str(store.keep_text(text)))

        self.app.push_screen(Paste(), take)

    def action_more(self) -> None:
        """Open the form of all settings."""
        from rnntui.tui.screens.settings import SettingsScreen

        def take(settings: dict[str, Any] | None) -> None:
            if settings is None:
                return
            for name in ("cell", "tokenizer"):
                if name in settings:
                    self._recipe.choose(name, settings.pop(name))
            settings.pop("corpus", None)
            self._trained_for = settings.get("task", self._trained_for)
            self._settings = settings
            if self._text_config() != self._looked_at:
                self._look_at()
            self._explain()

        title = "Settings of the next run"
        form = SettingsScreen(self._chosen(), self._recipe.preset, title, self._facts)
        self.app.push_screen(form, take)

    def action_turn(self) -> None:
        """Show the tokens in the place of the text, and back."""
        self.toggle_class("-tokens")

    async def action_start(self) -> None:
        """Start the training."""
        if self._can_train():
            await self._release_machine()
            self.post_message(StartRequested(self._chosen(), self._recipe.preset))

    @work
    async def action_duel(self) -> None:
        """Ask for the cells of a duel, its parameters and its time, and start it."""
        from rnntui.tui.screens.duel_form import DuelForm

        if not self._can_train():
            return
        busy = ", ".join(path.name for path in self.app.training())
        asked = await self.app.push_screen_wait(
            DuelForm(self._chosen(), self._recipe.preset, busy, self._facts)
        )
        if asked is not None:
            await self._release_machine()
            self.post_message(DuelRequested(*asked, self._recipe.preset))

    def _can_train(self) -> bool:
        """Return True if there is a text to train on; say so if there is none."""
        if not self.source or self.query_one(AboutText).failed:
            self.say("This text cannot be trained on: see beside it why, or choose another one.", fault=True)
            return False
        return True

    async def _release_machine(self) -> None:
        """End the measurement of the machine: what trains next needs it."""
        self.workers.cancel_group(self, "estimate")
        await self._estimator.close()
