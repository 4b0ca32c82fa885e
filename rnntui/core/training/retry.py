"""Waiting for room: a full disk, a quota or a read-only mount is no reason to lose a training."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import TypeVar

from rnntui.core.errors import WriteError
from rnntui.core.runs import events as ev
from rnntui.core.training.control import Control

_Written = TypeVar("_Written")
_RETRY_S = 0.5


def patiently(
    write: Callable[[], _Written], control: Control, step: int
) -> Generator[ev.AnyEvent, None, _Written]:
    """Return what `write` returns, tried until there is room; the wait is logged as a pause.

    Raises its WriteError when somebody asks to stop meanwhile.
    """
    waits = False
    while True:
        try:
            written = write()
        except WriteError as error:
            if not waits:
                waits = True
                yield ev.Warned(step=step, message=f"{error}; training waits until there is room")
                yield ev.Paused(step=step)
            if "stop" in control.poll():
                raise WriteError(f"{error}; make room, then go on with --resume") from None
            time.sleep(_RETRY_S)
        else:
            if waits:
                yield ev.Resumed(step=step)
            return written
