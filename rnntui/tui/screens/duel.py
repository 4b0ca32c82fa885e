"""The duel: cells race on one plot, and the table says who leads."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from rnntui.core.errors import InputError
from rnntui.core.runs.folder import Command, Run, last_words
from rnntui.core.runs.ownership import owner_of
from rnntui.core.studies.duelists import reservations
from rnntui.plots.chart import LETTERS
from rnntui.tui.messages import PlayRequested, Tab, WatchRequested
from rnntui.tui.run_follower import RunFollower
from rnntui.tui.screens.base import token_of
from rnntui.tui.screens.plotting import PlottingScreen
from rnntui.tui.training_process import TrainingProcess
from rnntui.tui.widgets.curves import Curves, DrawnRun
from rnntui.ui import formats
from rnntui.ui.explanations import ShownFigure
from rnntui.ui.terminal_safety import visible_line

_POLL_S = 0.2
_DRAW_S = 1.0
_LEVEL = 0.01
"""Bits by which two runs of one seed each have to differ, so that one of them wins."""


class DuelScreen(PlottingScreen):
    """Follows the run folders of a duel, which the process `child` trains in turns."""

    TAB: ClassVar[Tab] = "training"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p,enter", "play", "Play", key_display="p", tooltip="Write with the leader's model"),
        Binding("w", "watch", "Watch", tooltip="Look at the leader's training alone"),
        Binding("space", "pause", "Pause", tooltip="Pause the duel, or resume it"),
        Binding("s", "stop", "Stop", tooltip="Stop the duel and save all models"),
        Binding("n,escape", "app.open_tab('texts')", "New run", key_display="n", show=False),
        Binding("q", "app.leave", "Quit", tooltip="Quit"),
    ]
    AUTO_FOCUS = "#curves"

    def __init__(
        self, paths: Sequence[Path], cells: Sequence[str], child: TrainingProcess | None = None
    ) -> None:
        super().__init__()
        self.paths, self.cells = list(paths), list(cells)
        self._runs = [RunFollower(path, child) for path in paths]
        self.histories = [run.history for run in self._runs]
        self._own_axis = False
        self._compared = False
        self._drawn = 0.0

    def compose_body(self) -> ComposeResult:
        """The curves, the standings and the reservations."""
        yield Static(id="headline", markup=False)
        yield Curves(id="curves")
        yield Static(id="standings", markup=False)
        yield Static(id="reservations", markup=False)

    def on_mount(self) -> None:
        self.query_one("#standings").border_title = "standings (validation, stream)"
        self.query_one("#standings").styles.height = len(self.paths) + 3
        self.apply_preferences()
        self.set_interval(_POLL_S, self._poll)
        self._poll()

    def apply_preferences(self) -> None:
        """As preferred, but over the seconds, of which all have the same, until `x` is pressed."""
        super().apply_preferences()
        if not self._own_axis:
            curves = self.query_one(Curves)
            curves.x_axis = "seconds"
            curves.border_title = f"{self.unit} over seconds"

    def action_x_axis(self) -> None:
        """Draw over another axis, from now on the preferred one."""
        self._own_axis = True
        super().action_x_axis()

    @property
    def over(self) -> bool:
        """True if nothing is at work any more."""
        return not any(run.at_work for run in self._runs)

    @property
    def paused(self) -> bool:
        """True if the contestants wait."""
        return any(history.paused for history in self.histories)

    def _poll(self) -> None:
        for run in self._runs:
            run.poll()  # a run whose events cannot be read stands still
        self.take_task_of(self.histories[0])
        over = self.over
        if over or time.monotonic() - self._drawn >= _DRAW_S:
            self._drawn = time.monotonic()
            self._show(over)

    def _show(self, over: bool) -> None:
        with self.app.batch_update():
            drawn = zip(self.cells, self.histories, self._colors(), strict=True)
            self.query_one(Curves).show([DrawnRun(*each) for each in drawn])
            self.query_one("#standings", Static).update(self._standings())
            self.query_one("#headline", Static).update(self._headline(over))
            if not self._compared and all(history.started for history in self.histories):
                self._compare()
        self.refresh_bindings()

    def _colors(self) -> list[int]:
        """Numbers of the contestants' colours."""
        return [self.app.run_colors.number_of(path, self.paths) for path in self.paths]

    def _compare(self) -> None:
        """Say, once it is known, in what the contestants differ."""
        self._compared = True
        with suppress(InputError):
            configs = [Run.open(path).config for path in self.paths]
            self.query_one("#reservations", Static).update(reservations(configs))

    def _headline(self, over: bool) -> Text:
        began = any(history.started for history in self.histories)
        words = visible_line(last_words(self.paths[0]), 200)
        if over:
            what = self._outcome() if began else f"died: {words or 'see stderr.log'}"
        elif not began:
            what = words or "reading the text and building the models …"
        else:
            what = "paused: space resumes" if self.paused else "alternating 1 s turns"
        names = " against ".join(self.cells)
        return Text.assemble((names, "bold"), "  ", what)

    def _outcome(self) -> str:
        """Outcome of a finished duel: the leader, and whether it came to its end."""
        leader = self._order()[0]
        best = self.histories[leader].best
        if best is None:
            return "over before anyone was scored"
        ended = [history.finished is not None and history.finished.reason for history in self.histories]
        if any(reason in (False, "error") for reason in ended):
            died = next(
                cell for cell, reason in zip(self.cells, ended, strict=True) if reason in (False, "error")
            )
            return f"over: {died} died; {self.cells[leader]} leads"
        if "interrupted" in ended:
            return f"stopped: {self.cells[leader]} leads"
        second = self.histories[self._order()[1]].best if len(self.cells) > 1 else None
        if second and second.bits is not None and best.bits is not None and second.bits - best.bits < _LEVEL:
            return f"finished: {self.cells[leader]} and {self.cells[self._order()[1]]} are level"
        return f"finished: {self.cells[leader]} wins"

    def _order(self) -> list[int]:
        """The contestants, the best first: by what they last scored, or their training loss before that."""

        def rank(number: int) -> tuple[bool, float]:
            history = self.histories[number]
            if history.best and history.best.bits is not None:
                return False, history.best.bits
            return True, float(history.smooth.values[-1]) if len(history.smooth) else float("inf")

        return sorted(range(len(self.paths)), key=rank)

    def _standings(self) -> Text:
        columns = (
            (self.spec.unit, 10),
            ("perplexity", 12),
            ("parameters", 12),
            ("tokens/s", 10),
            ("seconds", 9),
        )
        heading = f"  {'cell':<10}" + "".join(f"{name:>{width}}" for name, width in columns)
        text = Text(heading, style="dim", no_wrap=True)
        colors = self._colors()
        for number in self._order():
            history = self.histories[number]
            best, progress, started = history.best, history.progress, history.started
            speed = progress.tokens / max(progress.train_s, 1e-9) if progress else None
            cells = (
                f"{formats.number(best.bits if best else None):>10}",
                f"{formats.number(best.perplexity if best else None):>12}",
                f"{f'{started.parameters:,}' if started else '–':>12}",
                f"{f'{speed:,.0f}' if speed else '–':>10}",
                f"{f'{progress.train_s:.0f}' if progress else '–':>9}",
            )
            style = self.query_one(Curves).run_style(colors[number])
            text.append(f"\n{LETTERS[number % 26]} {self.cells[number]:<10}", style)
            text.append("".join(cells))
        return text

    def figures(self) -> list[ShownFigure]:
        found = []
        for number in self._order():
            name, history = self.cells[number], self.histories[number]
            best, progress = history.best, history.progress
            speed = progress.tokens / max(progress.train_s, 1e-9) if progress else None
            found += [
                ShownFigure(
                    f"{name} {self.spec.unit}", formats.number(best.bits if best else None), self.spec.unit
                ),
                ShownFigure(
                    f"{name} perplexity", formats.number(best.perplexity if best else None), "val. perplexity"
                ),
                ShownFigure(
                    f"{name} parameters",
                    f"{history.started.parameters:,}" if history.started else "–",
                    "parameters",
                ),
                ShownFigure(f"{name} tokens/s", f"{speed:,.0f} tok/s" if speed else "–", "speed"),
                ShownFigure(
                    f"{name} seconds", f"{progress.train_s:.0f} s" if progress else "–", "trained for"
                ),
            ]
        return found

    @property
    def token(self) -> str:
        return token_of(self.paths[0])

    # --- keys ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("pause", "stop"):
            return any(owner_of(path) for path in self.paths)
        if action in ("play", "watch"):
            return any(history.best for history in self.histories)
        return True

    def action_play(self) -> None:
        """Open the playground of the leader."""
        self.post_message(PlayRequested(self.paths[self._order()[0]]))

    def action_watch(self) -> None:
        """Open the training screen of the leader."""
        self.post_message(WatchRequested(self.paths[self._order()[0]]))

    def action_pause(self) -> None:
        """Pause the duel, or resume it."""
        wanted: Command = "resume" if self.paused else "pause"
        for path in self.paths:
            self.ask(path, wanted)

    def action_stop(self) -> None:
        """Save all models and stop."""
        for path in self.paths:
            self.ask(path, "stop")
        self.say("Saving and stopping.")
