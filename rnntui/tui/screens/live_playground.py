"""A screen on which a model answers what is written, after every key."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from textual import work

from rnntui.core.errors import RnntuiError, oneline
from rnntui.tui.screens.base import is_left
from rnntui.tui.screens.editor import EditorScreen
from rnntui.tui.services.weights import PlaygroundService
from rnntui.ui.terminal_safety import visible_line

_ECHO_S = 0.008
"""A key is painted before the text is answered: the two would share one interpreter."""

_Answer = TypeVar("_Answer")


class LivePlayground(EditorScreen):
    """Answers the newest text, one at a time: what was typed meanwhile waits as one request."""

    def __init__(self, path: Path, service: PlaygroundService) -> None:
        super().__init__(path, service)
        self._service = service
        self._one_at_a_time = asyncio.Lock()

    @abstractmethod
    async def answer(self, fresh: bool) -> None:
        """Answer what is written; `fresh` if the weights are others than before.

        May raise RnntuiError, and has to look whether the screen is still there after every wait.
        """

    @abstractmethod
    def show_fault(self, text: str) -> None:
        """Show why there is no answer, or that the model is still loading."""

    @property
    def busy(self) -> bool:
        """True while the model does something else than to answer."""
        return False

    async def in_thread(self, work: Callable[..., _Answer], *arguments: Any) -> _Answer:
        """Have the service do something in a thread, one thing at a time."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(work, *arguments)

    @work(exclusive=True, group="along")
    async def answer_along(self) -> None:
        """Answer until the screen closes."""
        while not is_left(self):
            await self._wanted.wait()
            await asyncio.sleep(_ECHO_S)
            self._wanted.clear()
            if self.busy:
                continue
            look, self._look = self._look, False
            try:
                description = await self.in_thread(self._service.refresh) if look else None
                if not is_left(self) and self._service.ready:
                    self.weights = description or self.weights
                    await self.answer(fresh=description is not None)
            except RnntuiError as error:
                if not is_left(self):
                    ready = self._service.ready
                    self.show_fault(visible_line(oneline(error)) if ready else self.waiting_or(error))
