"""Requests to a training, which all its processes hear of at the same step."""

from __future__ import annotations

import time
from typing import get_args

from rnntui.core.runs.folder import Command
from rnntui.core.training.control import Control
from rnntui.core.training.ranks import Ranks

_POLL_S = 0.1
"""Between two looks while the training is paused."""
_COMMANDS: dict[str, Command] = {name: name for name in get_args(Command)}


class Requests:
    """Requests to a training from its run folder and from signals.

    Of several processes rank 0 reads; a note that goes with the gradients of a step tells the others that there is
    something to hear, so that a step without requests costs nothing.
    """

    def __init__(self, control: Control, ranks: Ranks) -> None:
        self._control, self._ranks = control, ranks
        self._unheard: list[Command] = []
        ranks.signalled = lambda: control.signalled

    def before_step(self) -> None:
        """Look for requests that the other processes will hear of after this step."""
        if not self._ranks.alone and self._ranks.first:
            self._unheard += self._control.poll()
            self._ranks.asks = bool(self._unheard)

    def take(self, paused: bool) -> list[Command]:
        """Return the requests since the last call; while `paused`, after a moment or once there are some."""
        ranks = self._ranks
        if ranks.alone:
            if paused:
                time.sleep(_POLL_S)
            return self._control.poll()
        commands: list[Command] = []
        if paused or ranks.asked:
            ranks.asked = False
            words = ranks.from_first(lambda: self._heard(paused)).decode().split()
            commands = [_COMMANDS[word] for word in words]
        return [*commands, "stop"] if ranks.stops and "stop" not in commands else commands

    def _heard(self, waits: bool) -> bytes:
        """On rank 0: the requests that nobody else has heard of; with `waits`, at least one."""
        while waits and not self._unheard:
            time.sleep(_POLL_S)
            self._unheard += self._control.poll()
        heard, self._unheard = self._unheard, []
        return " ".join(heard).encode()
