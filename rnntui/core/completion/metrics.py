"""Completion metrics: a text typed again, key by key, with the model's offers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rnntui.core.completion.completion import complete
from rnntui.core.completion.session import Session
from rnntui.core.text.segmentation import goes_on, in_word, words_of

CONFIDENT = 0.2
"""The least probability of a word that is offered unasked: the lowest threshold at which more than half of what is
offered is right, for a model of characters (`rnntui evaluate --completion`; benchmarks/completion.py)."""
WORDS = 5
"""Words in a row that are compared."""
THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_STRETCHES = 4
"""A text is typed in so many places, far from each other."""
_BEFORE = 400
"""Characters that stand there already."""
_COUNT = 5


class Offer(NamedTuple):
    """The ghost text at one place."""

    word: str
    """The first word, or the rest of the one that is being typed."""
    probability: float
    right: bool
    """True if the text does go on with it."""
    in_a_row: int
    """Number of words of the whole offer that the text goes on with."""


class AtThreshold(NamedTuple):
    """Offers above a threshold: only those at least so probable are made."""

    threshold: float
    shown: float
    """The share of places with an offer."""
    right: float | None
    """The share of the offers that were right; None where none was made."""
    saved: float
    """The share of keystrokes saved by taking every right one with one key."""


class Usefulness(NamedTuple):
    """Completion metrics of a model on a text."""

    characters: int
    exact: list[float]
    """The share of places at which the next 1, 2, ... words are exactly those offered."""
    thresholds: list[AtThreshold]
    ms: float
    """A key, in the middle (milliseconds)."""
    ms_p99: float

    @property
    def chosen(self) -> AtThreshold:
        """At the threshold from which words are offered unasked."""
        return next(each for each in self.thresholds if each.threshold == CONFIDENT)


def usefulness(session: Session, text: str, characters: int) -> Usefulness:
    """Type about so many characters of `text`, in some places of it, and count what completion is worth."""
    stretch = min(max(characters // _STRETCHES, 1), max(len(text) // _STRETCHES, 1))
    runs: list[list[Offer]] = []
    took: list[float] = []
    for start in np.linspace(0, max(len(text) - stretch, 0), _STRETCHES).astype(int).tolist():
        runs.append([])
        for at in range(start, min(start + stretch, len(text))):
            began = time.perf_counter()
            session.set_text(text[max(start - _BEFORE, 0) : at])
            found = complete(session, _COUNT, WORDS)
            took.append(1000 * (time.perf_counter() - began))
            best = max((c for c in found if c.word.strip()), key=lambda c: c.word_probability, default=None)
            after = text[at : at + 200]
            if best is None:
                runs[-1].append(Offer("", 0.0, False, 0))
                continue
            agreed = _agreed(words_of(best.text), after)
            runs[-1].append(Offer(best.word, best.word_probability, _goes_on(after, best.word), agreed))
    offers = [offer for run in runs for offer in run]
    return Usefulness(
        characters=len(offers),
        exact=[float(np.mean([offer.in_a_row >= n for offer in offers])) for n in range(1, WORDS + 1)],
        thresholds=[_at(threshold, runs) for threshold in THRESHOLDS],
        ms=float(np.median(took)),
        ms_p99=float(np.percentile(took, 99)),
    )


def _at(threshold: float, runs: Sequence[Sequence[Offer]]) -> AtThreshold:
    shown = [offer for run in runs for offer in run if offer.word and offer.probability >= threshold]
    keys = sum(_keys(run, threshold) for run in runs)
    characters = sum(len(run) for run in runs)
    return AtThreshold(
        threshold,
        len(shown) / characters,
        sum(offer.right for offer in shown) / len(shown) if shown else None,
        1 - keys / characters,
    )


def _keys(offers: Sequence[Offer], threshold: float) -> int:
    """Keys that somebody presses who takes every right offer of more than one character."""
    keys = at = 0
    while at < len(offers):
        offer = offers[at]
        taken = offer.right and offer.probability >= threshold and at + len(offer.word) <= len(offers)
        at += len(offer.word) if taken else 1
        keys += 1
    return keys


def _agreed(pieces: Sequence[str], text: str) -> int:
    """Number of pieces, in a row, that the text begins with, the last one ending where a word ends."""
    at = 0
    for count, piece in enumerate(pieces):
        if not _goes_on(text[at:], piece):
            return count
        at += len(piece)
    return len(pieces)


def _goes_on(text: str, word: str) -> bool:
    """Return True if `text` begins with `word`, which is over there."""
    after = text[len(word) : len(word) + 1]
    inside = bool(word and after) and in_word(word[-1]) and goes_on(after)
    return text.startswith(word) and not inside
