"""Every screen at two sizes: as text, in a dark theme and in the terminal's own colours, and as SVG in the dark theme.

The text is the same in every theme: nothing is said by colour alone.  The SVG protects colour, style and focus.
`RNNTUI_SNAPSHOTS=write pytest tests/tui/test_snapshots.py` writes the snapshots anew, to be looked at before they are
kept.
"""

from __future__ import annotations

import math
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import torch
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

from rnntui.core import config
from rnntui.core.completion.completion import Completion
from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.runs.store import runs_home
from rnntui.core.tasks.classification.predict import Prediction
from rnntui.core.tasks.translation.predict import Translation
from rnntui.tui.app import RnntuiApp
from rnntui.tui.estimator import Estimator
from rnntui.tui.machine import Load, Machine
from rnntui.tui.screens.classifying import ClassifyingScreen
from rnntui.tui.screens.confusion import ConfusionScreen
from rnntui.tui.screens.corpora import CorporaScreen
from rnntui.tui.screens.duel import DuelScreen
from rnntui.tui.screens.duel_form import DuelForm
from rnntui.tui.screens.playground import PlaygroundScreen
from rnntui.tui.screens.runs import RunsScreen
from rnntui.tui.screens.settings import SettingsScreen
from rnntui.tui.screens.training import TrainingScreen
from rnntui.tui.screens.translating import TranslatingScreen
from rnntui.tui.services.classifier import ClassifierAnswer
from rnntui.tui.services.completer import Suggestions
from rnntui.tui.widgets.alternatives import Alternatives
from rnntui.tui.widgets.ghost_text import GhostText
from rnntui.tui.widgets.plain_text import PlainText
from rnntui.tui.widgets.tinted_text import TintedText
from rnntui.ui import preferences
from tests.tui.conftest import shown, text_of, until

SNAPSHOTS = Path(__file__).with_name("snapshots")
NAMES = (
    "texts",
    "training",
    "playground",
    "editing",
    "runs",
    "settings",
    "duel-form",
    "duel",
    "classify",
    "translate",
    "explain",
    "help",
    "confusion",
)
CODE = "def add(a, b):\n    # sums\n    return a + 41\n"


def told_run(name: str, cell: str, scale: float) -> Path:
    """A run folder in which everything was told beforehand: the same figures on every machine."""
    settings = {"corpus": "tales", "cell": cell, "max_steps": 1000, "lr": 6e-3 / scale}
    run = Run.create(runs_home() / name, config.build(settings), {"tokenizer.json": b"{}"})
    sizes: dict[str, Any] = {
        "train_tokens": 106_730,
        "valid_tokens": 5929,
        "train_bytes": 106_900,
        "valid_bytes": 5950,
    }
    shape: dict[str, Any] = {
        "device": "cpu",
        "precision": "bf16",
        "parameters": 1_221_249,
        "seed": 1,
        "vocab_size": 67,
    }
    events: list[ev.AnyEvent] = [
        ev.Started(step=0, run=name, corpus="tales", **shape, **sizes),
        ev.Baselined(step=0, name="characters", bits_per_byte=4.35, perplexity=20.4),
        ev.Baselined(step=0, name="gzip", bits_per_byte=3.71, perplexity=13.1),
        ev.Baselined(step=0, name="5-gram", bits_per_byte=2.14, perplexity=4.42),
    ]
    for step in range(10, 1001, 10):
        loss = scale * (1.1 + 3 * math.exp(-step / 120)) + 0.03 * math.sin(step)
        seconds = step * 0.02
        events.append(
            ev.Progress(
                step=step,
                tokens=step * 1024,
                epoch=step / 104,
                loss=None if step == 500 else loss,
                lr=6e-3 * (1 - step / 1001),
                grad_norm=0.3 + 0.1 * math.cos(step),
                tokens_per_s=66_000.0 + 10 * (step % 90),
                train_s=seconds,
                wall_s=seconds,
                fraction=step / 1000,
            )
        )
        if step % 200 == 0:
            score = loss + 0.2
            events.append(
                ev.Evaluated(
                    step=step,
                    split="valid",
                    loss=score,
                    perplexity=math.exp(score),
                    bits_per_byte=score / math.log(2) * 5929 / 5950,
                    bits_per_char=score / math.log(2),
                    accuracy=0.5,
                    protocol="stream",
                    train_s=seconds,
                    best=True,
                )
            )
            events.append(
                ev.Sampled(step=step, prompt="", text=f"The keeper looked at the sea, {step} times.\n")
            )
    events.append(ev.Finished(step=1000, reason="steps"))
    list(run.record(events))
    os.utime(run.path / "run.toml", (0, len(name)))
    return run.path


@pytest.fixture(autouse=True)
def same_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine outside is the same everywhere: its load, and its speed."""

    async def estimate(*_: Any) -> AsyncIterator[dict[str, Any]]:
        yield {"parameters": 1_221_249, "device": "cpu", "precision": "bf16", "tokens_per_s": 80_000.0}

    load = Load(
        cpu=0.5,
        memory=0.25,
        memory_bytes=16 << 30,
        training_bytes=None,
        gpu="37% 2.0/16 GiB",
        busy=None,
        processors=2,
    )
    monkeypatch.setattr(Estimator, "estimate", estimate)
    monkeypatch.setattr(Machine, "look", lambda self, trainer, processes: load)


def screen_called(name: str) -> Screen[Any]:
    path = told_run("tales-lstm-1", "lstm", 1.0)
    match name:
        case "texts":
            return CorporaScreen()
        case "training" | "explain" | "help":
            return TrainingScreen(path)
        case "playground" | "editing":
            return PlaygroundScreen(path)
        case "confusion":
            return ConfusionScreen(["good", "bad", "mixed"], [[30, 1, 2], [4, 27, 0], [9, 3, 8]], "confusion")
        case "settings":
            return SettingsScreen({"cell": "gru", "corpus": "tales"}, "balanced", "Settings of the next run")
        case "duel-form":
            return DuelForm({"corpus": "tales"}, "balanced", "tales-gru-1")
        case "classify":
            return ClassifyingScreen(path)
        case "translate":
            return TranslatingScreen(path)
        case "duel":
            return DuelScreen([path, told_run("tales-gru-1", "gru", 1.1)], ["lstm", "gru"])
    told_run("tales-gru-1", "gru", 1.1)
    return RunsScreen()


async def settle(pilot: Pilot[int], name: str) -> None:
    """Wait until everything is shown, and put on the screen what a model would say."""
    screen = pilot.app.screen
    match screen:
        case CorporaScreen():
            await until(
                pilot, lambda: len(screen.cuts) == len(TOKENIZERS) and "epochs in" in text_of(pilot, "#cost")
            )
        case TrainingScreen():
            await until(pilot, lambda: screen.state == "steps" and "/5" in shown(pilot))
            await pilot.press(*{"explain": ["question_mark", "down"], "help": ["f1"]}.get(name, []))
        case PlaygroundScreen() if name == "editing":
            await until(pilot, lambda: "no checkpoint" in shown(pilot))
            area = screen.query_one(GhostText)
            screen.workers.cancel_group(screen, "along")
            screen.query_one(Alternatives).message = ""
            area.load_text(CODE)
            area.color_as("python")
            area.read_only = True  # so it is the model that writes
            area.insert("\nthe model wrote this", area.document.end)
            area.read_only = False
            await pilot.press("ctrl+f", *"add")
            await until(pilot, lambda: "1/1" in shown(pilot) and "words" in shown(pilot))
        case PlaygroundScreen():
            await until(pilot, lambda: "no checkpoint" in shown(pilot))
            area = screen.query_one(GhostText)
            area.insert("The keeper 你好 🎉\n\nlooked at the ")
            await until(pilot, lambda: screen._before == area.before)
            found = [("harbour and", " harbour", 0.31), ("sea", " sea", 0.12), ("la⏎mp", " la", 0.0004)]
            screen._show(Suggestions(area.before, [Completion(a, p, b, p) for a, b, p in found], 7.4))
            area.mark_surprises([("The ", 1.0), ("keeper", 7.0), (" ", 0.1), ("你好", 4.0)])
        case ClassifyingScreen():
            await until(pilot, lambda: "saved" in shown(pilot))
            screen.workers.cancel_group(screen, "along")
            text = "the soup was not bad"
            influence = [0.1, -0.2, 0.0, 2.4, -1.3]
            pieces = [word if i == 0 else f" {word}" for i, word in enumerate(text.split())]
            screen.query_one(TintedText).insert(text)
            prediction = Prediction([0.12, 0.88], pieces, influence, [False, True, False, False, False])
            screen.latest = ClassifierAnswer(text, ["no", "yes"], prediction, 1, 3.2)
        case TranslatingScreen():
            await until(pilot, lambda: "saved" in shown(pilot))
            screen.workers.cancel_group(screen, "along")
            screen.query_one(PlainText).insert("the red cat")
            source, target = ["the", " red", " cat", "⏎"], ["Die", " rote", " Katze", "⏎"]
            looked = 0.7 * torch.eye(4) + 0.075
            ways = [("Die rote Katze", -0.31), ("Die rote Kater", -2.07)]
            screen._known = {
                "the red cat": [
                    Translation(text, score, score, source, target, looked, True) for text, score in ways
                ]
            }
            screen._translator.ready, screen._ms = True, 4.0
            screen._show()
        case DuelScreen():
            await until(pilot, lambda: "lstm wins" in shown(pilot))
        case RunsScreen():
            await until(pilot, lambda: len(screen.summaries) == 2)
            await pilot.press("space", "down", "space")
            await until(pilot, lambda: "a lstm  b gru" in text_of(pilot, "#differences"))
    top = pilot.app.screen
    for editor in top.query(PlainText):
        editor.cursor_blink = False
    for line in top.query(Input):
        line.cursor_blink = False
    before = ""
    while before != (before := shown(pilot)):  # until nothing scrolls or grows any more
        await pilot.pause(0.4)


def same_or_written(path: Path, content: str) -> None:
    """Compare with what is kept, or keep it where that is asked for."""
    if os.environ.get("RNNTUI_SNAPSHOTS") == "write":
        SNAPSHOTS.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    assert content == path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize(
    ("size", "theme"),
    [((80, 24), "tokyo-night"), ((140, 45), "tokyo-night"), ((80, 24), "ansi-dark")],
    ids=["80x24-tokyo-night", "140x45-tokyo-night", "80x24-ansi-dark"],
)
@pytest.mark.parametrize("name", NAMES)
async def test_screens_look_as_they_did(name: str, size: tuple[int, int], theme: str, home: Path) -> None:
    """Protects the look of every screen: layout, words, figures and signs."""
    preferences.save(preferences.Preferences(theme=theme))
    app = RnntuiApp(screen_called(name))
    async with app.run_test(size=size) as pilot:
        await settle(pilot, name)
        text = "\n".join(line.rstrip() for line in shown(pilot).splitlines()) + "\n"
        picture = app.export_screenshot(simplify=True)
    kept = SNAPSHOTS / f"{name}-{size[0]}x{size[1]}.txt"
    same_or_written(kept, text)
    if theme == "tokyo-night":
        same_or_written(kept.with_suffix(".svg"), picture)
