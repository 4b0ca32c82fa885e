"""The training screen: the run folder, live."""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.reactive import reactive
from textual.widgets import Static

from rnntui.core.errors import InputError, oneline
from rnntui.core.processors import use_by_others
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Command, Run, last_words, log_end
from rnntui.core.runs.history import History
from rnntui.core.runs.ownership import owner_of
from rnntui.core.runs.safe_files import holds_run
from rnntui.tui.machine import Load, Machine
from rnntui.tui.messages import ForkRequested, PlayRequested, Tab
from rnntui.tui.run_follower import RunFollower
from rnntui.tui.screens.base import is_left, token_of
from rnntui.tui.screens.comparing import COMPARE, ComparingScreen
from rnntui.tui.screens.dialogs import Fault
from rnntui.tui.screens.flow import FlowScreen
from rnntui.tui.training_process import TrainingProcess
from rnntui.tui.widgets.curves import Curves
from rnntui.tui.widgets.device_panel import DevicePanel
from rnntui.tui.widgets.figures import Figures
from rnntui.tui.widgets.legend import legend, names, readout
from rnntui.tui.widgets.progress_row import ProgressRow
from rnntui.tui.widgets.run_state import DIED, ENDED, STOPPED, state_words
from rnntui.tui.widgets.sample_panel import SamplePanel
from rnntui.tui.widgets.what_now import WhatNow, bigger
from rnntui.ui import formats
from rnntui.ui.explanations import ShownFigure
from rnntui.ui.terminal_safety import visible_line

_POLL_S = 0.2
_OWNER_S = 0.5
"""Seconds after which a dead process is noticed."""
_DRAW_S = 1.0
"""A redraw a second is enough for curves that grow, and leaves the processor to the training; whatever else
happens is shown at once."""
_QUIET = (ev.Progress, ev.Saved)
_MACHINE_S = 2.0
_ASKED: dict[str, str] = {"evaluate": "Scoring the validation text.", "sample": "Writing a sample."}
_LOW = 22
"""Rows of a screen below which the chart and the figures leave each other less."""


class TrainingScreen(ComparingScreen):
    """Follows `events.jsonl` of a run that trains, has trained, or is about to.

    `child` is the training process, if this app started it.
    """

    TAB: ClassVar[Tab] = "training"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p,enter", "play", "Play", key_display="p", tooltip="Write with this model"),
        Binding("space", "pause", "Pause", tooltip="Pause the training, or resume it"),
        Binding("s", "stop", "Stop", tooltip="Stop the training and save"),
        Binding("g", "resume", "Resume", tooltip="Resume training this run"),
        Binding("l", "log", "Log", tooltip="Show warnings, or why the training died"),
        Binding("e", "ask('evaluate')", "Evaluate", tooltip="Score the validation text now"),
        Binding("w", "ask('sample')", "Sample", show=False, tooltip="Write a sample now"),
        Binding("c", "confusion", "Confusion", tooltip="Which labels are taken for which"),
        Binding("b", "flow", "Gradient flow", show=False, tooltip="How far back the gradient reaches"),
        Binding(
            "v",
            "freeze",
            "Hold",
            show=False,
            tooltip="Hold the view still, or let it go on; training is not paused",
        ),
        Binding(
            "greater_than_sign",
            "ask('faster')",
            "Raise learning rate",
            show=False,
            tooltip="Raise the learning rate by a quarter",
        ),
        Binding(
            "less_than_sign",
            "ask('slower')",
            "Lower learning rate",
            show=False,
            tooltip="Lower the learning rate by a fifth",
        ),
        Binding(
            "left_square_bracket", "sample(-1)", "Earlier sample", show=False, tooltip="The sample before"
        ),
        Binding("right_square_bracket", "sample(1)", "Later sample", show=False, tooltip="The sample after"),
        COMPARE,
        Binding("B", "bigger", "Bigger model", show=False, tooltip="Train a bigger model on the same text"),
        Binding(
            "n,escape",
            "app.open_tab('texts')",
            "New run",
            key_display="n",
            show=False,
            tooltip="Train another model",
        ),
        Binding("q", "app.leave", "Quit", tooltip="Quit"),
    ]
    AUTO_FOCUS = "#curves"

    state: reactive[str] = reactive("preparing", bindings=True)
    """`preparing`, `running`, `paused`, `crashed`, or the reason why it finished."""
    frozen: reactive[bool] = reactive(False)
    """True if the view stands still while the training goes on."""

    def __init__(self, path: Path, child: TrainingProcess | None = None) -> None:
        super().__init__(path)
        self._run = RunFollower(path, child)
        self._warned: int | None = None
        """Warnings that were shown; None while what was logged before is still being read."""
        self._machine = Machine()
        self._load: Load | None = None
        self._log_shown = False
        self._drawn, self._unseen = 0.0, False
        self._pointed: float | None = None
        """The place of the x axis that the mouse is at."""
        self._said: dict[str, str | Text] = {}

    @property
    def history(self) -> History:
        """Events of the run so far."""
        return self._run.history

    def compose_body(self) -> ComposeResult:
        """The curves, the figures, the progress, the machine and the sample."""
        yield Static(id="headline", markup=False)
        with Horizontal(id="learning"):
            with Vertical(id="plot-side"):
                yield Curves(id="curves")
                yield Static(id="legend", markup=False)
            with Vertical(id="number-side"):
                yield Figures(id="figures")
                yield ProgressRow(id="progress")
                yield DevicePanel(id="device")
                yield WhatNow(id="what-now")
                yield SamplePanel(self.history, id="sample-side")

    def on_mount(self) -> None:
        self.apply_preferences()
        self.set_interval(_POLL_S, self._poll)
        self.set_interval(_OWNER_S, self._find_state)
        self.set_interval(_MACHINE_S, self._look_at_machine)
        self._poll()
        self._look_at_machine()

    def on_resize(self) -> None:
        self.set_class(self.size.height < _LOW, "-low")
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        """Fit what depends on the size of the plot: the legend, and toasts, which lie on the plot alone."""
        if not self.shows:
            return
        self._show_legend()
        height = self.query_one(Curves).outer_size.height
        self.query("ToastRack").set_styles(max_height=height)

    def apply_preferences(self) -> None:
        super().apply_preferences()
        self.query_one(Figures).marker = self.preferences.marker
        self._show_legend()

    # --- reading the run ---

    def _poll(self) -> None:
        """Take in what was told since the last look; show it in one go."""
        readable = not self._run.fault
        events = self._run.poll()
        if readable and self._run.fault:
            self.say(self._run.fault, fault=True)
        if events:
            self.take_task_of(self.history)
            self._unseen = True
        if self._run.behind:
            self.call_next(self._poll)  # a long run is read piece by piece, so that keys are heard between
            return
        self._tell_warnings()
        if rates := [event for event in events if isinstance(event, ev.Adjusted)]:
            self.say(f"Learning rate {rates[-1].lr:.2e}, {rates[-1].factor:.3g} times the schedule's.")
        told = not all(isinstance(event, _QUIET) for event in events)
        if told:
            self._find_state()
        if self.state == "preparing":
            self._say("#headline", self._headline())
        due = time.monotonic() - self._drawn >= _DRAW_S
        if self._unseen and not self.frozen and (due or told):
            self.show_curves()

    def show_curves(self) -> None:
        self._drawn, self._unseen = time.monotonic(), False
        with self.app.batch_update():
            self.query_one(Curves).show(self.drawn_runs(self._path, self.history))
            figures = self.query_one(Figures)
            figures.history, figures.ended = self.history, self.state in ENDED
            figures.refresh()
            if self.history.progress:
                ended = self.history.finished is not None and self.history.finished.reason not in STOPPED
                self.query_one(ProgressRow).fraction = 1.0 if ended else self.history.progress.fraction
            self.query_one(SamplePanel).show()
            self._show_legend()

    def _tell_warnings(self) -> None:
        warnings = self.history.warnings
        if len(warnings) == self._warned:
            return
        if self._warned is not None and warnings:
            self.notify(visible_line(warnings[-1].message), severity="warning", markup=False)
        self._warned = len(warnings)
        self._say("#headline", self._headline())
        self.refresh_bindings()

    def _find_state(self) -> None:
        self.state = self._run.state or self.state

    @work(exclusive=True, group="machine")
    async def _look_at_machine(self) -> None:
        if is_left(self):
            return
        owner = owner_of(self._path)
        self.query_one(DevicePanel).load = self._load = self._machine.look(
            owner.pid if owner else None, self.history.processes
        )
        self._say("#headline", self._headline())
        await self._machine.look_at_gpu()

    # --- showing it ---

    def _say(self, selector: str, text: str | Text) -> None:
        """Put a text into a widget if it is another one: Textual lays the whole screen out anew for it."""
        if self._said.get(selector) != text:
            self._said[selector] = text
            self.query_one(selector, Static).update(text)

    def on_curves_pointed(self, event: Curves.Pointed) -> None:
        self._pointed = event.x
        self._show_legend()

    def _show_legend(self) -> None:
        """Legend of the lines; under the mouse, their values there."""
        curves, x = self.query_one(Curves), self._pointed
        if self.others:
            self._say("#legend", names(self.drawn_runs(self._path, self.history), curves, self.unit))
        elif x is not None and len(self.history.steps):
            self._say("#legend", readout(self.history, curves.x_axis, x))
        else:
            # On a short screen the frame that bears the title is left out.
            unit = f"{self.unit} / {self.preferences.x_axis}" if self.has_class("-short") else ""
            room = self.query_one("#legend").size.width
            self._say("#legend", legend(self.history, self.preferences.marker, self.unit, unit, room))

    def watch_state(self) -> None:
        self._say("#headline", self._headline())
        self.set_class(self.state == "paused", "-paused")
        self.set_class(self.state in ENDED and self.state not in DIED, "-ended")
        if self.state in DIED and self._run.process is not None and not self._log_shown:
            self.action_log()

    def watch_frozen(self) -> None:
        if self.shows:
            self._say("#headline", self._headline())

    def _headline(self) -> Text:
        logged = visible_line(last_words(self._path), 200)
        what = visible_line(self._run.fault, 200) or state_words(self.state, self.history, logged)
        what += "  (view held: v lets it go on)" if self.frozen else ""
        count = len(self.history.warnings)
        warned = f"  ({count} warning{'s' * (count > 1)}: l)" if count else ""
        load = self._load if self.state == "running" else None
        busy = f"  busy: {use_by_others(load.busy, load.processors)}" if load and load.busy else ""
        return Text.assemble((visible_line(self._path.name), "bold"), "  ", what, warned, busy)

    def figures(self) -> list[ShownFigure]:
        found = self.query_one(Figures).figures()
        baselines = self.history.baselines.values()
        return found + [
            ShownFigure(each.name, formats.number(each.perplexity, 2), "baseline") for each in baselines
        ]

    @property
    def token(self) -> str:
        return token_of(self._path)

    def on_figures_asked(self, event: Figures.Asked) -> None:
        self.action_explain(event.label)

    # --- keys ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show only the keys that can act now."""
        if action in ("pause", "stop"):
            return self.state in ("running", "paused")
        if action == "ask":
            return self.state in ("running", "paused")
        if action == "resume":
            return self.state in ENDED and holds_run(self._path)
        if action == "log":
            return self.state in DIED or bool(self.history.warnings)
        if action == "bigger":
            return self.state in ENDED and holds_run(self._path)
        if action == "play":
            return self.state != "preparing"
        if action == "confusion":
            return bool(self.history.confusion)
        if action == "flow":
            return (self._path / "last").is_file() and self.history.spec.running_text
        return True

    def label_of(self, binding: Binding) -> str:
        resumes = binding.action == "pause" and self.state == "paused"
        return "Resume" if resumes else super().label_of(binding)

    def action_play(self) -> None:
        """Open the playground."""
        self.post_message(PlayRequested(self._path))

    def action_pause(self) -> None:
        """Pause the training, or resume it."""
        self.ask(self._path, "resume" if self.state == "paused" else "pause")

    def action_ask(self, command: Command) -> None:
        """Ask the training for something; a new learning rate is told when the training has it."""
        if self.state == "paused":
            self.say("The training is paused: space resumes it.")
        elif self.ask(self._path, command) and command in _ASKED:
            self.say(_ASKED[command])

    def action_stop(self) -> None:
        """Save and stop the training."""
        if self.ask(self._path, "stop"):
            self.say("Saving and stopping.")

    def action_resume(self) -> None:
        """Resume the training."""
        progress = self.history.progress
        at_its_end = self.state not in ("interrupted", "error", "crashed")
        self.go_on(self._path, at_its_end, progress.train_s if progress else 0.0)

    def action_bigger(self) -> None:
        """Train a bigger model with the same settings."""
        try:
            settings, preset, told = bigger(Run.open(self._path).config)
        except InputError as error:
            self.say(oneline(error), fault=True)
            return
        self.say(told)
        self.post_message(ForkRequested(self._path, settings, preset))

    def action_log(self) -> None:
        """Show the warnings, and of a run that died the last lines of its log."""
        self._log_shown = True
        warned = "\n".join(f"step {each.step:,}: {each.message}" for each in self.history.warnings)
        text = log_end(self._path) if self.state in DIED else warned
        title = "last lines of the log" if self.state in DIED else "warnings"
        self.app.push_screen(Fault(f"{self._path.name}: {title}", text))

    def action_flow(self) -> None:
        """Show the gradient flow."""
        self.app.push_screen(FlowScreen(self._path, self.preferences.marker))

    def action_confusion(self) -> None:
        """Show the confusion matrix of the best evaluation."""
        from rnntui.tui.screens.confusion import ConfusionScreen

        history = self.history
        if history.confusion and history.best and history.started and history.started.labels:
            title = f"{self._path.name}: confusion on the validation texts, step {history.best.step:,}"
            self.app.push_screen(ConfusionScreen(history.started.labels, history.confusion, title))

    def action_freeze(self) -> None:
        """Hold the view still, or let it go on."""
        self.frozen = not self.frozen
        if not self.frozen:
            self.show_curves()

    def action_sample(self, by: int) -> None:
        """Show an earlier or a later sample."""
        self.query_one(SamplePanel).go(by)
