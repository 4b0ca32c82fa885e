"""An evaluation as the event that tells of it."""

from __future__ import annotations

from rnntui.core.events import Evaluated, finite
from rnntui.core.inference.scoring import UNHELPED, Helped, Protocol, score_split
from rnntui.core.models.language_model import LanguageModel
from rnntui.core.text.dataset import Split


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
) -> Evaluated:
    """Score the whole of `split` in fp32 and tell it, as of `step` and `train_s` seconds of training."""
    scores = score_split(model, split, start, protocol, device, helped)
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
