"""Micro-batches: gradients accumulated over groups of sequences, where memory is short for a whole batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch

from rnntui.core.nn.stack import StackState, detached
from rnntui.core.text.batches import Batch

_SIGNS = (
    "out of memory", "can't allocate memory", "cannot allocate memory", "bad allocation", "bad_alloc",
    "could not create a primitive.",  # so oneDNN says it; of a primitive that does not exist it lacks the descriptor
)  # fmt: skip


def out_of_memory(error: BaseException) -> bool:
    """Return True if an error of torch, numpy or Python says that memory is short."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in f"{error}.".lower() for sign in _SIGNS)


def micro_batches(batch: Batch, state: StackState, count: int) -> Iterator[tuple[Batch, StackState, float]]:
    """Yield so many groups of sequences, each with its part of the state and its share of the predictions."""
    count = min(count, batch.sequences)  # the last batch of an epoch may be a small one
    bounds = [batch.sequences * i // count for i in range(count + 1)]
    for first, last in pairwise(bounds):
        rows = slice(first, last)
        part = batch.some(rows)
        share = part.predictions / batch.predictions
        yield part, tuple(tuple(each[rows] for each in layer) for layer in state), share


def joined(states: Sequence[StackState]) -> StackState:
    """The states of groups of sequences as the state of all, without history."""
    parts = [detached(state) for state in states]
    return tuple(
        tuple(torch.cat([part[i][j] for part in parts]) for j in range(len(layer)))
        for i, layer in enumerate(parts[0])
    )


def memory_remark(count: int) -> str:
    """Remark on a batch that is computed in so many micro-batches."""
    accumulated = f"gradients are accumulated over {count} micro-batches"
    return f"memory is short for a whole batch: {accumulated}, with the same result"
