"""Spin time of OpenMP threads between two parallel regions.

GNU's library lets a thread that waits spin for some milliseconds.  On an idle machine that is right: the next loop
comes soon, and to be woken takes longer.  Beside another program it is ruin, because the thread that spins keeps its
processor from the thread that it waits for.  The library spins for microseconds only, as long as it has more threads
than there are processors; so further threads, which sleep, make it do so while others compute.
"""

from __future__ import annotations

import ctypes
import threading
import time
from functools import cache

from rnntui.core.kernels.openmp import find_threads
from rnntui.core.processors import OtherPrograms, processor_count

_LOOK_S = 0.25
_BUSY = 0.3
"""Processors in use by other programs at which waiting threads sleep."""
_CALM_LOOKS = 4
"""Looks in a row without that after which they spin again."""


class Spinning:
    """Switch between long and short spinning of the threads of `library`, a GNU OpenMP."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._wanted: threading.Event | None = None

    @property
    def short(self) -> bool:
        """True while threads fall asleep at once."""
        return self._wanted is not None

    def shorten(self) -> None:
        """Let threads that wait fall asleep after microseconds."""
        if self._wanted is None:
            self._wanted, there = threading.Event(), threading.Event()
            threading.Thread(
                target=self._crowd, args=(self._wanted, there), name="crowd", daemon=True
            ).start()
            there.wait()

    def lengthen(self) -> None:
        """Let them spin for milliseconds again."""
        if self._wanted is not None:
            self._wanted.set()
            self._wanted = None

    def _crowd(self, over: threading.Event, there: threading.Event) -> None:
        """Have the library make threads for this one, which sleep until it is `over`; they end with this thread."""
        nothing = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p)
        threads = ctypes.c_uint(max(2, processor_count()))
        self._library.GOMP_parallel(nothing, None, threads, ctypes.c_uint(0))
        there.set()
        over.wait()


@cache
def share_processors() -> None:
    """From now on, as long as this process lives, threads spin only a moment while other programs compute.

    A thread looks for these four times a second.  Spinning is short at first: nobody knows yet.
    """
    threads = find_threads()
    # Other libraries than GNU's are told by other means.
    if threads is None or hasattr(threads.library, "kmp_set_blocktime"):
        return
    spinning, others = Spinning(threads.library), OtherPrograms()
    spinning.shorten()

    def look() -> None:
        calm = _CALM_LOOKS - 1
        while True:
            time.sleep(_LOOK_S)
            calm = 0 if others.look() > _BUSY else calm + 1
            if not calm:
                spinning.shorten()
            elif calm >= _CALM_LOOKS:
                spinning.lengthen()

    threading.Thread(target=look, name="load", daemon=True).start()
