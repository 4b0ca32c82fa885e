"""From a source to the targets that a translator finds likeliest, and how well it knows given ones."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnntui.core.models.base import judging
from rnntui.core.models.pooling import within
from rnntui.core.models.translator import Memory, Place, Translator
from rnntui.core.text.buckets import Sequences, in_order
from rnntui.core.text.paired import PairedBatch, Vocabularies, ended
from rnntui.core.text.tokenizers import Tokenizer
from rnntui.core.text.tokenizers.word import in_word

_LONGEST, _LONGER = 20, 3
"""A target ends after so many tokens, and so many more for each of the source."""
_AT_ONCE = 64
"""Hypotheses that are written side by side."""
END = "⏎"
"""How the end of a text is shown, at which an attention may look."""


class Search(NamedTuple):
    """How targets are looked for."""

    beam: int = 5
    """Hypotheses kept of each source; 1 takes the likeliest token every time."""
    length_penalty: float = 0.6
    """Hypotheses are ranked by ln P / ((5 + length) / 6)^this (Wu et al. 2016): 0 prefers short ones."""


BEAM, GREEDY = Search(), Search(beam=1)


class Translation(NamedTuple):
    """One target."""

    text: str
    log_p: float
    """ln P(target | source)."""
    source: list[str]
    """The pieces of the source, its end last."""
    target: list[str]
    """Those of the target, its end last."""
    looked: list[list[float]]
    """For each piece of the target, the share of attention that each piece of the source got."""
    finished: bool
    """Whether the target ended by itself."""


class Hypothesis(NamedTuple):
    """A target in tokens."""

    score: float
    log_p: float
    tokens: list[int]
    looked: list[Tensor]
    """For each token, (S,)."""
    finished: bool


def translate(
    model: Translator,
    vocabularies: Vocabularies,
    texts: Sequence[str],
    search: Search = BEAM,
    count: int = 1,
    device: str = "cpu",
) -> list[list[Translation]]:
    """The `count` best targets of each text, the best first: `count` is at most the beam."""
    sources = [ended(text, vocabularies.source) for text in texts]
    part = Sequences.joined(sources)
    found: dict[int, list[Translation]] = {}
    with judging(model):
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
    """The finished hypotheses of sources (S, B), the best first: beam search (Graves 2012; Sutskever et al. 2014)."""
    texts, beam = len(lengths), search.beam
    longest = _LONGEST + _LONGER * len(sources)
    memory, place = model.read(sources, lengths)
    rows = torch.arange(texts).repeat_interleave(beam)
    memory, place = Memory(*(each[rows] for each in memory)), _picked(place, rows)
    tokens = torch.full((texts * beam,), end, device=sources.device)
    # All hypotheses of a text begin alike: all but one are out at first.
    log_p = torch.full((texts, beam), -torch.inf)
    log_p[:, 0] = 0.0
    steps: list[tuple[list[int], list[int], Tensor]] = []
    finished: list[list[Hypothesis]] = [[] for _ in range(texts)]
    for length in range(1, longest + 1):
        next_p, looked, place = model.advance(tokens, place, memory)
        together = log_p.unsqueeze(2) + next_p.cpu().view(texts, beam, -1)
        best, chosen = together.flatten(1).topk(min(2 * beam, together.shape[1] * together.shape[2]))
        vocabulary = together.shape[2]
        parents, taken, kept = [], [], []
        for text in range(texts):
            going = 0
            for value, at in zip(best[text].tolist(), chosen[text].tolist(), strict=True):
                parent, token = text * beam + at // vocabulary, at % vocabulary
                if token == end and value > -torch.inf and len(finished[text]) < beam:
                    tokens_before, looks = _traced(steps, parent)
                    looks = [*looks, looked[parent].cpu()]
                    score = _normalised(value, length, search)
                    finished[text].append(Hypothesis(score, value, [*tokens_before, end], looks, True))
                elif token != end and going < beam:
                    going += 1
                    parents.append(parent)
                    taken.append(token)
                    kept.append(value)
            while going < beam:  # a tiny vocabulary has no more
                going += 1
                parents.append(text * beam)
                taken.append(end)
                kept.append(-torch.inf)
        steps.append((parents, taken, looked[torch.tensor(parents, device=looked.device)].cpu()))
        if all(len(each) >= beam for each in finished):
            break
        log_p = torch.tensor(kept).view(texts, beam)
        tokens = torch.tensor(taken, device=tokens.device)
        place = _picked(place, torch.tensor(parents, device=tokens.device))
    for text, hypotheses in enumerate(finished):
        if not hypotheses:
            value, at = log_p[text].max(0)
            tokens_before, looks = _traced(steps, text * beam + int(at))
            score = _normalised(float(value), longest, search)
            hypotheses.append(Hypothesis(score, float(value), tokens_before, looks, False))
        hypotheses.sort(key=lambda each: -each.score)
    return finished


def _picked(place: Place, rows: Tensor) -> Place:
    """The decoder's places of these rows."""
    return Place(tuple(tuple(part[rows] for part in layer) for layer in place.state), place.fed[rows])


def _traced(steps: Sequence[tuple[list[int], list[int], Tensor]], row: int) -> tuple[list[int], list[Tensor]]:
    """The tokens of the hypothesis in a row of the last step, and where each looked, (S,)."""
    tokens, looks = [], []
    for parents, taken, looked in reversed(steps):
        tokens.append(taken[row])
        looks.append(looked[row])
        row = parents[row]
    return tokens[::-1], looks[::-1]


def _normalised(log_p: float, length: int, search: Search) -> float:
    penalty: float = ((5 + length) / 6) ** search.length_penalty
    return log_p / penalty


def _translation(text: str, found: Hypothesis, vocabularies: Vocabularies) -> Translation:
    """A hypothesis as text.  An unknown token becomes what the attention was at (Luong et al. 2015b)."""
    source = [*vocabularies.source.pieces(text), END]
    looked = torch.stack(found.looked)[:, : len(source)]
    tokens = found.tokens[:-1] if found.finished else found.tokens
    target = list(_pieces(tokens, vocabularies.target))
    if looked.any() and len(source) > 1:
        for place, token in enumerate(tokens):
            if token == vocabularies.target.unknown:
                copied = source[int(looked[place, : len(source) - 1].argmax())]
                target[place] = " " * _apart("".join(target[:place]), copied) + copied
    written = "".join(target).strip()
    if found.finished:
        target.append(END)
    return Translation(written, found.log_p, source, target, looked.tolist(), found.finished)


def _apart(before: str, piece: str) -> bool:
    """Whether a space has to come between: the first word of a source has none before it."""
    return bool(before) and in_word(before[-1]) and in_word(piece[0])


def _pieces(tokens: Sequence[int], tokenizer: Tokenizer) -> Iterator[str]:
    """What each token stands for; a character that several share belongs to the last of them."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token in tokens:
        yield decoder.decode(tokenizer.token_bytes(token))


@torch.inference_mode()
def surprises(model: Translator, batch: PairedBatch, device: str) -> tuple[np.ndarray, int]:
    """Nats of each target (B,) in a batch, its end counted, and how many tokens were the likeliest one."""
    with judging(model):
        sources, source_lengths, targets, lengths = (torch.from_numpy(each).to(device) for each in batch)
        memory, place = model.read(sources, source_lengths)
        a = model.decoded(targets[:-1], place, memory)
        log_p = model.head(a).float().log_softmax(2)
        inside = within(a, lengths).squeeze(2)
        told = log_p.gather(2, targets[1:].unsqueeze(2)).squeeze(2).masked_fill(~inside, 0.0)
        hits = ((log_p.argmax(2) == targets[1:]) & inside).sum()
        return -told.double().sum(0).cpu().numpy(), int(hits)
