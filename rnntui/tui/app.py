"""The app: which screen opens first, which trainings it started, how it is left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from rnntui.core import config, runs
from rnntui.core.errors import InputError, RnntuiError, oneline
from rnntui.core.runs import Run
from rnntui.tui.child import Child, start_training
from rnntui.tui.messages import PlayRequested, StartRequested, WatchRequested
from rnntui.visible import visible_line

_SAVING_POLL_S = 0.1


class RnntuiApp(App[int]):
    """rnntui in a terminal."""

    TITLE = "rnntui"
    CSS_PATH = "rnntui.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "leave", "Quit", show=False, priority=True),
    ]

    def __init__(self, first: Screen[None]) -> None:
        super().__init__()
        self._first = first
        self.children_of: dict[Path, Child] = {}
        """The trainings that this app started."""

    def on_mount(self) -> None:
        self.theme = "tokyo-night"
        self.push_screen(self._first)

    def train(self, path: Path, settings: Mapping[str, Any], preset: str, resume: bool) -> Child:
        """Start a training process on the run folder `path`."""
        self.children_of[path] = start_training(path, settings, preset, resume)
        return self.children_of[path]

    # --- what screens ask for ---

    def on_start_requested(self, event: StartRequested) -> None:
        try:
            path = runs.new_path(config.build(event.settings, event.preset))
            self.train(path, event.settings, event.preset, resume=False)
        except (RnntuiError, OSError) as error:
            self.notify(visible_line(oneline(error)), severity="error", markup=False)
            return
        self.on_watch_requested(WatchRequested(path))

    def on_watch_requested(self, event: WatchRequested) -> None:
        from rnntui.tui.screens.training import TrainingScreen

        self.switch_screen(TrainingScreen(event.path, self.children_of.get(event.path)))

    def action_watch_newest(self) -> None:
        """Back to the training that was started last."""
        self.on_watch_requested(WatchRequested(list(self.children_of)[-1]))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.children_of) if action == "watch_newest" else True

    def on_play_requested(self, event: PlayRequested) -> None:
        from rnntui.tui.screens.playground import PlaygroundScreen

        self.push_screen(PlaygroundScreen(event.path))

    def on_new_run_requested(self) -> None:
        from rnntui.tui.screens.corpora import CorporaScreen

        self.switch_screen(CorporaScreen())

    # --- leaving ---

    def training(self) -> list[Path]:
        """The run folders in which a training that this app started is still at work."""
        return [path for path, child in self.children_of.items() if child.poll() is None]

    async def action_leave(self) -> None:
        """Quit; while something trains, ask what becomes of it."""
        from rnntui.tui.screens.leave import LeaveScreen

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
            if runs.owner_of(path):
                runs.request(path, "stop")
            else:
                self.children_of[path].terminate()

    def _leave_when_saved(self) -> None:
        if not self.training():
            self.exit(0)


def open_corpora() -> None:
    """The app on its first screen."""
    from rnntui.tui.screens.corpora import CorporaScreen

    RnntuiApp(CorporaScreen()).run()


def open_training(given: dict[str, Any], preset: str, path: Path | None, resume: bool) -> int:
    """The app on the training screen of a run that it starts or resumes; returns the exit code."""
    from rnntui.tui.screens.training import TrainingScreen

    if path is None:
        path = runs.new_path(config.build(given, preset))
    elif not resume and (path / "run.toml").exists():
        raise InputError(f"{path}: a run lives there already; go on with --resume or choose another --run")
    path = path.resolve()
    child = start_training(path, given, preset, resume)
    app = RnntuiApp(TrainingScreen(path, child))
    app.children_of[path] = child
    return app.run() or 0


def open_watch(run: Run) -> None:
    """The app on the training screen of a run that exists."""
    from rnntui.tui.screens.training import TrainingScreen

    RnntuiApp(TrainingScreen(run.path)).run()


def open_playground(run: Run) -> None:
    """The app on the playground of a run that exists."""
    from rnntui.tui.screens.playground import PlaygroundScreen

    RnntuiApp(PlaygroundScreen(run.path)).run()
