"""The playground of a translator: write, and see what the text becomes and why."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.reactive import reactive
from textual.widgets import Static

from rnntui.core.errors import RnntuiError, oneline
from rnntui.tui.messages import Tab
from rnntui.tui.screens.base import is_left
from rnntui.tui.screens.editor import BACK
from rnntui.tui.screens.live_playground import LivePlayground
from rnntui.tui.services.translator import TranslatorService
from rnntui.tui.widgets.heat_map import HeatMap, HeatTable
from rnntui.tui.widgets.plain_text import PlainText
from rnntui.ui.explanations import ShownFigure
from rnntui.ui.terminal_safety import visible, visible_line

if TYPE_CHECKING:
    from rnntui.core.tasks.translation.predict import Translation

_TOGETHER = 4
"""Lines translated at once, other than the one that is written in."""
_EMPTY = "Start typing: each line is translated after every key."
_HINT = "The attention of the line under the cursor comes here."


class TranslatingScreen(LivePlayground):
    """A text area, what its lines become, and where the line under the cursor was looked at."""

    TAB: ClassVar[Tab] = "playground"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "next_best", "Next best", tooltip="Show the next best translation of this line"),
        BACK,
    ]
    AUTO_FOCUS = "#text"

    rank: reactive[int] = reactive(0)
    """Rank of the translation shown for the line under the cursor, 0 for the best."""

    def __init__(self, path: Path, checkpoint: str | None = None) -> None:
        self._translator = TranslatorService(path, checkpoint)
        self._known: dict[str, list[Translation]] = {}
        """What lines become, by these weights; nothing where that is a fault."""
        self._before: dict[int, str] = {}
        """What stands in each row of the translation: it stays until there is something newer."""
        self._ms = 0.0
        super().__init__(path, self._translator)

    def compose_body(self) -> ComposeResult:
        """The text, its translation, the attention and the n-best list."""
        yield Static(id="headline", markup=False)
        with Horizontal(id="sides"):
            yield PlainText(id="text", placeholder=_EMPTY)
            with VerticalScroll(id="target-side", can_focus=False):
                yield Static("loading the model …", id="target", markup=False)
        with Horizontal(id="looks"):
            yield HeatMap(id="heat")
            yield Static(id="ranked", markup=False)

    def on_mount(self) -> None:
        self.take_up("a line is a text")
        self.query_one("#target-side").border_title = "translation"
        self.query_one("#heat").border_title = "attention"
        self.query_one("#ranked").border_title = "n-best, by score"
        self.query_one(HeatMap).message = _HINT
        self.follow()
        self.answer_along()

    @property
    def _line(self) -> str:
        """The one under the cursor."""
        area = self.query_one(PlainText)
        return area.document.get_line(area.cursor_location[0]).strip()

    # --- the model ---

    def on_text_area_changed(self) -> None:
        self.app.draft = self.query_one(PlainText).text
        self._wanted.set()

    def on_text_area_selection_changed(self) -> None:
        self.rank = 0
        self._show()

    async def answer(self, fresh: bool) -> None:
        """Translate what is new, the line under the cursor first, the others a few at a time."""
        if fresh:
            self._known = {}
            if not self.app.draft:
                self._suggest(await self.in_thread(self._translator.example))
        here = self._line
        lines = {line.strip(): None for line in self.query_one(PlainText).text.split("\n") if line.strip()}
        self._known = {line: found for line, found in self._known.items() if line in lines}
        missing = [line for line in lines if line not in self._known]
        some = [here] if here in missing else missing[:_TOGETHER]
        began = time.perf_counter()
        for line, found in zip(some, await self._translated(some), strict=True):
            self._known[line] = found
        if here in some:
            self._ms = 1000 * (time.perf_counter() - began)
        if is_left(self):
            return
        if any(line not in self._known for line in lines):
            self._wanted.set()
        self._show()

    async def _translated(self, lines: list[str]) -> list[list[Translation]]:
        """Translations of these lines; none of one that cannot be translated."""
        if not lines:
            return []
        try:
            return await self.in_thread(self._translator.answer, lines)
        except RnntuiError as error:
            if len(lines) > 1:
                return [(await self._translated([line]))[0] for line in lines]
            if not is_left(self):
                self.say(oneline(error), fault=True)
            return [[]]

    def _suggest(self, example: str) -> None:
        """Say what to do, with an example of what the model knows."""
        if not is_left(self):
            like = f"\nFor example: {visible_line(example)}" if example else ""
            self.query_one(HeatMap).message = _HINT + like

    def show_fault(self, text: str) -> None:
        """Show a fault in the panel of the translation."""
        self.query_one("#target", Static).update(text)

    # --- showing it ---

    def _show(self) -> None:
        """All lines, and the one under the cursor in every way it may go.

        What stands there stays until there is something newer, so that a translation grows and does not flicker.
        """
        here = self._line
        ways = self._known.get(here, [])
        rank = self.rank % max(len(ways), 1)
        if self._translator.ready:
            self._show_lines(here, rank)
        if ways or not here:
            self._show_ways(ways, rank)
        self._headline()

    def _show_lines(self, here: str, rank: int) -> None:
        """Show the translation of every line; of the one under the cursor that of this rank."""
        text = Text()
        for number, line in enumerate(self.query_one(PlainText).text.split("\n")):
            found = self._known.get(line.strip())
            is_here = line.strip() == here
            if found or not line.strip():
                self._before[number] = visible(found[rank * is_here].text) if found else ""
            shown = self._before.get(number, "…")
            text.append("\n" * bool(number)).append(shown, "bold" if is_here else "")
        self.query_one("#target", Static).update(text)

    def _show_ways(self, ways: list[Translation], rank: int) -> None:
        """Show the attention of the translation of that rank, and the n-best list."""
        table = HeatTable(ways[rank].source, ways[rank].target, ways[rank].looked.tolist()) if ways else None
        self.query_one(HeatMap).table = table
        self.query_one(HeatMap).border_subtitle = f"{rank + 1} of {len(ways)}" if rank else ""
        ranked = Text(no_wrap=True, overflow="ellipsis")
        for place, each in enumerate(ways):
            ranked.append("▸ " if place == rank else "  ").append(
                f"{each.score:6.2f}  {visible_line(each.text)}\n", "bold" if place == rank else ""
            )
        self.query_one("#ranked", Static).update(ranked)

    def watch_rank(self) -> None:
        if self.shows:
            self._show()

    def watch_weights(self) -> None:
        self._headline()

    def _headline(self) -> None:
        if self.shows:
            speed = [f"{self._ms:.0f} ms per key"] if self._ms else []
            self.show_headline(([self.weights] if self.weights else []) + speed)

    def figures(self) -> list[ShownFigure]:
        found = [ShownFigure("ms per key", f"{self._ms:.0f}", "ms per key")] if self._ms else []
        ways = self._known.get(self._line, [])
        found += [ShownFigure(each.text, f"{each.score:.2f}", "score") for each in ways]
        return [*found, ShownFigure("attention", "", "attention")] if ways else found

    # --- keys ---

    def action_next_best(self) -> None:
        """Show the next best translation, and after the last one the best again."""
        self.rank = (self.rank + 1) % max(len(self._known.get(self._line, [])), 1)
