"""Time in which this process runs: one that is stopped, or on a machine asleep, trains nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cache

_TICK_S = 0.1
"""Seconds between two looks of the thread that only looks."""
_STALL_S = 1.0
"""Seconds without a look after which it is asked why."""
_BUSY = 0.5
"""Share of these that the training thread computes where it only kept the interpreter to itself."""

Clock = Callable[[], float]


class RunningClock:
    """Seconds that pass while this process runs.

    Whoever looks at the clock knows when it was looked at before.  As a thread looks ten times a second, a longer
    gap means that the process was stopped; a step that is long, waits for a GPU or shares the processor with other
    programs leaves the thread its turns.  One that leaves it none, because it holds the interpreter, computes.
    """

    def __init__(self, wall: Clock, computing: Clock) -> None:
        self._wall, self._computing = wall, computing
        self._lock = threading.Lock()
        self._looked, self._computed = wall(), computing()
        self._stopped = 0.0

    def now(self) -> float:
        """Seconds since some moment, without those in which the process was stopped."""
        with self._lock:
            wall, computing = self._wall(), self._computing()
            gap, computed = wall - self._looked, computing - self._computed
            if gap > _STALL_S and computed < _BUSY * gap:
                self._stopped += gap - _TICK_S
            self._looked, self._computed = wall, computing
            return wall - self._stopped


def running_seconds() -> float:
    """Seconds since some moment in which this process ran: two of them tell how long work took."""
    return _clock().now()


@cache
def _clock() -> RunningClock:
    clock = RunningClock(time.perf_counter, _computing_seconds)

    def look() -> None:
        while True:
            time.sleep(_TICK_S)
            clock.now()

    threading.Thread(target=look, name="clock", daemon=True).start()
    return clock


def _computing_seconds() -> float:
    """Processor seconds of the main thread, or of all where the system does not say which thread had them."""
    try:
        of_main = time.pthread_getcpuclockid(threading.main_thread().ident or 0)
        return time.clock_gettime(of_main)
    except (AttributeError, OSError):
        return time.process_time()
