"""The duel's screen, on a real child process."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Input

from rnntui.core.runs import events as ev
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.tui.app import RnntuiApp, race
from rnntui.tui.screens.corpora import CorporaScreen
from rnntui.tui.screens.duel import DuelScreen
from rnntui.tui.screens.duel_form import DuelForm
from rnntui.tui.screens.playground import PlaygroundScreen
from tests.conftest import TINY
from tests.tui.conftest import shown, text_of, until

SETTINGS = {name: value for name, value in TINY.items() if name != "hidden_size"} | {"parameters": 6000}


async def test_cells_race_to_a_table(corpus_file: Path) -> None:
    """Protects the screen: curves by letters, standings, an end with a winner, whose model can be played with."""
    base = store.runs_home() / "small-duel-1"
    settings = SETTINGS | {"corpus": str(corpus_file), "max_steps": 150}
    screen, child = race(base, ["lstm", "elman"], settings, "balanced")
    app = RnntuiApp(screen)
    app.take_in_duel(screen, child)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "wins" in text_of(pilot, "#headline"), seconds=60)
        told = text_of(pilot, "#standings").splitlines()
        assert len(told) == 3 and {line.split()[1] for line in told[1:]} == {"lstm", "elman"}
        winner = told[1].split()[1]
        assert f"finished: {winner} wins" in text_of(pilot, "#headline")
        scores = [float(line.split()[2]) for line in told[1:]]
        assert text_of(pilot, "#reservations").startswith("one seed each")
        assert scores == sorted(scores) and "a" in shown(pilot) and "b" in shown(pilot)
        await pilot.press("u", "x", "y", "m", "p")
        await until(pilot, lambda: isinstance(app.screen, PlaygroundScreen))
        assert app.current == screen.paths[["lstm", "elman"].index(winner)]
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(app.screen, DuelScreen) and app.screen.over)


async def test_what_is_not_known_yet_is_no_zero(tmp_path: Path) -> None:
    """Protects the table while the texts are read: a model of 0 weights after 0 s would be a claim."""
    app = RnntuiApp(DuelScreen([tmp_path / "duel-lstm"], ["lstm"]))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "lstm" in text_of(pilot, "#standings"))
        assert text_of(pilot, "#standings").splitlines()[1].split()[2:] == ["–"] * 5


async def test_a_duel_is_started_paused_and_stopped(corpus_file: Path) -> None:
    """Protects `d` on the first screen, and the keys of the duel."""
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        first = app.screen
        assert isinstance(first, CorporaScreen)
        first._settings = SETTINGS | {"max_steps": 1_000_000, "eval_every": 20}
        first.source = str(corpus_file)
        await until(pilot, lambda: first.figures is not None)
        first.query_one("#samples").focus()
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, DuelForm))
        form = app.screen
        assert isinstance(form, DuelForm)
        form.query_one("#cells", Input).value = "lstm, gruu"
        await until(pilot, lambda: "did you mean 'gru'" in text_of(pilot, "#duel-means"))
        await pilot.press("enter")
        assert app.screen is form, "what cannot be is not started"
        form.query_one("#cells", Input).value = "lstm, elman"
        form.query_one("#max_time", Input).value = "20m"
        await until(pilot, lambda: "40:00 in all" in text_of(pilot, "#duel-means"))
        assert "one seed each" in text_of(pilot, "#duel-means")
        form.query_one("#parameters", Input).value = "6000"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DuelScreen))
        screen = app.screen
        assert isinstance(screen, DuelScreen)
        await until(pilot, lambda: all(history.progress for history in screen.histories), seconds=60)
        await pilot.press("space")
        await until(pilot, lambda: "paused" in text_of(pilot, "#headline"))
        await pilot.press("space")
        await until(pilot, lambda: not any(history.paused for history in screen.histories))
        await pilot.press("s")
        await until(pilot, lambda: screen.over, seconds=60)
        for path in screen.paths:
            last = Run.open(path).events()[-1]
            assert last == ev.Finished(step=last.step, reason="interrupted")
        await until(pilot, lambda: "stopped: " in text_of(pilot, "#headline"))


async def test_a_duel_that_cannot_begin_says_why(corpus_file: Path) -> None:
    base = store.runs_home() / "small-duel-1"
    corpus_file.write_text("a")
    settings = SETTINGS | {"corpus": str(corpus_file)}
    screen, _ = race(base, ["lstm", "elman"], settings, "balanced")
    app = RnntuiApp(screen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "too short" in text_of(pilot, "#headline"), seconds=60)
