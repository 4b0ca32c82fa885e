"""The model that a configuration asks for."""

from __future__ import annotations

from rnntui.core.config import Config
from rnntui.core.models.base import Model
from rnntui.core.models.classifier import Classifier
from rnntui.core.models.language_model import LanguageModel
from rnntui.core.models.translator import Translator


def make_model(config: Config, vocab_size: int, outcomes: int) -> Model:
    """A new model; `outcomes` are the labels of a classifier, the target's tokens of a translator."""
    if config.text.task == "classify":
        return Classifier(config.model, vocab_size, outcomes)
    if config.text.task == "translate":
        return Translator(config.model, vocab_size, outcomes, config.text.shared_vocabulary)
    return LanguageModel(config.model, vocab_size)
