"""An evaluation as the event that tells of it."""

from __future__ import annotations

import math
from collections.abc import Callable

from rnntui.core.config import TrainingConfig
from rnntui.core.events import Evaluated, finite
from rnntui.core.inference.scoring import UNHELPED, Helped, Protocol, score_split
from rnntui.core.models.language_model import LanguageModel
from rnntui.core.text.dataset import Split

_SHARE = 0.15
"""About how much of the time goes into evaluation, where no `--eval-every` says otherwise."""
_COST = 1.5
"""Time that a held-out token takes, read one by one, against a training token in its batch."""
_LEAST_EVERY = 100


def affordable_every(config: TrainingConfig, held_out_tokens: int) -> int:
    """As many steps as keep evaluation to its share of the time, whatever the size of the held-out part."""
    steps = _COST * held_out_tokens / (config.batch_size * config.bptt) / _SHARE
    return max(_LEAST_EVERY, math.ceil(steps))


def evaluate(
    model: LanguageModel,
    split: Split,
    start: int,
    protocol: Protocol,
    device: str,
    *,
    step: int,
    train_s: float,
    helped: Helped = UNHELPED,
    between: Callable[[], None] = lambda: None,
) -> Evaluated:
    """Score the whole of `split` in fp32 and tell it, as of `step` and `train_s` seconds of training.

    `between` is called after every block of it; what it raises ends the scoring.
    """
    scores = score_split(model, split, start, protocol, device, helped, between)
    return Evaluated(
        step=step,
        split=split.name,
        loss=finite(scores.loss),
        perplexity=finite(scores.perplexity),
        bits_per_byte=finite(scores.bits_per_byte),
        bits_per_char=finite(scores.bits_per_char),
        accuracy=scores.accuracy,
        protocol=protocol,
        train_s=train_s,
    )
