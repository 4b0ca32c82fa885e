"""What holds on every screen: keys, menu, help, themes, size, preferences, leaving."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
from textual.screen import Screen

from rnntui.core.runs import events as ev
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.tui.app import RnntuiApp
from rnntui.tui.commands import KeyCommands
from rnntui.tui.screens.corpora import CorporaScreen
from rnntui.tui.screens.playground import PlaygroundScreen
from rnntui.tui.screens.quit_dialog import LeaveScreen
from rnntui.tui.screens.runs import RunsScreen
from rnntui.tui.screens.training import TrainingScreen
from rnntui.tui.training_process import start_training
from rnntui.tui.widgets.keybar import MOST, KeyBar
from rnntui.tui.widgets.topbar import TopBar
from rnntui.ui import preferences
from tests.tui.conftest import LONG, shown, text_of, until

SIZES = [(80, 24), (140, 45)]


def all_screens(home: Path) -> list[Screen[None]]:
    path = home / "runs" / "first"
    return [CorporaScreen(), TrainingScreen(path), PlaygroundScreen(path), RunsScreen()]


@pytest.mark.parametrize("which", range(4))
async def test_the_row_of_keys_is_short_and_the_menu_names_every_key(
    which: int, home: Path, trained_home: None
) -> None:
    """Protects the newcomer: seven keys at most, all within 80 columns, and all others in the menu."""
    app = RnntuiApp(all_screens(home)[which])
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.pause(0.5)
        bar = app.screen.query_one(KeyBar)
        bindings = bar.shown()
        assert 3 <= len(bindings) <= MOST and bindings[-1].action == "command_palette"
        assert len(str(bar.render())) <= 80
        titles = {title for title, _, _ in KeyCommands(app.screen)._commands()}
        for binding in bindings[:-1]:
            assert (binding.tooltip or binding.description) in titles
        assert {"Go to texts", "Go to runs", "Quit rnntui", "Show all keys"} <= titles
        assert not {"Cursor up", "Focus Next", "Undo"} & titles, "Textual's own keys stay in the help"


async def test_the_menu_offers_only_what_can_be_done_now(training_child: Path) -> None:
    """Protects the menu's truth: pausing only while it trains, the log only after a crash."""
    screen = TrainingScreen(training_child)
    app = RnntuiApp(screen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: screen.state == "running")
        titles = {title for title, _, _ in KeyCommands(screen)._commands()}
        assert "Pause the training, or resume it" in titles
        assert not {"Go on training this run", "Show what the training said when it died"} & titles
        await pilot.press("ctrl+p")
        await until(pilot, lambda: "Search for commands" in shown(pilot))
        await pilot.press(*"stop the", "down", "enter")
        await until(pilot, lambda: screen.state == "interrupted")


async def test_keys_and_tabs_can_be_clicked(trained_home: None) -> None:
    """Protects the mouse: the upper row opens screens and the menu, the lower row presses keys."""
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.click(TopBar, offset=(50, 0))
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await pilot.click(TopBar, offset=(22, 0))
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        await pilot.click(TopBar, offset=(75, 0))
        await until(pilot, lambda: "Search for commands" in shown(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "Play" in shown(pilot))
        await pilot.click(KeyBar, offset=(2, 0))
        await until(pilot, lambda: isinstance(app.screen, PlaygroundScreen))


@pytest.mark.parametrize("size", [(59, 24), (80, 17), (30, 8)])
async def test_a_terminal_that_is_too_small_is_told_so(size: tuple[int, int]) -> None:
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        assert "needs a terminal" in shown(pilot)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "needs a terminal" not in shown(pilot) and "texts" in shown(pilot))


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_ansi_themes_use_the_terminals_own_colours(theme: str, home: Path, trained_home: None) -> None:
    """Protects those whose terminal has its own colours: none of ours is painted over them."""
    preferences.save(preferences.Preferences(theme=theme))
    for screen in all_screens(home):
        app = RnntuiApp(screen)
        async with app.run_test(size=(140, 45), notifications=True) as pilot:
            await pilot.pause(0.5)
            painted = {
                colour.name
                for strip in app.screen._compositor.render_strips()
                for segment in strip
                if segment.style
                for colour in (segment.style.color, segment.style.bgcolor)
                if colour is not None and colour.triplet is not None
            }
            assert not painted, f"{type(screen).__name__} paints {painted}"


async def test_no_colour_is_shown_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects NO_COLOR: everything that colour says is said by signs, too, and no hue is left."""
    monkeypatch.setenv("NO_COLOR", "1")
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.pause()
        assert "[lstm]" in shown(pilot) and "[1 Texts]" in shown(pilot)
        svg = app.export_screenshot()
        hues = {colour for colour in _colours(svg) if len({colour[1:3], colour[3:5], colour[5:7]}) > 1}
        assert not hues - _WINDOW, hues


_WINDOW = {"#ff5f57", "#febc2e", "#28c840", "#c5c8c6"}
"""The three buttons that Rich draws around a picture, and its own grey."""


def _colours(svg: str) -> set[str]:
    return set(re.findall(r"#[0-9a-f]{6}", svg))


async def test_preferences_are_remembered(home: Path, trained_home: None) -> None:
    """Protects a person's choices over sessions, and a file that cannot be read from being written over."""
    path = home / "runs" / "first"
    app = RnntuiApp(TrainingScreen(path))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("m", "x")
        app.theme = "nord"
        await until(pilot, lambda: preferences.load().theme == "nord")
    kept = preferences.load()
    assert (kept.marker, kept.x_axis) == ("block", "tokens")
    preferences.path().write_text("marker = 7\n")
    app = RnntuiApp(TrainingScreen(path))
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await until(pilot, lambda: "config.toml" in shown(pilot) and "$.marker" in shown(pilot))
        await pilot.press("m")
    assert preferences.path().read_text() == "marker = 7\n"


async def test_leaving_asks_what_becomes_of_the_training(corpus_file: Path) -> None:
    """Protects the work: cancel stays, keep leaves the process alive, stop saves first."""
    path = store.runs_home() / "mine"
    child = start_training(path, LONG | {"corpus": str(corpus_file)}, "quick", None)
    app = RnntuiApp(TrainingScreen(path, child))
    app.children_of[path] = child
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: getattr(app.screen, "state", "") == "running")
        await pilot.press("q")
        assert isinstance(app.screen, LeaveScreen)
        await pilot.press("escape")
        assert isinstance(app.screen, TrainingScreen)
        await pilot.press("ctrl+q", "k")
    assert app.return_value == 0 and app.training() == [path]

    again = RnntuiApp(TrainingScreen(path))
    again.children_of = app.children_of
    async with again.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: getattr(again.screen, "state", "") == "running")
        await pilot.press("q", "s")
        await until(pilot, lambda: not again.training())
    last = Run.open(path).events()[-1]
    assert isinstance(last, ev.Finished) and last.reason == "interrupted"


async def test_leaving_tells_one_training_from_several(home: Path) -> None:
    """Protects the command that is offered: it can be typed as it stands, or says what it wants."""
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        for names, asked, later in (
            (["mine"], "mine is still training.", "Reattach later with: rnntui watch mine"),
            (["mine", "yours"], "mine, yours are still training.", "Reattach later with: rnntui watch RUN"),
        ):
            app.push_screen(LeaveScreen(names))
            await until(pilot, lambda asked=asked: asked in shown(pilot))
            assert text_of(pilot, "#later") == later
            await pilot.press("escape")


@pytest.mark.parametrize("kind", ["trained", "classifier", "translator"])
async def test_what_is_found_for_a_screen_that_goes_is_dropped(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects who goes on at once: what threads bring while the parts of a screen go one by one is no fault."""

    def slow(target: str) -> None:
        work = resolve_name(target)

        def after_a_moment(*arguments: Any) -> Any:
            time.sleep(1.1)
            return work(*arguments)

        monkeypatch.setattr(target, after_a_moment)

    async def last(bar: KeyBar) -> None:
        await asyncio.sleep(0.6)  # the screen waits for it, and has no other part left

    monkeypatch.setattr(KeyBar, "on_unmount", last, raising=False)
    slow("rnntui.tui.services.weights.WeightsWatcher.newer")
    slow("rnntui.core.text.statistics.statistics")
    slow("rnntui.core.runs.index.summarise")
    run: Run = request.getfixturevalue(kind)
    app = RnntuiApp(CorporaScreen())
    app.current = run.path
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        for tab in ("f4", "f5", "f2", "f3"):
            left = app.screen
            app.simulate_key(tab)
            async with asyncio.timeout(30):
                while app.screen is left:  # where a pilot would wait until all is quiet
                    await asyncio.sleep(0.01)
        await until(pilot, lambda: not left.is_attached)
        assert isinstance(app.screen, TrainingScreen)


async def test_no_run_yet_is_said_and_not_shown(home: Path) -> None:
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "There is no run yet" in shown(pilot))
        await pilot.press("4")
        await until(
            pilot,
            lambda: isinstance(app.screen, RunsScreen) and "No run yet" in text_of(pilot, "#differences"),
        )
