"""How well a model predicts a text: the surprise of every token, by one of two protocols.

`stream`: the text is read once, in order, with the state carried from its first token to its last.
`windows`: independent windows of 256 tokens, each from a zero state (as nanoGPT scores).

Before the first token stands the tokenizer's `start` token, so every token of the text is scored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from rnntui.core.models.language_model import LanguageModel
from rnntui.core.text.dataset import Split
from rnntui.core.text.tokenizers import Ids

Protocol = Literal["stream", "windows"]

WINDOW = 256
_CHUNK = 1024
"""Time steps run at once; the state passes from chunk to chunk."""
_WINDOWS_AT_ONCE = 64
_LOGITS = 1 << 22
"""Most logits held at once (16 MB), whatever the vocabulary."""


@dataclass(frozen=True)
class Scores:
    """A text as the model sees it."""

    protocol: Protocol
    nats: Tensor
    """(N,) -ln P(token | all before it), in the order of the text."""
    hits: Tensor
    """(N,) whether the token was the likeliest one."""
    chars: int
    bytes: int

    @property
    def loss(self) -> float:
        """Mean surprise in nats a token."""
        return float(self.nats.double().mean())

    @property
    def perplexity(self) -> float:
        """exp(loss): among how many equally likely tokens the model would be as unsure."""
        return math.exp(self.loss) if self.loss < 700 else math.inf

    @property
    def bits_per_char(self) -> float:
        return float(self.nats.double().sum()) / math.log(2) / max(self.chars, 1)

    @property
    def bits_per_byte(self) -> float:
        """Over the raw UTF-8 text, so that every tokenizer compares."""
        return float(self.nats.double().sum()) / math.log(2) / max(self.bytes, 1)

    @property
    def accuracy(self) -> float:
        """Share of tokens that were the likeliest one."""
        return float(self.hits.double().mean())


def score_split(
    model: LanguageModel, split: Split, start: int, protocol: Protocol = "stream", device: str = "cpu"
) -> Scores:
    """Score a whole split in fp32.  `start` is the token that stands before it."""
    nats, hits = score_tokens(model, split.tokens, start, protocol, device)
    return Scores(protocol, nats, hits, split.chars, split.bytes)


@torch.inference_mode()
def score_tokens(
    model: LanguageModel, tokens: Ids, start: int, protocol: Protocol = "stream", device: str = "cpu"
) -> tuple[Tensor, Tensor]:
    """The surprise in nats and whether the likeliest token came, both (N,), for `tokens` (N,)."""
    targets = torch.from_numpy(np.asarray(tokens, dtype=np.int64))
    inputs = torch.cat([torch.tensor([start]), targets[:-1]])
    length = len(targets) if protocol == "stream" else WINDOW
    x, y = _columns(inputs, length), _columns(targets, length)
    training = model.training
    model.eval()
    try:
        batches = zip(
            torch.split(x, _WINDOWS_AT_ONCE, dim=1), torch.split(y, _WINDOWS_AT_ONCE, dim=1), strict=True
        )
        scored = [_run(model, some_x.to(device), some_y.to(device)) for some_x, some_y in batches]
    finally:
        model.train(training)
    n = len(targets)
    nats = torch.cat([nats.T.flatten() for nats, _ in scored])
    hits = torch.cat([hits.T.flatten() for _, hits in scored])
    return nats[:n].cpu(), hits[:n].cpu()


def _run(model: LanguageModel, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Run over the columns `x` (L, S) from a zero state; nats and hits of the targets `y`, both (L, S)."""
    nats: list[Tensor] = []
    hits: list[Tensor] = []
    state = model.initial_state(x.shape[1])
    block = max(1, _LOGITS // model.vocab_size)
    for t in range(0, x.shape[0], _CHUNK):
        features, state = model.features(x[t : t + _CHUNK], state)
        rows, wanted = features.flatten(0, 1), y[t : t + _CHUNK].flatten()
        for some, expected in zip(torch.split(rows, block), torch.split(wanted, block), strict=True):
            logits = model.logits(some).float()
            nats.append(cross_entropy(logits, expected, reduction="none"))
            hits.append(logits.argmax(dim=1) == expected)
    return torch.cat(nats).view_as(y), torch.cat(hits).view_as(y)


def _columns(sequence: Tensor, length: int) -> Tensor:
    """A sequence (N,) as contiguous columns (length, S), the end filled up: nothing before it sees that."""
    columns = math.ceil(len(sequence) / length)
    padded = torch.nn.functional.pad(sequence, (0, columns * length - len(sequence)))
    return padded.view(columns, length).T.contiguous()
