"""The app: which screen is shown, which trainings it started, how it is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input

from rnntui.core import config
from rnntui.core.config import RESUMABLE
from rnntui.core.config.tasks import DEFAULT_TASK, TASKS
from rnntui.core.errors import InputError, RnntuiError, oneline
from rnntui.core.interrupts import leaving_signals
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run, request, require_free
from rnntui.core.runs.origin import must_be_trusted, unasked
from rnntui.core.runs.ownership import owner_of
from rnntui.core.runs.safe_files import holds_run
from rnntui.core.studies.duelists import paths_of
from rnntui.tui.base_app import BaseApp
from rnntui.tui.messages import (
    DuelRequested,
    ForkRequested,
    PlayRequested,
    ResumeRequested,
    StartRequested,
    Tab,
    TabRequested,
    WatchRequested,
)
from rnntui.tui.training_process import Resume, TrainingProcess, start_duel, start_training
from rnntui.ui.terminal_safety import visible_line

if TYPE_CHECKING:
    from rnntui.tui.screens.duel import DuelScreen

_SAVING_POLL_S = 0.1
_INTERRUPTED = 130
"""The exit code after a signal; trainings go on, as after closing the screen."""


def _key_commands() -> Any:
    from rnntui.tui.commands import KeyCommands

    return KeyCommands


def _system_commands() -> Any:
    from textual.system_commands import SystemCommandsProvider

    return SystemCommandsProvider


class RnntuiApp(BaseApp):
    """rnntui in a terminal."""

    TITLE = "rnntui"
    CSS_PATH = "rnntui.tcss"
    # Below the smallest size a screen asks for more room; above, it uses what there is.
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (18, "-short"), (32, "-tall")]
    COMMANDS = {_key_commands, _system_commands}
    COMMAND_PALETTE_DISPLAY = "^p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+p",
            "command_palette",
            "Menu",
            show=False,
            priority=True,
            tooltip="Everything that can be done here",
        ),
        Binding("ctrl+q", "leave", "Quit", show=False, priority=True, tooltip="Quit rnntui"),
        Binding(
            "ctrl+z",
            "suspend_process",
            "Suspend",
            show=False,
            priority=True,
            tooltip="Back to the shell; fg returns",
        ),
    ]

    def __init__(self, first: Screen[None]) -> None:
        super().__init__()
        self._first = first
        self.children_of: dict[Path, TrainingProcess] = {}
        """The trainings that this app started."""
        self._started_last: StartRequested | None = None
        self.current: Path | None = None
        """The run that was looked at last."""
        self._duels: dict[Path, tuple[list[Path], list[str], TrainingProcess]] = {}
        """By each of its runs, a duel that was started here."""

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda theme: self.prefer("theme", theme.name))
        self.push_screen(self._first)
        if not self.is_headless:
            for number in leaving_signals():
                with suppress(NotImplementedError):  # Windows: there Python's own way has to do
                    asyncio.get_running_loop().add_signal_handler(number, self.exit, _INTERRUPTED)
        if self.fault:
            self.say_fault(self.fault)

    # --- what screens ask for ---

    def on_tab_requested(self, event: TabRequested) -> None:
        self.action_open_tab(event.tab)

    def action_open_tab(self, tab: Tab) -> None:
        """Open one of the four screens, on the run that was looked at last or the newest one."""
        if tab == "texts":
            from rnntui.tui.screens.corpora import CorporaScreen

            self.switch_screen(CorporaScreen(self._started_last))
            return
        if tab == "runs":
            from rnntui.tui.screens.runs import RunsScreen

            self.switch_screen(RunsScreen())
            return
        path = self.current or next((run.path for run in store.newest_runs()), None)
        if path is None:
            self.notify("There is no run yet: choose a text and press Enter.")
        elif tab == "training" and path in self._duels:
            from rnntui.tui.screens.duel import DuelScreen

            self.switch_screen(DuelScreen(*self._duels[path]))
        elif tab == "training":
            self.on_watch_requested(WatchRequested(path))
        else:
            self.on_play_requested(PlayRequested(path))

    def on_start_requested(self, event: StartRequested) -> None:
        self._started_last = event
        self._train(None, event.settings, event.preset)

    def on_duel_requested(self, event: DuelRequested) -> None:
        """Start the duel, and watch it."""
        try:
            base = store.free_path(config.build(event.settings, event.preset), "duel")
            screen, child = race(base, event.cells, event.settings, event.preset)
        except (RnntuiError, OSError) as error:
            self.say_fault(oneline(error))
            return
        self.take_in_duel(screen, child)
        self.switch_screen(screen)

    def take_in(self, path: Path, child: TrainingProcess) -> None:
        """Look after a training process from here on."""
        self.children_of[path] = child
        self.current = path

    def take_in_duel(self, screen: DuelScreen, child: TrainingProcess) -> None:
        """Look after the process of a duel, and know the way back to it."""
        for path in screen.paths[::-1]:
            self.take_in(path, child)
            self._duels[path] = (screen.paths, screen.cells, child)

    def on_resume_requested(self, event: ResumeRequested) -> None:
        """Go on training; a corpus that a run from elsewhere would fetch is asked about first."""

        def go_on(trust: bool) -> None:
            self._train(event.path, event.settings, config.DEFAULT_PRESET, Resume(trust=trust))

        self._ask_to_fetch(event.path, go_on)

    def on_fork_requested(self, event: ForkRequested) -> None:
        """A new run: from the old one's last checkpoint where the new settings allow it, else from nothing."""
        self._ask_to_fetch(event.path, lambda trust: self._fork(event, trust))

    def _ask_to_fetch(self, path: Path, go_on: Callable[[bool], None]) -> None:
        """Go on at once, or after a yes where the run's corpus would be fetched and the run was not made here."""
        try:
            run = Run.open(path)
        except RnntuiError as error:
            self.say_fault(oneline(error))
            return
        if not must_be_trusted(run):
            go_on(False)
            return
        from rnntui.tui.screens.dialogs import Confirm

        def take(answer: bool | None) -> None:
            if answer:
                go_on(True)

        reading = visible_line(unasked(run.config))
        self.push_screen(
            Confirm(f"{run.name} was not made here. Shall its corpus be {reading}?", "Go on"), take
        )

    def _fork(self, event: ForkRequested, trust: bool) -> None:
        try:
            run = Run.open(event.path)
            before = config.given_of(run.config).settings
            changes = {
                name: event.settings.get(name)
                for name in {**before, **event.settings}
                if before.get(name) != event.settings.get(name)
            }
            path = store.new_path(config.build(event.settings, event.preset))
            left_open = any(value is None for value in changes.values())
            goes_on = changes.keys() <= RESUMABLE and not left_open and bool(run.named("last"))
            if goes_on:
                from rnntui.core.runs.summaries import read_history, summary_of

                trained = summary_of(run, read_history(run)).train_s
                limit = changes.get("max_time", run.config.training.max_time)
                if limit and limit <= trained:
                    changes["max_time"] = trained + limit  # else it would end at once
                store.fork(run, path)
                self.notify("The new run starts from the last checkpoint.")
            else:
                self.notify("These settings make another model: it trains from the beginning.")
        except (RnntuiError, OSError) as error:
            self.say_fault(oneline(error))
            return
        settings = changes if goes_on else event.settings
        self._train(path, settings, event.preset, Resume(trust=trust) if goes_on else None)

    def _train(
        self, path: Path | None, settings: Mapping[str, Any], preset: str, resume: Resume | None = None
    ) -> None:
        """Start a training process and watch it."""
        try:
            path = path or store.new_path(config.build(settings, preset))
            self.train(path, settings, preset, resume)
        except (RnntuiError, OSError) as error:
            self.say_fault(oneline(error))
            return
        self.on_watch_requested(WatchRequested(path))

    def train(
        self, path: Path, settings: Mapping[str, Any], preset: str, resume: Resume | None = None
    ) -> TrainingProcess:
        """Start a training process on the run folder `path`."""
        self.children_of[path] = start_training(path, settings, preset, resume)
        return self.children_of[path]

    def on_watch_requested(self, event: WatchRequested) -> None:
        from rnntui.tui.screens.training import TrainingScreen

        self.current = event.path
        self.switch_screen(TrainingScreen(event.path, self.children_of.get(event.path)))

    def on_play_requested(self, event: PlayRequested) -> None:
        self.current = event.path
        try:
            self.switch_screen(playground(event.path, event.checkpoint))
        except InputError as error:
            self.notify(visible_line(str(error)), severity="warning", markup=False)

    # --- the menu ---

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Entries of the menu on every screen, besides the keys."""
        yield SystemCommand(
            "Change the theme", "light, dark, or the terminal's own colours", self.action_change_theme
        )
        yield SystemCommand("Save screenshot", "as an SVG file", self.save_picture)

    def action_keys(self) -> None:
        """Show all keys of the present screen."""
        from rnntui.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen(self.screen))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let ctrl+z undo where somebody writes; elsewhere it suspends, as in every program of the terminal."""
        writes = hasattr(self.focused, "document") or isinstance(self.focused, Input)
        if action == "suspend_process" and writes:
            return False
        return super().check_action(action, parameters)

    # --- leaving ---

    def training(self) -> list[Path]:
        """The run folders in which a training that this app started is still at work."""
        alive = [path for path, child in self.children_of.items() if child.poll() is None]
        # One that is done takes a moment to end; one that still reads its text has no run yet.
        return [path for path in alive if owner_of(path) is not None or not holds_run(path)]

    async def action_leave(self) -> None:
        """Quit; while something trains, ask what becomes of it."""
        from rnntui.tui.screens.quit_dialog import LeaveScreen

        if not self.training():
            self.exit(0)
        elif not isinstance(self.screen, LeaveScreen):
            self.push_screen(LeaveScreen([path.name for path in self.training()]), self._left)

    def _left(self, answer: str | None) -> None:
        if answer == "keep":
            self.exit(0)
        elif answer == "stop":
            self.stop_trainings()
            self.notify("Saving, then quitting.")
            self.set_interval(_SAVING_POLL_S, self._leave_when_saved)

    def stop_trainings(self) -> None:
        """Ask every training of this app to save and stop; one that still reads its text just ends."""
        for path in self.training():
            if owner_of(path):
                with suppress(RnntuiError):  # a training that cannot be asked is not there any more
                    request(path, "stop")
            else:
                self.children_of[path].terminate()

    def _leave_when_saved(self) -> None:
        if not self.training():
            self.exit(0)


def playground(path: Path, checkpoint: str | None = None) -> Screen[None]:
    """The playground for what the run at `path` has learned.  Raises InputError if its task has no playground."""
    try:
        task = Run.open(path).config.text.task
    except InputError:
        task = DEFAULT_TASK  # its playground reports what is wrong with the run
    if not TASKS[task].playground:
        raise InputError(f"{path.name}: --task {task} has no playground")
    screen: Callable[[Path, str | None], Screen[None]] = resolve_name(TASKS[task].playground)
    return screen(path, checkpoint)


def open_corpora() -> int:
    """The app on its first screen; returns the exit code, as all of these do."""
    from rnntui.tui.screens.corpora import CorporaScreen

    return RnntuiApp(CorporaScreen()).opened()


def open_training(given: dict[str, Any], preset: str, path: Path | None, resume: Resume | None) -> int:
    """The app on the training screen of a run that it starts or resumes; returns the exit code."""
    from rnntui.tui.screens.training import TrainingScreen

    if path is None:
        path = store.new_path(config.build(given, preset))
    elif not resume:
        require_free(path)
    path = path.resolve()
    child = start_training(path, given, preset, resume)
    app = RnntuiApp(TrainingScreen(path, child))
    app.take_in(path, child)
    return app.opened()


def race(
    base: Path, cells: Sequence[str], settings: Mapping[str, Any], preset: str
) -> tuple[DuelScreen, TrainingProcess]:
    """Start the process of a duel; the screen that shows it, and the process."""
    from rnntui.tui.screens.duel import DuelScreen

    paths = paths_of(base, cells)
    child = start_duel(base, paths[0], ",".join(cells), settings, preset)
    return DuelScreen(paths, cells, child), child


def open_duel(given: dict[str, Any], preset: str, cells: Sequence[str], base: Path) -> int:
    """The app on a duel that it starts."""
    screen, child = race(base, cells, given, preset)
    app = RnntuiApp(screen)
    app.take_in_duel(screen, child)
    return app.opened()


def open_watch(run: Run) -> int:
    """The app on the training screen of a run that exists."""
    from rnntui.tui.screens.training import TrainingScreen

    app = RnntuiApp(TrainingScreen(run.path))
    app.current = run.path
    return app.opened()


def open_playground(run: Run) -> int:
    """The app on the playground of a run that exists."""
    app = RnntuiApp(playground(run.path))
    app.current = run.path
    return app.opened()
