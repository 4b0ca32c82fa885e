"""The classifier behind its playground."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from rnntui.core.runs.folder import Run
from rnntui.tui.services.weights import PlaygroundService

if TYPE_CHECKING:
    from rnntui.core.tasks.classification.model import Classifier
    from rnntui.core.tasks.classification.predict import Prediction
    from rnntui.core.text.tokenizers import Tokenizer


@dataclass(frozen=True)
class ClassifierAnswer:
    """Prediction of a classifier for a text."""

    text: str
    labels: list[str]
    prediction: Prediction
    about: int
    """The place of the label that the pieces' influence is told of."""
    ms: float

    @property
    def pieces(self) -> list[tuple[str, float]]:
        """Each piece of the text with its influence."""
        return list(zip(self.prediction.pieces, self.prediction.influence, strict=True))

    def piece_at(self, offset: int) -> tuple[str, float] | None:
        """The piece that holds a character of the text, if one does."""
        ends = accumulate(len(piece) for piece in self.prediction.pieces)
        return next((piece for piece, end in zip(self.pieces, ends, strict=True) if offset < end), None)


class ClassifierService(PlaygroundService):
    """A classifier on a run's weights."""

    _model: Classifier
    _tokenizer: Tokenizer
    _labels: list[str]

    def load(self, run: Run, weights: Path) -> None:
        from rnntui.core.tasks.classification.task import load_classifier

        self._model, self._tokenizer, self._labels = load_classifier(run, weights)

    def answer(self, text: str, rank: int) -> ClassifierAnswer:
        """Predict the label of `text`, with the influence of each piece on the label of a `rank`, 0 for the likeliest.

        Needs weights loaded before.
        """
        from rnntui.core.tasks.classification.predict import likeliest, predict

        began = time.perf_counter()
        prediction = predict(self._model, self._tokenizer, text)
        order = likeliest(prediction.probabilities)
        about = order[rank % len(order)]
        if about != order[0]:
            prediction = predict(self._model, self._tokenizer, text, about)
        return ClassifierAnswer(text, self._labels, prediction, about, 1000 * (time.perf_counter() - began))
