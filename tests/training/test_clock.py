"""Training time is the time in which the process runs."""

from __future__ import annotations

import pytest

from rnntui.core.training.clock import RunningClock


class Machine:
    """What passes on a machine, told by hand."""

    def __init__(self) -> None:
        self.wall = self.computing = 0.0
        self.clock = RunningClock(lambda: self.wall, lambda: self.computing)

    def passes(self, wall: float, computing: float) -> float:
        """Let seconds pass, and return how many of them the clock counts."""
        before = self.clock.now()
        self.wall += wall
        self.computing += computing
        return self.clock.now() - before


def test_a_stopped_process_has_no_time() -> None:
    """Protects a night with the lid closed: what passes while nobody could look is not counted, once noticed."""
    machine = Machine()
    assert machine.passes(6.0, 0.05) == pytest.approx(0.1)
    assert machine.passes(30_000.0, 0.1) == pytest.approx(0.1)
    assert machine.passes(0.5, 0.5) == pytest.approx(0.5)


def test_a_machine_that_is_busy_with_others_counts() -> None:
    """Protects figures of a loaded machine: as long as the looking thread has its turns, no time is lost."""
    machine = Machine()
    assert sum(machine.passes(0.9, 0.001) for _ in range(100)) == pytest.approx(90.0)


def test_a_call_that_holds_the_interpreter_counts() -> None:
    """Protects figures of one long call: nobody could look, but it computed."""
    assert Machine().passes(20.0, 19.0) == pytest.approx(20.0)
