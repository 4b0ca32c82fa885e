"""The language model: P(next token | all tokens before it)."""

from __future__ import annotations

from torch import Tensor, nn

from rnntui.core.config import ModelConfig
from rnntui.core.models.heads import AdaptiveHead, SoftmaxHead
from rnntui.core.models.stack import Stack, StackState


class LanguageModel(nn.Module):
    """Embedding, recurrent stack, softmax (Mikolov et al. 2010; Zaremba et al. 2014).

    Shapes: T time steps, B streams, V tokens in the vocabulary, E embedding features, H hidden units.
    With `tied`, the output weights are the embedding's (Press and Wolf 2017), behind a projection from
    H to E where the two differ.
    """

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        embedding, hidden = config.embedding_size, config.hidden_size
        self.embedding = nn.Embedding(vocab_size, embedding)
        self.stack = Stack(embedding, config)
        self.dropout = nn.Dropout(config.dropout)
        project = config.tied and hidden != embedding
        self.projection = nn.Linear(hidden, embedding, bias=False) if project else nn.Identity()
        make_head = AdaptiveHead if config.softmax == "adaptive" else SoftmaxHead
        self.head = make_head(embedding if config.tied else hidden, vocab_size)
        if config.tied:
            # As an output matrix, an embedding of unit variance would start with logits far too large.
            nn.init.normal_(self.embedding.weight, std=embedding**-0.5)
            self.head.weight = self.embedding.weight
        self.tied = config.tied

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
        y, state = self.stack(self.embedding(tokens), state)
        return y, state

    def loss(self, tokens: Tensor, targets: Tensor, state: StackState) -> tuple[Tensor, StackState]:
        """The mean of -ln P(target) in nats over `targets` (T, B), those after `tokens`; the state after."""
        y, state = self.features(tokens, state)
        y = self.projection(self.dropout(y)).flatten(0, 1)
        return self.head.loss(y, targets.flatten()), state

    def logits(self, y: Tensor) -> Tensor:
        """Logits (..., V) from the stack's outputs (..., H)."""
        logits: Tensor = self.head(self.projection(self.dropout(y)))
        return logits


def count_parameters(model: nn.Module) -> int:
    """Trainable numbers, tied ones once."""
    return sum(parameter.numel() for parameter in model.parameters())
