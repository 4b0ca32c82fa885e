"""The model that a configuration asks for."""

from __future__ import annotations

from rnntui.core.config import Config
from rnntui.core.models.base import Model
from rnntui.core.models.classifier import Classifier
from rnntui.core.models.language_model import LanguageModel


def make_model(config: Config, vocab_size: int, labels: int) -> Model:
    """A new model; `labels` are counted where texts are classified."""
    if config.text.task == "classify":
        return Classifier(config.model, vocab_size, labels)
    return LanguageModel(config.model, vocab_size)
