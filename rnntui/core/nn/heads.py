"""From the stack's output to the probability of the next token.

A head has a `loss` for training, which never holds all logits, and `forward`, the logits themselves.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rnntui.core.nn.dropouts import whole_batch
from rnntui.core.nn.softmax import linear_cross_entropy


def frequent(vocab_size: int) -> int:
    """Number of tokens that a sampled softmax always compares: a tenth, which make up most of a text."""
    return max(1, vocab_size // 10)


class HeadLoss(NamedTuple):
    """Loss of targets."""

    nats: Tensor
    """The mean of -ln P(target)."""
    objective: Tensor
    """The same with label smoothing: what is learned from."""


class SoftmaxHead(nn.Linear):
    """A place for every token: logits (..., V) from outputs (..., H)."""

    def __init__(self, hidden_size: int, vocab_size: int) -> None:
        super().__init__(hidden_size, vocab_size)
        nn.init.zeros_(self.bias)

    def begin_at(self, counts: Tensor) -> None:
        """Begin with the tokens' frequencies, from `counts` (V,): nothing of that has to be learned by steps."""
        self.bias.data.copy_(_log_shares(counts))

    def loss(self, y: Tensor, targets: Tensor, smoothing: float = 0.0) -> HeadLoss:
        """For y (N, H) and targets (N,), of which all tokens get the share `smoothing` in equal parts."""
        nats = linear_cross_entropy(y, self.weight, self.bias, targets)
        if not smoothing:
            return HeadLoss(nats, nats)
        shares = torch.full_like(self.bias, 1 / self.out_features)
        return HeadLoss(nats, nats + smoothing * _excess(y, self.weight, self.bias, targets, shares))


class SampledHead(SoftmaxHead):
    """A `SoftmaxHead` that compares with some of the rare tokens at each step of training (Jean et al. 2015).

    The frequent tokens and the batch's targets count as they are.  Of all others every s-th does, from a place
    drawn anew at each step, and stands for s of them: what P(target) is divided by,

    Z = sum_{i frequent or target} exp(l_i) + s sum_{j drawn} exp(l_j)

    has the sum over all tokens as its mean.  Rare tokens have little of that sum, so the loss is nearly the
    whole one's, for a fraction of the work.  Out of training all tokens are compared, and on a GPU, which
    would wait to be told how many there are for longer than the whole takes.
    """

    _DRAWN = 1024
    """Fewest rare tokens that are drawn: below that, an estimate is rough, and nothing is saved."""
    _SPARSEST = 16
    """The most tokens that one of them stands for."""

    def loss(self, y: Tensor, targets: Tensor, smoothing: float = 0.0) -> HeadLoss:
        """As that of `SoftmaxHead`; its estimate while training."""
        if not self.training or self.stride < 2 or y.device.type != "cpu":
            return super().loss(y, targets, smoothing)
        whole = whole_batch()
        of_all = targets if whole is None else whole.targets.flatten()
        stands_for = self.draw(of_all, int(torch.randint(self.stride, ())))
        compared = stands_for.nonzero()[:, 0]
        places = torch.empty_like(stands_for, dtype=torch.long)
        places[compared] = torch.arange(len(compared), device=y.device)
        weight, bias = self.weight.index_select(0, compared), self.bias.index_select(0, compared)
        targets, stands_for = places[targets], stands_for[compared]
        nats = linear_cross_entropy(y, weight, bias + stands_for.log(), targets)
        if not smoothing:
            return HeadLoss(nats, nats)
        shares = stands_for / self.out_features
        return HeadLoss(nats, nats + smoothing * _excess(y, weight, bias, targets, shares))

    @property
    def stride(self) -> int:
        """Number of rare tokens that one stands for; less than two where all are compared."""
        V = self.out_features
        return min(self._SPARSEST, (V - frequent(V)) // self._DRAWN)

    def draw(self, targets: Tensor, first: int) -> Tensor:
        """Number of tokens that each one stands for (V,), with every `stride`-th rare token from `first` on."""
        stands_for = self.bias.new_zeros(self.out_features)
        own = frequent(self.out_features)
        stands_for[own + first :: self.stride] = self.stride
        stands_for[:own] = stands_for[targets] = 1
        return stands_for


HEADS: dict[str, type[SoftmaxHead]] = {"full": SoftmaxHead, "sampled": SampledHead}
"""By the name of the softmax over the vocabulary."""


def _excess(y: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, shares: Tensor) -> Tensor:
    """By how much the targets' logits exceed the mean of all, on average: what label smoothing adds.

    Cross-entropy against targets that give a share s to all tokens alike is the plain one plus s times this,
    so that no second pass over all logits is needed.  The mean is taken with the `shares` (V,).
    """
    with torch.autocast(y.device.type, enabled=False):
        y = y.float()
        of_targets = (y * weight.index_select(0, targets)).sum(1) + bias.index_select(0, targets)
        excess: Tensor = of_targets.mean() - (y.mean(0) @ (shares @ weight) + shares @ bias)
        return excess


def _log_shares(counts: Tensor) -> Tensor:
    """ln of each share of the whole, half a count more for everything (Krichevsky and Trofimov 1981)."""
    smooth = counts.double() + 0.5
    return (smooth / smooth.sum()).log()
