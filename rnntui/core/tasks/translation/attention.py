"""Attention of a decoder over the outputs of the encoder.

Shapes: S places of the source, T steps of the decoder, B texts, F features of the source, H hidden units.  Keys are
made of the source once for all steps.
"""

from __future__ import annotations

from torch import Tensor, nn


class LuongAttention(nn.Module):
    """By a product (Luong et al. 2015, 'general').

    e_ts = h_t . W y_s
    """

    def __init__(self, hidden_size: int, features: int) -> None:
        super().__init__()
        self.source = nn.Linear(features, hidden_size, bias=False)

    def keys(self, y: Tensor) -> Tensor:
        """(B, S, H) of the source y (B, S, F)."""
        keys: Tensor = self.source(y)
        return keys

    def forward(self, h: Tensor, keys: Tensor) -> Tensor:
        """Scores e (B, T, S) of the decoder's outputs h (B, T, H)."""
        return h @ keys.transpose(1, 2)


class BahdanauAttention(nn.Module):
    """By a small network (Bahdanau et al. 2015).

    e_ts = v . tanh(W h_t + U y_s + b)
    """

    def __init__(self, hidden_size: int, features: int) -> None:
        super().__init__()
        self.source = nn.Linear(features, hidden_size)
        self.hidden = nn.Linear(hidden_size, hidden_size, bias=False)
        self.matters = nn.Linear(hidden_size, 1, bias=False)

    def keys(self, y: Tensor) -> Tensor:
        """As that of `LuongAttention`."""
        keys: Tensor = self.source(y)
        return keys

    def forward(self, h: Tensor, keys: Tensor) -> Tensor:
        """As that of `LuongAttention`."""
        together = self.hidden(h).unsqueeze(2) + keys.unsqueeze(1)
        scores: Tensor = self.matters(together.tanh()).squeeze(3)
        return scores


Attention = LuongAttention | BahdanauAttention


def attention_of(name: str, hidden_size: int, features: int) -> Attention | None:
    """The one called `name`; of 'none', none."""
    if name == "none":
        return None
    return (LuongAttention if name == "luong" else BahdanauAttention)(hidden_size, features)
