"""The translator behind its playground."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnntui.core.runs.folder import Run
from rnntui.core.runs.summaries import read_history
from rnntui.tui.services.weights import PlaygroundService

if TYPE_CHECKING:
    from rnntui.core.tasks.translation.data import Vocabularies
    from rnntui.core.tasks.translation.model import Translator
    from rnntui.core.tasks.translation.predict import Translation

COUNT = 5
"""Targets of a line."""


class TranslatorService(PlaygroundService):
    """A translator on a run's weights."""

    _model: Translator
    _vocabularies: Vocabularies

    def load(self, run: Run, weights: Path) -> None:
        from rnntui.core.tasks.translation.task import load_translator

        self._model, self._vocabularies = load_translator(run, weights)

    def example(self) -> str:
        """A source that the run has translated itself; '' where it has none yet."""
        samples = read_history(Run.open(self.path)).samples
        return samples[-1].prompt if samples else ""

    def answer(self, lines: Sequence[str]) -> list[list[Translation]]:
        """Translate these lines, the best targets first.  Needs weights loaded before.

        Raises InputError for a line that is too long.
        """
        from rnntui.core.tasks.translation.beam import Search
        from rnntui.core.tasks.translation.predict import check_length, translate

        check_length(lines, self._vocabularies)
        return translate(self._model, self._vocabularies, lines, Search(beam=COUNT), COUNT)
