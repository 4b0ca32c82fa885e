"""Takes the README's pictures from the app itself: real training, real ghost text.

    python docs/screenshots.py [CORPUS] [--seconds 25]

Starts runs on CORPUS (default: the sample `tales`), drives the app as a person would, and exports each of
the screens as an SVG into docs/images/.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from rnntui.core.runs import store
from rnntui.core.studies.duelists import DUELISTS
from rnntui.tui.app import RnntuiApp
from rnntui.tui.messages import DuelRequested
from rnntui.tui.screens.classifying import ClassifyingScreen
from rnntui.tui.screens.corpora import CorporaScreen
from rnntui.tui.screens.duel import DuelScreen
from rnntui.tui.screens.playground import PlaygroundScreen
from rnntui.tui.screens.runs import RunsScreen
from rnntui.tui.screens.training import TrainingScreen
from rnntui.tui.screens.translating import TranslatingScreen
from rnntui.tui.widgets.alternatives import Alternatives
from rnntui.tui.widgets.ghost_text import GhostText
from rnntui.tui.widgets.heat_map import HeatMap
from rnntui.tui.widgets.plain_text import PlainText
from rnntui.tui.widgets.tinted_text import TintedText

IMAGES = Path(__file__).with_name("images")
SIZE = (120, 36)
OTHERS = {"elman": 6.0, "gru": 8.0}
"""Cells that train for so many seconds, to have something to compare."""


async def until(pilot: Pilot[int], condition: Callable[[], bool]) -> None:
    while not condition():
        await pilot.pause(0.1)


def export(app: RnntuiApp, name: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / f"{name}.svg").write_text(
        app.export_screenshot(title="rnntui", simplify=True), encoding="utf-8"
    )
    print("wrote", IMAGES / f"{name}.svg")


def answered(app: RnntuiApp, area: GhostText) -> bool:
    """Whether the model has said what may follow the text."""
    suggestions = app.screen.query_one(Alternatives).suggestions
    return suggestions is not None and suggestions.text == area.before


async def train(app: RnntuiApp, pilot: Pilot[int], corpus: str, cell: str, seconds: float) -> Path:
    """Start a training and show it."""
    path = store.runs_home() / f"{Path(corpus).stem}-{cell}-1"
    settings = {"corpus": corpus, "cell": cell, "max_time": seconds}
    child = app.train(path, settings, "balanced", None)
    await app.switch_screen(TrainingScreen(path, child))
    await until(pilot, lambda: getattr(app.screen, "state", "") not in ("preparing", ""))
    return path


async def take(corpus: str, seconds: float) -> None:
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "epochs in" in str(app.screen.query_one("#cost").render()))
        export(app, "texts")

        for cell, short in OTHERS.items():
            await train(app, pilot, corpus, cell, short)
            await until(pilot, lambda: getattr(app.screen, "state", "") == "time")

        await train(app, pilot, corpus, "lstm", seconds * 1.4)
        began, screen = time.monotonic(), app.screen
        assert isinstance(screen, TrainingScreen)
        history = screen.history
        await until(pilot, lambda: time.monotonic() - began > seconds and len(history.evaluations) > 1)
        export(app, "training")

        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PlaygroundScreen))
        area = app.screen.query_one(GhostText)
        await pilot.press("ctrl+t", "ctrl+l")
        for words in (
            "The keeper looked at the harbour and said",
            " nothing for a while.",
            '\n\n"The lamp was out," she said, "and the ',
            "",
            "\n\nNobody had seen the w",
        ):
            area.insert(words)
            await until(pilot, lambda: answered(app, area))
            await pilot.pause(0.5)
            if words == "":
                await pilot.press("tab")
        if not area.ghost:
            await pilot.press("ctrl+n")
        export(app, "playground")
        app.stop_trainings()
        await until(pilot, lambda: not app.training())

        await pilot.press("f5")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and len(app.screen.summaries) == 3)
        await pilot.press("space", "down", "space", "down", "space")
        await until(pilot, lambda: "lstm" in str(app.screen.query_one("#differences").render()))
        await pilot.pause(0.5)
        export(app, "runs")

        app.on_duel_requested(
            DuelRequested(
                DUELISTS, {"corpus": corpus, "parameters": 1_000_000, "max_time": seconds}, "balanced"
            )
        )
        await until(pilot, lambda: isinstance(app.screen, DuelScreen) and app.screen.over)
        await pilot.pause(0.5)
        export(app, "duel")

        await classify(app, pilot)
        await translate(app, pilot)


async def classify(app: RnntuiApp, pilot: Pilot[int]) -> None:
    """Learn labels, then classify a text."""
    await train(app, pilot, "reviews", "lstm", 20.0)
    await until(pilot, lambda: getattr(app.screen, "state", "") == "time")
    await pilot.press("p")
    await until(pilot, lambda: isinstance(app.screen, ClassifyingScreen))
    screen = app.screen
    assert isinstance(screen, ClassifyingScreen)
    area = screen.query_one(TintedText)
    area.load_text(
        "The soup was anything but good, and nobody seems to have given dessert a thought.\n\n"
        "Still, we talked about this restaurant for days, and happily."
    )
    await until(pilot, lambda: screen.latest is not None and screen.latest.text == area.text)
    await pilot.pause(0.5)
    export(app, "classifying")


async def translate(app: RnntuiApp, pilot: Pilot[int]) -> None:
    """Learn pairs, then let some lines be translated."""
    app.draft = ""
    await train(app, pilot, "phrases", "lstm", 90.0)
    await until(pilot, lambda: getattr(app.screen, "state", "") == "time")
    await pilot.press("p")
    await until(pilot, lambda: isinstance(app.screen, TranslatingScreen))
    area, heat = app.screen.query_one("#text", PlainText), app.screen.query_one(HeatMap)
    last = "The photo that my elder sister chose last week is very beautiful."
    area.load_text(
        f"Mr Li bought a new hat yesterday.\nIf it rains tomorrow, we will not go to the park.\n{last}"
    )
    area.move_cursor(area.document.end)
    await until(pilot, lambda: heat.table is not None and heat.table.down[-2] == ".")
    await pilot.pause(1.5)
    export(app, "translating")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", nargs="?", default="tales")
    parser.add_argument("--seconds", type=float, default=25)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["RNNTUI_HOME"] = home
        asyncio.run(take(options.corpus, options.seconds))


if __name__ == "__main__":
    main()
