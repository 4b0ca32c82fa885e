"""The screen of all runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import DataTable, Input

from rnntui.core.runs.folder import Run
from rnntui.tui.app import RnntuiApp
from rnntui.tui.messages import ResumeRequested
from rnntui.tui.screens.dialogs import Ask, Confirm, Fault
from rnntui.tui.screens.playground import PlaygroundScreen
from rnntui.tui.screens.runs import RunsScreen
from rnntui.tui.screens.settings import SettingsScreen
from rnntui.tui.screens.training import TrainingScreen
from tests.tui.conftest import shown, text_of, until


def names(app: RnntuiApp) -> list[str]:
    table = app.screen.query_one(DataTable)
    return [str(table.get_row_at(row)[1]) for row in range(table.row_count)]


def table_of(app: RnntuiApp) -> RunsScreen:
    assert isinstance(app.screen, RunsScreen)
    return app.screen


async def test_runs_are_listed_filtered_and_sorted(several: Path) -> None:
    """Protects the table: state and figures of each run, narrowed down as one types."""
    app = RnntuiApp(RunsScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        assert "crashed" in shown(pilot) and "finished" in shown(pilot)
        await pilot.press("slash", *"gru")
        assert names(app) == ["second"]
        await pilot.press("escape")
        assert len(names(app)) == 3
        await pilot.press("s")
        assert names(app) == ["dead", "first", "second"]
        await pilot.press("s", "s")
        assert names(app) == ["dead", "second", "first"], "by cell"


async def test_marked_runs_are_compared(several: Path) -> None:
    """Protects comparing: curves with letters, and only the settings that differ."""
    app = RnntuiApp(RunsScreen())
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        table_of(app).order = 0
        await pilot.press("down", "space", "down", "space")
        await until(pilot, lambda: "a lstm  b gru" in text_of(pilot, "#differences"))
        differences = text_of(pilot, "#differences")
        assert "lr                a 0.01  b 0.001" in differences and "hidden_size" not in differences
        await until(pilot, lambda: "b│" in shown(pilot).replace(" ", ""))


async def test_a_run_is_renamed_and_deleted_only_when_confirmed(several: Path) -> None:
    """Protects the runs: nothing is deleted without a yes, a bad name changes nothing."""
    app = RnntuiApp(RunsScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        table_of(app).order = 0
        await pilot.press("slash", *"first", "enter", "r")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        app.screen.query_one(Input).value = "../evil"
        await pilot.press("enter")
        await until(pilot, lambda: "no name for a run" in shown(pilot))
        await pilot.press("r")
        app.screen.query_one(Input).value = "best of all"
        await pilot.press("enter")
        await until(pilot, (several / "best of all" / "run.toml").exists)
        await pilot.press("escape")
        await until(pilot, lambda: "best of all" in names(app))
        assert table_of(app)._here() == str(several / "best of all"), "the cursor stays on its run"
        await pilot.press("home", "d")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("n")
        assert (several / "best of all").exists()
        await pilot.press("d", "y")
        await until(pilot, lambda: len(names(app)) == 2)


async def test_a_crashed_run_shows_the_end_of_its_log(several: Path) -> None:
    app = RnntuiApp(RunsScreen())
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        await pilot.press("slash", *"crashed", "enter")
        await until(pilot, lambda: "[/b]MemoryError: the last word" in text_of(pilot, "#differences"))
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, Fault) and "the last word" in shown(pilot))


async def test_a_run_is_resumed_watched_and_played(several: Path) -> None:
    app = RnntuiApp(RunsScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        await pilot.press("slash", *"crashed", "enter", "g")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        await until(pilot, lambda: getattr(app.screen, "state", "") == "steps")
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and len(names(app)) == 3)
        assert "crashed" not in shown(pilot)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PlaygroundScreen))


@pytest.mark.parametrize(
    ("setting", "value", "goes_on"),
    [("max_steps", "90", True), ("hidden_size", "16", False)],
)
async def test_a_fork_goes_on_or_learns_anew(several: Path, setting: str, value: str, goes_on: bool) -> None:
    """Protects forking: from the last checkpoint where the settings allow it; the old run stays as it is."""
    app = RnntuiApp(RunsScreen())
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        await pilot.press("slash", *"first", "enter", "f")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        app.screen.query_one(f"#{setting}", Input).value = value
        await pilot.press("ctrl+s")
        await until(pilot, lambda: getattr(app.screen, "state", "") == "steps")
    fork = Run.open(several / "small-lstm-1")
    steps = [event.step for event in fork.events() if event.__class__.__name__ == "Started"]
    assert steps == ([0, 60] if goes_on else [0])
    assert fork.events()[-1].step == (90 if goes_on else 60)
    assert Run.open(several / "first").events()[-1].step == 60


async def test_hostile_names_are_shown_harmlessly(several: Path) -> None:
    """Protects the terminal from what a run's folder is called."""
    (several / "first").rename(several / "[red]x[b] \x1b[2J\u202e")
    app = RnntuiApp(RunsScreen())
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await until(pilot, lambda: any("[red]x[b] ␛[2J" in name for name in names(app)))
        await pilot.press("space")
        await pilot.pause()
        assert not {"\x1b", "\u202e"}.intersection(shown(pilot))


async def test_a_corpus_on_the_network_is_asked_about(several: Path) -> None:
    """Protects who was given a run: going on with it fetches nothing before a yes, and a no starts nothing."""
    toml = several / "first" / "run.toml"
    line = next(line for line in toml.read_text().splitlines() if line.startswith("corpus = "))
    toml.write_text(toml.read_text().replace(line, 'corpus = "http://127.0.0.1:9/text.txt"'))
    app = RnntuiApp(RunsScreen())
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        await pilot.press("slash", *"first", "enter")
        for key in ("n", "y"):
            app.screen.post_message(ResumeRequested(several / "first", {"max_steps": 70}))
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            await until(pilot, lambda: "127.0.0.1:9" in shown(pilot))
            await pilot.press(key)
            await until(pilot, lambda: not isinstance(app.screen, Confirm))
            assert bool(app.children_of) == (key == "y")
        (child,) = app.children_of.values()
        await until(pilot, lambda: child.poll() is not None)
