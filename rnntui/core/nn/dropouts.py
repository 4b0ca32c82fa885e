"""Dropout for recurrent networks: what is left out stays left out for a whole piece of text.

Dropping other units at every time step would be noise that a recurrent network adds up; one mask for all
steps of a piece leaves it a smaller network to read with (Gal and Ghahramani 2016; Merity et al. 2018).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from torch import Tensor, nn


class WholeBatch(NamedTuple):
    """The batch that the sequences computed here are a part of."""

    first: int
    """The first of them in it."""
    sequences: int
    """Number of sequences in it."""
    targets: Tensor
    """All its targets."""


_WHOLE: ContextVar[WholeBatch | None] = ContextVar("whole batch", default=None)


@contextmanager
def part_of(whole: WholeBatch) -> Iterator[None]:
    """Within the block, random numbers are drawn for a whole batch of which this process computes a part.

    So several processes draw what one alone would.
    """
    token = _WHOLE.set(whole)
    try:
        yield
    finally:
        _WHOLE.reset(token)


def whole_batch() -> WholeBatch | None:
    """Return the batch that the sequences computed here are a part of, if they are one."""
    return _WHOLE.get()


def drawn_for(sequences: int, dim: int, draw: Callable[[int], Tensor]) -> Tensor:
    """Random numbers for so many sequences; `draw` returns those of a number of them, which lie in dimension `dim`."""
    whole = whole_batch()
    if whole is None:
        return draw(sequences)
    return draw(whole.sequences).narrow(dim, whole.first, sequences)


class _Mask:
    """A dropout mask, drawn anew every time, or kept for as long as it is held."""

    def __init__(self) -> None:
        self._holds = False
        self._mask: Tensor | None = None

    def hold(self, holds: bool) -> None:
        """Leave the same out from now on, or no longer."""
        self._holds, self._mask = holds, None

    def drawn(self, like: Tensor, p: float, by_sequence: bool = False) -> Tensor:
        """0 with probability `p`, else 1 / (1 - p), in the shape of `like`; `by_sequence` where that is (1, B, F)."""
        if self._mask is not None:
            return self._mask

        def draw(rows: int) -> Tensor:
            return like.new_empty(like.shape[0], rows, *like.shape[2:]).bernoulli_(1 - p).div_(1 - p)

        mask = drawn_for(like.shape[1], 1, draw) if by_sequence else draw(like.shape[1])
        self._mask = mask if self._holds else None
        return mask


class LockedDropout(nn.Module):
    """Leaves out the same features of a stream at all its time steps: x (T, B, F) to (T, B, F).

    What stays is divided by 1 - `p`, so that its expectation is the input.  In evaluation it does nothing.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p, self.mask = p, _Mask()

    @property
    def idle(self) -> bool:
        """True if nothing is left out."""
        return not self.training or not self.p

    def forward(self, x: Tensor) -> Tensor:
        return x if self.idle else x * self.mask.drawn(x.new_empty(1, *x.shape[1:]), self.p, by_sequence=True)


class DroppingEmbedding(nn.Embedding):
    """An embedding that leaves out whole tokens of the vocabulary, everywhere in a piece of text.

    tokens (T, B) to (T, B, E); the probability of a token to be left out is `p`.
    """

    def __init__(self, vocab_size: int, embedding_size: int, p: float) -> None:
        super().__init__(vocab_size, embedding_size)
        self.p, self.mask = p, _Mask()

    def reset_parameters(self) -> None:
        self.draw(1.0)

    def draw(self, std: float) -> None:
        """Begin with random vectors of that standard deviation.

        Without storage there is nothing to draw, and torch would load its compiler, for two seconds, to say so.
        """
        if not self.weight.is_meta:
            nn.init.normal_(self.weight, std=std)

    def forward(self, tokens: Tensor) -> Tensor:
        x, kept = super().forward(tokens), self._drawn()
        return x if kept is None else x * kept[tokens]

    def rows(self) -> Tensor:
        """The embeddings (V, E) of which every place of a piece has one."""
        kept = self._drawn()
        return self.weight if kept is None else self.weight * kept

    def _drawn(self) -> Tensor | None:
        """Mask of the tokens that are kept (V, 1), if any is left out."""
        if not self.training or not self.p:
            return None
        return self.mask.drawn(self.weight.new_empty(self.num_embeddings, 1), self.p)


@contextmanager
def held(model: nn.Module) -> Iterator[None]:
    """Every dropout within `model` leaves the same out for the whole block: of a piece that goes step by step."""
    masks = [layer.mask for layer in model.modules() if isinstance(layer, LockedDropout | DroppingEmbedding)]
    for mask in masks:
        mask.hold(True)
    try:
        yield
    finally:
        for mask in masks:
            mask.hold(False)
