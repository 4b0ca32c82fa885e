"""The three screens, driven by keys on tiny real runs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from rnntui.core import events as ev
from rnntui.core import runs
from rnntui.core.runs import Run
from rnntui.tui.app import RnntuiApp
from rnntui.tui.child import start_training
from rnntui.tui.screens.corpora import CorporaScreen
from rnntui.tui.screens.leave import LeaveScreen
from rnntui.tui.screens.playground import PlaygroundScreen
from rnntui.tui.screens.training import TrainingScreen
from rnntui.tui.widgets.alternatives import Alternatives
from rnntui.tui.widgets.choice import Choice
from rnntui.tui.widgets.curves import LearningCurves, smoothed
from rnntui.tui.widgets.figures import Figures
from rnntui.tui.widgets.ghost_text import GhostText
from tests.conftest import TINY, MakeRun, train_all

LONG = TINY | {"max_steps": 1_000_000, "eval_every": 50, "log_every": 5}


async def until(pilot: Pilot[int], condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a condition, letting the app work."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come about"
        await pilot.pause(0.02)


def text_of(pilot: Pilot[int], selector: str) -> str:
    return str(pilot.app.screen.query_one(selector, Static).render())


@pytest.fixture
async def training_child(corpus_file: Path, home: Path) -> AsyncIterator[Path]:
    """A run folder in which a real child process trains until it is told to stop."""
    path = runs.runs_home() / "child"
    child = start_training(path, LONG | {"corpus": str(corpus_file)}, "quick", resume=False)
    yield path
    if child.poll() is None:
        child.kill()
    child.wait()


async def test_choosing_a_text_and_a_cell_starts_a_run(
    corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the first screen: preview, figures, choices, and Enter starts what was chosen."""
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "characters" in text_of(pilot, "#statistics"))
        await pilot.press("down")
        await until(pilot, lambda: "ballads" in text_of(pilot, "#statistics"))
        await pilot.press("o", *str(corpus_file), "enter")
        await until(pilot, lambda: "8,3" in text_of(pilot, "#statistics"))
        assert "feeds" in text_of(pilot, "#preview")
        await pilot.press("tab", "right")
        assert app.screen.query_one("#cell", Choice).value == "gru"
        await pilot.press("tab", "left", "tab", "left")
        assert app.screen.query_one("#tokenizer", Choice).value == "byte"
        assert "quick: 1 layer of 256 units, 1 min" in text_of(pilot, "#meaning")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        await until(pilot, lambda: app.screen.query_one(Figures).progress is not None)
        (run,) = runs.list_runs()
        assert (run.name, run.config.text.tokenizer, run.config.model.hidden_size) == (
            "small-gru-1",
            "byte",
            256,
        )
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, CorporaScreen))
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        await until(pilot, lambda: app.screen.query_one(Figures).progress is not None)
        app.stop_trainings()
        await until(pilot, lambda: not app.training())


async def test_a_fault_in_a_file_is_said_on_the_screen(tmp_path: Path) -> None:
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(80, 24)) as pilot:
        path = app.screen.query_one("#path", Input)
        (tmp_path / "x").write_bytes(b"\0\0")
        path.value = str(tmp_path / "x")
        await pilot.press("o", "enter")
        await until(pilot, lambda: "binary" in text_of(pilot, "#statistics"))


async def test_hostile_names_and_texts_are_shown_harmlessly(tmp_path: Path) -> None:
    """Protects the terminal: markup and control characters of a file's name and text stay text."""
    hostile = tmp_path / "[red]x[b] \x1b[2J.txt"
    hostile.write_text("[bold]no markup[/] \x1b]52;c;aGk=\x07 \u202eevil\n" * 50, encoding="utf-8")
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(80, 24)) as pilot:
        app.screen.query_one("#path", Input).value = str(hostile)
        app.screen.post_message(Input.Submitted(app.screen.query_one("#path", Input), str(hostile)))
        await until(pilot, lambda: "[bold]no markup[/]" in text_of(pilot, "#preview"))
        shown = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "[red]x[b] ␛[2J.txt" in shown
        assert not {"\x1b", "\x07", "\u202e"}.intersection(shown)


async def test_training_is_watched_paused_and_stopped(training_child: Path) -> None:
    """Protects the second screen on a real child process: numbers, curve, sample, pause, resume, stop."""
    app = RnntuiApp(TrainingScreen(training_child))
    async with app.run_test(size=(140, 45)) as pilot:
        screen, curves = app.screen, app.screen.query_one(LearningCurves)
        assert isinstance(screen, TrainingScreen)
        await until(pilot, lambda: len(curves._evaluations) > 1 and screen.state == "running")
        assert screen.query_one(Figures).best is not None
        assert "step" in str(screen.query_one("#sample-side").border_subtitle)
        await pilot.press("space")
        await until(pilot, lambda: screen.state == "paused")
        assert "goes on" in text_of(pilot, "#headline")
        step = screen.query_one(Figures).progress
        await pilot.press("space")
        await until(pilot, lambda: screen.state == "running")
        await until(pilot, lambda: screen.query_one(Figures).progress != step)
        await pilot.press("e", "w", "s")
        await until(pilot, lambda: screen.state == "interrupted")
        assert "--resume" in text_of(pilot, "#headline")
        assert runs.owner_of(training_child) is None


async def test_a_run_that_dies_says_why(corpus_file: Path) -> None:
    """Protects against a silent screen: what the child process said last stands in the headline."""
    path = runs.runs_home() / "broken"
    child = start_training(path, {"corpus": str(corpus_file), "batch_size": 5000}, "quick", resume=False)
    app = RnntuiApp(TrainingScreen(path, child))
    async with app.run_test(size=(140, 45)) as pilot:
        await until(pilot, lambda: "died" in text_of(pilot, "#headline"))
        assert "too short" in text_of(pilot, "#headline")


async def test_ghost_text_comes_and_is_taken(make_run: MakeRun) -> None:
    """Protects the third screen: Tab takes all, right a word, Escape sends it away, typing keeps the rest."""
    run = make_run(max_steps=400, lr=2e-2, hidden_size=64)
    train_all(run)
    app = RnntuiApp(PlaygroundScreen(run.path))
    async with app.run_test(size=(80, 24)) as pilot:
        area = app.screen.query_one(GhostText)
        await pilot.press(*"the cat li")
        await until(pilot, lambda: area.ghost.startswith("kes "))
        assert area.suggestion == area.ghost
        table = app.screen.query_one(Alternatives)
        assert table.suggestions is not None and table.suggestions.completions[0].word == "kes"

        await pilot.press("k")
        assert area.ghost.startswith("es ")
        await pilot.press("right")
        assert area.text == "the cat likes" and area.ghost.startswith(" ")
        await pilot.press("escape")
        assert area.ghost == "" and area.text == "the cat likes"

        await pilot.press("space")
        await until(pilot, lambda: area.ghost != "")
        ghost = area.ghost
        await pilot.press("tab")
        assert area.text == "the cat likes " + ghost and area.has_focus

        await until(pilot, lambda: area.ghost != "")
        await pilot.press("left")
        assert area.ghost == "" and area.suggestion == ""
        await pilot.press("x")
        await pilot.pause(0.3)
        assert area.ghost == "", "no ghost inside a word"


async def test_ghost_text_at_the_edge_of_the_row(make_run: MakeRun) -> None:
    """Protects the row: what does not fit is cut with a mark, and Tab still takes all of it."""
    run = make_run()
    train_all(run)
    app = RnntuiApp(PlaygroundScreen(run.path))
    async with app.run_test(size=(80, 24)) as pilot:
        area = app.screen.query_one(GhostText)
        area.insert("你" * 30 + "x" * 12)
        area.offer(area.before, "a long continuation\x1b[2J of words")
        assert area.suggestion.endswith("…") and len(area.suggestion) < 12
        assert "\x1b" not in area.suggestion
        await pilot.press("tab")
        assert area.text.endswith("continuation␛[2J of words")


async def test_play_while_it_trains(training_child: Path) -> None:
    """Protects the promise: ghost text from live weights of a run that still trains."""
    app = RnntuiApp(TrainingScreen(training_child))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: getattr(app.screen, "state", "") == "running")
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PlaygroundScreen))
        screen = app.screen
        assert isinstance(screen, PlaygroundScreen)
        await pilot.press(*"the cat ")
        await until(
            pilot, lambda: screen.weights == "live weights" and screen.query_one(GhostText).ghost != ""
        )
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))


async def test_leaving_asks_what_becomes_of_the_training(corpus_file: Path) -> None:
    """Protects the work: cancel stays, keep leaves the process alive, stop saves first."""
    path = runs.runs_home() / "mine"
    child = start_training(path, LONG | {"corpus": str(corpus_file)}, "quick", resume=False)
    app = RnntuiApp(TrainingScreen(path, child))
    app.children_of[path] = child
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: getattr(app.screen, "state", "") == "running")
        await pilot.press("q")
        assert isinstance(app.screen, LeaveScreen)
        await pilot.press("escape")
        assert isinstance(app.screen, TrainingScreen)
        await pilot.press("ctrl+q", "k")
    assert app.return_value == 0 and app.training() == [path]

    again = RnntuiApp(TrainingScreen(path))
    again.children_of = app.children_of
    async with again.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: getattr(again.screen, "state", "") == "running")
        await pilot.press("q", "s")
        await until(pilot, lambda: not again.training())
    last = Run.open(path).events()[-1]
    assert isinstance(last, ev.Finished) and last.reason == "interrupted"


def test_ticks_say_perplexity_in_few_characters() -> None:
    """Protects the axis: labels of the logarithmic axis fit into its margin from 1 to a million."""
    from rnntui.tui.widgets.curves import Perplexities

    ticks, labels = Perplexities().get_ticks_and_labels(0.0, 13.8)
    assert len(ticks) <= 8 and all(len(label) <= 5 for label in labels)
    assert Perplexities().get_labels_for_ticks([7.3132, 0.6931]) == ["1.5k", "2"]


def test_the_average_is_debiased_and_keeps_gaps() -> None:
    """Protects the curve: a constant loss is a constant line from its first point, and a gap stays one."""
    import numpy as np

    assert smoothed(np.array([2.0, 2.0, np.nan, 2.0])).tolist()[:2] == pytest.approx([2.0, 2.0])
    assert np.isnan(smoothed(np.array([1.0, np.nan]))[1])
