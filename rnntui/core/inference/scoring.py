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
from rnntui.core.models.stack import StackState
from rnntui.core.text.dataset import Split
from rnntui.core.text.tokenizers import Ids

Protocol = Literal["stream", "windows"]

WINDOW = 256
_CHUNK = 256
"""Time steps run at once; states pass from chunk to chunk."""
_SEGMENTS = 32
_SHORTEST_SEGMENT = 512
_LOGITS = 1 << 22
"""Most logits held at once (16 MB), whatever the vocabulary."""
_SETTLED = 1e-3
"""How close a segment's first state must be to the state that the segment before it ended in, as a
share of the largest value there.  The loss then differs from the sequential one by less than 1e-6."""


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
    n = len(targets)
    training = model.training
    model.eval()
    try:
        if protocol == "windows":
            nats, hits = _windows(model, inputs, targets, device)
        else:
            nats, hits = _stream(model, inputs, targets, device)
    finally:
        model.train(training)
    return nats[:n].cpu(), hits[:n].cpu()


def _stream(model: LanguageModel, inputs: Tensor, targets: Tensor, device: str) -> tuple[Tensor, Tensor]:
    """One pass in order, computed on all segments of the text side by side.

    A recurrent network reads one token after the other, which leaves a processor idle.  So the text is
    cut into S segments that run as a batch, and the state in which segment s ended becomes the state in
    which segment s + 1 begins; this is repeated until those states stand still.  After k rounds every
    segment has seen the k segments before it, so S rounds give the sequential result exactly, and two
    or three are enough for a network that forgets within a segment or two (of at least 512 tokens).
    """
    segments = max(1, min(_SEGMENTS, len(targets) // _SHORTEST_SEGMENT))
    x, y = _columns(inputs, segments, device), _columns(targets, segments, device)
    first = model.initial_state(segments)
    if segments > 1:
        _, _, last = _run(model, x, None, first)
        first = _handed_on(last)
    for _ in range(segments):
        nats, hits, last = _run(model, x, y, first)
        handed_on = _handed_on(last)
        if segments == 1 or _distance(first, handed_on) <= _SETTLED:
            break
        first = handed_on
    return nats.T.flatten(), hits.T.flatten()


def _windows(model: LanguageModel, inputs: Tensor, targets: Tensor, device: str) -> tuple[Tensor, Tensor]:
    """Windows of 256 tokens from a zero state, 64 at a time; the last one may be shorter."""
    count = -(-len(targets) // WINDOW)
    x, y = _columns(inputs, count, device, WINDOW), _columns(targets, count, device, WINDOW)
    scored = []
    for s in range(0, count, 64):
        batch = slice(s, s + 64)
        some_x, some_y = x[:, batch], y[:, batch]
        nats, hits, _ = _run(model, some_x, some_y, model.initial_state(some_x.shape[1]))
        scored.append((nats.T.flatten(), hits.T.flatten()))
    return torch.cat([nats for nats, _ in scored]), torch.cat([hits for _, hits in scored])


def _run(
    model: LanguageModel, x: Tensor, y: Tensor | None, state: StackState
) -> tuple[Tensor, Tensor, StackState]:
    """Run over `x` (L, S); score against `y` (L, S) where given.  Returns nats and hits (L, S), the state."""
    nats: list[Tensor] = []
    hits: list[Tensor] = []
    for t in range(0, x.shape[0], _CHUNK):
        features, state = model.features(x[t : t + _CHUNK], state)
        if y is None:
            continue
        rows, wanted = features.flatten(0, 1), y[t : t + _CHUNK].flatten()
        block = max(1, _LOGITS // model.vocab_size)
        for some, expected in zip(torch.split(rows, block), torch.split(wanted, block), strict=True):
            logits = model.logits(some).float()
            nats.append(cross_entropy(logits, expected, reduction="none"))
            hits.append(logits.argmax(dim=1) == expected)
    if y is None:
        return x, x, state
    return torch.cat(nats).view_as(y), torch.cat(hits).view_as(y), state


def _columns(sequence: Tensor, columns: int, device: str, length: int | None = None) -> Tensor:
    """A sequence (N,) as contiguous columns (L, S), the end filled up: nothing before it sees that."""
    length = length or -(-len(sequence) // columns)
    padded = torch.nn.functional.pad(sequence, (0, columns * length - len(sequence)))
    return padded.view(columns, length).T.contiguous().to(device)


def _handed_on(last: StackState) -> StackState:
    """Each segment's first state: zero for the first one, else the last state of the one before it."""
    return tuple(
        tuple(torch.cat([torch.zeros_like(part[:1]), part[:-1]]) for part in layer) for layer in last
    )


def _distance(a: StackState, b: StackState) -> float:
    """The largest difference between two states, as a share of the largest value of its kind."""
    return max(
        float((one - other).abs().max() / other.abs().max().clamp_min(1e-9))
        for layer, other_layer in zip(a, b, strict=True)
        for one, other in zip(layer, other_layer, strict=True)
    )
