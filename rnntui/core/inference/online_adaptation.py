"""A model that learns from the person who writes with it."""

from __future__ import annotations

import torch

from rnntui.core.completion.session import Session, common_prefix
from rnntui.core.errors import InputError
from rnntui.core.inference.dynamic_evaluation import PIECE, Adapting
from rnntui.core.nn.weights import model_on


class LearningAlong:
    """Lets the engine of `session` learn from the session's text, piece by piece as it grows.

    The weights that move are the engine's own memory, so what it offers next knows of it at once.  What is
    written again after it was deleted is learned again; nothing is unlearned but by `forget`.  What the model wrote
    itself is not learned.  Raises InputError for an engine in int8.
    """

    def __init__(self, session: Session) -> None:
        engine = session.engine
        if not engine.tensors:
            raise InputError("--dynamic: weights in int8 cannot learn; leave out --quantize")
        self.session = session
        self._adapting = Adapting(model_on(engine.config, engine.vocab_size, engine.tensors).eval())
        self._learned: list[int] = []
        """The tokens of the text up to where it was learned from."""

    @property
    def steps(self) -> int:
        """Taken since the weights were as trained."""
        return self._adapting.steps

    def follow(self, most: int | None = None) -> int:
        """Learn from the whole pieces that the text has grown by, `most` at once; returns how many."""
        session = self.session
        common = common_prefix(self._learned, session.tokens)
        if common == len(session.tokens):
            return 0  # the cursor went back into what is known
        del self._learned[common:]
        at, moment = session.moment_from(len(self._learned))
        state = tuple(tuple(torch.from_numpy(part) for part in layer) for layer in moment.state)
        began = self.steps
        # The moment has read the token before `at`: the first that can be learned is the one after that.
        while at + PIECE < len(session.tokens) and (most is None or self.steps - began < most):
            piece = torch.tensor(session.tokens[at : at + PIECE + 1]).unsqueeze(1)
            typed = torch.tensor([not each for each in session.generated[at + 1 : at + 1 + PIECE]])
            _, _, state = self._adapting.read(piece[:-1], piece[1:], state, typed)
            at += PIECE
        self._learned = session.tokens[:at]
        return self.steps - began

    def forget(self) -> None:
        """Go back to the trained weights; what is written so far is learned from no more.

        The session's states are still those of the weights before: `start_anew` reads its text again.
        """
        self._adapting.forget()
        self._learned = list(self.session.tokens)
