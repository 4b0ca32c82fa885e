"""From the stack's output to the probability of the next token.

A head has a `loss` for training, which never holds all logits, and `forward`, the logits themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from rnntui.core.models.clusters import Cluster, clusters, frequent
from rnntui.core.models.softmax import linear_cross_entropy


class SoftmaxHead(nn.Linear):
    """A place for every token: logits (..., V) from outputs (..., H)."""

    def __init__(self, hidden_size: int, vocab_size: int) -> None:
        super().__init__(hidden_size, vocab_size)
        nn.init.zeros_(self.bias)

    def begin_at(self, counts: Tensor) -> None:
        """Begin with the tokens' frequencies, from `counts` (V,): nothing of that has to be learned by steps."""
        self.bias.data.copy_(_log_shares(counts))

    def loss(self, y: Tensor, targets: Tensor) -> Tensor:
        """The mean of -ln P(target) in nats, for y (N, H) and targets (N,)."""
        return linear_cross_entropy(y, self.weight, self.bias, targets)

    def excess(self, y: Tensor, targets: Tensor) -> Tensor:
        """By how much the targets' logits exceed the mean of all, on average: what label smoothing adds.

        Cross-entropy against targets that give a share s to all tokens alike is the plain one plus s times
        this, so that no second pass over all logits is needed.
        """
        weight, bias = self.weight.float(), self.bias.float()
        distance = (weight - weight.mean(0))[targets], (bias - bias.mean())[targets]
        return ((y.float() * distance[0]).sum(1) + distance[1]).mean()


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

    def loss(self, y: Tensor, targets: Tensor) -> Tensor:
        """The mean of -ln P(target) in nats, for y (N, H) and targets (N,)."""
        places, rare = targets.clone(), []
        for place, cluster, down, rest in self._clusters():
            rows = torch.nonzero((targets >= cluster.first) & (targets < cluster.last)).flatten()
            places[rows] = place
            if len(rows):
                within = rest.loss(down(y[rows]), targets[rows] - cluster.first)
                rare.append(within * (len(rows) / len(targets)))
        return torch.stack([self.first.loss(y, places), *rare]).sum()

    def excess(self, y: Tensor, targets: Tensor) -> Tensor:
        """As that of `SoftmaxHead`; this one does pass over all tokens."""
        log_p = self(y)
        excess: Tensor = (log_p.gather(1, targets.unsqueeze(1))[:, 0] - log_p.mean(1)).mean()
        return excess

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


def _log_shares(counts: Tensor) -> Tensor:
    """ln of each share of the whole, half a count more for everything (Krichevsky and Trofimov 1981)."""
    smooth = counts.double() + 0.5
    return (smooth / smooth.sum()).log()
