"""Colours of runs and of their curves."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from rnntui.tui.app import RnntuiApp
from rnntui.tui.contrast import contrast
from rnntui.tui.run_colors import COLORS, RunColors
from rnntui.tui.screens.runs import RunsScreen
from rnntui.tui.screens.training import TrainingScreen
from rnntui.tui.widgets.curves import Curves
from rnntui.tui.widgets.run_table import RunTable
from rnntui.ui import preferences
from tests.tui.conftest import until


def seen(style: Style) -> tuple[Color, Color]:
    """The colour of a style, and that behind it."""
    assert style.color is not None and style.bgcolor is not None
    return Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)


@pytest.mark.parametrize("theme", BUILTIN_THEMES)
@pytest.mark.parametrize("colors", ["colours", "NO_COLOR"])
async def test_batches_never_outshine_the_average(
    theme: str, colors: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the reading of the plot: the average of every run stands out, single batches are its noise."""
    if colors == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    preferences.save(preferences.Preferences(theme=theme))
    app = RnntuiApp(TrainingScreen(tmp_path))
    async with app.run_test(size=(80, 24)):
        curves = app.screen.query_one(Curves)
        batches = curves.rich_style + curves.get_component_rich_style("curves--raw")
        averages = [curves.rich_style + curves.run_style(number) for number in range(COLORS)]
        assert all(average.bold and not average.dim for average in averages)
        if theme.startswith("ansi") or colors == "NO_COLOR":
            assert batches.dim and not batches.bold
            return
        for average in averages:
            assert contrast(*seen(average)) >= 2.9
            assert contrast(*seen(batches)) <= 0.55 * contrast(*seen(average))


def test_runs_beside_each_other_have_different_colours() -> None:
    """Protects comparisons: six runs are told apart, and none changes its colour when another one comes."""
    colors = RunColors()
    names = [f"run-{i}" for i in range(COLORS)]
    numbers = {name: colors.number_of(name, names) for name in names}
    assert sorted(numbers.values()) == list(range(COLORS))
    assert colors.number_of("looked-at", keep=False) == colors.number_of("another", keep=False)
    assert {name: colors.number_of(name) for name in reversed(names)} == numbers
    colors.rename("run-3", "renamed")
    assert colors.number_of("renamed") == numbers["run-3"]


@pytest.mark.usefixtures("several")
async def test_a_run_has_one_colour_on_every_screen() -> None:
    """Protects the eye: a run marked second keeps its colour on its own screen, and when the first mark goes."""
    app = RnntuiApp(RunsScreen())
    async with app.run_test(size=(140, 45)) as pilot:
        screen = app.screen
        assert isinstance(screen, RunsScreen)
        await until(pilot, lambda: screen.query_one(RunTable).row_count == 3)
        await pilot.press("space", "down", "space")
        drawn = screen.query_one(Curves)
        await until(pilot, lambda: len(drawn._runs) == 2)
        (first, second) = drawn._runs
        assert first.color != second.color
        assert [str(screen._letter(path)) for path in screen._marked] == ["a", "b"]
        await pilot.press("up", "space")
        await until(pilot, lambda: len(drawn._runs) == 1)
        assert drawn._runs[0] == second
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        curves = app.screen.query_one(Curves)
        await until(pilot, lambda: bool(curves._rows))
        assert [(run.name, run.color) for run in curves._runs] == [(second.name, second.color)]
