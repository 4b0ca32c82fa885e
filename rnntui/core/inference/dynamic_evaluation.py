"""A model that learns from the text it reads (dynamic evaluation; Krause et al. 2018).

What was just read is often said again: after every piece the weights take a small step on it, and are drawn
back a little towards the trained ones, so that what is not repeated fades.  A piece is always scored before
it is learned from.

In three points this is not the paper's method, so that its figures are not comparable to those of the paper:

1. The usual size of a gradient is that of the text read so far, with a warm-up of eight steps; the paper takes it from
   the training text, once.
2. Every weight is drawn back by the same share; the paper draws back more where gradients are usually large.
3. A step is taken every 32 tokens, with one rate for all models and texts; the paper takes one every 5 words or 20
   characters, and chooses rate and decay on the validation text.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.nn.stack import StackState, detached

PIECE = 32
"""Tokens that a step is taken on."""
_RATE = 3e-4
"""Step of a weight whose gradient is as large as usual."""
_DECAY = 2e-3
"""The share of the way back that every step takes."""
_WARM = 8
"""Steps until the usual size of the gradients is known and steps have their full length."""
_EPSILON = 1e-8


class Adapting:
    """Moves the weights of `model`, in evaluation mode, in place: whoever shares their memory sees them move.

    A step is w <- w - rate g / rms(g) + decay (w_0 - w), where rms(g) is of the weight's gradients so far
    and w_0 the trained weight.
    """

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        self._weights: list[Tensor] = [parameter.requires_grad_() for parameter in model.parameters()]
        self._trained = [weight.detach().clone() for weight in self._weights]
        self._squares = [torch.zeros_like(weight) for weight in self._weights]
        self.steps = 0

    def read(
        self, tokens: Tensor, targets: Tensor, state: StackState, learned: Tensor | None = None
    ) -> tuple[Tensor, Tensor, StackState]:
        """Learn that `targets` (T, 1) came after `tokens` (T, 1); of some only the targets that are `learned` (T,).

        Returns what was thought before that: the features (T, 1, H) and logits (T, 1, V), and the state after the
        last token.
        """
        with torch.enable_grad():
            features, state = self.model.features(tokens, state)
            logits = self.model.logits(features)
            shown, expected = logits.flatten(0, 1).float(), targets.flatten()
            if learned is not None:
                shown, expected = shown[learned], expected[learned]
            if not len(expected):
                return features.detach(), logits.detach(), detached(state)
            loss = cross_entropy(shown, expected)
            gradients = torch.autograd.grad(loss, self._weights)
        self._step(list(gradients))
        return features.detach(), logits.detach(), detached(state)

    @torch.no_grad()
    def _step(self, gradients: list[Tensor]) -> None:
        self.steps += 1
        torch._foreach_addcmul_(self._squares, gradients, gradients)
        usual = torch._foreach_sqrt(torch._foreach_div(self._squares, self.steps))
        torch._foreach_add_(usual, _EPSILON)
        torch._foreach_lerp_(self._weights, self._trained, _DECAY)
        rate = _RATE * min(1.0, self.steps / _WARM)
        torch._foreach_addcdiv_(self._weights, gradients, usual, value=-rate)

    @torch.no_grad()
    def forget(self) -> None:
        """Go back to the trained weights."""
        torch._foreach_copy_(self._weights, self._trained)
        torch._foreach_zero_(self._squares)
        self.steps = 0
