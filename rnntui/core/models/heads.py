"""From the stack's output to the probability of the next token.

A head has a `loss` for training, which never holds all logits, and `forward`, the logits themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from rnntui.core.models.clusters import Cluster, clusters, frequent
from rnntui.core.models.softmax import linear_cross_entropy


class HeadLoss(NamedTuple):
    """How surprising targets are."""

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
        stands_for = self.draw(targets, int(torch.randint(self.stride, ())))
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
        """How many rare tokens one stands for; less than two where all are compared."""
        V = self.out_features
        return min(self._SPARSEST, (V - frequent(V)) // self._DRAWN)

    def draw(self, targets: Tensor, first: int) -> Tensor:
        """How many tokens each one stands for (V,), with every `stride`-th rare token from `first` on."""
        stands_for = self.bias.new_zeros(self.out_features)
        own = frequent(self.out_features)
        stands_for[own + first :: self.stride] = self.stride
        stands_for[:own] = stands_for[targets] = 1
        return stands_for


class AdaptiveHead(nn.Module):
    """The adaptive softmax (Grave et al. 2017): frequent tokens first, rare ones in clusters.

    P(token) = P(cluster) P(token | cluster), where a cluster's tokens are compared with fewer features the
    rarer they are.  It rests on tokens numbered by their frequency, as the word tokenizer numbers them.
    """

    def __init__(self, hidden_size: int, vocab_size: int) -> None:
        super().__init__()
        self.clusters = clusters(vocab_size, hidden_size)
        self.first = SoftmaxHead(hidden_size, frequent(vocab_size) + len(self.clusters))
        self.down = nn.ModuleList(
            nn.Linear(hidden_size, cluster.features, bias=False) for cluster in self.clusters
        )
        self.rest = nn.ModuleList(
            SoftmaxHead(cluster.features, cluster.last - cluster.first) for cluster in self.clusters
        )

    def begin_at(self, counts: Tensor) -> None:
        """As that of `SoftmaxHead`."""
        places = [counts[: self.clusters[0].first]]
        for _, cluster, _, rest in self._clusters():
            within = counts[cluster.first : cluster.last]
            places.append(within.sum().unsqueeze(0))
            rest.begin_at(within)
        self.first.begin_at(torch.cat(places))

    def loss(self, y: Tensor, targets: Tensor, smoothing: float = 0.0) -> HeadLoss:
        """As that of `SoftmaxHead`; with smoothing, it does pass over all tokens."""
        places, rare = targets.clone(), []
        for place, cluster, down, rest in self._clusters():
            rows = torch.nonzero((targets >= cluster.first) & (targets < cluster.last)).flatten()
            places[rows] = place
            if len(rows):
                within = rest.loss(down(y[rows]), targets[rows] - cluster.first)
                rare.append(within.nats * (len(rows) / len(targets)))
        nats = torch.stack([self.first.loss(y, places).nats, *rare]).sum()
        if not smoothing:
            return HeadLoss(nats, nats)
        log_p = self(y)
        excess = (log_p.gather(1, targets.unsqueeze(1))[:, 0] - log_p.mean(1)).mean()
        return HeadLoss(nats, nats + smoothing * excess)

    def forward(self, y: Tensor) -> Tensor:
        """ln P (..., V) of every token: logits whose softmax they are themselves."""
        first = log_softmax(self.first(y).float(), dim=-1)
        parts = [first[..., : -len(self.clusters) or None]]
        for place, _, down, rest in self._clusters():
            parts.append(first[..., place, None] + log_softmax(rest(down(y)).float(), dim=-1))
        return torch.cat(parts, dim=-1)

    def _clusters(self) -> Iterator[tuple[int, Cluster, nn.Module, SoftmaxHead]]:
        """Each cluster with its place in the first softmax, behind the frequent tokens."""
        own = self.first.out_features - len(self.clusters)
        rest = cast("list[SoftmaxHead]", list(self.rest))
        return zip(count(own), self.clusters, self.down, rest, strict=False)


HEADS: dict[str, type[SoftmaxHead] | type[AdaptiveHead]] = {
    "full": SoftmaxHead,
    "sampled": SampledHead,
    "adaptive": AdaptiveHead,
}
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
