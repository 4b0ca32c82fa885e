"""The loss of a softmax over a large vocabulary, without a place for all its logits.

A batch of N tokens over V words has N*V logits, as many log-probabilities and as many gradients: at 200,000
words, gigabytes that pass through memory several times.  Here the logits of some words at a time become
their own gradients in the same place, and go at once into those of the inputs and the weights.  Where there
are too many words for one such place, the logits are made twice: first every row's sum over all words is
taken, then each word's share of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_LOGITS = 1 << 24
"""Most logits that are held all at once: 32 MB in bf16."""
_BLOCK = 1 << 22
"""Logits of a block where there are more: they stay in the cache between two passes."""


def linear_cross_entropy(y: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """The mean of -ln softmax(y weight^T + bias)[target], in nats.

    `y` is (N, H), `weight` (V, H), `bias` (V,), `targets` (N,).  Under autocast the products are in its
    precision; the softmax and its sum are in fp32.
    """
    apply: Callable[..., Tensor] = _LinearCrossEntropy.apply
    return apply(y, weight, bias, targets)


class _LinearCrossEntropy(torch.autograd.Function):
    """Gradients are made on the way forward, as the logits are there only then."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
        device = y.device.type
        autocast = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if autocast else y.dtype
        N, V = len(y), len(weight)
        width = V if N * V <= _LOGITS else max(1, _BLOCK // N)
        blocks = [slice(first, min(first + width, V)) for first in range(0, V, width)]
        with torch.autocast(device, enabled=False):
            y = y.to(dtype)
            softmax = _Softmax(targets, torch.promote_types(dtype, torch.float32))

            def block_of(words: slice) -> tuple[Tensor, Tensor]:
                W = weight[words].to(dtype)
                return W, torch.addmm(bias[words].to(dtype), y, W.t())

            for words in blocks:
                W, logits = block_of(words)
                softmax.look(logits, words.start)
            if any(ctx.needs_input_grad):
                dy, ones = (
                    torch.zeros_like(y, dtype=softmax.dtype),
                    torch.ones(1, N, dtype=dtype, device=y.device),
                )
                dW, db = torch.empty_like(weight), torch.empty_like(bias)
                for words in blocks:
                    if len(blocks) > 1:
                        W, logits = block_of(words)
                    softmax.turn_into_gradients(logits, words.start)
                    dy += logits @ W
                    dW[words], db[words] = logits.t() @ y, (ones @ logits)[0]
                ctx.save_for_backward(dy, dW, db)
        return softmax.loss()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        # 1, or the scale that keeps fp16 from vanishing; looking at it would wait for a GPU.
        if d_loss.device.type == "cpu" and d_loss == 1:
            return *ctx.saved_tensors, None
        dy, dW, db = (part * d_loss for part in ctx.saved_tensors)
        return dy, dW, db, None


class _Softmax:
    """The softmax of rows whose words come in blocks, for the targets (N,)."""

    def __init__(self, targets: Tensor, dtype: torch.dtype) -> None:
        self.targets, self.dtype = targets.contiguous(), dtype
        self.largest = torch.full((len(targets),), -torch.inf, dtype=dtype, device=targets.device)
        self.total, self.chosen = torch.zeros_like(self.largest), torch.zeros_like(self.largest)

    def look(self, logits: Tensor, first: int) -> None:
        """Take the logits (N, words) of the words from `first` on into the rows' sums."""
        if logits.device.type == "cpu":
            self._fast("look", logits, first)
            return
        now = torch.maximum(self.largest, logits.amax(dim=1).to(self.dtype))
        shares = (logits.to(self.dtype) - now.unsqueeze(1)).exp_().sum(dim=1)
        self.total = self.total * (self.largest - now).exp() + shares
        self.largest = now
        at, here = self._at(logits, first)
        self.chosen = torch.where(here, logits.gather(1, at)[:, 0].to(self.dtype), self.chosen)

    def turn_into_gradients(self, logits: Tensor, first: int) -> None:
        """Put the gradients of the loss in the place of the logits of the words from `first` on."""
        if logits.device.type == "cpu":
            self._fast("turn_into_gradients", logits, first)
            return
        p = (logits.to(self.dtype) - self.largest.unsqueeze(1)).exp_().div_(self.total.unsqueeze(1))
        at, here = self._at(logits, first)
        p.scatter_add_(1, at, -here.unsqueeze(1).to(self.dtype))
        logits.copy_(p.div_(len(logits)))

    def loss(self) -> Tensor:
        """The mean of -ln P(target)."""
        return (self.total.log() + self.largest - self.chosen).mean()

    def _at(self, logits: Tensor, first: int) -> tuple[Tensor, Tensor]:
        """Each target's column (N, 1), and whether it is one of these (N,)."""
        at = self.targets - first
        return at.clamp(0, logits.shape[1] - 1).unsqueeze(1), (at >= 0) & (at < logits.shape[1])

    def _fast(self, name: str, logits: Tensor, first: int) -> None:
        from rnntui.core.kernels import softmax

        scale = torch.full((1,), 1 / len(logits), dtype=self.dtype)
        rows = softmax.RowSums(self.largest, self.total, self.chosen, scale)
        getattr(softmax, name)(logits, first, self.targets, rows)
