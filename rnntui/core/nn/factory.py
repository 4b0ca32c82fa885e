"""The model that a configuration asks for."""

from __future__ import annotations

from rnntui.core.config import Config
from rnntui.core.nn.base import Model
from rnntui.core.nn.classifier import Classifier
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.nn.translator import Translator


def make_model(config: Config, vocab_size: int, outcomes: int) -> Model:
    """A new model; `outcomes` are the labels of a classifier, the target's tokens of a translator."""
    if config.text.task == "classify":
        return Classifier(config.model, vocab_size, outcomes)
    if config.text.task == "translate":
        return Translator(config.model, vocab_size, outcomes, config.text.shared_vocabulary)
    return LanguageModel(config.model, vocab_size)
