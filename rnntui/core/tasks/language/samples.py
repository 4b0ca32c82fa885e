"""Samples of a language model during training."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from rnntui.core.completion.loading import engine_of
from rnntui.core.completion.sampling import generate
from rnntui.core.completion.session import Session
from rnntui.core.completion.vocabulary import Vocabulary
from rnntui.core.config import Config
from rnntui.core.config.sampling import Sampling
from rnntui.core.errors import NumericalError
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.runs.events import LONGEST_SAMPLE, Sampled, sampled
from rnntui.core.text.tokenizers import Tokenizer

_TOKENS = 240


class Sampler:
    """Writes a little with a model, on a random generator of its own: training's stays untouched."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer, self._vocabulary = tokenizer, Vocabulary(tokenizer)

    def write(self, model: LanguageModel, config: Config, step: int, between: Callable[[], None]) -> Sampled:
        """A sample as of `step`, which ends where the model's numbers are not finite.

        `between` is called after every piece; what it raises ends the writing.
        """
        training = config.training
        session = Session(engine_of(model, config.model), self._tokenizer, self._vocabulary)
        session.set_text(training.sample_prompt)
        pieces, length = [], 0
        with suppress(NumericalError):
            for piece in generate(session, _TOKENS, Sampling(seed=training.seed + step)):
                pieces.append(piece)
                length += len(piece)
                if length > LONGEST_SAMPLE:
                    break
                between()
        return sampled(step, training.sample_prompt, "".join(pieces))
