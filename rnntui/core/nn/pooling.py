"""From the outputs of a stack over a text to one vector for the whole text.

Shapes: T time steps, B texts, F features, lengths (B,).  What lies behind a text's end is never seen.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn


class LastPooling(nn.Module):
    """The output after the last token; of the backward stack, whose features are the second half, that at the first."""

    widens: Final = 1
    """Times the features that the vector has."""

    def __init__(self, features: int, bidirectional: bool) -> None:
        super().__init__()
        self._forward = features // 2 if bidirectional else features

    def forward(self, y: Tensor, lengths: Tensor) -> Tensor:
        last = y[lengths - 1, torch.arange(y.shape[1], device=y.device)]
        return torch.cat([last[:, : self._forward], y[0, :, self._forward :]], dim=1)


class ConcatPooling(nn.Module):
    """The greatest, the mean and the last outputs side by side (Howard and Ruder 2018)."""

    widens: Final = 3

    def __init__(self, features: int, bidirectional: bool) -> None:
        super().__init__()
        self._last = LastPooling(features, bidirectional)

    def forward(self, y: Tensor, lengths: Tensor) -> Tensor:
        inside = within(y, lengths)
        greatest = y.masked_fill(~inside, -torch.inf).amax(dim=0)
        mean = y.masked_fill(~inside, 0.0).sum(dim=0) / lengths.unsqueeze(1)
        return torch.cat([greatest, mean, self._last(y, lengths)], dim=1)


class AttentionPooling(nn.Module):
    """A mean in which outputs weigh as much as they matter (Yang et al. 2016).

    u_t = tanh(W y_t + b)
    a_t = softmax_t(v . u_t)
    s   = sum_t a_t y_t
    """

    widens: Final = 1

    def __init__(self, features: int, bidirectional: bool) -> None:
        super().__init__()
        self.hidden = nn.Linear(features, features)
        self.matters = nn.Linear(features, 1, bias=False)

    def forward(self, y: Tensor, lengths: Tensor) -> Tensor:
        scores = self.matters(torch.tanh(self.hidden(y))).float()
        shares = scores.masked_fill(~within(y, lengths), -torch.inf).softmax(dim=0)
        return torch.sum(shares * y, dim=0)


POOLINGS: dict[str, type[LastPooling | ConcatPooling | AttentionPooling]] = {
    "last": LastPooling,
    "concat": ConcatPooling,
    "attention": AttentionPooling,
}


def within(y: Tensor, lengths: Tensor) -> Tensor:
    """(T, B, 1) whether a time step lies before a text's end."""
    return (torch.arange(len(y), device=y.device).unsqueeze(1) < lengths).unsqueeze(2)


def backward_in(x: Tensor, lengths: Tensor) -> Tensor:
    """x (T, B, F) with each text read from its end to its beginning; what lies behind the end stays there."""
    time = torch.arange(len(x), device=x.device).unsqueeze(1)
    turned = torch.where(time < lengths, lengths - 1 - time, time)
    return x.gather(0, turned.unsqueeze(2).expand_as(x))
