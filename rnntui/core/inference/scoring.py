"""Scoring: the surprise of every token of a text, by one of two protocols.

`stream`: the text is read once, in order, with the state carried from its first token to its last.
`windows`: independent windows of 256 tokens, each from a zero state (as nanoGPT scores).

Before the first token stands the tokenizer's `start` token, so every token of the text is scored.

A stream may be read by a model that is helped by what it has just read: `dynamic` lets it learn from every piece
once that is scored, `cache` looks for places that were alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from rnntui.core.completion.cache import SIZE, with_cache
from rnntui.core.completion.counts import CountedModel
from rnntui.core.errors import InputError
from rnntui.core.inference.dynamic_evaluation import PIECE, Adapting
from rnntui.core.nn.base import evaluating
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.text.encoded import Split
from rnntui.core.text.tokenizers import Ids

Protocol = Literal["stream", "windows"]

WINDOW = 256
_CHUNK = 1024
"""Tokens of a stream run at once; the state passes from chunk to chunk."""
_WINDOWS_AT_ONCE = 64
_LOGITS = 1 << 22
"""Most logits held at once (16 MB), whatever the vocabulary."""


@dataclass(frozen=True)
class StreamScores:
    """A text as the model sees it."""

    protocol: Protocol
    tokens: int
    nats: float
    """Sum of -ln P(token | all before it) over the tokens."""
    hits: int
    """Tokens that were the likeliest one."""
    chars: int
    bytes: int
    spelling: float = 0.0
    """Nats that the letters of its unknown tokens cost: they are part of the text."""
    words: int | None = None
    """Words between white space, and line ends; None where nobody has counted them."""

    @property
    def loss(self) -> float:
        """Mean surprise in nats a token."""
        return self.nats / max(self.tokens, 1)

    @property
    def perplexity(self) -> float:
        """exp(loss): among how many equally likely tokens the model would be as unsure."""
        return math.exp(self.loss) if self.loss < 700 else math.inf

    @property
    def word_perplexity(self) -> float:
        """Perplexity per word: exp(nats / words), where a line end is a word (Mikolov et al. 2010).

        It has one meaning for tokens of every kind; not a number where nobody has counted the words.
        """
        per_word = (self.nats + self.spelling) / self.words if self.words else math.nan
        return math.exp(per_word) if not per_word > 700 else math.inf

    @property
    def bits_per_char(self) -> float:
        return (self.nats + self.spelling) / math.log(2) / max(self.chars, 1)

    @property
    def bits_per_byte(self) -> float:
        """Over the raw UTF-8 text, so that every tokenizer compares."""
        return (self.nats + self.spelling) / math.log(2) / max(self.bytes, 1)

    @property
    def accuracy(self) -> float:
        """Share of tokens that were the likeliest one."""
        return self.hits / max(self.tokens, 1)


class Helped(NamedTuple):
    """Test-time adaptation: dynamic evaluation, cache and counted model."""

    dynamic: bool = False
    cache: bool = False
    counts: CountedModel | None = None
    """Has read nothing yet."""


UNHELPED = Helped()


def score_split(
    model: LanguageModel,
    split: Split,
    start: int,
    protocol: Protocol = "stream",
    device: str = "cpu",
    helped: Helped = UNHELPED,
    between: Callable[[], None] = lambda: None,
) -> StreamScores:
    """Score a whole split in fp32.  `start` is the token that stands before it.

    `between` is called after every block of it; what it raises ends the scoring.
    """
    nats, hits = 0.0, 0
    for some, likeliest in score_blocks(model, split.tokens, start, protocol, device, helped):
        between()
        nats += float(some.double().sum())
        hits += int(likeliest.sum())
    sizes = split.chars, split.bytes, split.spelling, split.words
    return StreamScores(protocol, len(split.tokens), nats, hits, *sizes)


def score_tokens(
    model: LanguageModel,
    tokens: Ids,
    start: int,
    protocol: Protocol = "stream",
    device: str = "cpu",
    helped: Helped = UNHELPED,
) -> tuple[Tensor, Tensor]:
    """The surprise in nats and whether the likeliest token came, both (N,), for `tokens` (N,)."""
    nats, hits = zip(*score_blocks(model, tokens, start, protocol, device, helped), strict=True)
    return torch.cat(nats), torch.cat(hits)


def score_blocks(
    model: LanguageModel, tokens: Ids, start: int, protocol: Protocol, device: str, helped: Helped
) -> Iterator[tuple[Tensor, Tensor]]:
    """As `score_tokens`, block by block in the order of the text, so that no text is too long.

    Raises InputError for help with windows, which have nothing before them.
    """
    if helped != UNHELPED and protocol != "stream":
        raise InputError(
            "--protocol: windows see nothing before them; leave out --dynamic, --cache and --counts"
        )
    with evaluating(model):
        if helped == UNHELPED:
            yield from _plain_blocks(model, tokens, start, protocol, device)
        else:
            yield from _helped_blocks(model, tokens, start, device, helped)


def _helped_blocks(
    model: LanguageModel, tokens: Ids, start: int, device: str, helped: Helped
) -> Iterator[tuple[Tensor, Tensor]]:
    """A stream read with help, piece by piece."""
    adapting = Adapting(model) if helped.dynamic else None
    counts = helped.counts
    context = counts.start(start) if counts else None
    state, before = model.initial_state(1), start
    outputs, followed = np.empty((0, model.hidden_size), np.float32), np.empty(0, np.int64)
    try:
        for at in range(0, len(tokens), PIECE):
            targets = torch.from_numpy(np.asarray(tokens[at : at + PIECE], dtype=np.int64))
            x = torch.cat([torch.tensor([before]), targets[:-1]]).unsqueeze(1).to(device)
            if adapting:
                features, logits, state = adapting.read(x, targets.unsqueeze(1).to(device), state)
            else:
                with torch.inference_mode():
                    features, state = model.features(x, state)
                    logits = model.logits(features)
            log_p = logits[:, 0].float().log_softmax(1).cpu()
            if helped.cache:
                y = features[:, 0].cpu().numpy()
                seen = len(followed)
                outputs, followed = np.concatenate([outputs, y]), np.concatenate([followed, targets.numpy()])
                log_p = torch.from_numpy(with_cache(log_p.numpy(), y, outputs, followed, seen))
                outputs, followed = outputs[-SIZE:], followed[-SIZE:]
            if counts and context:
                mixed, context = counts.read_along(context, log_p.numpy(), targets.tolist())
                log_p = torch.from_numpy(mixed)
            before = int(targets[-1])
            yield -log_p.gather(1, targets.unsqueeze(1))[:, 0], log_p.argmax(1) == targets
    finally:
        if adapting:
            adapting.forget()


@torch.inference_mode()
def _plain_blocks(
    model: LanguageModel, tokens: Ids, start: int, protocol: Protocol, device: str
) -> Iterator[tuple[Tensor, Tensor]]:
    stream = protocol == "stream"
    size = _CHUNK if stream else WINDOW * _WINDOWS_AT_ONCE
    state, before = model.initial_state(1), start
    for at in range(0, len(tokens), size):
        targets = torch.from_numpy(np.asarray(tokens[at : at + size], dtype=np.int64))
        inputs = torch.cat([torch.tensor([before]), targets[:-1]])
        length = len(targets) if stream else WINDOW
        x, y = _columns(inputs, length).to(device), _columns(targets, length).to(device)
        if not stream:
            state = model.initial_state(x.shape[1])
        features, state = model.features(x, state)
        nats, hits = _surprise(model, features, y)
        n, before = len(targets), int(targets[-1])
        yield nats.T.flatten()[:n].cpu(), hits.T.flatten()[:n].cpu()


def _surprise(model: LanguageModel, features: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Nats and hits of the targets `y` (L, S), both (L, S), from the features (L, S, H) before them."""
    block = max(1, _LOGITS // model.vocab_size)
    rows = zip(torch.split(features.flatten(0, 1), block), torch.split(y.flatten(), block), strict=True)
    nats, hits = [], []
    for some, expected in rows:
        logits = model.logits(some).float()
        nats.append(cross_entropy(logits, expected, reduction="none"))
        hits.append(logits.argmax(dim=1) == expected)
    return torch.cat(nats).view_as(y), torch.cat(hits).view_as(y)


def _columns(sequence: Tensor, length: int) -> Tensor:
    """A sequence (N,) as contiguous columns (length, S), the end filled up: nothing before it sees that."""
    columns = math.ceil(len(sequence) / length)
    padded = torch.nn.functional.pad(sequence, (0, columns * length - len(sequence)))
    return padded.view(columns, length).T.contiguous()
