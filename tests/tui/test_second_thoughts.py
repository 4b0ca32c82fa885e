"""Nothing written is lost by a slip, and no form or question is closed by a wrong answer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from textual.widgets import Input

from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.tui.app import RnntuiApp
from rnntui.tui.screens.corpora import CorporaScreen
from rnntui.tui.screens.dialogs import Ask, Confirm
from rnntui.tui.screens.duel_form import DuelForm
from rnntui.tui.screens.file_picker import PathInput, PickerScreen
from rnntui.tui.screens.pickers import OverlayScreen
from rnntui.tui.screens.playground import PlaygroundScreen
from rnntui.tui.screens.runs import RunsScreen
from rnntui.tui.screens.training import TrainingScreen
from rnntui.tui.widgets.curves import Curves
from rnntui.tui.widgets.ghost_text import GhostText
from rnntui.ui import preferences
from tests.conftest import MakeRun, train_all
from tests.tui.conftest import shown, text_of, until


async def test_opening_a_file_can_be_undone_and_saving_asks_before_it_replaces(
    several: Path, tmp_path: Path
) -> None:
    """Protects drafts and files: what stood in the text comes back, what stood in a file is asked about."""
    screen = PlaygroundScreen(several / "first")
    app = RnntuiApp(screen)
    (tmp_path / "other.txt").write_text("another text")
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        area = screen.query_one(GhostText)
        await pilot.press(*"my draft")
        screen._open(str(tmp_path / "other.txt"))
        assert area.text == "another text"
        await until(pilot, lambda: str(area.border_title) == "other.txt")
        await pilot.press("ctrl+z")
        assert area.text == "my draft"
        await until(pilot, lambda: str(area.border_title) == "other.txt (changed)")
        target = tmp_path / "novel.txt"
        target.write_text("sixty thousand words")
        screen._save(str(target))
        await until(pilot, lambda: isinstance(app.screen, Confirm) and "novel.txt exists" in shown(pilot))
        await pilot.press("n")
        assert target.read_text() == "sixty thousand words"
        screen._save(str(target))
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: target.read_text() == "my draft")
        await pilot.press("x")
        screen._save(str(target))  # it is the one that is open
        assert target.read_text() == "my draftx" and app.screen is screen


async def test_a_wrong_path_is_asked_for_again(several: Path, tmp_path: Path) -> None:
    """Protects what was typed: the dialog opens again with it, beside the reason."""
    screen = PlaygroundScreen(several / "first")
    app = RnntuiApp(screen)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        for save in (screen._save, screen._open):
            save(str(tmp_path / "no" / "where.txt"))
            await until(
                pilot, lambda: isinstance(app.screen, PickerScreen) and bool(app.screen.query("Toast"))
            )
            assert app.screen.query_one(PathInput).value.endswith("where.txt")
            await pilot.press("escape")


async def test_undo_outlives_a_look_at_another_screen(several: Path) -> None:
    """Protects who looks at the training for a moment: undo, redo and the cursor are where they were."""
    app = RnntuiApp(PlaygroundScreen(several / "first"))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press(*"one", "enter", *"two", "left")
        await app.switch_screen(RunsScreen())
        await app.switch_screen(PlaygroundScreen(several / "first"))
        area = app.screen.query_one(GhostText)
        assert area.text == "one\ntwo" and area.cursor_location == (1, 2)
        await pilot.press("ctrl+z")
        assert area.text == "one\n"
        await pilot.press("ctrl+y")
        assert area.text == "one\ntwo"


async def test_who_types_takes_the_pen_back(able: Run) -> None:
    """Protects the writer: the model writes no faster than one reads, and stops at a letter."""
    screen = PlaygroundScreen(able.path)
    app = RnntuiApp(screen)
    async with app.run_test(size=(100, 30)) as pilot:
        area = screen.query_one(GhostText)
        await pilot.press(*"the")
        await until(pilot, lambda: bool(area.ghost))
        await pilot.press("ctrl+g")
        await until(pilot, lambda: screen.writing and "^g Stop" in shown(pilot))
        await pilot.pause(1.0)
        assert len(area.text) < 400
        await pilot.press("x")
        await until(pilot, lambda: not screen.writing and "^g Generate" in shown(pilot))


async def test_questions_and_forms_stay_open_until_they_can_be_read(several: Path) -> None:
    """Protects the typing in them: a time that is none is said in the dialog, an empty one too."""
    screen = TrainingScreen(several / "first")
    app = RnntuiApp(screen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: screen.state == "steps")
        await pilot.press("g")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        app.screen.query_one(Input).value = "banana"
        await pilot.press("enter")
        await until(pilot, lambda: "--max-time: 'banana'" in shown(pilot))
        assert isinstance(app.screen, Ask)
        await pilot.press("escape")
        form = DuelForm({"corpus": "tales"}, "quick")
        await app.push_screen(form)
        form.query_one("#max_time", Input).value = ""
        await until(pilot, lambda: "a duel needs a time" in text_of(pilot, "#duel-means"))
        await pilot.press("enter")
        assert app.screen is form


async def test_keys_come_in_their_order_in_the_list_of_runs(several: Path) -> None:
    """Protects fast hands: space marks before Enter draws, and marks are seen without colours."""
    screen = TrainingScreen(several / "first")
    app = RnntuiApp(screen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: screen.state == "steps")
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, OverlayScreen))
        assert "X" not in "".join(line for line in shown(pilot).splitlines() if "▐" in line)
        await pilot.press("space", "enter")
        await until(pilot, lambda: len(screen.others) == 1)
        assert app.screen is screen


async def test_perplexities_of_different_tokens_are_not_drawn_side_by_side(
    several: Path, make_run: MakeRun
) -> None:
    """Protects comparisons: with a run of words beside one of characters the chart shows bits per byte."""
    words = make_run(tokenizer="word")
    train_all(words)
    words.path.rename(several / "words")
    screen = TrainingScreen(several / "first")
    app = RnntuiApp(screen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: screen.state == "steps")
        screen._compare([several / "words"])
        await until(pilot, lambda: screen.query_one(Curves).unit == "bits/byte")
        assert "bits/byte" in text_of(pilot, "#legend") and "b words" in text_of(pilot, "#legend")
        screen._compare([several / "second"])
        await until(pilot, lambda: screen.query_one(Curves).unit == "perplexity")


async def test_a_run_that_was_killed_says_so(several: Path) -> None:
    """Protects against wrong causes: the last line of the log is none, and no time is left."""
    path = several / "first"
    lines = (path / "events.jsonl").read_bytes().splitlines(keepends=True)
    (path / "events.jsonl").write_bytes(b"".join(lines[:-1]))
    (path / "stderr.log").write_text("benchmarking kernels (once per machine)\n")
    screen = TrainingScreen(path)
    app = RnntuiApp(screen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: screen.state == "crashed")
        told = text_of(pilot, "#headline")
        assert "died at step 60 without a word" in told and "g resumes" in told and "kernels" not in told
        screen.show_curves()
        await until(pilot, lambda: "trained for" in shown(pilot))


async def test_the_terminals_own_colours_are_not_used_without_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Protects the eyes: without colours the terminal's own ones would be black on black."""
    monkeypatch.setenv("NO_COLOR", "1")
    preferences.save(preferences.Preferences(theme="ansi-dark"))
    app = RnntuiApp(CorporaScreen())
    assert app.theme == "tokyo-night" and preferences.load().theme == "ansi-dark"


async def test_a_fork_of_a_run_whose_time_is_over_trains(several: Path) -> None:
    """Protects a fork: it gets the time that its limit names on top of what was trained before."""
    from rnntui.tui.messages import ForkRequested

    run = Run.open(several / "first")
    events = run.events()
    progress = next(event for event in reversed(events) if isinstance(event, ev.Progress))
    settings = {**run.config.given.settings} if run.config.given else {}
    app = RnntuiApp(RunsScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.post_message(ForkRequested(run.path, {**settings, "max_steps": 80, "max_time": 0.001}, "quick"))
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        assert app.current is not None
        forked = app.current
        await until(pilot, lambda: Run.open(forked).config.training.max_time != run.config.training.max_time)
        assert (Run.open(forked).config.training.max_time or 0) > progress.train_s
        for child in app.children_of.values():
            child.kill()
            child.wait()
    shutil.rmtree(forked, ignore_errors=True)
