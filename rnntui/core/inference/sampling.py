"""From logits to the next token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rnntui.core.errors import InputError
from rnntui.core.inference.session import Session


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
            "--temperature": (self.temperature >= 0, "0 or more"),
            "--top-k": (self.top_k >= 0, "0 or more"),
            "--top-p": (0 < self.top_p <= 1, "above 0 and at most 1"),
            "--min-p": (0 <= self.min_p <= 1, "from 0 to 1"),
            "--repetition-penalty": (self.repetition_penalty > 0, "above 0"),
        }
        for flag, (valid, expected) in checks.items():
            if not valid:
                raise InputError(f"{flag}: must be {expected}")

    def probabilities(self, logits: Tensor, recent: list[int]) -> Tensor:
        """The distribution (V,) to draw from, from `logits` (V,) and the recent tokens."""
        logits = logits.float().clone()
        if self.repetition_penalty != 1 and recent:
            seen = torch.tensor(sorted(set(recent)), device=logits.device)
            scores = logits[seen]
            penalty = self.repetition_penalty
            logits[seen] = torch.where(scores > 0, scores / penalty, scores * penalty)
        if self.temperature == 0:
            return torch.nn.functional.one_hot(logits.argmax(), len(logits)).float()
        p = (logits / self.temperature).softmax(dim=0)
        ranked, order = p.sort(descending=True, stable=True)
        keep = torch.ones_like(ranked, dtype=torch.bool)
        if self.top_k:
            keep[self.top_k :] = False
        # A token stays while those before it have not yet reached top_p: the first one always does.
        keep &= ranked.cumsum(dim=0) - ranked < self.top_p
        keep &= ranked >= self.min_p * ranked[0]
        p[order[~keep]] = 0
        return p / p.sum()


_RECENT = 64
"""Tokens that the repetition penalty looks back on."""


def generate(session: Session, length: int, sampling: Sampling) -> Iterator[str]:
    """Continue the session's text by `length` tokens, yielding it piece by piece as it is written.

    The pieces are whole characters: bytes of one that is not complete yet wait for the rest.
    """
    generator = torch.Generator()
    if sampling.seed is not None:
        generator.manual_seed(sampling.seed)
    else:
        generator.seed()
    recent = list(session.tokens[-_RECENT:])
    writer = session.writer()
    for _ in range(length):
        p = sampling.probabilities(writer.logits(), recent)
        token = int(torch.multinomial(p, 1, generator=generator))
        recent = [*recent[-_RECENT + 1 :], token]
        if piece := writer.write(token):
            yield piece
    if piece := writer.flush():
        yield piece
