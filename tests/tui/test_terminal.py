"""The real program in a pseudo-terminal: what a person does from start to end."""

from __future__ import annotations

from pathlib import Path

from rnntui.core.ownership import owner_of
from rnntui.core.runs import Run
from tests.tui.terminal import Terminal


def test_from_start_to_accepted_ghost_text_to_quit() -> None:
    """Protects the main job as a person does it: choose, Enter, watch, play, type, Tab, quit, stop."""
    with Terminal() as terminal:
        terminal.wait(lambda shown: "characters," in shown and "Start" in shown)
        terminal.type("\x1b[B" * 3)  # down to the grammar
        terminal.wait(lambda shown: "embedded Reber" in shown)
        terminal.type("\r")
        terminal.wait(lambda shown: "learning" in shown and "tok/s" in shown)
        terminal.type("p")
        terminal.wait(lambda shown: "write here" in shown and "live weights" in shown)
        terminal.type("B")
        terminal.wait(lambda shown: terminal.screen.cursor.x == 3 and "%" in shown)
        # Until the cursor stands behind what was taken: newer weights may renew the ghost at any moment.
        terminal.wait(lambda shown: terminal.screen.cursor.x > 3 or terminal.type("\x0e\t"))  # offer, take
        terminal.type("\x02")  # back
        terminal.wait(lambda shown: "Pause" in shown)
        terminal.type("q")
        terminal.wait(lambda shown: "still learning" in shown)
        terminal.type("s")
        terminal.wait_for_end()
        terminal.assert_left_as_it_was()


def test_training_goes_on_without_the_screen_and_is_taken_up_elsewhere(home: Path) -> None:
    """Protects what a run is: quit and left at work, watched again from a second terminal, paused, resumed, stopped."""
    path = home / "runs" / "reber-lstm-1"
    with Terminal("train", "reber", "--max-steps", "1000000", "--hidden-size", "32") as first:
        first.wait(lambda shown: "learning" in shown and "tok/s" in shown)
        first.type("q")
        first.wait(lambda shown: "still learning" in shown)
        first.type("k")
        first.wait_for_end()
        first.assert_left_as_it_was()
        assert owner_of(path) is not None, "the training goes on"

        with Terminal("watch", "reber-lstm-1", columns=140, rows=45) as second:
            second.wait(lambda shown: "learning" in shown and "tok/s" in shown)
            second.type(" ")
            second.wait(lambda shown: "paused" in shown)
            second.type(" ")
            second.wait(lambda shown: "learning" in shown)
            second.type("s")
            second.wait(lambda shown: "stopped and saved" in shown)
            assert owner_of(path) is None
            second.type("q")
            second.wait_for_end()
            second.assert_left_as_it_was()
            assert Run.open(path).checkpoints()


def test_keys_with_alt_reach_the_playground(trained_home: None) -> None:
    """Protects keys that a simulated keyboard sends otherwise: a terminal sends escape and the letter."""
    with Terminal("play", "first", columns=120) as terminal:
        terminal.wait(lambda shown: "write here" in shown and "checkpoint" in shown)
        terminal.type("the cat")
        terminal.wait(lambda shown: "the cat" in shown)
        terminal.type("\x1bl")
        terminal.wait(lambda shown: "learns from you: " in shown)
        terminal.type("\x1bm")
        terminal.wait(lambda shown: "remembers" in shown)
        terminal.type(" sees")
        terminal.wait(lambda shown: "the cat sees" in shown)
        terminal.type("\x11")
        terminal.wait_for_end()
