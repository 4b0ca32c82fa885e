"""The classifier: P(label | text)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from rnntui.core.config.schema import ModelConfig
from rnntui.core.nn.base import NO_PENALTIES, Loss, Penalties
from rnntui.core.nn.encoder import Reader
from rnntui.core.nn.heads import SoftmaxHead
from rnntui.core.nn.pooling import POOLINGS
from rnntui.core.nn.stack import StackState


class Classifier(Reader):
    """What reads texts, pooling, softmax over the labels.

    Shapes: T time steps, B texts, E embedding features, L labels; the others as `Reader` has them.
    """

    head_is_new = True

    def __init__(self, config: ModelConfig, vocab_size: int, labels: int) -> None:
        super().__init__(config, vocab_size)
        self._layers = config.num_layers
        self.labels = labels
        pooling = POOLINGS[config.pooling]
        self.pooling = pooling(self.features, config.bidirectional)
        self.head = SoftmaxHead(self.features * pooling.widens, labels)

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
        """Loss of the labels (B,) of texts (T, B), each of so many tokens (B,), in this order."""
        tokens, lengths, labels = arrays
        features = self._pooled(self.embedding(tokens), lengths)
        nats, objective = self.head.loss(features, labels, penalties.smoothing)
        return Loss(nats, objective, state)

    def _pooled(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, F or more) from embedded texts x (T, B, E)."""
        pooled = self.pooling(self.outputs(x, lengths), lengths)
        # One mask for the vector of a text: of a locked one, nothing but that is left.
        dropped: Tensor = self.dropout(pooled.unsqueeze(0)).squeeze(0)
        return dropped
