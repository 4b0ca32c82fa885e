"""What is a person's own stays theirs: no network, no other eyes, nothing kept that was not saved."""

from __future__ import annotations

import os
import socket
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from rnntui.core.runs import store
from rnntui.tui.app import RnntuiApp
from rnntui.tui.screens.playground import PlaygroundScreen
from rnntui.tui.training_process import start_training
from rnntui.ui import preferences
from tests.cli.test_commands import FLAGS, rnntui
from tests.tui.conftest import until

SECRET = "xylophone zebra quartz"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **named: Any) -> None:
        raise AssertionError("the network was asked for something")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_nothing_goes_over_the_network(no_network: None, corpus_file: Path, tmp_path: Path) -> None:
    """Protects privacy: training and every use of a model, with every way out refused."""
    run = tmp_path / "R"
    assert rnntui("train", corpus_file, "--headless", "--run", run, *FLAGS).returncode == 0
    for command in (
        ("evaluate", run, "--baselines", "--completion"),
        ("complete", run, "the c"),
        ("generate", run, "--length", "5"),
        ("score", run, corpus_file),
        ("runs", "show", run),
        ("corpora", "list"),
        ("train", "tales", "--find-lr", "--hidden-size", "8"),
    ):
        result = rnntui(*command)
        assert result.returncode == 0, (command, result.stderr)
    assert rnntui("train", "http://127.0.0.1:9/x.txt", "--headless").returncode == 2, "a URL is asked for"


@pytest.mark.skipif(sys.platform == "win32", reason="folders there belong to their owner anyway")
def test_folders_are_for_their_owner_alone(corpus_file: Path, home: Path) -> None:
    """Protects texts and models from other people on the machine, whatever the umask."""
    before = os.umask(0)
    try:
        assert rnntui("train", corpus_file, "--headless", *FLAGS).returncode == 0
        assert rnntui("train", "reviews", "--headless", "--max-steps", "1").returncode == 0
        by_the_app = start_training(
            store.runs_home() / "app", {"corpus": str(corpus_file), "max_steps": 1}, "quick", None
        )
        assert by_the_app.wait(60) == 0
        pasted = store.keep_text(SECRET)
    finally:
        os.umask(before)
    runs, tokens = (list(path.iterdir()) for path in (store.runs_home(), store.cache_home() / "tokens"))
    assert len(runs) == 3 and tokens
    for folder in (*runs, *tokens, store.cache_home() / "examples", pasted.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


@pytest.mark.parametrize("keeps", [True, False])
async def test_what_is_typed_is_kept_in_one_file_or_nowhere(
    keeps: bool, trained_home: None, home: Path
) -> None:
    """Protects what is written in the playground: it is in `draft.txt`, or where a person wants that, nowhere."""
    (home / "draft.txt").write_text("a zebra of the last session")
    preferences.save(preferences.Preferences(keep_draft=keeps))
    screen = PlaygroundScreen(store.runs_home() / "first")
    app = RnntuiApp(screen)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "checkpoint" in screen.weights)
        await pilot.press(*(key if key != " " else "space" for key in SECRET))
        await until(pilot, lambda: SECRET in app.draft)
        await pilot.press("f2")
        await until(pilot, lambda: app._draft_timer is None)
    assert (home / "draft.txt").exists() == keeps
    for path in home.rglob("*"):
        if path.is_file() and path.name != "draft.txt":
            content = path.read_bytes()
            assert SECRET.encode() not in content and b"zebra" not in content, path
