"""AdamW and SGD on torch's fused kernels, one pass over all weights.

`torch.optim` does the same, but loads torch's compiler for it, which takes as long as all the rest of torch: a
training would begin two seconds later, and nothing here is compiled by that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

_COUNTER = "step"
"""The one thing kept that is a number."""
Groups = list[dict[str, Any]]
"""Weights (`params`) with what holds for them: `lr`, `weight_decay`, `depth`."""


class Optimiser(ABC):
    """Moves weights by their gradients.

    `grad_scale` divides all gradients, and where `found_inf` is 1 nothing moves: both are numbers on the weights'
    device, so that nobody waits for it.
    """

    def __init__(self, groups: Groups, lr: float) -> None:
        self.param_groups: Groups = [{"lr": lr} | group for group in groups]
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        """What is kept of each weight, once it has had a gradient."""
        self.grad_scale: Tensor | None = None
        self.found_inf: Tensor | None = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every weight that has a gradient."""
        for group in self.param_groups:
            moved = [parameter for parameter in group["params"] if parameter.grad is not None]
            if moved:
                self._move(moved, [parameter.grad for parameter in moved], group)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    @abstractmethod
    def _move(self, weights: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> None:
        """Move `weights` by their gradients."""

    def _kept(self, weights: Iterable[Tensor], names: tuple[str, ...]) -> list[list[Tensor]]:
        """What is kept of the weights under each name, zero at first."""
        for weight in weights:
            if not self.state.get(weight):
                self.state[weight] = {
                    name: torch.zeros((), device=weight.device)
                    if name == _COUNTER
                    else torch.zeros_like(weight)
                    for name in names
                }
        return [[self.state[weight][name] for weight in weights] for name in names]


class AdamW(Optimiser):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019).

    m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, w <- w - lr (d w + m' / (sqrt(v') + e)), with m' and v'
    corrected for their start at zero (Kingma and Ba 2015).
    """

    def __init__(self, groups: Groups, lr: float, betas: tuple[float, float], epsilon: float) -> None:
        super().__init__(groups, lr)
        self._betas, self._epsilon = betas, epsilon

    def _move(self, weights: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> None:
        steps, means, squares = self._kept(weights, (_COUNTER, "exp_avg", "exp_avg_sq"))
        torch._foreach_add_(steps, 1)
        torch._fused_adamw_(
            weights, gradients, means, squares, [], steps,
            lr=group["lr"], beta1=self._betas[0], beta2=self._betas[1], weight_decay=group["weight_decay"],
            eps=self._epsilon, amsgrad=False, maximize=False, grad_scale=self.grad_scale, found_inf=self.found_inf,
        )  # fmt: skip
        if self.found_inf is not None:  # a step that was not taken does not count
            torch._foreach_sub_(steps, [self.found_inf] * len(steps))


class SGD(Optimiser):
    """Stochastic gradient descent with momentum: b <- m b + g + d w, w <- w - lr b."""

    def __init__(self, groups: Groups, lr: float, momentum: float) -> None:
        super().__init__(groups, lr)
        self._momentum = momentum

    def _move(self, weights: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> None:
        buffers = self._kept(weights, ("momentum_buffer",))[0] if self._momentum else []
        torch._fused_sgd_(
            weights, gradients, buffers,
            weight_decay=group["weight_decay"], momentum=self._momentum, lr=group["lr"], dampening=0.0, nesterov=False,
            maximize=False, is_first_step=False, grad_scale=self.grad_scale, found_inf=self.found_inf,
        )  # fmt: skip
