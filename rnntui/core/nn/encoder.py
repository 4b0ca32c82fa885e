"""Reading whole texts: what a classifier and a translator begin with."""

from __future__ import annotations

import torch
from torch import Tensor

from rnntui.core.config.schema import ModelConfig
from rnntui.core.nn.base import Model
from rnntui.core.nn.dropouts import DroppingEmbedding, LockedDropout
from rnntui.core.nn.pooling import backward_in
from rnntui.core.nn.stack import Stack, StackState


class Reader(Model):
    """An embedding and a recurrent stack over texts of many lengths, none of which sees what is filled up behind it.

    With `bidirectional`, a second stack reads each text from its end, and the outputs of both stand side by
    side (Schuster and Paliwal 1997).  Shapes: S time steps, B texts, E embedding features, H hidden units, F
    features (H, or 2H with both directions).
    """

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.embedding = DroppingEmbedding(vocab_size, config.embedding_size, config.embedding_dropout or 0.0)
        self.input_dropout = LockedDropout(config.input_dropout or 0.0)
        self.stack = Stack(config.embedding_size, config)
        self.backward_stack = Stack(config.embedding_size, config) if config.bidirectional else None
        self.features = config.hidden_size * (1 + config.bidirectional)
        self.dropout = LockedDropout(config.dropout or 0.0)

    def initial_state(self, batch_size: int) -> StackState:
        """None is carried: each text begins anew."""
        return ()

    def outputs(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(S, B, F) from embedded texts x (S, B, E), each of so many tokens (B,)."""
        x, texts = self.input_dropout(x), x.shape[1]
        y: Tensor
        y, _ = self.stack(x, self.stack.initial_state(texts))
        if self.backward_stack is None:
            return y
        turned, _ = self.backward_stack(backward_in(x, lengths), self.stack.initial_state(texts))
        return torch.cat([y, backward_in(turned, lengths)], dim=2)
