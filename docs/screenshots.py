"""Takes the README's pictures from the app itself: real training, real ghost text.

    python docs/screenshots.py [CORPUS] [--seconds 20]

Starts a run on CORPUS (default: the sample `tales`), drives the app as a person would, and exports each
screen as an SVG into docs/images/.
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

from rnntui.core import runs
from rnntui.tui.app import RnntuiApp
from rnntui.tui.screens.corpora import CorporaScreen
from rnntui.tui.screens.playground import PlaygroundScreen
from rnntui.tui.screens.training import TrainingScreen
from rnntui.tui.widgets.curves import LearningCurves
from rnntui.tui.widgets.ghost_text import GhostText

IMAGES = Path(__file__).with_name("images")
SIZE = (120, 34)


async def until(pilot: Pilot[int], condition: Callable[[], bool]) -> None:
    while not condition():
        await pilot.pause(0.1)


def export(app: RnntuiApp, name: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / f"{name}.svg").write_text(
        app.export_screenshot(title="rnntui", simplify=True), encoding="utf-8"
    )
    print("wrote", IMAGES / f"{name}.svg")


async def take(corpus: str, seconds: float) -> None:
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "characters" in str(app.screen.query_one("#statistics").render()))
        export(app, "texts")

        path = runs.runs_home() / f"{Path(corpus).stem}-lstm-1"
        child = app.train(path, {"corpus": corpus, "max_time": seconds * 1.4}, "balanced", resume=False)
        await app.switch_screen(TrainingScreen(path, child))
        began = time.monotonic()
        curves = app.screen.query_one(LearningCurves)
        await until(pilot, lambda: time.monotonic() - began > seconds and len(curves._evaluations) > 1)
        export(app, "training")

        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PlaygroundScreen))
        area = app.screen.query_one(GhostText)
        for words in (
            "The keeper looked at the harbour and said",
            " nothing for a while.",
            '\n\n"The lamp was out," she said, "and the ',
            "",
            "\n\nNobody had seen the w",
        ):
            area.insert(words)
            await until(pilot, lambda: area.ghost != "")
            await pilot.pause(0.5)
            if words == "":
                await pilot.press("tab")
        export(app, "playground")
        app.stop_trainings()
        await until(pilot, lambda: not app.training())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", nargs="?", default="tales")
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["RNNTUI_HOME"] = home
        asyncio.run(take(options.corpus, options.seconds))


if __name__ == "__main__":
    main()
