"""Evaluation and samples of a training, by one process or several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rnntui.core.config import Config
from rnntui.core.runs import events as ev
from rnntui.core.tasks.base import EventTime, Task
from rnntui.core.training.control import Control
from rnntui.core.training.learner import Learner


class InterruptedWorkError(Exception):
    """A signal came in the middle of long work: it is left, so that the training is saved and gone soon."""


def scored(task: Task[Any], learner: Learner, control: Control) -> ev.Evaluated:
    """Score the held-out part: together where the task can be shared, else on rank 0 while the others wait.

    Raises InterruptedWorkError, on all ranks, where a signal comes.
    """
    ranks, model, device = learner.ranks, learner.evaluated_model, learner.device
    now = EventTime(learner.counters.step, learner.counters.train_s)
    if ranks.alone:
        return task.evaluate(model, device, now, _leaving(control))
    if task.shares_evaluation:  # to its end: who left it early would be waited for
        return task.evaluate(model, device, now, lambda: None, ranks)

    def score() -> bytes:
        try:
            return ev.encode(task.evaluate(model, device, now, _leaving(control)))
        except InterruptedWorkError:
            return b""

    event = ev.decode(ranks.from_first(score))
    if not isinstance(event, ev.Evaluated):
        raise InterruptedWorkError
    return event


def sampled(task: Task[Any], learner: Learner, config: Config, control: Control) -> Iterator[ev.Sampled]:
    """A sample, on rank 0.

    Raises InterruptedWorkError where a signal comes and nobody else would have to hear of it.
    """
    if learner.ranks.first:
        between = _leaving(control) if learner.ranks.alone else lambda: None
        yield task.sample(learner.evaluated_model, config, learner.counters.step, between)


def _leaving(control: Control) -> Callable[[], None]:
    def leave() -> None:
        if control.signalled:
            raise InterruptedWorkError

    return leave
