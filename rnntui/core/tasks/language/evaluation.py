"""An evaluation as the event that tells of it."""

from __future__ import annotations

from msgspec import UNSET

from rnntui.core.inference.scoring import UNHELPED, Helped, Protocol, score_split
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.runs.events import Evaluated, finite
from rnntui.core.tasks.base import Between, EventTime
from rnntui.core.text.encoded import Split


def evaluate(
    model: LanguageModel,
    split: Split,
    start: int,
    protocol: Protocol,
    device: str,
    now: EventTime,
    helped: Helped = UNHELPED,
    between: Between = lambda: None,
) -> Evaluated:
    """Score the whole of `split` in fp32 and tell it, as of the moment `now` of training.

    `between` is called after every block of it; what it raises ends the scoring.
    """
    scores = score_split(model, split, start, protocol, device, helped, between)
    return Evaluated(
        step=now.step,
        split=split.name,
        loss=finite(scores.loss),
        perplexity=finite(scores.perplexity),
        bits_per_byte=finite(scores.bits_per_byte),
        bits_per_char=finite(scores.bits_per_char),
        word_perplexity=finite(scores.word_perplexity),
        accuracy=scores.accuracy,
        unknown=split.unknown / max(len(split.tokens), 1) or UNSET,
        protocol=protocol,
        train_s=now.train_s,
    )
