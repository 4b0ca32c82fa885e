"""Overlap of translations with references: BLEU and chrF, by sacrebleu."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from typing import NamedTuple

from rnntui.core.errors import InputError

_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_KANA = re.compile("[\u3040-\u30ff]")
_LETTER = re.compile(r"\w")


class Overlap(NamedTuple):
    """Both from 0 to 100, with the signature under which other people's figures compare."""

    bleu: float
    bleu_signature: str
    chrf: float
    chrf_signature: str


def available() -> bool:
    """Return True if sacrebleu is installed."""
    return find_spec("sacrebleu") is not None


def overlap(translations: Sequence[str], references: Sequence[str]) -> Overlap:
    """BLEU (Papineni et al. 2002) and chrF (Popović 2015) of a whole part, as Post (2018) tells them.

    Raises InputError where sacrebleu is not installed.
    """
    if not available():
        raise InputError("BLEU and chrF need one more package: pip install 'rnntui[translate]'")
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    bleu, chrf = BLEU(tokenize=tokenization(references)), CHRF()
    found = [metric.corpus_score(translations, [references]) for metric in (bleu, chrf)]
    return Overlap(found[0].score, str(bleu.get_signature()), found[1].score, str(chrf.get_signature()))


def tokenization(references: Sequence[str]) -> str:
    """Tokenization of BLEU for the references: Chinese by its characters ('zh'), Japanese by all, the rest by words."""
    text = "".join(references)
    letters = max(1, len(_LETTER.findall(text)))
    if len(_KANA.findall(text)) > letters / 10:
        return "char"
    return "zh" if len(_HAN.findall(text)) > letters / 2 else "13a"
