"""The classifier: P(label | text)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rnntui.core.models.base import NO_PENALTIES, Loss, Model, Penalties
from rnntui.core.models.dropouts import DroppingEmbedding, LockedDropout
from rnntui.core.models.heads import SoftmaxHead
from rnntui.core.models.pooling import POOLINGS, backward_in
from rnntui.core.models.stack import Stack, StackState
from rnntui.core.sections import ModelConfig


class Classifier(Model):
    """Embedding, recurrent stack, pooling, softmax over the labels.

    With `bidirectional`, a second stack reads each text from its end, and the outputs of both stand side by
    side (Schuster and Paliwal 1997).  Shapes: T time steps, B texts, E embedding features, H hidden units, F
    features (H, or 2H with both directions), L labels.
    """

    head_is_new = True

    def __init__(self, config: ModelConfig, vocab_size: int, labels: int) -> None:
        super().__init__()
        self._layers = config.num_layers
        self.vocab_size, self.labels = vocab_size, labels
        self.embedding = DroppingEmbedding(vocab_size, config.embedding_size, config.embedding_dropout or 0.0)
        self.input_dropout = LockedDropout(config.input_dropout or 0.0)
        self.stack = Stack(config.embedding_size, config)
        self.backward_stack = Stack(config.embedding_size, config) if config.bidirectional else None
        features = config.hidden_size * (1 + config.bidirectional)
        self.dropout = LockedDropout(config.dropout or 0.0)
        pooling = POOLINGS[config.pooling]
        self.pooling = pooling(features, config.bidirectional)
        self.head = SoftmaxHead(features * pooling.widens, labels)

    def initial_state(self, batch_size: int) -> StackState:
        """None is carried: each text begins anew."""
        return ()

    def begin_at(self, counts: Tensor) -> None:
        self.head.begin_at(counts)

    def depth_of(self, name: str) -> int:
        if name.startswith("embedding."):
            return self._layers + 1
        part, _, rest = name.partition(".")
        return self._layers - int(rest.split(".")[1]) if part == "stack" else 0

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B, L) of texts in `tokens` (T, B), each of so many tokens (B,)."""
        return self.of_embedded(self.embedding(tokens), lengths)

    def of_embedded(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B, L) of texts that are embedded already, x (T, B, E)."""
        logits: Tensor = self.head(self._pooled(x, lengths))
        return logits

    def loss(self, arrays: Sequence[Tensor], state: StackState, penalties: Penalties = NO_PENALTIES) -> Loss:
        """How surprising the labels (B,) of texts (T, B) are, each of so many tokens (B,), in this order."""
        tokens, lengths, labels = arrays
        features = self._pooled(self.embedding(tokens), lengths)
        objective = nats = self.head.loss(features, labels)
        if penalties.smoothing:
            objective = objective + penalties.smoothing * self.head.excess(features, labels)
        return Loss(nats, objective, state)

    def _pooled(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, F or more) from embedded texts x (T, B, E)."""
        x, texts = self.input_dropout(x), x.shape[1]
        y, _ = self.stack(x, self.stack.initial_state(texts))
        if self.backward_stack is not None:
            turned, _ = self.backward_stack(backward_in(x, lengths), self.stack.initial_state(texts))
            y = torch.cat([y, backward_in(turned, lengths)], dim=2)
        # One mask for the vector of a text: of a locked one, nothing but that is left.
        pooled: Tensor = self.dropout(self.pooling(y, lengths).unsqueeze(0)).squeeze(0)
        return pooled
