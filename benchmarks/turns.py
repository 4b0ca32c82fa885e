"""Trainings that take turns, so that a machine whose speed drifts treats them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rnntui.core.training.learner import Learner

_TURN_S = 1.0


def train_in_turns(learners: Mapping[str, Learner], looked_at: Callable[[str, Learner], None]) -> None:
    """Train each to its limit, a second at a time; `looked_at` is told of each after its turn."""
    while going := {name: learner for name, learner in learners.items() if learner.fraction < 1}:
        for name, learner in going.items():
            until = learner.counters.train_s + _TURN_S
            while learner.counters.train_s < until and learner.fraction < 1:
                learner.step()
            looked_at(name, learner)
