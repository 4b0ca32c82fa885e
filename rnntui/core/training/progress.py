"""Progress of a training: the figures of the steps since the last report."""

from __future__ import annotations

import math
import time

from torch import Tensor

from rnntui.core.runs import events as ev
from rnntui.core.training.clock import running_seconds
from rnntui.core.training.learner import Learner


class ProgressMeter:
    """Collects losses and gradient norms, which stay on the device until somebody reads them."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._unread: list[tuple[Tensor, Tensor]] = []
        self._losses: list[float] = []
        self._grad_norm = math.nan
        self._tokens, self._train_s = 0, 0.0

    def begin(self, learner: Learner) -> None:
        """Count from here; what was collected is void."""
        self._unread, self._losses = [], []
        self._tokens, self._train_s = learner.counters.tokens, learner.counters.train_s

    def add(self, step: tuple[Tensor, Tensor]) -> None:
        """Add loss and gradient norm of a step."""
        self._unread.append(step)

    def read(self, learner: Learner) -> list[tuple[float, float]]:
        """Loss and gradient norm of the steps since the last reading; the wait is training's time."""
        began = running_seconds()
        read = [(float(loss), float(norm)) for loss, norm in self._unread]
        self._unread = []
        learner.spend(running_seconds() - began)
        self._grad_norm = read[-1][1] if read else math.nan
        return read

    def take(self, loss: float) -> None:
        """Take a finite loss into the mean of the next report."""
        self._losses.append(loss)

    def report(self, learner: Learner, lr: float) -> ev.Progress:
        """Return the figures since the last report; `lr` is the learning rate of the last step."""
        counters = learner.counters
        tokens, seconds = counters.tokens - self._tokens, counters.train_s - self._train_s
        self._tokens, self._train_s = counters.tokens, counters.train_s
        mean = sum(self._losses) / len(self._losses) if self._losses else math.nan
        self._losses = []
        return ev.Progress(
            step=counters.step,
            tokens=counters.tokens,
            epoch=learner.epoch,
            loss=ev.finite(mean),
            lr=lr,
            grad_norm=ev.finite(self._grad_norm),
            tokens_per_s=tokens / max(seconds, 1e-9),
            train_s=counters.train_s,
            wall_s=time.perf_counter() - self._began,
            fraction=learner.fraction,
        )
