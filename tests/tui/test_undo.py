"""Undo in every text area: long pastes, random edits, and what a model wrote."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from rnntui.core.runs.folder import Run
from rnntui.tui.app import RnntuiApp
from rnntui.tui.screens.dialogs import Paste
from rnntui.tui.screens.playground import PlaygroundScreen
from rnntui.tui.widgets.ghost_text import GhostText
from rnntui.tui.widgets.plain_text import PlainText
from tests.tui.conftest import until

LINES = "\n".join(f"ligne {number} d’un texte collé" for number in range(40))


class Alone(App[None]):
    """A text area by itself."""

    def __init__(self, make: Callable[[], PlainText]) -> None:
        super().__init__()
        self._make = make

    def compose(self) -> ComposeResult:
        yield self._make()


@pytest.mark.parametrize("size", [(60, 12), (100, 30), (20, 5)])
@pytest.mark.parametrize("make", [PlainText, lambda: GhostText(id="text")], ids=["plain", "ghost"])
async def test_a_long_paste_is_undone_and_redone(
    make: Callable[[], PlainText], size: tuple[int, int]
) -> None:
    """Protects the app: a scrollbar that goes away within an undo asks for a cursor that is below the text's end."""
    app = Alone(make)
    async with app.run_test(size=size) as pilot:
        area = app.query_one(PlainText)
        await pilot.press(*"ab")
        area.insert(LINES)
        await pilot.pause()
        await pilot.press("alt+u")
        assert area.text == "ab" and area.cursor_location == (0, 2)
        area.redo()
        await pilot.pause()
        assert area.text == "ab" + LINES
        area.select_all()
        await pilot.press("x")
        assert area.text == "x"
        await pilot.press("alt+u", "alt+u", "alt+u")
        assert area.text == ""


@pytest.mark.parametrize("seed", range(6))
async def test_random_edits_are_undone_to_the_beginning_and_redone_to_the_end(seed: int) -> None:
    """Protects every text: whatever was typed, pasted, deleted and generated, undo and redo lead through it."""
    rng = random.Random(seed)
    app = Alone(lambda: GhostText(id="text"))
    async with app.run_test(size=(rng.choice([20, 60, 100]), rng.choice([5, 12, 30]))) as pilot:
        area = app.query_one(GhostText)
        for _ in range(60):
            rows = area.document.line_count
            places = [
                (row := rng.randrange(rows), rng.randint(0, len(area.document.get_line(row)))) for _ in "ab"
            ]
            area.read_only = rng.random() < 0.3
            match rng.randrange(4):
                case 0:
                    area.insert("\n".join("zeile" for _ in range(rng.randint(1, 30))), places[0])
                case 1:
                    area.replace(rng.choice(["", "é", "x\ny\n"]), min(places), max(places))
                case 2:
                    area.insert("model ", area.document.end)
                case 3:
                    area.undo()
            if rng.random() < 0.3:
                await pilot.pause()
        area.read_only = False
        last = area.text
        steps = 0
        while area.history.undo_stack:
            area.undo()
            steps += 1
        await pilot.pause()
        assert area.text == ""
        for _ in range(steps):
            area.redo()
        await pilot.pause()
        assert area.text == last


async def with_ghost_text(pilot: Pilot[int]) -> GhostText:
    """The playground's text area, written in, with the model ready."""
    area = pilot.app.screen.query_one(GhostText)
    await pilot.press(*"the cat")
    await until(pilot, lambda: area.ghost != "")
    return area


async def test_one_undo_takes_back_one_generation(able: Run) -> None:
    """Protects one's own words: however long the model writes, its text is one step, and one's history survives."""
    app = RnntuiApp(PlaygroundScreen(able.path))
    async with app.run_test(size=(100, 30)) as pilot:
        area = await with_ghost_text(pilot)
        texts = []
        for _ in range(2):
            texts.append(area.text)
            await pilot.press("ctrl+g")
            await until(pilot, lambda: len(area.text) > len(texts[-1]) + 80)
            await pilot.press("ctrl+g")
            await until(pilot, lambda: not area.read_only)
        await pilot.press("alt+u")
        assert area.text == texts[1]
        await pilot.press("alt+u")
        assert area.text == texts[0] == "the cat"
        await pilot.press("alt+u")
        assert area.text != "the cat"
        area.redo()
        assert area.text == "the cat"


async def test_undo_while_the_model_writes_stops_it(able: Run) -> None:
    """Protects the text: what was taken back does not grow on."""
    app = RnntuiApp(PlaygroundScreen(able.path))
    async with app.run_test(size=(100, 30)) as pilot:
        area = await with_ghost_text(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: len(area.text) > 60)
        await pilot.press("alt+u")
        await until(pilot, lambda: not area.read_only)
        assert area.text == "the cat"


async def test_undo_in_the_paste_dialog() -> None:
    """Protects a text that is about to be learned."""
    app = Alone(PlainText)
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(Paste())
        await until(pilot, lambda: bool(app.screen.query(PlainText)) and isinstance(app.screen, Paste))
        area = app.screen.query_one(PlainText)
        area.insert(LINES)
        await pilot.pause()
        await pilot.press("alt+u")
        assert area.text == ""
