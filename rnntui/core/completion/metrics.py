"""Completion metrics: a text typed again, key by key, with the model's offers."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from rnntui.core.completion.completion import Completion, complete
from rnntui.core.completion.session import Session
from rnntui.core.text.segmentation import goes_on, in_word, words_of

WORTH = 0.2
"""Keystrokes that an offer saves on average at least, to be made unasked: a long word may be less sure than a short one
(`rnntui evaluate --completion`; benchmarks/completion.py)."""
WORDS = 5
"""Words in a row that are compared."""
THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_STRETCHES = 4
"""A text is typed in so many places, far from each other."""
_BEFORE = 400
"""Characters that stand there already."""
OFFERS = 5
"""Completions at a place."""
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_BEGUN = re.compile(r"\w+(?:['’]\w*)*\Z")


class Offer(NamedTuple):
    """One of the offers at a place."""

    word: str
    """The first word, or the rest of the one that is being typed."""
    probability: float
    right: bool
    """True if the text does go on with it."""
    in_a_row: int
    """Number of words of the whole offer that the text goes on with."""

    @property
    def worth(self) -> float:
        """As `Completion.keys_saved` has it."""
        return self.probability * (len(self.word) - 1)


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
    ghost: AtThreshold
    """The ghost text alone, made where it is worth it; its threshold is in keystrokes."""
    five: float
    """The share of keystrokes saved where a right one of five offers is taken with one key."""


Offering = Callable[[str], Sequence[Completion]]
"""The completions of a text."""


def offers_of(session: Session) -> Offering:
    """The completions of a session's model."""

    def offered(text: str) -> list[Completion]:
        session.set_text(text)
        return complete(session, OFFERS, WORDS)

    return offered


def usefulness(offering: Offering, text: str, characters: int) -> Usefulness:
    """Type about so many characters of `text`, in some places of it, and count what completion is worth."""
    stretch = min(max(characters // _STRETCHES, 1), max(len(text) // _STRETCHES, 1))
    runs: list[list[list[Offer]]] = []
    took: list[float] = []
    for start in np.linspace(0, max(len(text) - stretch, 0), _STRETCHES).astype(int).tolist():
        runs.append([])
        for at in range(start, min(start + stretch, len(text))):
            began = time.perf_counter()
            found = offering(text[max(start - _BEFORE, 0) : at])
            took.append(1000 * (time.perf_counter() - began))
            after = text[at : at + 200]
            offers = [
                Offer(
                    each.word,
                    each.word_probability,
                    _goes_on(after, each.word),
                    _agreed(words_of(each.text), after),
                )
                for each in found
                if each.word.strip()
            ]
            runs[-1].append(sorted(offers, key=lambda offer: -offer.worth)[:OFFERS])
    surest = [[sorted(offers, key=lambda offer: -offer.probability) for offers in run] for run in runs]
    places = [offers for run in surest for offers in run]
    return Usefulness(
        characters=len(places),
        exact=[
            float(np.mean([bool(offers) and offers[0].in_a_row >= n for offers in places]))
            for n in range(1, WORDS + 1)
        ],
        thresholds=[_made(threshold, surest, partial(_is_sure, threshold)) for threshold in THRESHOLDS],
        ms=float(np.median(took)),
        ms_p99=float(np.percentile(took, 99)),
        ghost=_made(WORTH, runs, lambda offer: offer.worth >= WORTH),
        five=1 - sum(_keys(run, lambda offer: True, OFFERS) for run in runs) / len(places),
    )


def frequent_words(texts: Iterable[str]) -> Offering:
    """The most frequent words of a text that begin as the word at the cursor does: what needs no model at all."""
    counts = Counter(word for text in texts for word in _WORD.findall(text))
    by_beginning: dict[str, list[Completion]] = {}

    def offered(text: str) -> list[Completion]:
        begun = _BEGUN.search(text)
        beginning = begun[0] if begun else ""
        if beginning not in by_beginning:
            fitting = [(word, count) for word, count in counts.items() if word.startswith(beginning)]
            total = sum(count for _, count in fitting)
            found = [
                Completion(word[len(beginning) :], count / total, word[len(beginning) :], count / total)
                for word, count in fitting
                if word != beginning
            ]
            by_beginning[beginning] = sorted(found, key=lambda each: -each.keys_saved)[:OFFERS]
        return by_beginning[beginning]

    return offered


def _is_sure(threshold: float, offer: Offer) -> bool:
    return offer.probability >= threshold


def _made(
    threshold: float, runs: Sequence[Sequence[Sequence[Offer]]], is_made: Callable[[Offer], bool]
) -> AtThreshold:
    """The best offer of each place, where it is made."""
    shown = [offers[0] for run in runs for offers in run if offers and is_made(offers[0])]
    characters = sum(len(run) for run in runs)
    return AtThreshold(
        threshold,
        len(shown) / characters,
        sum(offer.right for offer in shown) / len(shown) if shown else None,
        1 - sum(_keys(run, is_made, 1) for run in runs) / characters,
    )


def _keys(run: Sequence[Sequence[Offer]], is_made: Callable[[Offer], bool], most: int) -> int:
    """Keys that somebody presses who takes a right offer, among the first `most` of a place, of more than a letter."""
    keys = at = 0
    while at < len(run):
        taken = [len(offer.word) for offer in run[at][:most] if offer.right and is_made(offer)]
        at += max((length for length in taken if at + length <= len(run)), default=1)
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
