"""Dropout for recurrent networks: what is left out stays left out for a whole piece of text.

Dropping other units at every time step would be noise that a recurrent network adds up; one mask for all
steps of a piece leaves it a smaller network to read with (Gal and Ghahramani 2016; Merity et al. 2018).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class LockedDropout(nn.Module):
    """Leaves out the same features of a stream at all its time steps: x (T, B, F) to (T, B, F).

    What stays is divided by 1 - `p`, so that its expectation is the input.  In evaluation it does nothing.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self._holds = False
        self._mask: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x
        mask = self._mask
        if mask is None:
            mask = _mask(x.new_empty(1, *x.shape[1:]), self.p)
            self._mask = mask if self._holds else None
        return x * mask

    def hold(self, holds: bool) -> None:
        """Leave the same out from now on, or no longer."""
        self._holds, self._mask = holds, None


class DroppingEmbedding(nn.Embedding):
    """An embedding that leaves out whole tokens of the vocabulary, everywhere in a piece of text.

    tokens (T, B) to (T, B, E); the probability of a token to be left out is `p`.
    """

    def __init__(self, vocab_size: int, embedding_size: int, p: float) -> None:
        super().__init__(vocab_size, embedding_size)
        self.p = p

    def reset_parameters(self) -> None:
        self.draw(1.0)

    def draw(self, std: float) -> None:
        """Begin with random vectors of that standard deviation.

        Without storage there is nothing to draw, and torch would load its compiler, for two seconds, to say so.
        """
        if not self.weight.is_meta:
            nn.init.normal_(self.weight, std=std)

    def forward(self, tokens: Tensor) -> Tensor:
        x = super().forward(tokens)
        if not self.training or not self.p:
            return x
        kept = _mask(self.weight.new_empty(self.num_embeddings, 1), self.p)
        return x * kept[tokens]


@contextmanager
def held(model: nn.Module) -> Iterator[None]:
    """Every dropout within `model` leaves the same out for the whole block: of a piece that goes step by step."""
    layers = [layer for layer in model.modules() if isinstance(layer, LockedDropout)]
    for layer in layers:
        layer.hold(True)
    try:
        yield
    finally:
        for layer in layers:
            layer.hold(False)


def _mask(like: Tensor, p: float) -> Tensor:
    """0 with probability `p`, else 1 / (1 - p), in the shape of `like`."""
    return torch.empty_like(like).bernoulli_(1 - p).div_(1 - p)
