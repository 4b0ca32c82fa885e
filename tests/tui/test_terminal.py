"""The real program in a pseudo-terminal: what a person does from start to end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rnntui.core.completion.loading import verify
from rnntui.core.runs import events as ev
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.core.runs.ownership import owner_of
from tests.tui.terminal import Terminal


def assert_saved_where_it_stopped(run: Run) -> None:
    """The training was stopped, and its last checkpoint is sound and of the step that it stopped at."""
    (finished,) = (event for event in run.events() if isinstance(event, ev.Finished))
    assert finished.reason == "interrupted" and finished.step > 0
    last = run.checkpoint_path("last")
    verify(last)
    assert int(last.name) == finished.step


def test_from_start_to_accepted_ghost_text_to_quit() -> None:
    """Protects the main job as a person does it: choose, Enter, watch, play, type, Tab, quit, stop."""
    with Terminal() as terminal:
        terminal.wait(lambda shown: "characters," in shown and "Start" in shown)
        terminal.type("\x1b[B" * 3)  # down to the grammar
        terminal.wait(lambda shown: "embedded Reber" in shown)
        terminal.type("\r")
        terminal.wait(lambda shown: "tok/s" in shown)
        terminal.type("p")
        terminal.wait(lambda shown: "write here" in shown and "live weights" in shown)
        terminal.type("B")
        terminal.wait(lambda shown: terminal.screen.cursor.x == 3 and "%" in shown)
        # Until the cursor stands behind what was taken: newer weights may renew the ghost at any moment.
        while terminal.screen.cursor.x <= 3:
            terminal.type("\x0e\t")  # offer, take
            terminal.wait(lambda shown: True)
        terminal.type("\x02")  # back
        terminal.wait(lambda shown: "Pause" in shown)
        terminal.type("q")
        terminal.wait(lambda shown: "still training" in shown)
        terminal.type("s")
        terminal.wait_for_end()
        terminal.assert_left_as_it_was()
    (run,) = store.newest_runs()
    assert_saved_where_it_stopped(run)


def test_training_goes_on_without_the_screen_and_is_taken_up_elsewhere(home: Path) -> None:
    """Protects what a run is: quit and left at work, watched again from a second terminal, paused, resumed, stopped."""
    path = home / "runs" / "reber-lstm-1"
    with Terminal("train", "reber", "--max-steps", "1000000", "--hidden-size", "32") as first:
        first.wait(lambda shown: "tok/s" in shown)
        first.type("q")
        first.wait(lambda shown: "still training" in shown)
        first.type("k")
        first.wait_for_end()
        first.assert_left_as_it_was()
        assert owner_of(path) is not None, "the training goes on"

        with Terminal("watch", "reber-lstm-1", columns=140, rows=45) as second:
            second.wait(lambda shown: "tok/s" in shown)
            second.type(" ")
            second.wait(lambda shown: "paused" in shown)
            second.type(" ")
            second.wait(lambda shown: "tok/s" in shown)
            second.type("s")
            second.wait(lambda shown: "stopped and saved" in shown)
            assert owner_of(path) is None
            second.type("q")
            second.wait_for_end()
            second.assert_left_as_it_was()
            assert_saved_where_it_stopped(Run.open(path))


def test_keys_with_alt_reach_the_playground(trained_home: None) -> None:
    """Protects keys that a simulated keyboard sends otherwise: a terminal sends escape and the letter."""
    with Terminal("play", "first", columns=120) as terminal:
        terminal.wait(lambda shown: "write here" in shown and "checkpoint" in shown)
        terminal.type("the cat")
        terminal.wait(lambda shown: "the cat" in shown)
        terminal.type("\x1bl")
        terminal.wait(lambda shown: "adapted: " in shown)
        terminal.type("\x1bm")
        terminal.wait(lambda shown: "cache on" in shown)
        terminal.type(" sees")
        terminal.wait(lambda shown: "the cat sees" in shown)
        terminal.type("\x11")
        terminal.wait_for_end()


BROKEN = (
    "from rnntui.tui.screens.corpora import CorporaScreen\n"
    "def broken(self): raise ValueError('nobody\\x1b]0;evil\\x07 foresaw this')\n"
    "CorporaScreen.action_start = CorporaScreen.on_resize = broken\n"
    "import sys; sys.argv = ['rnntui']; from rnntui.cli import main; main()"
)


def test_a_fault_of_the_app_is_one_line_and_leaves_the_terminal_right(home: Path) -> None:
    """Protects the shell after a crash: exit code 1, one line that names the log, no traceback on the screen."""
    with Terminal(command=(sys.executable, "-c", BROKEN)) as terminal:
        terminal.wait_for_end(code=1)
        terminal.assert_left_as_it_was()
        told = terminal.output.decode()
    assert "rnntui: the app ended by a fault of its own: ValueError: nobody" in told
    assert "Traceback" not in told and "\x1b]0;evil" not in told
    assert "foresaw this" in (home / "crash.log").read_text() and "broken" in (home / "crash.log").read_text()


BROKEN_PLAYGROUND = (
    "from rnntui.tui.screens.playground import PlaygroundScreen\n"
    "def broken(self): raise ValueError('nobody foresaw this')\n"
    "PlaygroundScreen.action_surprise = broken\n"
    "import sys; sys.argv = ['rnntui', 'play', 'first']; from rnntui.cli import main; main()"
)


def test_what_was_written_comes_back_after_a_fault(trained_home: None, home: Path) -> None:
    """Protects a person's words: they are on disk for their owner alone, and a fault of the app does not take them."""
    with Terminal(command=(sys.executable, "-c", BROKEN_PLAYGROUND), columns=110) as terminal:
        terminal.wait(lambda shown: "write here" in shown and "checkpoint" in shown)
        terminal.type("zebras were here")
        terminal.wait(lambda shown: "zebras were here" in shown)
        terminal.type("\x14")
        terminal.wait_for_end(code=1)
        terminal.assert_left_as_it_was()
        assert "your text comes back at the next start" in terminal.output.decode()
    assert (home / "draft.txt").stat().st_mode & 0o777 == 0o600
    with Terminal("play", "first", columns=110) as terminal:
        terminal.wait(lambda shown: "zebras were here" in shown)
        terminal.type("\x11")
        terminal.wait_for_end()


def test_hostile_runs_stand_in_the_list_with_their_reason(trained_home: None) -> None:
    """Protects the screen of runs: one that cannot be read is shown, says why, and can be deleted."""
    hostile = store.runs_home() / "hostile"
    hostile.mkdir()
    (hostile / "run.toml").write_text(f"format = {'9' * 5000}")
    with Terminal(columns=140, rows=40) as terminal:
        terminal.wait(lambda shown: "characters," in shown)
        terminal.type("4")
        terminal.wait(lambda shown: "unreadable" in shown and "finished" in shown)
        terminal.settle()
        terminal.type("\r")
        terminal.wait(lambda shown: "why it cannot be read" in shown and "not valid TOML" in shown)
        terminal.type("\x1b")
        terminal.wait(lambda shown: "why it cannot be read" not in shown)
        terminal.type("d")
        terminal.wait(lambda shown: "Delete hostile" in shown)
        terminal.type("y")
        terminal.wait(lambda shown: "1 of 1 runs" in shown)
        terminal.type("q")
        terminal.wait_for_end()
        terminal.assert_left_as_it_was()
    assert not hostile.exists()


def test_modules_beside_a_persons_texts_are_never_run(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects who opens a folder of texts from elsewhere: what the app starts takes no module from there."""
    gift = tmp_path / "gift"
    gift.mkdir()
    (gift / "book.txt").write_bytes(corpus_file.read_bytes())
    for name in ("msgspec.py", "torch.py", "numpy.py", "rnntui.py"):
        (gift / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close(); raise SystemExit")
    monkeypatch.chdir(gift)
    with Terminal("-P", "-m", "rnntui", command=(sys.executable,)) as terminal:
        terminal.wait(lambda shown: "characters," in shown and "Start" in shown)
        terminal.settle()
        terminal.type("\r")
        terminal.wait(lambda shown: "tok/s" in shown)
        terminal.type("q")
        terminal.wait(lambda shown: "still training" in shown)
        terminal.type("s")
        terminal.wait_for_end()
    assert not (tmp_path / "ran").exists()


def test_two_sentences_are_learned_and_completed_in_the_app(tmp_path: Path) -> None:
    """Protects the first thing that a student tries: two sentences, watched while they are learned, then completed."""
    text = tmp_path / "two.txt"
    text.write_text("I love deep learning. You love recurrent networks.\n")
    with Terminal("train", str(text), "--tokenizer", "word", "--hidden-size", "64", columns=110) as terminal:
        terminal.wait(lambda shown: "tok/s" in shown)
        terminal.wait(lambda shown: "stopped early" in shown)
        terminal.type("p")
        terminal.wait(lambda shown: "write here" in shown and "checkpoint" in shown)
        terminal.type("I love")
        terminal.wait(lambda shown: "I love deep learning" in shown)
        (run,) = store.newest_runs()
        terminal.wait(lambda _: owner_of(run.path) is None)  # the process takes a moment to end
        terminal.type("\x11")
        terminal.wait_for_end()
