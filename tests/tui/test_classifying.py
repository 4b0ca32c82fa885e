"""The playground of a classifier: bars that move as you type, words that say why."""

from __future__ import annotations

import json

import pytest

from rnntui.core.runs.folder import Run
from rnntui.tui.app import RnntuiApp
from rnntui.tui.screens.classifying import ClassifyingScreen
from rnntui.tui.screens.confusion import ConfusionScreen
from rnntui.tui.screens.pickers import CheckpointScreen
from rnntui.tui.screens.training import TrainingScreen
from rnntui.tui.widgets.bars import Bars
from rnntui.tui.widgets.curves import Curves
from rnntui.tui.widgets.heat_map import HeatMap
from rnntui.tui.widgets.tinted_text import TintedText
from rnntui.ui import preferences
from tests.tui.conftest import shown, text_of, until


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
async def test_what_is_typed_is_judged(classifier: Run, size: tuple[int, int]) -> None:
    """Protects the playground: bars follow the text, words are tinted, and a word that one points at has its figure."""
    app = RnntuiApp(TrainingScreen(classifier.path))
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: "accuracy" in shown(pilot))
        assert app.screen.query_one(Curves).unit == "accuracy" and "━ validation accuracy" in shown(pilot)
        await pilot.press("u")
        assert "bits/text" in shown(pilot)
        await pilot.press("u", "p")
        await until(pilot, lambda: isinstance(app.screen, ClassifyingScreen))
        screen = app.screen
        assert isinstance(screen, ClassifyingScreen)
        area, bars = screen.query_one(TintedText), screen.query_one("#labels", Bars)

        def classified(text: str) -> bool:
            return screen.latest is not None and screen.latest.text == text

        await pilot.press(*"was bad")
        await until(pilot, lambda: classified("was bad"))
        assert dict(bars.rows)["no"] > 0.5
        area.load_text("was not bad")
        await until(pilot, lambda: classified("was not bad"))
        assert dict(bars.rows)["yes"] > 0.5
        assert area._marks[0], "words are tinted"
        area.move_cursor((0, 6))
        await until(pilot, lambda: "nats  not" in text_of(pilot, "#moves"))
        await pilot.press("ctrl+n")
        await until(pilot, lambda: screen.latest is not None and screen.latest.about == 0)
        await until(pilot, lambda: "influence on no" in str(screen.query_one("#moves").border_title))

        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, CheckpointScreen))
        assert f"{classifier.name}  newest weights" in shown(pilot), (
            "a run that lives elsewhere is offered as well"
        )
        await pilot.press("escape")
        await pilot.press("ctrl+b")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))


async def test_a_classifier_that_cannot_be_loaded_says_why(classifier: Run) -> None:
    (classifier.path / "labels.json").write_text("{")
    app = RnntuiApp(ClassifyingScreen(classifier.path))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "labels.json" in text_of(pilot, "#moves"))


async def test_labels_are_texts_and_no_markup(classifier: Run) -> None:
    """Protects the playground from labels that look like markup: they are shown as they are."""
    (classifier.path / "labels.json").write_text(
        json.dumps({"format": 1, "labels": ["[/x]", "[link=http://x]a"]})
    )
    app = RnntuiApp(ClassifyingScreen(classifier.path))
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        screen = app.screen
        assert isinstance(screen, ClassifyingScreen)
        await pilot.press(*"was bad")
        await until(pilot, lambda: screen.latest is not None and screen.latest.text == "was bad")
        await until(pilot, lambda: "influence on [/x]" in shown(pilot))


@pytest.mark.parametrize("theme", ["tokyo-night", "ansi-dark"])
async def test_the_confusion_matrix_is_a_heat_map(classifier: Run, theme: str) -> None:
    """Protects the look at mistakes: every label in both directions, counts that add up, the worst pair in words."""
    preferences.save(preferences.Preferences(theme=theme))
    screen = TrainingScreen(classifier.path)
    app = RnntuiApp(screen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: bool(screen.history.confusion) and "c Confusion" in shown(pilot))
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ConfusionScreen))
        matrix = app.screen.query_one(HeatMap)
        assert matrix.table is not None and screen.history.started is not None
        assert list(matrix.table.down) == list(matrix.table.across) == screen.history.started.labels
        assert all(
            sum(share[row] for share in matrix.table.shares) in (0, pytest.approx(1)) for row in range(2)
        )
        fields = {str(span.style) for span in matrix.render().spans}
        assert len(fields) > 1 or (theme == "ansi-dark" and "█" in matrix.render().plain)
        told = text_of(pilot, "#confusion-worst")
        assert "is taken for" in told or "No text got a wrong label" in told
        await pilot.press("escape")
        assert app.screen is screen


async def test_words_that_the_model_does_not_know_are_marked(classifier: Run) -> None:
    """Protects trust in a prediction: what it says of such a word is what it says of any it never saw."""
    screen = ClassifyingScreen(classifier.path)
    app = RnntuiApp(screen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press(*"was qzx")
        await until(pilot, lambda: screen.latest is not None and screen.latest.text == "was qzx")
        assert screen.latest is not None
        strange = [
            piece.strip()
            for piece, unknown in zip(
                screen.latest.prediction.pieces, screen.latest.prediction.unknown, strict=True
            )
            if unknown
        ]
        assert "".join(strange) == "qzx"
        await until(pilot, lambda: "1 unknown word, underlined" in shown(pilot))
        marks = screen.query_one(TintedText)._marks[0]
        assert [style for *_, style in marks if style == "tint--unknown"]
