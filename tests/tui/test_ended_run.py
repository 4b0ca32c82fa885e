"""The training screen of a run that has ended, and what lies on it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from textual.widget import Widget
from textual.widgets import Button

from rnntui.core import config
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.runs.store import runs_home
from rnntui.tui.app import RnntuiApp
from rnntui.tui.screens.dialogs import Fault
from rnntui.tui.screens.pickers import OverlayScreen
from rnntui.tui.screens.training import TrainingScreen
from rnntui.tui.widgets.curves import Curves
from rnntui.tui.widgets.keybar import KeyBar
from rnntui.tui.widgets.sample_panel import SamplePanel
from rnntui.tui.widgets.what_now import bigger
from tests.test_history import STARTED, progress
from tests.tui.conftest import shown, text_of, until

SIZES = [(60, 18), (80, 24), (140, 45)]


@pytest.fixture
def overfit(home: Path) -> Path:
    """A run whose training loss fell to its end, and whose validation loss rose from step 400 on."""
    run = Run.create(runs_home() / "overfit", config.build({"corpus": "tales"}), {"tokenizer.json": b"{}"})
    events: list[ev.AnyEvent] = [STARTED]
    for step in range(10, 1001, 10):
        events.append(progress(step, 3.0 - step / 400))
        if step % 200 == 0:
            loss = 2.0 + abs(step - 400) / 1000
            events.append(
                ev.Evaluated(
                    step=step,
                    split="valid",
                    loss=loss,
                    perplexity=math.exp(loss),
                    bits_per_byte=loss,
                    bits_per_char=loss,
                    accuracy=0.5,
                    protocol="stream",
                    train_s=step / 10,
                    best=step <= 400,
                )
            )
    events.append(
        ev.Warned(step=1000, message="overfits since step 400: more dropout or a longer text helps")
    )
    events.append(ev.Sampled(step=1000, prompt="", text="She looked at the sea."))
    events.append(ev.Finished(step=1000, reason="steps"))
    list(run.record(events))
    return run.path


@pytest.mark.parametrize("size", SIZES)
async def test_best_last_and_overfitting_stay_on_the_screen(overfit: Path, size: tuple[int, int]) -> None:
    """Protects the end of a run: both values with their steps, the best one marked, the rise behind it seen."""
    app = RnntuiApp(TrainingScreen(overfit))
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: "◇ overfits since step 400" in text_of(pilot, "#legend"))
        figures = shown(pilot)
        assert f"{math.exp(2.0):.2f} (best, step 400)" in figures
        assert any(f"{math.exp(2.6):.2f} (last, {step}1,000)" in figures for step in ("step ", ""))
        chart = "\n".join("".join(text for text, _ in row) for row in app.screen.query_one(Curves)._rows)
        assert chart.count("★") == 1 and chart.count("◇") == 3
        assert "time left" not in figures and "Train longer" in figures
        assert "She looked at the sea." in figures


@pytest.mark.parametrize("size", SIZES)
async def test_toasts_cover_neither_sample_nor_legend(overfit: Path, size: tuple[int, int]) -> None:
    """Protects what is read during training, also where several long warnings come at once."""
    screen = TrainingScreen(overfit)
    app = RnntuiApp(screen)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: bool(screen.history.finished))
        assert "(1 warning: l)" in text_of(pilot, "#headline")
        assert not screen.query("Toast")  # what was logged before is not news
        for _ in range(3):
            screen.notify("a long warning, which goes on, " * 5, severity="warning")
        await until(pilot, lambda: "a long warning" in shown(pilot))
        await pilot.pause()
        rows = shown(pilot).splitlines()
        toasts = [y for y, row in enumerate(rows) if "▌" in row]
        covered = {y for part in (SamplePanel, KeyBar, "#legend") for y in _rows(screen.query_one(part))}
        assert toasts and (not covered.intersection(toasts) or size[0] == 140)
        if size[0] == 140:  # the toasts lie on the chart, beside which the sample stands
            assert all(row.index("▌") < screen.query_one(SamplePanel).region.x for row in rows if "▌" in row)
            assert not set(_rows(screen.query_one("#legend"))).intersection(toasts)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, Fault) and "step 1,000: overfits" in shown(pilot))


def _rows(part: Widget) -> range:
    """Rows of the screen that a part takes."""
    return range(part.region.y, part.region.bottom)


async def test_a_warning_is_told_when_it_comes(overfit: Path) -> None:
    """Protects who watches: a warning of this moment is a toast, those of before are behind a key."""
    screen = TrainingScreen(overfit)
    app = RnntuiApp(screen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: bool(screen.history.finished))
        list(Run.open(overfit).record([ev.Warned(step=1000, message="the disk is nearly full")]))
        await until(pilot, lambda: len(screen.query("Toast")) == 1)
        assert "(2 warnings: l)" in text_of(pilot, "#headline")


async def test_the_end_of_a_run_says_what_can_be_done_next(several: Path) -> None:
    """Protects the way on: each button does what its key does; a bigger model is a run of its own."""
    run = Run.open(several / "first")
    screen = TrainingScreen(run.path)
    app = RnntuiApp(screen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: screen.state == "steps")
        buttons = {str(button.label): button for button in screen.query(Button)}
        assert list(buttons) == ["Play", "Train longer", "Bigger model", "Compare"]
        await pilot.click(buttons["Compare"])
        await until(pilot, lambda: isinstance(app.screen, OverlayScreen))
        await pilot.press("escape")
        await pilot.click(buttons["Bigger model"])
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen) and app.screen is not screen)
        assert app.current is not None and app.current != run.path
        await until(pilot, (app.current / "run.toml").is_file)
        wider = Run.open(app.current).config
        assert (run.config.model.hidden_size, wider.model.hidden_size) == (
            24,
            40,
        ) and wider.text == run.config.text
        for child in app.children_of.values():
            child.kill()


def test_a_bigger_model_doubles_a_given_number_of_parameters() -> None:
    """Protects a budget that was given: it is what grows, not the width that was found for it."""
    settings, preset, told = bigger(config.build({"corpus": "tales", "parameters": 100_000}, "quick"))
    assert settings["parameters"] == 200_000 and "hidden_size" not in settings and preset == "quick"
    assert told == "200,000 parameters instead of 100,000"
