"""The playground of a translator: a translation that grows after every key, and where its words were looked at."""

from __future__ import annotations

import pytest

from rnntui.core.runs.folder import Run
from rnntui.tui.app import RnntuiApp
from rnntui.tui.screens.training import TrainingScreen
from rnntui.tui.screens.translating import TranslatingScreen
from rnntui.tui.widgets.heat_map import HeatMap
from rnntui.tui.widgets.plain_text import PlainText
from tests.tui.conftest import shown, text_of, until


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
async def test_what_is_typed_is_translated(translator: Run, size: tuple[int, int]) -> None:
    """Protects the playground: every line has its translation, the one under the cursor its map and its other ways."""
    app = RnntuiApp(TrainingScreen(translator.path))
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: "BLEU" in shown(pilot) and "example prediction" in shown(pilot))
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, TranslatingScreen))
        screen = app.screen
        assert isinstance(screen, TranslatingScreen)
        area, heat = screen.query_one(PlainText), screen.query_one(HeatMap)
        assert "after every key" in shown(pilot)
        await pilot.press(*"Ann red cat")
        await until(pilot, lambda: text_of(pilot, "#target") == "Katze rot Ann")
        assert heat.table is not None and "Katze" in shown(pilot) and "Ann" in heat.render().plain
        await pilot.press("enter", *"Bob blue dog")
        await until(pilot, lambda: text_of(pilot, "#target") == "Katze rot Ann\nHund blau Bob")
        backgrounds = {span.style.bgcolor for span in heat.render().spans if not isinstance(span.style, str)}
        assert len(backgrounds - {None}) > 2, "fields have colours of their own"

        best = heat.table
        await pilot.press("ctrl+n")
        await until(pilot, lambda: heat.table is not None and heat.table != best)
        assert "2 of" in str(heat.border_subtitle)
        area.move_cursor((0, 3))
        await until(pilot, lambda: heat.table is not None and "Katze" in heat.table.across[0])
        area.load_text("\n".join(f"n{i} red dog" for i in range(9)))
        await until(pilot, lambda: text_of(pilot, "#target").count("Hund rot") == 9)
        area.load_text("")
        await until(pilot, lambda: heat.table is None)
        await pilot.press("ctrl+b")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))


async def test_a_translator_that_cannot_be_loaded_says_why(translator: Run) -> None:
    (translator.path / "target-tokenizer.json").write_text("{")
    app = RnntuiApp(TranslatingScreen(translator.path))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "target-tokenizer.json" in text_of(pilot, "#target"))
