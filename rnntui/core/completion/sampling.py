"""From logits to the next token."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from rnntui.core.completion.arrays import Array, log_softmax
from rnntui.core.completion.session import Session
from rnntui.core.config.sampling import Sampling
from rnntui.core.errors import NumericalError


def probabilities(sampling: Sampling, logits: Array, recent: list[int]) -> Array:
    """Return the distribution (V,) to draw from, from `logits` (V,) and the recent tokens."""
    logits = logits.astype(np.float64)
    if sampling.repetition_penalty != 1 and recent:
        seen = np.unique(recent)
        scores, penalty = logits[seen], sampling.repetition_penalty
        logits[seen] = np.where(scores > 0, scores / penalty, scores * penalty)
    if sampling.temperature == 0:
        certain = np.zeros(len(logits))
        certain[logits.argmax()] = 1
        return certain
    p: Array = np.exp(log_softmax(logits / sampling.temperature))
    if not sampling.top_k and sampling.top_p == 1 and not sampling.min_p:
        return p
    order = np.argsort(-p, kind="stable")
    ranked = p[order]
    keep = ranked >= sampling.min_p * ranked[0]
    if sampling.top_k:
        keep[sampling.top_k :] = False
    # A token stays while those before it have not yet reached top_p: the first one always does.
    keep &= ranked.cumsum() - ranked < sampling.top_p
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
        p = probabilities(sampling, writer.logits(), recent).cumsum()
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
