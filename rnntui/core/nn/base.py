"""The interface of every model for training: a loss over a batch, and initial biases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from torch import Tensor, nn

from rnntui.core.nn.stack import StackState


class Penalties(NamedTuple):
    """Weights of the penalties that training adds to the loss."""

    activation: float = 0.0
    """Times the mean square of the outputs after dropout (AR of Merity et al. 2017)."""
    temporal: float = 0.0
    """Times the mean square of what the outputs change from token to token (TAR, as above)."""
    smoothing: float = 0.0
    """The share of each target that all tokens get in equal parts (Szegedy et al. 2016)."""


NO_PENALTIES = Penalties()


class Loss(NamedTuple):
    """A piece of text as training sees it."""

    nats: Tensor
    """The mean of -ln P(target)."""
    objective: Tensor
    """The same with the penalties: what the gradient is of."""
    state: StackState
    """After the piece."""


class Model(nn.Module, ABC):
    """An embedding, recurrent layers and a head, whatever they are to tell."""

    tied_to = ""
    """The embedding whose weights the output's are, where they are one."""
    head_is_new = False
    """True if a model of this kind that begins with a language model learns a head of its own."""

    @abstractmethod
    def initial_state(self, batch_size: int) -> StackState:
        """The zero state for so many sequences; () where none is carried from batch to batch."""

    @abstractmethod
    def loss(self, arrays: Sequence[Tensor], state: StackState, penalties: Penalties = NO_PENALTIES) -> Loss:
        """Loss of a batch, whose `arrays` are on the model's device."""

    @abstractmethod
    def begin_at(self, counts: Tensor) -> None:
        """Begin with the frequencies of the outcomes, from `counts` (V,): nothing of that has to be learned."""

    def depth_of(self, name: str) -> int:
        """Number of layers between the head and the parameter called `name`, its own counted."""
        return 0


M = TypeVar("M", bound=Model)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode for the length of the block, then as it was."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def count_parameters(model: nn.Module) -> int:
    """Trainable numbers, tied ones once."""
    return sum(parameter.numel() for parameter in model.parameters())
