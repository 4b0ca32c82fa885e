"""What the tests of the screens share: waiting, reading the screen, a real child that trains."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.tui.training_process import start_training
from tests.conftest import TINY, copied

LONG = TINY | {"max_steps": 1_000_000, "eval_every": 50, "log_every": 5}


async def until(pilot: Pilot[int], condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for a condition, letting the app work."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"the condition did not come about; the screen shows\n{shown(pilot)}"
        await pilot.pause(0.02)


def text_of(pilot: Pilot[int], selector: str) -> str:
    return str(pilot.app.screen.query_one(selector, Static).render())


def shown(pilot: Pilot[int]) -> str:
    """The screen as text."""
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


@pytest.fixture
async def training_child(corpus_file: Path, home: Path) -> AsyncIterator[Path]:
    """A run folder in which a real child process trains until it is told to stop."""
    path = store.runs_home() / "child"
    child = start_training(path, LONG | {"corpus": str(corpus_file)}, "quick", None)
    yield path
    if child.poll() is None:
        child.kill()
    child.wait()


@pytest.fixture
def able(kept: Path, corpus_file: Path, tmp_path: Path) -> Run:
    """A run that has learned its small language well."""
    settings = {"max_steps": 400, "lr": 2e-2, "hidden_size": 64}
    return copied(kept, "able", settings, corpus_file, tmp_path / "able")


@pytest.fixture
def several(kept: Path, corpus_file: Path, home: Path) -> Path:
    """Three runs in the runs' home: two finished, with different cells, and one that died."""
    folder = store.runs_home()
    folder.mkdir(parents=True)
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "first": ("trained", {}),
        "second": ("slower gru", {"cell": "gru", "lr": 1e-3}),
        "dead": ("elman", {"cell": "elman"}),
    }
    for name, (kind, settings) in kinds.items():
        copied(kept, kind, settings, corpus_file, folder / name)
    lines = (folder / "dead" / "events.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "dead" / "events.jsonl").write_bytes(b"".join(lines[:-1]))
    (folder / "dead" / "stderr.log").write_text("Traceback\n[/b]MemoryError: the last word\n")
    return folder
