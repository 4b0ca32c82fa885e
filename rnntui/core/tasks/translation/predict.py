"""From a source to the targets that a translator finds likeliest, and how well it knows given ones."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnntui.core.errors import InputError
from rnntui.core.nn.base import evaluating
from rnntui.core.nn.pooling import within
from rnntui.core.tasks.translation.beam import BEAM, Beams, Hypothesis, Search
from rnntui.core.tasks.translation.data import PairedBatch, Vocabularies, ended
from rnntui.core.tasks.translation.model import EncodedSources, Place, Translator
from rnntui.core.text.buckets import Sequences, in_order
from rnntui.core.text.segmentation import in_word, is_han_or_kana
from rnntui.core.text.tokenizers import Tokenizer

_LONGEST, _LONGER, _MOST = 20, 3, 1_000
"""A target ends after so many tokens, and so many more for each of the source, but at most so many."""
_LONGEST_SOURCE = 10_000
"""Tokens of a text that is translated at once."""
_AT_ONCE = 64
"""Hypotheses that are written side by side."""
END = "⏎"
"""Sign for the end of a text, which can have attention too."""


class Translation(NamedTuple):
    """One target."""

    text: str
    log_p: float
    """ln P(target | source)."""
    score: float
    """Rank in the n-best list: ln P with the length penalty of the search; higher is better."""
    source: list[str]
    """The pieces of the source, its end last."""
    target: list[str]
    """The pieces of the target, its end last."""
    looked: Tensor
    """(T, S) for each piece of the target, the share of attention that each piece of the source got."""
    finished: bool
    """True if the target ended by itself."""


def check_length(texts: Sequence[str], vocabularies: Vocabularies) -> None:
    """Raises InputError for a text that is too long to be translated at once."""
    longest = max((len(vocabularies.source.encode(text)) for text in texts), default=0)
    if longest > _LONGEST_SOURCE:
        raise InputError(
            f"TEXT: a line of {longest:,} tokens; give at most {_LONGEST_SOURCE:,} at once, a sentence a line"
        )


def translate(
    model: Translator,
    vocabularies: Vocabularies,
    texts: Sequence[str],
    search: Search = BEAM,
    count: int = 1,
    device: str = "cpu",
) -> list[list[Translation]]:
    """The `count` best targets of each text, the best first: `count` is at most the beam."""
    texts = [vocabularies.source.as_read(text) for text in texts]
    part = Sequences.joined([ended(text, vocabularies.source) for text in texts])
    found: dict[int, list[Translation]] = {}
    with evaluating(model):
        for which in in_order(part.lengths, max(1, _AT_ONCE // search.beam)):
            some, lengths = (torch.from_numpy(each).to(device) for each in part.side_by_side(which))
            searched = _searched(model, some, lengths, vocabularies.target.start, search)
            for index, hypotheses in zip(which.tolist(), searched, strict=True):
                best = hypotheses[:count]
                found[index] = [_translation(texts[index], each, vocabularies) for each in best]
    return [found[index] for index in range(len(texts))]


@torch.inference_mode()
def _searched(
    model: Translator, sources: Tensor, lengths: Tensor, end: int, search: Search
) -> list[list[Hypothesis]]:
    """The hypotheses of sources (S, B), each of so many tokens (B,), the best first."""
    texts, device = len(lengths), sources.device
    memory, place = model.read(sources, lengths)
    rows = torch.arange(texts, device=device).repeat_interleave(search.beam)
    memory, place = EncodedSources(*(each[rows] for each in memory)), _picked(place, rows)
    tokens, beams = torch.full((len(rows),), end, device=device), Beams(texts, search, end)
    for _ in range(min(_LONGEST + _LONGER * len(sources), _MOST)):
        log_p, looked, place = model.advance(tokens, place, memory)
        chosen, parents = beams.advance(log_p.cpu(), looked.cpu())
        if beams.over:
            break
        tokens, place = chosen.to(device), _picked(place, parents.to(device))
    return beams.best()


def _picked(place: Place, rows: Tensor) -> Place:
    """The decoder's places of these rows."""
    return Place(tuple(tuple(part[rows] for part in layer) for layer in place.state), place.fed[rows])


def _translation(text: str, found: Hypothesis, vocabularies: Vocabularies) -> Translation:
    """A hypothesis as text.  An unknown token becomes what the attention was at (Luong et al. 2015b)."""
    source = [*vocabularies.source.pieces(text), END]
    looked = found.looked[:, : len(source)].nan_to_num()
    target = list(_pieces(found.tokens, vocabularies.target))
    if looked.any() and len(source) > 1:
        words = vocabularies.target.unit == "word"
        for place, token in enumerate(found.tokens):
            if token == vocabularies.target.unknown:
                copied = source[int(looked[place, : len(source) - 1].argmax())]
                space = words and _apart("".join(target[:place]), copied)
                target[place] = " " * space + copied
    written = "".join(target).strip()
    if found.finished:
        target.append(END)
    return Translation(written, found.log_p, found.score, source, target, looked, found.finished)


def _apart(before: str, piece: str) -> bool:
    """Return True if a space has to come between: the first word of a source has none before it."""
    return bool(before) and all(in_word(each) and not is_han_or_kana(each) for each in (before[-1], piece[0]))


def _pieces(tokens: Sequence[int], tokenizer: Tokenizer) -> Iterator[str]:
    """The text of each token; a character that several share belongs to the last of them."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token in tokens:
        yield decoder.decode(tokenizer.token_bytes(token))


@torch.inference_mode()
def surprises(model: Translator, batch: PairedBatch, device: str) -> tuple[np.ndarray, int]:
    """Nats of each target (B,) in a batch, its end counted, and how many tokens were the likeliest one."""
    with evaluating(model):
        sources, source_lengths, targets, lengths = (torch.from_numpy(each).to(device) for each in batch)
        memory, place = model.read(sources, source_lengths)
        a = model.decoded(targets[:-1], place, memory)
        log_p = model.head(a).float().log_softmax(2)
        inside = within(a, lengths).squeeze(2)
        told = log_p.gather(2, targets[1:].unsqueeze(2)).squeeze(2).masked_fill(~inside, 0.0)
        hits = ((log_p.argmax(2) == targets[1:]) & inside).sum()
        return -told.cpu().double().sum(0).numpy(), int(hits)
