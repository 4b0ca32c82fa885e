"""The signals that ask a program to go."""

from __future__ import annotations

import signal
import threading
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def leaving_signals() -> list[signal.Signals]:
    """Signals of this system that nobody told this process to ignore, as nohup does with SIGHUP."""
    found = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    return [number for number in found if signal.getsignal(number) is not signal.SIG_IGN]


def leave_by_interrupt() -> None:
    """From here on, every one of them raises KeyboardInterrupt, as SIGINT does: what is open is closed."""
    if threading.current_thread() is not threading.main_thread():
        return  # signals are the main thread's
    for number in leaving_signals():
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
