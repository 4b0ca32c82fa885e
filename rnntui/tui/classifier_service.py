"""The model that tells labels: loads the weights of a run and judges texts, off the screen's thread."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from rnntui.core.runs.folder import Run
from rnntui.tui.weights_watcher import Answerer

if TYPE_CHECKING:
    from rnntui.core.tasks.classification.model import Classifier
    from rnntui.core.tasks.classification.predict import Verdict
    from rnntui.core.text.tokenizers import Tokenizer


@dataclass(frozen=True)
class Judgement:
    """What a classifier makes of a text."""

    text: str
    labels: list[str]
    verdict: Verdict
    about: int
    """The place of the label that the pieces' influence is told of."""
    ms: float

    @property
    def pieces(self) -> list[tuple[str, float]]:
        """Each piece of the text with its influence."""
        return list(zip(self.verdict.pieces, self.verdict.influence, strict=True))

    def piece_at(self, offset: int) -> tuple[str, float] | None:
        """The piece that holds a character of the text, if one does."""
        ends = accumulate(len(piece) for piece in self.verdict.pieces)
        return next((piece for piece, end in zip(self.pieces, ends, strict=True) if offset < end), None)


class Judge(Answerer):
    """A classifier on a run's weights."""

    _model: Classifier
    _tokenizer: Tokenizer
    _labels: list[str]

    def load(self, run: Run, weights: Path) -> None:
        from rnntui.core.tasks.classification.task import load_classifier

        self._model, self._tokenizer, self._labels = load_classifier(run, weights)

    def judge(self, text: str, rank: int) -> Judgement:
        """What the model makes of `text`; its pieces' influence on the label of that `rank`, 0 for the likeliest.

        Needs weights loaded before.
        """
        from rnntui.core.tasks.classification.predict import judge, likeliest

        began = time.perf_counter()
        verdict = judge(self._model, self._tokenizer, text)
        order = likeliest(verdict.probabilities)
        about = order[rank % len(order)]
        if about != order[0]:
            verdict = judge(self._model, self._tokenizer, text, about)
        return Judgement(text, self._labels, verdict, about, 1000 * (time.perf_counter() - began))
