"""The manners of an editor: undo, find, copy, counting, what the model wrote, colours of code."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from rnntui.core.runs.folder import Run
from rnntui.core.text.segmentation import word_count
from rnntui.tui.app import RnntuiApp
from rnntui.tui.model_words import ModelWords
from rnntui.tui.screens.playground import PlaygroundScreen
from rnntui.tui.screens.runs import RunsScreen
from rnntui.tui.services.completer import line_of
from rnntui.tui.syntax import LARGEST, language_of, language_of_file
from rnntui.tui.widgets.ghost_text import GhostText
from tests.tui.conftest import shown, text_of, until

CODE = "def add(a, b):\n    # sums\n    return a + 41\n"


async def test_ctrl_z_undoes_in_a_text_and_suspends_elsewhere(trained_home: None, home: Path) -> None:
    """Protects the habit of every editor, and that of every program of the terminal."""
    app = RnntuiApp(PlaygroundScreen(home / "runs" / "first"))
    async with app.run_test(size=(80, 24)) as pilot:
        area = app.screen.query_one(GhostText)
        await pilot.press(*"one", "enter", *"two")
        await pilot.press("ctrl+z")
        assert area.text == "one\n"
        await pilot.press("ctrl+y")
        assert area.text == "one\ntwo"
        assert app.check_action("suspend_process", ()) is False
        await app.switch_screen(RunsScreen())
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and app.focused is not None)
        assert app.check_action("suspend_process", ()) is True


async def test_words_are_found_counted_and_copied(trained_home: None, home: Path) -> None:
    """Protects long texts: case is ignored, the search goes round, and Escape gives the keys back."""
    app = RnntuiApp(PlaygroundScreen(home / "runs" / "first"))
    async with app.run_test(size=(80, 24)) as pilot:
        area = app.screen.query_one(GhostText)
        area.load_text("The sea.\nA Sea of grass, overseas.\n")
        await until(pilot, lambda: "7 words" in str(area.border_subtitle))
        await pilot.press("ctrl+f", *"sea")
        await until(pilot, lambda: str(app.screen.query_one("#find-count", Static).render()) == "1/3")
        assert area.selected_text == "sea"
        await pilot.press("enter")
        assert area.selected_text == "Sea"
        await pilot.press("down", "down")
        assert area.selection.start == (0, 4), "behind the last match comes the first"
        await pilot.press("up")
        assert area.selection.start == (1, 20)
        await pilot.press("x")
        await until(pilot, lambda: str(app.screen.query_one("#find-count", Static).render()) == "no match")
        await pilot.press("escape")
        assert app.focused is area and not app.screen.query("#find")
        await pilot.press("alt+c")
        assert app.clipboard == area.text


def test_words_are_counted_in_every_script() -> None:
    assert word_count("don't stop, now — 3 times") == 5
    assert word_count("床前明月光") == 5 and word_count("नमस्ते दुनिया") == 2 and word_count(" \n…") == 0


async def test_what_does_not_fit_into_the_row_stands_in_the_frame(trained_home: None, home: Path) -> None:
    """Protects the row of state: nothing in it is cut off."""
    screen = PlaygroundScreen(home / "runs" / "first")
    app = RnntuiApp(screen)
    async with app.run_test(size=(60, 18)) as pilot:
        await until(pilot, lambda: bool(screen.weights))
        parts = [
            "checkpoint of step 60",
            "11 ms per key",
            "cache on",
            "2.01 bits/char",
            "12% of keystrokes saved",
        ]
        screen.show_headline(parts)
        headline = text_of(pilot, "#headline")
        frame = str(screen.query_one(GhostText).border_subtitle)
        assert "…" not in headline and all((part in headline) != (part in frame) for part in parts)


async def test_the_models_own_words_are_told_apart_until_edited(able: Run) -> None:
    """Protects authorship: taken and generated words have another look, also when one comes back."""
    app = RnntuiApp(PlaygroundScreen(able.path))
    async with app.run_test(size=(100, 30)) as pilot:
        area = app.screen.query_one(GhostText)
        await pilot.press(*"the")
        await until(pilot, lambda: bool(area.ghost))
        ghost = area.ghost
        await pilot.press("tab")
        assert area.text == "the" + ghost and area.model_words.spans == [(3, len(area.text))]
        words = area.get_line(0)
        own = [span for span in words.spans if getattr(span.style, "italic", False)]
        assert [(span.start, span.end) for span in own] == [(3, len(area.text))]
        word = len("the" + ghost.rstrip()) - 1
        area.insert("x", (0, word))
        assert area.model_words.spans[0][1] <= word, "an edited word is the person's"
        area.load_text("the")
        area.move_cursor(area.document.end)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: len(area.text) > 60)
        await pilot.press("escape")
        await until(pilot, lambda: not area.read_only)
        written = area.text
        assert area.model_words.spans == [(3, len(written))]
        await app.switch_screen(RunsScreen())
        await app.switch_screen(PlaygroundScreen(able.path))
        area = app.screen.query_one(GhostText)
        assert area.text == written and area.model_words.spans == [(3, len(written))]
        await pilot.press("space", "ctrl+z", "ctrl+z")
        assert area.model_words.spans in ([], [(3, len(written))])


async def test_one_undo_takes_a_generation_back(able: Run) -> None:
    """Protects who lets the model write: all of it goes in one step, however long it took."""
    app = RnntuiApp(PlaygroundScreen(able.path))
    async with app.run_test(size=(100, 30)) as pilot:
        screen = app.screen
        assert isinstance(screen, PlaygroundScreen)
        area = screen.query_one(GhostText)
        await pilot.press(*"the")
        await until(pilot, lambda: bool(area.ghost))
        await pilot.press("ctrl+g")
        await until(pilot, lambda: len(area.text) > 200)
        await pilot.press("escape")
        await until(pilot, lambda: not area.read_only)
        await pilot.press("ctrl+z")
        assert area.text == "the" and area.model_words.spans == []


async def test_a_line_is_finished_by_the_model(able: Run) -> None:
    """Protects the smallest generation: to the end of the line, the ghost text with it."""
    app = RnntuiApp(PlaygroundScreen(able.path))
    async with app.run_test(size=(100, 30)) as pilot:
        screen = app.screen
        assert isinstance(screen, PlaygroundScreen)
        area = screen.query_one(GhostText)
        await pilot.press(*"the")
        await until(pilot, lambda: bool(area.ghost))
        ghost = area.ghost
        await pilot.press("alt+g")
        await until(pilot, lambda: len(area.text) > len("the" + ghost) and not screen.writing)
        assert area.text.startswith("the" + ghost)
        line = area.text[len("the" + ghost) :].lstrip("\n")
        assert line and "\n" not in line


def test_a_line_ends_at_its_break() -> None:
    assert line_of("on the sea\nand", begun=True) == ("on the sea", True)
    assert line_of("\nand so", begun=False) == ("\nand so", False)
    assert line_of("\n\nand\nso", begun=False) == ("\n\nand", True)
    assert line_of("\nand", begun=True) == ("", True)


@pytest.mark.parametrize("seed", range(20))
def test_the_models_words_are_followed_through_every_change(seed: int) -> None:
    """Protects the marks: in order, inside of the text, and the same by rows as by offsets."""
    rng = random.Random(seed)
    written, text = ModelWords(), ""
    for _ in range(100):
        first = rng.randint(0, len(text))
        last = rng.randint(first, min(len(text), first + 3))
        new = "".join(rng.choice("ab \n") for _ in range(rng.randint(0, 4)))
        text = text[:first] + new + text[last:]
        written.change(text, by_model=rng.random() < 0.5)
        assert written.text == text
        ends = [offset for span in written.spans for offset in span]
        assert ends == sorted(ends) and all(0 <= end <= len(text) for end in ends)
        starts = [0]
        for line in text.split("\n"):
            starts.append(starts[-1] + len(line) + 1)
        by_rows = {
            starts[row] + column
            for row, spans in written.rows().items()
            for span in spans
            for column in range(*span)
        }
        by_offsets = {i for span in written.spans for i in range(*span) if text[i] != "\n"}
        assert by_rows == by_offsets


async def test_code_is_coloured_in_the_themes_colours(trained_home: None, home: Path, tmp_path: Path) -> None:
    """Protects programmers: a file of code is coloured, in another theme in its colours, prose never is."""
    screen = PlaygroundScreen(home / "runs" / "first")
    app = RnntuiApp(screen)
    async with app.run_test(size=(100, 30)) as pilot:
        area = screen.query_one(GhostText)
        assert area.language is None
        (tmp_path / "add.py").write_text(CODE)
        screen._open(str(tmp_path / "add.py"))
        assert area.language == "python" and area.cursor_location == area.document.end

        def comment() -> set[str]:
            strips = area.render_lines(area.region.reset_offset)
            found = [segment for strip in strips for segment in strip if "# sums" in segment.text]
            return {
                str(segment.style.color.name) for segment in found if segment.style and segment.style.color
            }

        await until(pilot, lambda: bool(comment()))
        before = comment()
        app.theme = "textual-light"
        await until(pilot, lambda: bool(comment()) and comment() != before)
        area.load_text(CODE * (LARGEST // len(CODE) + 1))
        await until(pilot, lambda: area.language is None)
        assert "def add" in shown(pilot)


def test_a_language_is_known_by_the_names_of_files(tmp_path: Path) -> None:
    for name in ("a.rs", "b.rs", "c.md"):
        (tmp_path / name).write_text("x")
    assert language_of(str(tmp_path)) == "rust" and language_of(str(tmp_path / "c.md")) == "markdown"
    assert language_of("python-stdlib") == "python" and language_of("tales") is None
    assert language_of(str(tmp_path / "missing.txt")) is None and language_of("-") is None
    assert language_of_file("x.PY") == "python" and language_of_file("notes") is None


async def test_escape_in_the_search_does_not_dismiss_the_ghost(able: Run) -> None:
    """Protects the ghost: the keys of the search are the search's."""
    app = RnntuiApp(PlaygroundScreen(able.path))
    async with app.run_test(size=(80, 24)) as pilot:
        area = app.screen.query_one(GhostText)
        await pilot.press(*"the")
        await until(pilot, lambda: bool(area.ghost))
        await pilot.press("ctrl+f")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press("escape")
        assert app.focused is area
