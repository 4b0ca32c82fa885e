"""A screen of one run beside which others can be drawn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path

from textual import work
from textual.binding import Binding

from rnntui.core.errors import InputError
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.core.runs.history import History
from rnntui.tui.run_follower import histories_of
from rnntui.tui.screens.base import is_left
from rnntui.tui.screens.pickers import OFFERED, OverlayScreen
from rnntui.tui.screens.plotting import PlottingScreen
from rnntui.tui.widgets.curves import DrawnRun

COMPARE = Binding("o", "overlay", "Compare", tooltip="Draw other runs beside this one")
"""For those who derive from the screen below: among the keys of their own."""


class ComparingScreen(PlottingScreen):
    """Draws the curves of other runs beside those of the run at `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._compared: list[Path] = []
        self.others: list[DrawnRun] = []
        """Runs drawn beside this one."""

    @abstractmethod
    def show_curves(self) -> None:
        """Draw the curves anew."""

    def drawn_runs(self, path: Path, history: History) -> list[DrawnRun]:
        """This run, and those that it is compared with."""
        return [DrawnRun(path.name, history, self.app.run_colors.number_of(path)), *self.others]

    def action_overlay(self) -> None:
        """Choose runs to draw beside this one."""
        others = [run for run in islice(store.newest_runs(), OFFERED) if run.path != self._path]
        if not others:
            self.say("There is no other run to compare with yet.")
            return
        self.app.push_screen(OverlayScreen(others, self._compared), self._compare)

    def _compare(self, chosen: list[Path] | None) -> None:
        if chosen is not None:
            self._compared = chosen
            self._read_others(chosen)

    @work(thread=True, exclusive=True, group="others")
    def _read_others(self, chosen: list[Path]) -> None:
        self.app.call_from_thread(self._show_others, histories_of(chosen))

    def _show_others(self, found: list[tuple[Path, History]]) -> None:
        if is_left(self):
            return
        beside = [self._path, *(path for path, _ in found)]
        color = self.app.run_colors.number_of
        self.others = [DrawnRun(path.name, history, color(path, beside)) for path, history in found]
        self._compare_units(path for path, _ in found)
        self.show_curves()

    def _compare_units(self, others: Iterable[Path]) -> None:
        """Draw bits where the tokens of the runs differ."""
        kinds = set()
        for path in (self._path, *others):
            with suppress(InputError):
                text = Run.open(path).config.text
                kinds.add((text.tokenizer, text.vocab_size))
        before, self.other_tokens = self.other_tokens, len(kinds) > 1
        self.apply_preferences()
        if self.other_tokens and not before:
            self.say(f"The runs have different tokens: drawn in {self.unit}, which compare.")
