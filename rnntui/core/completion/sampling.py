"""From logits to the next token."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rnntui.core.completion.arrays import Array, log_softmax
from rnntui.core.completion.session import Session
from rnntui.core.errors import InputError, NumericalError


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the next token is drawn.  Raises InputError, naming the flag, for a value out of range."""

    temperature: float = 0.8
    """Divides the logits; 0 takes the likeliest token every time."""
    top_k: int = 0
    """Draw among the k likeliest tokens (Fan et al. 2018); 0 for all."""
    top_p: float = 1.0
    """Draw among the likeliest tokens that together have this probability (Holtzman et al. 2020)."""
    min_p: float = 0.0
    """Drop tokens less likely than this share of the likeliest one (Nguyen et al. 2024)."""
    repetition_penalty: float = 1.0
    """Divides the positive logits of recent tokens, multiplies negative ones (Keskar et al. 2019)."""
    seed: int | None = None

    def __post_init__(self) -> None:
        checks = {
            "--temperature": (0 <= self.temperature < math.inf, "a number, 0 or more"),
            "--top-k": (self.top_k >= 0, "0 or more"),
            "--top-p": (0 < self.top_p <= 1, "above 0 and at most 1"),
            "--min-p": (0 <= self.min_p <= 1, "from 0 to 1"),
            "--repetition-penalty": (0 < self.repetition_penalty < math.inf, "a number above 0"),
            "--seed": (self.seed is None or self.seed >= 0, "0 or more"),
        }
        for flag, (valid, expected) in checks.items():
            if not valid:
                raise InputError(f"{flag}: must be {expected}")

    def probabilities(self, logits: Array, recent: list[int]) -> Array:
        """The distribution (V,) to draw from, from `logits` (V,) and the recent tokens."""
        logits = logits.astype(np.float64)
        if self.repetition_penalty != 1 and recent:
            seen = np.unique(recent)
            scores, penalty = logits[seen], self.repetition_penalty
            logits[seen] = np.where(scores > 0, scores / penalty, scores * penalty)
        if self.temperature == 0:
            certain = np.zeros(len(logits))
            certain[logits.argmax()] = 1
            return certain
        p: Array = np.exp(log_softmax(logits / self.temperature))
        if not self.top_k and self.top_p == 1 and not self.min_p:
            return p
        order = np.argsort(-p, kind="stable")
        ranked = p[order]
        keep = ranked >= self.min_p * ranked[0]
        if self.top_k:
            keep[self.top_k :] = False
        # A token stays while those before it have not yet reached top_p: the first one always does.
        keep &= ranked.cumsum() - ranked < self.top_p
        p[order[~keep]] = 0
        p /= p.sum()
        return p


_RECENT = 64
"""Tokens that the repetition penalty looks back on."""


def generate(session: Session, length: int, sampling: Sampling) -> Iterator[str]:
    """Continue the session's text by `length` tokens, yielding it piece by piece as it is written.

    The pieces are whole characters: bytes of one that is not complete yet wait for the rest.  Raises NumericalError
    where no token has a probability.
    """
    generator = np.random.default_rng(sampling.seed)
    recent = list(session.tokens[-_RECENT:])
    writer = session.writer()
    for _ in range(length):
        p = sampling.probabilities(writer.logits(), recent).cumsum()
        if not 0 < p[-1] < math.inf:
            raise NumericalError(
                "the model gives no token a probability: its numbers are not finite; train it anew with a smaller --lr"
            )
        # The first token whose share of the whole passes a random point of it.
        token = int(np.searchsorted(p, generator.random() * p[-1], side="right"))
        recent = [*recent[-_RECENT + 1 :], token]
        if piece := writer.write(token):
            yield piece
    if piece := writer.flush():
        yield piece
