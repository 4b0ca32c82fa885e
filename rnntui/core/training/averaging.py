"""The mean of the weights that training passes through (Polyak and Juditsky 1992).

Steps with a large rate circle around a good place and never stand in it; their mean does.  So what is
evaluated, kept and written with is the mean, while training goes on from the weights themselves.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from rnntui.core.config.schema import Average
from rnntui.core.nn.base import Model

_RECENT = 12
"""`ema` is about the mean of the last of so many parts of all steps."""
PATIENCE = 5
"""Evaluations without gain at which `nt-asgd` begins (n of Merity et al. 2018)."""


class WeightAverage:
    """A second model whose weights are a mean of those of `model`.

    ema      a moving average whose memory grows with the number of steps, so that it suits a short run and a
             long one (polynomial-decay averaging; Shamir and Zhang 2013)
    nt-asgd  the mean of all since five evaluations in a row brought no gain; until then the weights
             themselves (Merity et al. 2018)
    """

    def __init__(self, model: Model, kind: Average) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self._kind = kind
        self._learning: list[Tensor] = list(model.parameters())
        self._mean: list[Tensor] = list(self.model.parameters())

    @torch.no_grad()
    def add(self, step: int, since: int | None) -> None:
        """Take in the weights after `step` steps; `since` is the step at which learning stood still."""
        fading, since_then = _RECENT / (step + _RECENT), 1.0 if since is None else 1 / (step - since)
        share = fading if self._kind == "ema" else since_then
        torch._foreach_lerp_(self._mean, self._learning, share)
