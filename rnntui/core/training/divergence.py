"""Divergence: when losses have gone bad, and when a run rolls back."""

from __future__ import annotations

import math

from rnntui.core.runs.events import Evaluated
from rnntui.core.runs.history import OVERFITTED
from rnntui.core.training.learner import Counters

BAD_STEPS = 3
"""Steps in a row without finite numbers after which a run rolls back to its last good checkpoint."""
ROLLBACKS = 5
"""Times in a row that a run rolls back, each time with half the learning rate, before it gives up."""
_AWAY = 0.5
"""Nats that the training loss has to lie above the lowest that it was: more than texts differ within themselves."""
_WORSE = 0.2
"""The same of the held-out loss above the best, whose text is always the same."""
_LEARNED = 0.005
"""Nats by which a training loss has to fall to count as a gain: below, all is learned that there is."""
_BELOW_FREQUENCIES = 0.1
"""Nats above the loss of the tokens' frequencies alone at which a model has learned nothing."""
_LEAST_STEPS = 100
"""Before that many steps nobody can say so."""
_FRESH = 0.05
"""Share of the newest loss in the moving average, at most."""
_MEMORY = 4_000
"""Predictions that the average remembers, at least: over fewer it would be noise."""


def take_in(counters: Counters, loss: float, predictions: int, frequencies: float) -> None:
    """Take the finite training loss of a step over so many predictions into the moving average.

    `frequencies` is the unigram entropy in nats: the loss of an untrained model.
    """
    before, steps = counters.train_loss, max(counters.step, 1)
    share = max(min(_FRESH, predictions / _MEMORY), 1 / steps)
    counters.train_loss = now = loss if before is None else before + share * (loss - before)
    if counters.lowest_train_loss is None:
        counters.lowest_train_loss = max(frequencies, now)  # where a new model begins
    if steps * predictions >= _MEMORY:
        counters.lowest_train_loss = min(counters.lowest_train_loss, now)


def take_score(counters: Counters, loss: float | None, has_diverged: bool, holds_out: bool) -> bool:
    """Take in an evaluation; return True if its checkpoint is to be the best one.

    Where nothing is held out the newest checkpoint is: it has learned most of what it is asked for.
    """
    known = not has_diverged and loss is not None
    before = math.inf if counters.best_loss is None else counters.best_loss
    gains = known and loss is not None and loss < before - (0.0 if holds_out else _LEARNED)
    best = gains or (known and not holds_out)
    if best:
        counters.best_loss, counters.best_step = loss, counters.step
    if gains:
        counters.stale = 0
    else:
        counters.stale += 1
        counters.drops += 1
    return best


def suspicious(counters: Counters, frequencies: float) -> bool:
    """Return True if the training loss is so high that the validation loss should be measured."""
    loss, lowest = counters.train_loss, counters.lowest_train_loss
    return (
        loss is not None
        and lowest is not None
        and (loss > lowest + _AWAY or _ignorant(counters, frequencies))
    )


def diverged(counters: Counters, held_out: float | None, frequencies: float) -> bool:
    """Return True if both losses lie far above where they were, or nothing was learned at all.

    One loss alone says little.  A training loss rises where the text changes, from prose to code; a held-out
    loss rises while a model overfits.
    """
    if not suspicious(counters, frequencies) or counters.lowest_train_loss is None:
        return False
    reference = counters.lowest_train_loss if counters.best_loss is None else counters.best_loss
    return _ignorant(counters, frequencies) or held_out is None or held_out > reference + _WORSE


def overfitted(counters: Counters, last: Evaluated | None) -> str:
    """Return the remark about a model that got worse at what it has not seen, or ''."""
    best = counters.best_loss
    if last is None or last.loss is None or best is None or last.loss <= best + OVERFITTED:
        return ""
    train_loss, lowest = counters.train_loss, counters.lowest_train_loss
    if train_loss is None or lowest is None or train_loss > lowest + OVERFITTED:
        return ""  # the training loss has risen as well: that is another trouble
    return (
        f"overfits since step {counters.best_step:,}: validation loss rose from {best:.4f} to "
        f"{last.loss:.4f} ({last.protocol}); the checkpoint of that step is kept as best. More --dropout or a longer "
        "text helps"
    )


def _ignorant(counters: Counters, frequencies: float) -> bool:
    """Return True if the model is worse than an untrained one, though it has had its time."""
    loss = counters.train_loss
    return counters.step >= _LEAST_STEPS and loss is not None and loss > frequencies + _BELOW_FREQUENCIES
