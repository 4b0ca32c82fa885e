"""Beam search: the likeliest targets, several hypotheses of each text followed side by side."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Search(NamedTuple):
    """Settings of the beam search."""

    beam: int = 5
    """Hypotheses kept of each source; 1 takes the likeliest token every time."""
    length_penalty: float = 0.6
    """Hypotheses are ranked by ln P / ((5 + length) / 6)^this (Wu et al. 2016): 0 prefers short ones."""

    def score(self, log_p: float, length: int) -> float:
        """Score that ranks a hypothesis of so many tokens, its end counted."""
        penalty: float = ((5 + length) / 6) ** self.length_penalty
        return log_p / penalty


BEAM, GREEDY = Search(), Search(beam=1)


class Hypothesis(NamedTuple):
    """A target in tokens."""

    score: float
    log_p: float
    """ln P of its tokens, its end counted."""
    tokens: list[int]
    """Without the end."""
    looked: Tensor
    """(T, S) where each token, and the end, looked in the source."""
    finished: bool
    """True if it came to its end."""


class _Step(NamedTuple):
    """The hypotheses after one token more: a row each, K of each text behind each other."""

    parents: list[int]
    """The row of the step before that each goes on from."""
    tokens: list[int]
    looked: Tensor
    """(B * K, S)"""


class Beams:
    """The hypotheses of B texts, K of each (Graves 2012; Sutskever et al. 2014)."""

    def __init__(self, texts: int, search: Search, end: int) -> None:
        self._search, self._end = search, end
        # All hypotheses of a text begin alike: all but one are out at first.
        self._log_p = torch.full((texts, search.beam), -torch.inf)
        self._log_p[:, 0] = 0.0
        self._steps: list[_Step] = []
        self._finished: list[list[Hypothesis]] = [[] for _ in range(texts)]
        """The best K that came to their ends, the best first."""

    @property
    def over(self) -> bool:
        """True if every text has K finished targets, none of which is worse than what still goes on."""
        going = self._log_p.max(1).values.tolist()
        return all(map(self._is_over, self._finished, going))

    def _is_over(self, finished: list[Hypothesis], going: float) -> bool:
        if len(finished) < self._search.beam:
            return False
        return self._search.score(going, len(self._steps)) <= finished[-1].score

    def advance(self, next_log_p: Tensor, looked: Tensor) -> tuple[Tensor, Tensor]:
        """Take one token more, from ln P (B * K, V) of each row's next ones and where the rows looked, (B * K, S).

        Returns the token of each row, and the row that it goes on from, both (B * K,).
        """
        texts, beam = self._log_p.shape
        vocabulary = next_log_p.shape[1]
        together = (self._log_p.unsqueeze(2) + next_log_p.view(texts, beam, vocabulary)).flatten(1)
        # Twice as many as are kept: half of them may be ends.
        values, places = together.topk(min(2 * beam, together.shape[1]))
        parents, tokens, log_p = [], [], []
        for text in range(texts):
            going = 0
            ranked = zip(values[text].tolist(), places[text].tolist(), strict=True)
            for rank, (value, place) in enumerate(ranked):
                row, token = text * beam + place // vocabulary, place % vocabulary
                if token == self._end:
                    # An end counts where it is among the K likeliest: another one would have been passed over.
                    if rank < beam and value > -torch.inf:
                        self._finish(text, self._hypothesis(row, value, looked[row]))
                elif going < beam:
                    going += 1
                    parents.append(row)
                    tokens.append(token)
                    log_p.append(value)
            # A tiny vocabulary has no more.
            parents += [text * beam] * (beam - going)
            tokens += [self._end] * (beam - going)
            log_p += [-torch.inf] * (beam - going)
        self._steps.append(_Step(parents, tokens, looked[parents]))
        self._log_p = torch.tensor(log_p).view(texts, beam)
        return torch.tensor(tokens), torch.tensor(parents)

    def _finish(self, text: int, hypothesis: Hypothesis) -> None:
        """Keep a finished hypothesis if it is among the best of its text."""
        kept = [*self._finished[text], hypothesis]
        self._finished[text] = sorted(kept, key=lambda each: -each.score)[: self._search.beam]

    def best(self) -> list[list[Hypothesis]]:
        """The finished hypotheses of each text, the best first; where there is none, the likeliest unfinished one."""
        return [finished or [self._unfinished(text)] for text, finished in enumerate(self._finished)]

    def _unfinished(self, text: int) -> Hypothesis:
        """The likeliest hypothesis of a text that goes on."""
        value, place = self._log_p[text].max(0)
        return self._hypothesis(text * self._search.beam + int(place), float(value))

    def _hypothesis(self, row: int, log_p: float, end_looked: Tensor | None = None) -> Hypothesis:
        """The hypothesis in a row of the last step, which ends here where there is an end that looked somewhere."""
        tokens: list[int] = []
        looks: list[Tensor] = [] if end_looked is None else [end_looked]
        for step in reversed(self._steps):
            tokens.append(step.tokens[row])
            looks.append(step.looked[row])
            row = step.parents[row]
        score = self._search.score(log_p, len(looks))
        return Hypothesis(score, log_p, tokens[::-1], torch.stack(looks[::-1]), end_looked is not None)
