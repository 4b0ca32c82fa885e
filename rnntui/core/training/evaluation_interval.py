"""The interval between evaluations."""

from __future__ import annotations

import math

_SHARE = 0.15
"""About how much of the time goes into evaluation, where no `--eval-every` says otherwise."""
_COST = 1.5
"""Time that an outcome of the held-out part takes, against one of a training batch."""
_LEAST_EVERY = 100


def affordable_every(predictions: int, held_out: int) -> int:
    """As many steps as keep evaluation to its share of the time, whatever the size of the held-out part.

    `predictions` are the outcomes of a batch, `held_out` those of the held-out part.
    """
    return max(_LEAST_EVERY, math.ceil(_COST * held_out / predictions / _SHARE))
