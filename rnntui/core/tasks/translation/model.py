"""The translator: P(next token of the target | all before it, and the whole source)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from rnntui.core.cells import CELLS
from rnntui.core.config.schema import ModelConfig
from rnntui.core.nn.base import NO_PENALTIES, Loss, Penalties
from rnntui.core.nn.dropouts import DroppingEmbedding, drawn_for, held
from rnntui.core.nn.encoder import Reader
from rnntui.core.nn.heads import SoftmaxHead
from rnntui.core.nn.pooling import LastPooling, within
from rnntui.core.nn.stack import Stack, StackState
from rnntui.core.tasks.translation.attention import attention_of


class EncodedSources(NamedTuple):
    """The encoded sources."""

    y: Tensor
    """(B, S, F)"""
    keys: Tensor
    """(B, S, H)"""
    outside: Tensor
    """(B, 1, S): what is filled up, where nobody may look."""


class Place(NamedTuple):
    """State of the decoder."""

    state: StackState
    fed: Tensor
    """(B, A) output of the last step: with input feeding, an input of the next one."""


class Translator(Reader):
    """An encoder and a decoder of the same cells (Sutskever et al. 2014), with attention between them.

    h_t    = cells([x_t ; a_t-1], state)          a_t-1 with input feeding only
    c_t    = sum_s softmax_s(e_ts) y_s
    a_t    = tanh(W [c_t ; h_t])
    P(y_t) = softmax(V a_t)

    as in Luong et al. (2015).  The scores e are either one's (`attention.py`); Bahdanau et al. (2015) look before the
    cell moves, which is what input feeding tells the cell one step later.  Without attention there is no c_t.  The
    decoder's state begins as tanh(B y), y being the last output of the encoder in each direction.

    Shapes: S tokens of a source, T of a target, B pairs, F features of the source, H hidden units, A features of a
    (those of the embedding where the output weights are tied to it, else H), V tokens in the target's vocabulary.
    """

    def __init__(self, config: ModelConfig, vocab_size: int, target_vocab_size: int, shared: bool) -> None:
        super().__init__(config, vocab_size)
        embedding, hidden = config.embedding_size, config.hidden_size
        out = embedding if config.tied else hidden
        self.target_embedding = (
            None
            if shared
            else DroppingEmbedding(target_vocab_size, embedding, config.embedding_dropout or 0.0)
        )
        self.input_feeding, self.scheduled_sampling = config.input_feeding, config.scheduled_sampling
        decoded = embedding + (out if config.input_feeding else 0)
        self.decoder = Stack(decoded, config)
        self.last = LastPooling(self.features, config.bidirectional)
        sizes = [decoded] + [hidden] * (config.num_layers - 1)
        self._shapes = [CELLS[config.cell].state_shapes(size, hidden) for size in sizes]
        self.begin = nn.Linear(self.features, sum(prod(part) for layer in self._shapes for part in layer))
        self.attention = attention_of(config.attention, hidden, self.features)
        self.combine = nn.Linear(hidden + (self.features if self.attention else 0), out)
        self.head = SoftmaxHead(out, target_vocab_size)
        if config.tied:
            matrix = self._targets()
            matrix.draw(embedding**-0.5)
            self.head.weight = matrix.weight
            self.tied_to = "embedding.weight" if shared else "target_embedding.weight"

    def _targets(self) -> DroppingEmbedding:
        return self.target_embedding or self.embedding

    def begin_at(self, counts: Tensor) -> None:
        self.head.begin_at(counts)

    def read(self, sources: Tensor, lengths: Tensor) -> tuple[EncodedSources, Place]:
        """Read sources (S, B), each of so many tokens (B,); where the decoder begins."""
        outputs = self.outputs(self.embedding(sources), lengths)
        begin = self.begin(self.last(outputs, lengths)).tanh()
        numbers = iter(begin.split([prod(part) for layer in self._shapes for part in layer], dim=1))
        state = tuple(
            tuple(next(numbers).reshape(-1, *part).contiguous() for part in layer) for layer in self._shapes
        )
        y = outputs.transpose(0, 1)
        keys = y if self.attention is None else self.attention.keys(y)
        outside = ~within(outputs, lengths).squeeze(2).T.unsqueeze(1)
        return EncodedSources(y, keys, outside), Place(
            state, begin.new_zeros(len(begin), self.combine.out_features)
        )

    def advance(self, tokens: Tensor, place: Place, memory: EncodedSources) -> tuple[Tensor, Tensor, Place]:
        """Read the target's last tokens (B,): ln P (B, V) of the next ones, where it looked (B, S), the new place."""
        x = self._targets()(tokens.unsqueeze(0))
        a, looked, place = self._step(x, place, memory)
        log_p = self.head(a[0]).float().log_softmax(1)
        return log_p, looked[:, 0], place

    def decoded(self, tokens: Tensor, place: Place, memory: EncodedSources) -> Tensor:
        """Decoder outputs a (T, B, A) for target tokens (T, B), after dropout."""
        guessing = self.scheduled_sampling if self.training else 0.0
        if not self.input_feeding and not guessing:
            a, _, _ = self._step(self._read_target(tokens), place, memory)
            return cast("Tensor", self.dropout(a))
        steps: list[Tensor] = []
        with held(self):
            x = self._read_target(tokens)
            for t in range(len(x)):
                now = x[t : t + 1]
                if t and guessing:
                    now = self._guessed(now, steps[-1], guessing)
                a, _, place = self._step(now, place, memory)
                steps.append(a)
        return cast("Tensor", self.dropout(torch.cat(steps)))

    def _read_target(self, tokens: Tensor) -> Tensor:
        """Embedded target tokens (T, B, E), after dropout."""
        return cast("Tensor", self.input_dropout(self._targets()(tokens)))

    def _guessed(self, x: Tensor, before: Tensor, share: float) -> Tensor:
        """x (1, B, E) with that `share` of the texts fed the model's own prediction of the last token.

        Scheduled sampling (Bengio et al. 2015), the likeliest token in the place of a drawn one.
        """
        with torch.no_grad():
            own = self.head(before).argmax(2)
            drawn = drawn_for(own.shape[1], 1, lambda rows: torch.rand(1, rows, device=own.device))
            chosen = drawn < share
        return torch.where(chosen.unsqueeze(2), self._read_target(own), x)

    def _step(self, x: Tensor, place: Place, memory: EncodedSources) -> tuple[Tensor, Tensor, Place]:
        """Some steps at once from x (T, B, E): a (T, B, A), where it looked (B, T, S), and the place after them."""
        if self.input_feeding:
            x = torch.cat([x, place.fed.unsqueeze(0)], dim=2)
        h, state = self.decoder(x, place.state)
        if self.attention is None:
            looked = memory.outside.new_zeros(h.shape[1], len(h), memory.y.shape[1], dtype=h.dtype)
            a = self.combine(h).tanh()
            return a, looked, Place(state, a[-1])
        scores = self.attention(h.transpose(0, 1), memory.keys).float()
        looked = scores.masked_fill(memory.outside, -torch.inf).softmax(2)
        context = (looked.to(memory.y.dtype) @ memory.y).transpose(0, 1)
        a = self.combine(torch.cat([context.to(h.dtype), h], dim=2)).tanh()
        return a, looked, Place(state, a[-1])

    def loss(self, arrays: Sequence[Tensor], state: StackState, penalties: Penalties = NO_PENALTIES) -> Loss:
        """Loss of the targets.

        `arrays` are sources (S, B), how long each is (B,), targets (T + 1, B) with the token that stands before them,
        and the number of predictions in each (B,).
        """
        sources, source_lengths, targets, lengths = arrays
        memory, place = self.read(sources, source_lengths)
        a = self.decoded(targets[:-1], place, memory)
        inside = within(a, lengths).squeeze(2)
        features, expected = a[inside], targets[1:][inside]
        nats, objective = self.head.loss(features, expected, penalties.smoothing)
        return Loss(nats, objective, state)
