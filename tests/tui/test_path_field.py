"""The path field of the first screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnntui.tui.app import RnntuiApp
from rnntui.tui.screens.corpora import CorporaScreen
from rnntui.tui.screens.file_picker import PathInput, extended
from rnntui.tui.screens.training import TrainingScreen
from rnntui.tui.widgets.cuts import Cuts
from rnntui.tui.widgets.recipe import Recipe
from rnntui.tui.widgets.texts import Texts
from tests.tui.conftest import shown, text_of, until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with texts whose names begin alike."""
    found = tmp_path / "texts"
    found.mkdir()
    for name in ("chapter-1.txt", "chapter-2.txt", "notes.txt"):
        (found / name).write_text("The cat sees the moon.\n" * 400, encoding="utf-8")
    return found


def test_completion_adds_only_what_is_sure(folder: Path) -> None:
    """Protects who types a path: nothing is chosen for them."""
    assert extended(f"{folder}/c") == f"{folder}/chapter-"
    assert extended(f"{folder}/chapter-") == f"{folder}/chapter-"
    assert extended(f"{folder}/n") == f"{folder}/notes.txt"
    assert extended(str(folder)) == f"{folder}/" and extended(f"{folder}/") == f"{folder}/"
    assert extended("nowhere/at/all") == "nowhere/at/all" and extended("") == ""


async def test_tab_leaves_where_nothing_completes_and_a_folder_is_an_answer(folder: Path) -> None:
    """Protects the field: Tab is no trap, a folder stays a folder, and what is unknown empties the panels."""
    screen = CorporaScreen()
    app = RnntuiApp(screen)
    async with app.run_test(size=(140, 45)) as pilot:
        await until(pilot, lambda: bool(screen.cuts))
        field = screen.query_one(PathInput)
        await pilot.press("slash", *f"{folder}/")
        await pilot.press("tab")
        assert app.focused is not field and field.value == f"{folder}/"
        await pilot.press("shift+tab", "enter")
        await until(pilot, lambda: "27,602 characters" in text_of(pilot, "#statistics"))
        field.value = str(folder / "missing.txt")
        await pilot.press("slash", "enter")
        await until(pilot, lambda: "missing.txt" in text_of(pilot, "#statistics"))
        assert text_of(pilot, "#preview") == "" and screen.query_one(Cuts).cuts == ()


async def test_what_was_started_is_chosen_when_one_comes_back(folder: Path) -> None:
    """Protects the next run: text, cell, tokens and budget stay, and what Enter trains is highlighted."""
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(140, 45)) as pilot:
        first = app.screen
        assert isinstance(first, CorporaScreen)
        await until(pilot, lambda: bool(first.cuts))
        await pilot.press("slash", *str(folder / "notes.txt"), "enter")
        await until(pilot, lambda: "9,200 characters" in text_of(pilot, "#statistics"))
        for name, value in (("cell", "gru"), ("tokenizer", "byte"), ("preset", "quick")):
            first.query_one(Recipe).choose(name, value)
        await pilot.press("escape")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        await pilot.press("1")
        await until(pilot, lambda: isinstance(app.screen, CorporaScreen))
        back = app.screen
        assert isinstance(back, CorporaScreen)
        await until(pilot, lambda: "9,200 characters" in text_of(pilot, "#statistics"))
        recipe = back.query_one(Recipe)
        assert (recipe.cell, recipe.tokenizer, recipe.preset) == ("gru", "byte", "quick")
        texts = back.query_one("#samples", Texts)
        assert texts.highlighted_option is not None
        assert texts.highlighted_option.id == str(folder / "notes.txt") == back.source
        assert "notes.txt" in shown(pilot)
        for child in app.children_of.values():
            child.kill()


async def test_tab_names_what_several_files_could_be(folder: Path) -> None:
    """Protects the search for a file: where nothing more is common, the names that go on so are shown."""
    (folder / "notes-two.txt").write_text("other notes")
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await pilot.press("slash", *str(folder / "notes"), "tab")
        await until(pilot, lambda: "notes-two.txt  notes.txt" in shown(pilot))
