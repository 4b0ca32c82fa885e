"""A run's events as columns: what a plot, a table or a screen needs of them, however long the run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from rnntui.core.config.tasks import DEFAULT_TASK, TASKS, TaskSpec
from rnntui.core.runs import events as ev

Values = npt.NDArray[np.floating[Any]]

_SMOOTHING, _EARLY = 0.8, 20
"""Share of the average that stays at every entry, and the entries after which it is half of that: early losses fall
fast."""
OVERFITTED = 0.02
"""Rise of the validation loss above its best, in nats, that counts as overfitting."""


class HistoryColumn:
    """Numbers in the order of the run; appending costs the same at any length."""

    def __init__(self) -> None:
        self._buffer: Values = np.empty(256, dtype=np.float32)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def values(self) -> Values:
        """(N,) a view; good until the next `extend`."""
        return self._buffer[: self._length]

    def extend(self, values: Sequence[float]) -> None:
        needed = self._length + len(values)
        if needed > len(self._buffer):
            grown = np.empty(max(needed, 2 * len(self._buffer)), dtype=self._buffer.dtype)
            grown[: self._length] = self.values
            self._buffer = grown
        with np.errstate(over="ignore"):  # a number from a strange file, too large for its kind, is infinite
            self._buffer[self._length : needed] = values
        self._length = needed

    def cut(self, length: int) -> None:
        """Keep the first `length` numbers."""
        self._length = min(length, self._length)


class Counts(HistoryColumn):
    """Whole numbers, exact up to 2**53."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = np.empty(256, dtype=np.float64)


class History:
    """Events of a run so far, as columns.

    A number that was not finite is NaN in its column.  What a resumed run takes anew is forgotten.
    """

    def __init__(self) -> None:
        self.started: ev.Started | None = None
        self.progress: ev.Progress | None = None
        self.finished: ev.Finished | None = None
        self.best: ev.Evaluated | None = None
        self.confusion: list[list[int]] | msgspec.UnsetType = msgspec.UNSET
        """Confusion matrix of the best evaluation."""
        self.paused = False
        self.step = 0
        """Of the newest event."""
        self.threads: int | None = None
        """Threads on the CPU, where they are known."""
        self.baselines: dict[str, ev.Baselined] = {}
        self.evaluations: list[ev.Evaluated] = []
        self.samples: list[ev.Sampled] = []
        self.warnings: list[ev.Warned] = []
        self.adjustments: list[ev.Adjusted] = []
        """Learning rates that were set by hand."""
        self.steps, self.tokens = Counts(), Counts()
        self.seconds, self.losses, self.smooth = HistoryColumn(), HistoryColumn(), HistoryColumn()
        self.rates, self.gradients, self.speeds = HistoryColumn(), HistoryColumn(), HistoryColumn()
        self._average, self._weight, self._averaged = 0.0, 0.0, 0

    @property
    def columns(self) -> tuple[HistoryColumn, ...]:
        """The columns of progress, all of one length."""
        return (
            self.steps,
            self.tokens,
            self.seconds,
            self.losses,
            self.smooth,
            self.rates,
            self.gradients,
            self.speeds,
        )

    @property
    def spec(self) -> TaskSpec:
        """The task; of a run without events, or of a task that is not known here, the default one."""
        name = self.started.task if self.started else DEFAULT_TASK
        return TASKS.get(name, TASKS[DEFAULT_TASK])

    @property
    def processes(self) -> int:
        """Number of processes that train together."""
        found = self.started.processes if self.started else msgspec.UNSET
        return 1 if found is msgspec.UNSET else found

    @property
    def overfit(self) -> list[ev.Evaluated]:
        """Evaluations after the best one that lie above it by `OVERFITTED`, while the training loss kept falling."""
        best = self.best
        if best is None or best.loss is None or not len(self.steps):
            return []
        worse = [
            event
            for event in self.evaluations
            if event.step > best.step and event.loss is not None and event.loss > best.loss + OVERFITTED
        ]
        at = np.searchsorted(self.steps.values, [best.step, *(event.step for event in worse)])
        training = self.smooth.values[np.minimum(at, len(self.smooth) - 1)]
        return [event for event, loss in zip(worse, training[1:], strict=True) if loss < training[0]]

    def add(self, events: Iterable[ev.AnyEvent]) -> None:
        """Take in events, in their order."""
        for kind, group in groupby(events, type):
            if kind is ev.Progress:
                self._add_progress([event for event in group if isinstance(event, ev.Progress)])
            else:
                for event in group:
                    self._add(event)

    def _add(self, event: ev.AnyEvent) -> None:
        match event:
            case ev.Started():
                self._forget_after(event.step)
                self.started, self.finished, self.paused = event, None, False
                self.threads = None if event.threads is msgspec.UNSET else event.threads
            case ev.Evaluated():
                if event.best:
                    self.confusion = event.confusion
                # Of the others the tables of confusions would fill the memory.
                event = msgspec.structs.replace(event, confusion=msgspec.UNSET)
                self.evaluations.append(event)
                self.best = event if event.best else self.best
            case ev.Baselined():
                self.baselines[event.name] = event
            case ev.Sampled():
                self.samples.append(event)
            case ev.Warned():
                self.warnings.append(event)
            case ev.Adjusted():
                self.adjustments.append(event)
            case ev.Retuned():
                self.threads = event.threads
            case ev.Paused():
                self.paused = True
            case ev.Resumed():
                self.paused = False
            case ev.Finished():
                self.finished = event
        self.step = event.step

    def _add_progress(self, events: list[ev.Progress]) -> None:
        losses = [math.nan if event.loss is None else event.loss for event in events]
        self.steps.extend([event.step for event in events])
        self.tokens.extend([event.tokens for event in events])
        self.seconds.extend([event.train_s for event in events])
        self.losses.extend(losses)
        self.rates.extend([event.lr for event in events])
        self.gradients.extend([math.nan if event.grad_norm is None else event.grad_norm for event in events])
        self.speeds.extend([event.tokens_per_s for event in events])
        self._smooth(losses)
        self.progress = events[-1]
        self.step = self.progress.step

    def _smooth(self, losses: Sequence[float]) -> None:
        """The exponential moving average with its start corrected (Kingma and Ba 2015); gaps stay gaps."""
        smooth = []
        for loss in losses:
            if math.isfinite(loss):
                kept = _SMOOTHING * self._averaged / (self._averaged + _EARLY)
                self._average = kept * self._average + (1 - kept) * loss
                self._weight = kept * self._weight + (1 - kept)
                self._averaged += 1
                smooth.append(self._average / self._weight)
            else:
                smooth.append(math.nan)
        self.smooth.extend(smooth)

    def _forget_after(self, step: int) -> None:
        """Drop what a resumed run takes anew."""
        kept = int(np.searchsorted(self.steps.values, step, side="right"))
        if kept < len(self.steps):
            for column in self.columns:
                column.cut(kept)
            self.smooth.cut(0)
            self._average = self._weight = 0.0
            self._averaged = 0
            self._smooth(self.losses.values.tolist())
        self.evaluations = [event for event in self.evaluations if event.step <= step]
        self.samples = [event for event in self.samples if event.step <= step]
        self.warnings = [event for event in self.warnings if event.step <= step]
        self.adjustments = [event for event in self.adjustments if event.step <= step]
        before = self.best
        self.best = next((event for event in reversed(self.evaluations) if event.best), None)
        if self.best is not before:
            self.confusion = msgspec.UNSET
        if self.progress is not None and self.progress.step > step:
            self.progress = None
