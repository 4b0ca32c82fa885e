"""Processors and processes: how many there are, and how many processors other programs keep busy."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

BUSY = 0.5
"""Processors in use by other programs that slow a training down."""


def processor_count() -> int:
    """Number of processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def launched() -> bool:
    """Return True if this process is one of several that `torchrun` has started."""
    return os.environ.get("WORLD_SIZE", "1") not in ("", "1") and "RANK" in os.environ


def launched_rank() -> int:
    """The number of this process among those that `torchrun` has started; 0 where it is alone."""
    return int(os.environ["RANK"]) if launched() else 0


def use_by_others(others: float, processors: int) -> str:
    """Line on the share of the processors that other programs use."""
    return f"other programs take {min(others, processors):.1f} of {processors} cores"


def busy_seconds() -> float:
    """Processor seconds of all programs since the machine started; Linux counts in hundredths."""
    import psutil

    times = psutil.cpu_times()
    return float(sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq")))


class OtherPrograms:
    """Processors that other programs keep busy, measured between two looks."""

    def __init__(self, own_seconds: Callable[[], float] = time.process_time) -> None:
        """`own_seconds` is the processor time that is not that of others: by default of this process."""
        self._own_seconds = own_seconds
        self._looked = self._sample()

    def look(self) -> float:
        """Return the mean number of processors in use by other programs since the last look."""
        before, self._looked = self._looked, self._sample()
        wall, busy, own = (now - then for now, then in zip(self._looked, before, strict=True))
        return max(0.0, busy - own) / max(wall, 1e-3)

    def _sample(self) -> tuple[float, float, float]:
        return time.perf_counter(), busy_seconds(), self._own_seconds()
