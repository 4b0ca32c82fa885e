"""Help: the keys of a screen, and the meaning of its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen
from textual.widgets import Input, OptionList

from rnntui.core.config.tasks import TASKS
from rnntui.core.runs.history import History
from rnntui.tui.app import RnntuiApp
from rnntui.tui.screens.base import RnntuiScreen
from rnntui.tui.screens.corpora import CorporaScreen
from rnntui.tui.screens.duel import DuelScreen
from rnntui.tui.screens.explain import ExplainScreen
from rnntui.tui.screens.help import HelpScreen, keys_of
from rnntui.tui.screens.playground import PlaygroundScreen
from rnntui.tui.screens.runs import RunsScreen
from rnntui.tui.screens.training import TrainingScreen
from rnntui.tui.widgets.figures import Figures, rows_of
from rnntui.tui.widgets.topbar import TopBar
from rnntui.ui.explanations import EXPLANATIONS, ShownFigure, explain, token_name
from tests.tui.conftest import shown, text_of, until


def screens(several: Path) -> list[RnntuiScreen]:
    first = several / "first"
    return [
        CorporaScreen(),
        TrainingScreen(first),
        PlaygroundScreen(first),
        RunsScreen(),
        DuelScreen([first, several / "second"], ["lstm", "gru"]),
    ]


@pytest.mark.parametrize("which", range(5))
async def test_every_figure_on_a_screen_is_explained(which: int, several: Path) -> None:
    """Protects the student: no figure without a sentence, and no sentence that lacks the value."""
    screen = screens(several)[which]
    app = RnntuiApp(screen)
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await until(pilot, lambda: screen.shows and len(screen.figures()) > 2)
        for figure in screen.figures():
            found = explain(figure, screen.token)
            assert "{" not in found.sentence and len(found.sentence) > 20, figure
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(app.screen, ExplainScreen))
        assert screen.figures()[0].label in shown(pilot)
        await pilot.press("escape")
        assert app.screen is screen


async def test_perplexity_is_explained_to_a_student(several: Path) -> None:
    """Protects the first question asked: by its key, by a click on the figure, by the row above."""
    screen = TrainingScreen(several / "first")
    app = RnntuiApp(screen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: bool(screen.history.finished))
        await pilot.press("question_mark", "down")
        await until(pilot, lambda: isinstance(app.screen, ExplainScreen))
        value = next(figure.value for figure in screen.figures() if figure.label == "training perpl.")
        told = text_of(pilot, "#explanation")
        assert told.startswith(
            f"perplexity {value}: on the training text the model is as unsure as a fair choice among {value} "
        )
        assert "PPL = exp(L)" in told
        await pilot.press("question_mark")
        await pilot.click(Figures, offset=(50, 3))
        await until(pilot, lambda: isinstance(app.screen, ExplainScreen))
        rows = [row.label for row in rows_of(screen.history)]
        highlighted = app.screen.query_one(OptionList).highlighted
        assert highlighted is not None and screen.figures()[highlighted].label == rows[7] == "learning rate"
        await pilot.press("escape")
        await pilot.click(TopBar, offset=(53, 0))
        await until(pilot, lambda: isinstance(app.screen, ExplainScreen))


def test_figures_of_all_tasks_have_explanations() -> None:
    """Protects new tasks: a figure that a task names has its sentence, before anything was measured too."""
    for spec in TASKS.values():
        assert {figure.label for figure in spec.figures} | {spec.unit} <= EXPLANATIONS.keys()
    assert {row.label for row in rows_of(History()) if row.label} <= EXPLANATIONS.keys()
    for name in EXPLANATIONS:
        for token in ("character", "piece of a word", "label"):
            assert "{" not in explain(ShownFigure(name, "–", name), token).sentence
    assert "gzip predicts" in explain(ShownFigure("gzip", "13.1", "baseline"), "character").sentence
    assert "p(label | text)" in explain(ShownFigure("", "1", "training loss"), "label").equation
    assert token_name("word", "classify") == "label" and token_name("byte", "lm") == "byte"
    assert (
        "among 3.1 pieces of words."
        in explain(ShownFigure("a", "3.1", "val. perplexity"), token_name("bpe", "lm")).sentence
    )


async def test_help_shows_the_screens_own_keys_first(several: Path) -> None:
    """Protects who looks for a key: grouped, ours before Textual's, narrowed down by what is typed."""
    screen = PlaygroundScreen(several / "first")
    app = RnntuiApp(screen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        keys = text_of(pilot, "#help-keys")
        places = [
            keys.index(group) for group in ("This screen", "Everywhere", "While writing", "Moving about")
        ]
        assert places == sorted(places) and places[0] == 0
        assert places[0] < keys.index("Let the model continue from here") < places[1]
        assert places[1] < keys.index("Quit rnntui") < places[2] < keys.index("Cut")
        await pilot.press(*"surpr")
        assert text_of(pilot, "#help-keys").splitlines() == [
            "This screen",
            "^t                 Mark the tokens that surprise the model",
        ]
        app.screen.query_one(Input).value = "no such key"
        await until(pilot, lambda: "No key does that" in text_of(pilot, "#help-keys"))
        await pilot.press("escape")
        assert app.screen is screen


@pytest.mark.parametrize("which", range(5))
async def test_no_key_is_missing_from_the_help(which: int, several: Path) -> None:
    """Protects the promise of the help: what a screen listens to is in it."""
    screen: Screen[Any] = screens(several)[which]
    app = RnntuiApp(screen)
    async with app.run_test(size=(140, 45)) as pilot:
        await pilot.pause()
        listed = {key.meaning for key in keys_of(screen)}
        for active in screen.active_bindings.values():
            meaning = active.binding.tooltip or active.binding.description
            assert not meaning or meaning in listed
        assert {"Go to runs", "Explain the figures on this screen", "Show all keys"} <= listed
