"""Cells against each other: equal parameters, equal time, in turns on one device.

Machines slow down and recover; trainings one after the other would meet different ones.  Here each takes a
second, the one that is behind first, so that all have the same weather.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from rnntui.core import events as ev
from rnntui.core import runs
from rnntui.core.config import Config, changed
from rnntui.core.errors import RnntuiError
from rnntui.core.runs import Run
from rnntui.core.studies.duelists import paths_of
from rnntui.core.summaries import RunSummary, summarise
from rnntui.core.text.stored import Narrate
from rnntui.core.training.control import Control
from rnntui.core.training.loop import train
from rnntui.core.training.start import create_run

_TURN_S = 1.0
"""Training time of a turn."""


class Told(NamedTuple):
    """An event of one of the runs."""

    run: Run
    event: ev.AnyEvent


def create_runs(config: Config, cells: Sequence[str], base: Path, narrate: Narrate) -> list[Run]:
    """A new run for each cell, each with its hidden size for the parameter budget.

    Raises InputError where one cannot be made; then none is left behind.
    """
    made: list[Run] = []
    try:
        for cell, path in zip(cells, paths_of(base, cells), strict=True):
            made.append(create_run(changed(config, {"cell": cell}), path, narrate))
    except BaseException:
        for run in made:
            runs.remove(run)
        raise
    return made


def duel(contestants: Sequence[Run]) -> Iterator[Told]:
    """Train all of them in turns to their ends, telling each thing as it happens.

    A signal asks all of them to save and stop.
    """
    with ExitStack() as stack:
        controls = [Control(run.path) for run in contestants]
        for run in contestants:
            stack.enter_context(run.owned())
        stack.enter_context(controls[0].signals())
        trainings = {
            run.path: (run, run.record(train(run, control)))
            for run, control in zip(contestants, controls, strict=True)
        }
        seconds = dict.fromkeys(trainings, 0.0)
        while trainings:
            behind = min(trainings, key=lambda path: seconds[path])
            run, training = trainings[behind]
            until = seconds[behind] + _TURN_S
            try:
                for event in training:
                    yield Told(run, event)
                    if isinstance(event, ev.Progress):
                        seconds[behind] = event.train_s
                        if event.train_s >= until:
                            break
                    if isinstance(event, ev.Finished) and event.reason == "interrupted":
                        for other in trainings.keys() - {behind}:
                            runs.request(other, "stop")
                else:
                    del trainings[behind]
            except RnntuiError as error:  # one that fails does not end the others
                runs.note_failure(run, error)
                del trainings[behind]
                yield Told(run, run.events()[-1])


def standings(contestants: Sequence[Run]) -> list[RunSummary]:
    """Where the runs of a duel stand, the best first."""
    summaries = [summarise(run) for run in contestants]
    return sorted(summaries, key=lambda each: (each.bits_per_byte is None, each.bits_per_byte))
