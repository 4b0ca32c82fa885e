"""Cells against each other: equal parameters, equal time, in turns on one device.

Machines slow down and recover; trainings one after the other would meet different ones.  Here each takes a
second, the one that is behind first, so that all have the same weather.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from rnntui.core.config import Config
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run, note_failure, request
from rnntui.core.runs.summaries import RunSummary, summarise
from rnntui.core.studies.duelists import paths_of
from rnntui.core.text.spool import Report
from rnntui.core.training.control import Control
from rnntui.core.training.loop import train
from rnntui.core.training.start import create_runs

_TURN_S = 1.0
"""Training time of a turn."""


class Told(NamedTuple):
    """An event of one of the runs."""

    run: Run
    event: ev.AnyEvent


def contestants(configs: Sequence[Config], base: Path, report: Report, ending: str = "") -> list[Run]:
    """A new run for each configuration, named after its cell, with its hidden size for the parameter budget.

    Raises InputError where one cannot be made; then none is.
    """
    return create_runs(configs, paths_of(base, [config.model.cell for config in configs], ending), report)


def duel(racing: Sequence[Run]) -> Iterator[Told]:
    """Train all of them in turns to their ends, telling each thing as it happens.

    A signal asks all of them to save and stop, and so does a request to stop to any one.  Each has a random
    generator of its own: how the turns fall changes nothing in what is learned.
    """
    signalled = threading.Event()
    with ExitStack() as stack:
        controls = [Control(run.path, signalled) for run in racing]
        folders = {run.path: stack.enter_context(run.owned()) for run in racing}
        stack.enter_context(controls[0].signals())
        trainings = {
            run.path: (run, run.record(train(run, control), signalled.is_set))
            for run, control in zip(racing, controls, strict=True)
        }
        seconds = dict.fromkeys(trainings, 0.0)
        generators: dict[Path, list[Tensor]] = {}
        while trainings:
            behind = min(trainings, key=lambda path: seconds[path])
            run, training = trainings[behind]
            until = seconds[behind] + _TURN_S
            _set_generators(generators.get(behind))
            try:
                for event in training:
                    yield Told(run, event)
                    if isinstance(event, ev.Progress):
                        seconds[behind] = event.train_s
                        if event.train_s >= until:
                            break
                    if isinstance(event, ev.Finished) and event.reason == "interrupted":
                        for other in trainings.keys() - {behind}:
                            request(other, "stop")
                else:
                    del trainings[behind]
            except Exception as error:  # one that fails does not end the others
                note_failure(folders[behind], error)
                del trainings[behind]
                last = next((event.step for event in reversed(run.events())), 0)
                yield Told(run, ev.Finished(step=last, reason="error"))
            generators[behind] = _get_generators()


def _get_generators() -> list[Tensor]:
    """The states of torch's random generators."""
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [])]


def _set_generators(states: list[Tensor] | None) -> None:
    if states:
        torch.set_rng_state(states[0])
        if len(states) > 1:
            torch.cuda.set_rng_state_all(states[1:])


def standings(racing: Sequence[Run]) -> list[RunSummary]:
    """Standings of a duel, the best run first."""
    summaries = [summarise(run) for run in racing]
    return sorted(summaries, key=lambda each: (each.bits is None, each.bits))
