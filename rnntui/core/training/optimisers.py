"""AdamW and SGD on torch's fused kernels, one pass over all weights; and Shampoo, a matrix at a time.

`torch.optim` has the first two, but loads torch's compiler for them, which takes as long as all the rest of torch: a
training would begin two seconds later, and nothing here is compiled by that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container, Iterable
from typing import Any

import torch
from torch import Tensor

from rnntui.core.training.devices import one_thread

_COUNTER = "step"
"""The one thing kept that is a number."""
WIDEST = 512
"""Columns that Shampoo whitens together, at most; a wider matrix is taken in blocks of columns."""
_MEMORY = 0.9
"""Decay rate of the covariance of the gradients' columns, at every update."""
_LOOK, _RENEW = 10, 50
"""Steps from one look at that to the next, and from one root of it to the next."""
_OFTEN, _EARLY = 10, (2, 5, 10)
"""Until so many steps it is looked at in each, and its root renewed at these."""
_DAMPING = 1e-4
"""Share of the largest eigenvalue added to all: directions that hardly occur are not blown up."""
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
        self.coarse: torch.dtype | None = None
        """What matrices are multiplied in where that need not be exact; None leaves them as they are."""

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
    def begun(self, weight: Tensor) -> dict[str, Tensor]:
        """Initial optimiser state of a weight, by name."""

    def begun_as(self, weight: Tensor, names: Container[str]) -> dict[str, Tensor]:
        """As `begun`, for a checkpoint that has these `names`: one of an older version may keep other things."""
        return self.begun(weight)

    @abstractmethod
    def numbers_kept(self, weight: Tensor) -> int:
        """Number of values in the optimiser state of a weight, which may be without storage."""

    @abstractmethod
    def _move(self, weights: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> None:
        """Move `weights` by their gradients."""

    def _kept(self, weights: Iterable[Tensor], names: tuple[str, ...]) -> list[list[Tensor]]:
        """Optimiser state of the weights under each name."""
        for weight in weights:
            if not self.state.get(weight):
                self.state[weight] = self.begun(weight)
        return [[self.state[weight][name] for weight in weights] for name in names]


class AdamW(Optimiser):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019).

    m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, w <- w - lr (d w + m' / (sqrt(v') + e)), with m' and v'
    corrected for their start at zero (Kingma and Ba 2015).
    """

    def __init__(self, groups: Groups, lr: float, betas: tuple[float, float], epsilon: float) -> None:
        super().__init__(groups, lr)
        self._betas, self._epsilon = betas, epsilon

    def begun(self, weight: Tensor) -> dict[str, Tensor]:
        # The fused kernels want the counter beside the weights.
        moments = {name: torch.zeros_like(weight) for name in ("exp_avg", "exp_avg_sq")}
        return {_COUNTER: torch.zeros((), device=weight.device)} | moments

    def numbers_kept(self, weight: Tensor) -> int:
        return 1 + 2 * weight.numel()

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


class Shampoo(AdamW):
    """Shampoo on one side (Gupta et al. 2018), with a step for each row as long as AdamW's.

    The gradients g (O, I) of a matrix are alike in their rows: what all units feed back of an input grows and
    falls together.  Divided by the root of what its columns have in common, every direction of the input is
    learned as fast:

        R <- a R + (1 - a) g^T g,  P = (R + d |R|)^(-1/2) up to a factor, made anew now and then
        f = g P,  m <- b1 m + (1 - b1) f,  v <- b2 v + (1 - b2) (the mean of f^2 over each row)
        w <- w - lr (D w + m' / (sqrt(v') + e)), with m' and v' as AdamW has them

    A matrix of more than `WIDEST` columns is whitened in blocks of equally many columns, each by itself, so that
    networks of all widths learn by one rule; the length of a step is that of the whole row.  Vectors move as AdamW
    moves them.
    """

    def begun(self, weight: Tensor) -> dict[str, Tensor]:
        if weight.dim() != 2:
            return super().begun(weight)
        rows, columns = weight.shape
        return {
            # On the CPU: what is due is asked at every step, and a GPU would be waited for.
            "count": torch.zeros(()),
            "momentum": torch.zeros_like(weight),
            "row_square": weight.new_zeros(rows, 1),
            # Those of the blocks side by side, each under its columns.
            "covariance": weight.new_zeros(_block(columns), columns),
            "whitening": weight.new_zeros(_block(columns), columns),
        }

    def begun_as(self, weight: Tensor, names: Container[str]) -> dict[str, Tensor]:
        # Before matrices were taken in blocks, large ones moved as AdamW moves them, and go on so.
        return super().begun(weight) if "exp_avg" in names else self.begun(weight)

    def numbers_kept(self, weight: Tensor) -> int:
        if weight.dim() != 2:
            return super().numbers_kept(weight)
        rows, columns = weight.shape
        return 1 + weight.numel() + rows + 2 * _block(columns) * columns

    def _move(self, weights: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> None:
        pairs = list(zip(weights, gradients, strict=True))
        plain = [pair for pair in pairs if not self._whitens(pair[0])]
        if plain:
            super()._move([weight for weight, _ in plain], [gradient for _, gradient in plain], group)
        for weight, gradient in pairs:
            if self._whitens(weight):
                self._move_whitened(weight, gradient, group)

    def _whitens(self, weight: Tensor) -> bool:
        return weight.dim() == 2 and "exp_avg" not in self.state.get(weight, ())

    def _move_whitened(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        (first, second), names = self._betas, ("count", "momentum", "row_square", "covariance", "whitening")
        count, momentum, row_square, covariance, whitening = (each[0] for each in self._kept([weight], names))
        scale = torch.ones((), device=weight.device) if self.grad_scale is None else self.grad_scale
        taken = torch.ones((), device=weight.device) if self.found_inf is None else 1 - self.found_inf
        # A GPU would be waited for by asking it; a CPU is asked, and spared a pass over the gradient.
        if weight.device.type != "cpu" or not taken:
            gradient = torch.where(taken.bool(), gradient, 0.0)
            scale = torch.where(taken.bool(), scale, 1.0)
        step = int(count)
        coarse = self.coarse or weight.dtype
        parts, size = [], _block(weight.shape[1])
        columns = zip(*(each.split(size, dim=1) for each in (gradient, covariance, whitening)), strict=True)
        for block, its_covariance, its_root in columns:
            width = block.shape[1]  # the last block may be narrower
            R, P = its_covariance[:width], its_root[:width]
            if step < _OFTEN or step % _LOOK == 0:
                scaled = block / scale
                R.lerp_(scaled.t() @ scaled, (1 - _MEMORY) * taken)
            if step in _EARLY or step % _RENEW == 0:
                R.nan_to_num_(0.0, 0.0, 0.0)  # squares of gradients that nobody clips can be too large
                P.copy_(_inverse_root(R.cpu()))
            # Every pass over a matrix costs memory's time: what scales is put into what is small.
            parts.append((block.to(coarse) @ (P / scale).to(coarse)).to(weight.dtype))
        whitened = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        momentum.lerp_(whitened, (1 - first) * taken)
        square = torch.linalg.vector_norm(whitened, dim=1, keepdim=True).square_() / weight.shape[1]
        row_square.lerp_(square, (1 - second) * taken)
        count += 1
        step += 1
        length = (row_square / (1 - second**step)).sqrt_().add_(self._epsilon)
        weight.mul_(1 - group["lr"] * group["weight_decay"] * taken)
        # Divided by nothing, the length of a step that is not taken is infinite, and nothing moves.
        weight.addcdiv_(momentum, length.div_(taken), value=-group["lr"] / (1 - first**step))


def _block(columns: int) -> int:
    """Number of columns that are whitened together: as many in each block, but for the last."""
    blocks = -(-columns // WIDEST)
    return -(-columns // max(1, blocks))


def _inverse_root(covariance: Tensor) -> Tensor:
    """(R + d |R|)^(-1/2), times what makes the mean of its eigenvalues 1; on the CPU, where every torch has them."""
    with one_thread():  # the bits of an eigenvector depend on how many compute it
        values, vectors = torch.linalg.eigh(covariance)
    values = values.clamp_(min=0)
    values = (values + _DAMPING * values.max() + torch.finfo(values.dtype).tiny).rsqrt_()
    root: Tensor = (vectors * (values / values.mean())) @ vectors.t()
    return root


class SGD(Optimiser):
    """Stochastic gradient descent with momentum: b <- m b + g + d w, w <- w - lr b."""

    def __init__(self, groups: Groups, lr: float, momentum: float) -> None:
        super().__init__(groups, lr)
        self._momentum = momentum

    def begun(self, weight: Tensor) -> dict[str, Tensor]:
        return {"momentum_buffer": torch.zeros_like(weight)} if self._momentum else {}

    def numbers_kept(self, weight: Tensor) -> int:
        return weight.numel() if self._momentum else 0

    def _move(self, weights: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> None:
        buffers = self._kept(weights, ("momentum_buffer",))[0] if self._momentum else []
        torch._fused_sgd_(
            weights, gradients, buffers,
            weight_decay=group["weight_decay"], momentum=self._momentum, lr=group["lr"], dampening=0.0, nesterov=False,
            maximize=False, is_first_step=False, grad_scale=self.grad_scale, found_inf=self.found_inf,
        )  # fmt: skip
