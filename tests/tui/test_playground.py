"""The playground: ghost text and what the model makes of a text."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnntui.core.completion.completion import Completion
from rnntui.core.runs.folder import Run
from rnntui.tui.app import RnntuiApp
from rnntui.tui.screens.file_picker import PathInput
from rnntui.tui.screens.pickers import CheckpointScreen
from rnntui.tui.screens.playground import PlaygroundScreen
from rnntui.tui.screens.training import TrainingScreen
from rnntui.tui.services.completer import Completer, Suggestions
from rnntui.tui.widgets.alternatives import Alternatives
from rnntui.tui.widgets.bars import Bars
from rnntui.tui.widgets.ghost_text import GhostText
from rnntui.tui.widgets.slider import Slider
from rnntui.ui import preferences
from tests.tui.conftest import shown, text_of, until


async def test_ghost_text_comes_and_is_taken(able: Run) -> None:
    """Protects the keys: Tab takes all, right a word, Escape sends it away, typing keeps the rest."""
    app = RnntuiApp(PlaygroundScreen(able.path))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        area = app.screen.query_one(GhostText)
        await pilot.press(*"the cat li")
        await until(pilot, lambda: area.ghost.startswith("kes "))
        assert area.suggestion == area.ghost
        table = app.screen.query_one(Alternatives)
        assert table.suggestions is not None and table.suggestions.completions[0].word == "kes"

        await pilot.press("k")
        assert area.ghost.startswith("es ")
        await pilot.press("right")
        assert area.text == "the cat likes" and area.ghost.startswith(" ")
        await pilot.press("escape")
        assert area.ghost == "" and area.text == "the cat likes"

        await pilot.press("space")
        await until(pilot, lambda: area.ghost != "")
        ghost = area.ghost
        await pilot.press("tab")
        assert area.text == "the cat likes " + ghost and area.has_focus
        assert area.saved == len("es") - 1 + len(ghost) - 1
        assert "keystrokes saved" in text_of(pilot, "#headline")

        await pilot.press("enter", *"the c")
        await until(pilot, lambda: area.ghost != "")
        await pilot.press("left")
        assert area.ghost == "" and area.suggestion == ""
        await pilot.press("x")
        await pilot.pause(0.3)
        assert area.ghost == "", "no ghost inside a word"


async def test_alternatives_are_chosen_by_key_and_mouse(able: Run) -> None:
    """Protects choosing: ^n offers the next one, alt and a digit or a click takes one."""
    app = RnntuiApp(PlaygroundScreen(able.path))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        area, table = app.screen.query_one(GhostText), app.screen.query_one(Alternatives)
        await pilot.press(*"the cat ")
        await until(pilot, lambda: table.suggestions is not None and table.suggestions.text == "the cat ")
        assert table.suggestions is not None
        texts = [each.text for each in table.suggestions.completions]
        offered = table.suggestions.offered
        assert len(texts) > 2 and table.index == (-1 if offered is None else offered)
        await pilot.press("ctrl+n")
        assert area.ghost == texts[table.index] and table.index == (0 if offered is None else offered + 1)
        await pilot.press("alt+e")
        assert area.text == "the cat " + texts[2]
        await pilot.press("ctrl+underscore")
        await until(pilot, lambda: table.suggestions is not None and table.suggestions.text == "the cat ")
        await pilot.click(table, offset=(5, 2))
        assert area.text == "the cat " + texts[1] and area.has_focus


async def test_ghost_text_at_the_edge_of_the_row(trained: Run) -> None:
    """Protects the row: what does not fit is cut with a mark, and Tab still takes all of it."""
    app = RnntuiApp(PlaygroundScreen(trained.path))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        area = app.screen.query_one(GhostText)
        app.screen.workers.cancel_group(app.screen, "along")  # no answer of the model takes the ghost away
        area.insert("你" * 30 + "🎉x" * 4)
        area.offer(area.before, "a long continuation\x1b[2J of words")
        assert area.suggestion.endswith("…") and len(area.suggestion) < 12
        assert "\x1b" not in area.suggestion
        await pilot.press("tab")
        assert area.text.endswith("continuation␛[2J of words")
        area.clear()
        area.insert("x" * 74)  # the row is full to its last cell
        area.offer(area.before, "more")
        assert len(area.suggestion) <= 2
        assert max(len(line) for line in shown(pilot).splitlines()) <= 80


async def test_surprise_and_the_likeliest_tokens(able: Run) -> None:
    """Protects the view into the model: what it did not expect is marked, what it expects is listed."""
    app = RnntuiApp(PlaygroundScreen(able.path))
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        area = app.screen.query_one(GhostText)
        await pilot.press("ctrl+t", "ctrl+l", *"the cat zikes the")
        await until(pilot, lambda: bool(area._marks))
        await until(pilot, lambda: (8, 9, "ghost--very-surprising") in area._marks.get(0, []))
        assert all(start != 1 for start, _, _ in area._marks[0]), "what follows th is no surprise"
        await until(pilot, lambda: "bits/char" in text_of(pilot, "#headline"))
        bars = app.screen.query_one(Bars)
        await until(pilot, lambda: bool(bars.rows) and bars.rows[0][0] == "␣")
        assert "next token" in shown(pilot) and bars.display
        await pilot.press("ctrl+t", "ctrl+l")
        assert not area._marks and not bars.display
    assert not preferences.load().surprise


async def test_the_model_writes_on_until_it_is_stopped(able: Run) -> None:
    """Protects streaming: the text grows by itself, Escape stops it, the pen is given back; or who wrote is left."""
    screen = PlaygroundScreen(able.path)
    app = RnntuiApp(screen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        area = screen.query_one(GhostText)
        await pilot.press(*"the ")
        await until(pilot, lambda: area.ghost != "")
        await pilot.press("ctrl+g")
        await until(pilot, lambda: len(area.text) > 60)
        await pilot.press("escape")
        await until(pilot, lambda: not screen.writing and not area.read_only)
        written = area.text
        await pilot.press("q")
        await until(pilot, lambda: area.text == written + "q")
        assert written.startswith("the ")

        await pilot.press("ctrl+g")
        await until(pilot, lambda: len(area.text) > len(written) + 20)
        await pilot.press("ctrl+b")
        await until(pilot, lambda: app.screen is not screen and not screen.is_attached)
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, PlaygroundScreen))


async def test_sampling_is_set_by_sliders_and_remembered(trained: Run) -> None:
    """Protects the sliders: keys move them by a step, and the next session finds them there."""
    app = RnntuiApp(PlaygroundScreen(trained.path))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: app.screen.query_one(GhostText).has_focus)
        await pilot.press("ctrl+l")  # the likeliest tokens stand in their place on a screen so narrow
        await until(pilot, lambda: not app.screen.query_one("#sampling").display)
        await pilot.press("f8")
        await until(pilot, lambda: app.screen.query_one("#temperature").has_focus)
        await pilot.press("left", "left", "down", "right")
        assert app.screen.query_one("#temperature", Slider).value == pytest.approx(0.7)
    assert (preferences.load().temperature, preferences.load().top_k) == (pytest.approx(0.7), 1)


async def test_any_checkpoint_can_be_played_with(trained_home: None, home: Path) -> None:
    """Protects choosing a model: a run's checkpoints are listed, and the chosen one writes along."""
    path = home / "runs" / "first"
    app = RnntuiApp(PlaygroundScreen(path))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press(*"kept")
        await until(pilot, lambda: "checkpoint of step" in text_of(pilot, "#headline"))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, CheckpointScreen))
        names = [name for name, _ in Run.open(path).checkpoints()]
        await pilot.press(*["down"] * len(names), "enter")
        await until(pilot, lambda: f"step {int(names[-1])}" in text_of(pilot, "#headline"))
        assert app.screen.query_one(GhostText).text == "kept", "the text stays"


async def test_a_text_is_opened_and_saved(trained: Run, tmp_path: Path) -> None:
    """Protects what a person wrote: saved as typed, opened as saved; a fault is said and loses nothing."""
    app = RnntuiApp(PlaygroundScreen(trained.path))
    file = tmp_path / "poem.txt"
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        area = app.screen.query_one(GhostText)
        area.insert("你好 🎉\nzwei")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(app.screen.query(PathInput)) > 0)
        app.screen.query_one(PathInput).value = str(file)
        await pilot.press("enter")
        await until(pilot, file.exists)
        assert file.read_text(encoding="utf-8") == "你好 🎉\nzwei"
        area.clear()
        await pilot.press("ctrl+o", *str(file), "enter")
        await until(pilot, lambda: area.text == "你好 🎉\nzwei")
        await pilot.press("ctrl+o")
        await until(pilot, lambda: len(app.screen.query(PathInput)) > 0)
        app.screen.query_one(PathInput).value = str(tmp_path / "none.txt")
        await pilot.press("enter")
        await until(pilot, lambda: "no such file" in shown(pilot))
        assert area.text == "你好 🎉\nzwei"
        file.write_text("[/b]\x1b]52;c;aGk=\x07\u202e", encoding="utf-8")
        await pilot.press("ctrl+o")
        await until(pilot, lambda: len(app.screen.query(PathInput)) > 0)
        app.screen.query_one(PathInput).value = str(file)
        await pilot.press("enter")
        await until(pilot, lambda: area.text.startswith("[/b]␛]52"))
        assert not {"\x1b", "\x07", "\u202e"}.intersection(shown(pilot))


async def test_play_while_it_trains(training_child: Path) -> None:
    """Protects the promise: ghost text from live weights of a run that still trains."""
    app = RnntuiApp(TrainingScreen(training_child))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: getattr(app.screen, "state", "") == "running")
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PlaygroundScreen))
        screen = app.screen
        assert isinstance(screen, PlaygroundScreen)
        await pilot.press(*"the cat ")
        await until(
            pilot, lambda: screen.weights == "live weights" and screen.query_one(GhostText).ghost != ""
        )
        await pilot.press("ctrl+b")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))


async def test_it_learns_from_you_and_forgets(able: Run) -> None:
    """Protects the three keys: learning moves what is offered, forgetting brings the trained weights back."""
    screen = PlaygroundScreen(able.path)
    app = RnntuiApp(screen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        area, table = app.screen.query_one(GhostText), app.screen.query_one(Alternatives)
        await until(pilot, lambda: table.suggestions is not None)
        await pilot.press("alt+k")
        await until(
            pilot, lambda: "counts off" in text_of(pilot, "#headline") and not preferences.load().counts
        )
        news = "the moon sees Anna.\n" * 20
        area.insert(news + "the ")
        await until(pilot, lambda: table.suggestions is not None and table.suggestions.text == area.before)
        plain = [(each.text, each.probability) for each in table.suggestions.completions]
        await pilot.press("alt+l")
        await until(pilot, lambda: screen.learned >= 12 and "adapted: " in text_of(pilot, "#headline"))
        await until(pilot, lambda: [(c.text, c.probability) for c in table.suggestions.completions] != plain)
        await pilot.press("alt+l", "alt+x")
        await until(pilot, lambda: screen.learned == 0 and "learn" not in text_of(pilot, "#headline"))
        await until(
            pilot,
            lambda: [(c.text, pytest.approx(c.probability)) for c in table.suggestions.completions] == plain,
        )
        await pilot.press("alt+m")
        await until(pilot, lambda: "cache on" in text_of(pilot, "#headline") and preferences.load().remember)
        await until(pilot, lambda: [(c.text, c.probability) for c in table.suggestions.completions] != plain)


def test_a_sentence_that_was_typed_is_offered_and_one_that_was_generated_is_not(able: Run) -> None:
    """Protects what a person sees of counting: their words come back, once another process has counted the training."""
    completer = Completer(able.path, wants_counts=lambda: True)
    completer.refresh()
    text = "my aunt feeds Anna.\nthe cat likes a bird.\n" * 4 + "my aunt feeds "

    def share() -> float:
        found = completer.answer(text).completions
        return sum(each.word_probability for each in found if each.word.startswith("Anna"))

    plain = share()
    assert completer._counts is None and completer._counting is not None
    assert completer._counting.wait(60) == 0
    counted = share()
    assert counted > plain + 0.2
    completer.generated = [(0, len(text))]
    completer.answer("")
    assert share() < counted - 0.2
    completer.generated = []
    completer.answer("")
    assert share() == pytest.approx(counted)
    completer.forget()
    assert share() < counted - 0.2


async def test_what_is_hardly_sure_is_offered_when_asked_for_only(able: Run) -> None:
    """Protects a person who types: no ghost below the threshold, yet ^n shows the likeliest."""
    app = RnntuiApp(PlaygroundScreen(able.path))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        area, table = app.screen.query_one(GhostText), app.screen.query_one(Alternatives)
        found = [Completion("moon.", 0.04, "moon", 0.05), Completion("cat", 0.02, "cat", 0.03)]
        await until(pilot, lambda: table.suggestions is not None)
        area.ghost = ""
        assert isinstance(app.screen, PlaygroundScreen)
        app.screen._show(Suggestions(area.before, found, 1.0))
        assert area.ghost == "" and table.index == -1
        await pilot.press("ctrl+n")
        assert area.ghost == "moon." and table.index == 0
        await pilot.press("tab")
        assert area.text == "moon."


async def test_list_and_ghost_are_one(able: Run) -> None:
    """Protects who reads both: the ghost is the row that is marked, or there is none; stale panels are dim."""
    app = RnntuiApp(PlaygroundScreen(able.path))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = app.screen
        assert isinstance(screen, PlaygroundScreen)
        area, table = screen.query_one(GhostText), screen.query_one(Alternatives)
        await pilot.press(*"the cat")
        await until(pilot, lambda: table.suggestions is not None and table.suggestions.text == "the cat")
        screen.workers.cancel_group(screen, "along")

        def unsure(*texts: str) -> Suggestions:
            return Suggestions(area.before, [Completion(text, 0.05, text, 0.05) for text in texts], 1.0)

        area.ghost = " of the"
        screen._show(unsure(" a", " of the"))
        assert area.ghost == " of the" and table.index == 1, "kept while it is one of the list"
        screen._show(unsure(" a", " an"))
        assert area.ghost == "" and table.index == -1, "gone where it is none of them"
        screen.writing = True
        assert screen.has_class("-stale")
        screen.writing = False
        assert not screen.has_class("-stale")


async def test_next_tokens_are_what_is_added(able: Run) -> None:
    """Protects the bars: after a token that may still grow they show what stands behind the cursor."""
    app = RnntuiApp(PlaygroundScreen(able.path))
    async with app.run_test(size=(140, 45)) as pilot:
        await pilot.press("ctrl+l", *"the c")
        bars = app.screen.query_one(Bars)
        await until(pilot, lambda: bool(bars.rows) and bars.rows[0][0] == "a")
