"""The training screen, on real runs and real child processes."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest
from textual.widgets import Input, SelectionList

from rnntui.core.processors import OtherPrograms
from rnntui.core.runs import events as ev
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.core.runs.ownership import owner_of
from rnntui.tui.app import RnntuiApp
from rnntui.tui.machine import gpu_line
from rnntui.tui.screens import training
from rnntui.tui.screens.dialogs import Ask, Fault
from rnntui.tui.screens.flow import FlowScreen
from rnntui.tui.screens.pickers import OverlayScreen
from rnntui.tui.screens.training import TrainingScreen
from rnntui.tui.training_process import start_training
from rnntui.tui.widgets.curves import Curves
from rnntui.tui.widgets.device_panel import DevicePanel
from tests.conftest import MakeRun, train_all
from tests.tui.conftest import shown, text_of, until


async def test_training_is_watched_paused_and_stopped(training_child: Path) -> None:
    """Protects the screen on a real child process: numbers, curve, sample, pause, resume, stop."""
    screen = TrainingScreen(training_child)
    app = RnntuiApp(screen)
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        history = screen.history
        await until(pilot, lambda: len(history.evaluations) > 1 and screen.state == "running")
        assert history.best is not None
        await until(pilot, lambda: "step" in str(screen.query_one("#sample-side").border_title))
        await until(pilot, lambda: screen.query_one(DevicePanel).load is not None)
        await until(pilot, lambda: "cpu " in shown(pilot) and "training " in shown(pilot))
        await pilot.press("space")
        await until(pilot, lambda: screen.state == "paused")
        assert "space resumes" in text_of(pilot, "#headline")
        step = history.step
        await pilot.press("space")
        await until(pilot, lambda: screen.state == "running" and history.step > step)
        await pilot.press("e", "w", "s")
        await until(pilot, lambda: screen.state == "interrupted")
        assert "g resumes" in text_of(pilot, "#headline")
        assert owner_of(training_child) is None


async def test_a_busy_machine_is_told(training_child: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects whoever wonders why training is slow: what other programs take stands beside the state, and goes."""
    busy = [1.1]
    monkeypatch.setattr(OtherPrograms, "look", lambda self: busy[0])
    monkeypatch.setattr(training, "_MACHINE_S", 0.2)
    screen = TrainingScreen(training_child)
    async with RnntuiApp(screen).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: screen.state == "running" and screen.history.threads is not None)
        await until(pilot, lambda: "busy: other programs take 1.1 of" in text_of(pilot, "#headline"))
        assert "thread" in shown(pilot)
        busy[0] = 0.0
        await until(pilot, lambda: "busy" not in text_of(pilot, "#headline"))


async def test_the_rate_is_raised_and_the_view_held(training_child: Path) -> None:
    """Protects two keys that must not be confused: holding the view leaves the training at work."""
    screen = TrainingScreen(training_child)
    app = RnntuiApp(screen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        history, curves = screen.history, screen.query_one(Curves)
        await until(pilot, lambda: screen.state == "running" and len(history.steps) > 3)
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: _factors(training_child) == [1.25])
        await pilot.press("less_than_sign")
        await until(pilot, lambda: _factors(training_child) == [1.25, 1.0])
        await pilot.press("v")
        rows, step = curves._rows, history.step
        await until(pilot, lambda: history.step > step + 50)
        assert curves._rows == rows and "view held" in text_of(pilot, "#headline")
        assert screen.state == "running"
        await pilot.press("v")
        await until(pilot, lambda: curves._rows != rows)


def _factors(path: Path) -> list[float]:
    return [event.factor for event in Run.open(path).events() if isinstance(event, ev.Adjusted)]


async def test_a_run_that_dies_says_why(corpus_file: Path) -> None:
    """Protects against a silent screen: what the process said last, to read and to copy."""
    path = store.runs_home() / "broken"
    corpus_file.write_text("a")
    child = start_training(path, {"corpus": str(corpus_file)}, "quick", None)
    screen = TrainingScreen(path, child)
    app = RnntuiApp(screen)
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Fault) and "too short" in shown(pilot))
        await pilot.press("c", "escape")
        assert "too short" in app.clipboard
        assert "died" in str(screen.query_one("#headline").render())


async def test_samples_are_stepped_through_time(make_run: MakeRun) -> None:
    """Protects the sample pane: back to the first sample, forward to the newest."""
    run = make_run(sample_every=10, sample_prompt="the ")
    train_all(run)
    screen = TrainingScreen(run.path)
    app = RnntuiApp(screen)
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        side = screen.query_one("#sample-side")
        await until(pilot, lambda: "step 60 · 6/6" in str(side.border_title))
        await pilot.press(*["left_square_bracket"] * 9)
        assert "step 10 · 1/6" in str(side.border_title)
        assert text_of(pilot, "#sample").startswith("the ")
        await pilot.press("right_square_bracket")
        assert "step 20 · 2/6" in str(side.border_title)


async def test_curves_are_zoomed_panned_and_followed(trained: Run) -> None:
    """Protects the plot: keys and wheel change the view, `0` shows all again, axes change what is drawn."""
    screen = TrainingScreen(trained.path)
    app = RnntuiApp(screen)
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        curves = screen.query_one(Curves)
        await until(pilot, lambda: bool(screen.history.evaluations) and bool(curves._rows))
        assert "-gram" in shown(pilot) and "◆" in shown(pilot)
        await pilot.press("plus")
        assert curves.window is not None
        narrow = curves.window[1] - curves.window[0]
        await pilot.press("left", "up", "shift+up")
        assert math.isclose(curves.window[1] - curves.window[0], narrow) and curves.y_window is not None
        await pilot.press("0")
        assert curves.window is None and curves.y_window is None
        await pilot._post_mouse_events([_scroll()], widget=curves, offset=(40, 10))
        assert curves.window is not None
        await pilot.press("0", "y", "x", "u", "m")
        assert (curves.log_y, curves.x_axis, curves.unit, curves.marker) == (
            False,
            "tokens",
            "bits/byte",
            "block",
        )
        assert "bits/byte over tokens (linear)" in str(curves.border_title)
        await pilot.hover(curves, offset=(60, 10))
        assert "training perplexity" in text_of(pilot, "#legend")


def _scroll() -> type:
    from textual.events import MouseScrollUp

    return MouseScrollUp


async def test_other_runs_are_drawn_beside(make_run: MakeRun, home: Path) -> None:
    """Protects comparing: each run has a letter in the plot and in the legend."""
    first, second = make_run(), make_run()
    for run in (first, second):
        train_all(run)
        store.runs_home().mkdir(parents=True, exist_ok=True)
        run.path.rename(store.runs_home() / run.name)
    screen = TrainingScreen(store.runs_home() / first.name)
    app = RnntuiApp(screen)
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, OverlayScreen))
        app.screen.query_one(SelectionList).focus()
        await pilot.press("space", "enter")
        await until(pilot, lambda: "a run1  b run2" in text_of(pilot, "#legend"))

        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, OverlayScreen))
        shutil.rmtree(store.runs_home() / second.name)  # while it stands in the list
        await pilot.press("enter")
        await until(pilot, lambda: "b run2" not in text_of(pilot, "#legend"))


async def test_a_run_at_its_limit_goes_on_when_asked_how_long(make_run: MakeRun) -> None:
    """Protects going on: a run that used up its steps asks for more time, and trains on."""
    run = make_run()
    train_all(run)
    app = RnntuiApp(TrainingScreen(run.path))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: getattr(app.screen, "state", "") == "steps")
        await pilot.press("g")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        app.screen.query_one(Input).value = "1h"
        await pilot.press("enter")
        await until(pilot, lambda: getattr(app.screen, "state", "") == "running")
        app.stop_trainings()
        await until(pilot, lambda: not app.training())
    assert Run.open(run.path).events()[-1].step > 60


def test_the_gpu_is_told_in_one_line() -> None:
    """Protects the device panel from the driver's answers: GPUs side by side, nonsense left out."""
    assert gpu_line("37, 2048, 16384\n") == "37% 2.0/16 GiB"
    assert gpu_line("[N/A], 1, 2\nfailed to initialise\n") == ""


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
async def test_hostile_samples_are_shown_harmlessly(trained: Run, size: tuple[int, int]) -> None:
    """Protects the terminal from what a model writes, what a run warns of, and what it is called."""
    hostile = "[/b]\x1b]52;c;aGk=\x07\u202e\x9b 你好 " + "y" * 200_000
    step = trained.events()[-1].step
    list(trained.record([ev.Sampled(step=step, prompt="[b]", text=hostile)]))
    path = trained.path.rename(trained.path.with_name("[red]run \x1b[2J"))
    app = RnntuiApp(TrainingScreen(path))
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: "[/b]" in text_of(pilot, "#sample"))
        list(Run.open(path).record([ev.Warned(step=step, message=hostile[:200])]))
        await until(pilot, lambda: bool(app.screen.query("Toast")))
        await pilot.pause()
        assert "[red]run ␛[2J" in shown(pilot)
        assert not {"\x1b", "\x07", "\u202e", "\x9b"}.intersection(shown(pilot))


async def test_how_far_back_it_learns_is_shown(trained: Run) -> None:
    """Protects the panel of gradients: the newest checkpoint beside a network untrained, closed by Escape."""
    app = RnntuiApp(TrainingScreen(trained.path))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: getattr(app.screen, "state", "") == "steps")
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, FlowScreen))
        await until(pilot, lambda: "b untrained" in text_of(pilot, "#flow-plot"))
        assert "┤" in text_of(pilot, "#flow-plot")
        await pilot.press("escape")
        assert isinstance(app.screen, TrainingScreen)
