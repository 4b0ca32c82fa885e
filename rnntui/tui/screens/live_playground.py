"""A screen on which a model answers what is written, after every key."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from pathlib import Path

from textual import work

from rnntui.core.errors import RnntuiError, oneline
from rnntui.tui.screens.base import is_left
from rnntui.tui.screens.editor import DraftScreen
from rnntui.tui.weights_watcher import Answerer
from rnntui.ui.terminal_safety import visible_line

_ECHO_S = 0.008
"""A key is painted before the text is answered: the two would share one interpreter."""


class AnsweringScreen(DraftScreen):
    """Answers the newest text, one at a time: what was typed meanwhile waits as one request."""

    def __init__(self, path: Path, answerer: Answerer) -> None:
        super().__init__(path, answerer)
        self._answerer = answerer

    @abstractmethod
    async def answer(self, fresh: bool) -> None:
        """Answer what is written; `fresh` says that the weights are others than before.

        May raise RnntuiError, and has to look whether the screen is still there after every wait.
        """

    @abstractmethod
    def show_fault(self, text: str) -> None:
        """There is no answer: say why, or that the model is on its way."""

    @work(exclusive=True, group="along")
    async def answer_along(self) -> None:
        """Answer until the screen closes."""
        while not is_left(self):
            await self._wanted.wait()
            await asyncio.sleep(_ECHO_S)
            self._wanted.clear()
            look, self._look = self._look, False
            try:
                description = await asyncio.to_thread(self._answerer.refresh) if look else None
                if not is_left(self) and self._answerer.ready:
                    self.weights = description or self.weights
                    await self.answer(fresh=description is not None)
            except RnntuiError as error:
                if not is_left(self):
                    self.show_fault(
                        visible_line(oneline(error)) if self._answerer.ready else self.waiting_or(error)
                    )
