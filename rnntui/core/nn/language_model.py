"""The language model: P(next token | all tokens before it)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from rnntui.core.cells.base import Lookup
from rnntui.core.config.schema import ModelConfig
from rnntui.core.nn.base import NO_PENALTIES, Loss, Model, Penalties
from rnntui.core.nn.dropouts import DroppingEmbedding, LockedDropout
from rnntui.core.nn.heads import HEADS, SoftmaxHead
from rnntui.core.nn.stack import Stack, StackState


class LanguageModel(Model):
    """Embedding, recurrent stack, softmax (Mikolov et al. 2010; Zaremba et al. 2014).

    Shapes: T time steps, B streams, V tokens in the vocabulary, E embedding features, H hidden units.
    With `tied`, the output weights are the embedding's (Press and Wolf 2017), behind a projection from
    H to E where the two differ.
    """

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        self.vocab_size, self.hidden_size = vocab_size, config.hidden_size
        embedding, hidden = config.embedding_size, config.hidden_size
        self.embedding = DroppingEmbedding(vocab_size, embedding, config.embedding_dropout or 0.0)
        self.input_dropout = LockedDropout(config.input_dropout or 0.0)
        self.stack = Stack(embedding, config)
        self.dropout = LockedDropout(config.dropout or 0.0)
        project = config.tied and hidden != embedding
        self.projection = nn.Linear(hidden, embedding, bias=False) if project else nn.Identity()
        self.head: SoftmaxHead = HEADS[config.softmax](embedding if config.tied else hidden, vocab_size)
        if config.tied:
            # As an output matrix, an embedding of unit variance would start with logits far too large.
            self.embedding.draw(embedding**-0.5)
            self.head.weight = self.embedding.weight
        self.tied_to = "embedding.weight" if config.tied else ""

    def initial_state(self, batch_size: int) -> StackState:
        """The zero state for `batch_size` streams."""
        return self.stack.initial_state(batch_size)

    def forward(self, tokens: Tensor, state: StackState) -> tuple[Tensor, StackState]:
        """Logits (T, B, V) of the token after each of `tokens` (T, B), and the state after the last."""
        y, state = self.features(tokens, state)
        return self.logits(y), state

    def features(self, tokens: Tensor, state: StackState) -> tuple[Tensor, StackState]:
        """The stack's outputs (T, B, H) over `tokens` (T, B), and the state after the last."""
        y: Tensor
        y, state = self.stack(self._embedded(tokens), state)
        return y, state

    def _embedded(self, tokens: Tensor) -> Tensor | Lookup:
        """Input of the stack: the rows of few tokens, unless every stream leaves out other features of them."""
        if self.vocab_size < tokens.numel() and self.input_dropout.idle:
            return Lookup(tokens, self.embedding.rows())
        x: Tensor = self.input_dropout(self.embedding(tokens))
        return x

    def begin_at(self, counts: Tensor) -> None:
        self.head.begin_at(counts)

    def loss(self, arrays: Sequence[Tensor], state: StackState, penalties: Penalties = NO_PENALTIES) -> Loss:
        """Loss of targets (T, B), the tokens after those in (T, B).

        `arrays` are the two, the tokens first.
        """
        tokens, targets = arrays
        y, state = self.features(tokens, state)
        dropped = self.dropout(y)
        features, targets = self.projection(dropped).flatten(0, 1), targets.flatten()
        nats, objective = self.head.loss(features, targets, penalties.smoothing)
        if penalties.activation:
            objective = objective + penalties.activation * dropped.float().square().mean()
        if penalties.temporal and len(y) > 1:
            objective = objective + penalties.temporal * y.float().diff(dim=0).square().mean()
        return Loss(nats, objective, state)

    def logits(self, y: Tensor) -> Tensor:
        """Logits (..., V) from the stack's outputs (T, B, H), or (N, H) without dropout."""
        logits: Tensor = self.head(self.projection(self.dropout(y)))
        return logits
