"""Optimisers and the course of the learning rate."""

from __future__ import annotations

import math

import torch
from torch import nn

from rnntui.core.config import Schedule, TrainingConfig

_FLOOR = 0.01
"""Share of the peak rate that `cosine` ends at."""
_EPSILON = 1e-6
"""Where no recipe has set another."""
_RISE = 0.3
_START = 0.04


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019) or SGD; weight decay spares biases and norms.

    Both in their fused form, which makes one pass and can be told on the device to skip a step.
    """
    named = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in named if p.dim() > 1], "weight_decay": config.weight_decay or 0.0},
        {"params": [p for p in named if p.dim() <= 1], "weight_decay": 0.0},
    ]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, fused=True)
    epsilon = config.epsilon or _EPSILON
    return torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.99), eps=epsilon, fused=True)


def lr_factor(schedule: Schedule, step: int, fraction: float, warmup: int, drops: int) -> float:
    """The share of the peak learning rate for the step that follows `step` steps.

    `fraction` is how much of the run is over, `drops` how many evaluations in all brought no gain.

    constant    warm-up, then the peak rate
    cosine      warm-up, then half a cosine down to 1% (Loshchilov and Hutter 2017)
    one-cycle   up for three tenths of the run, then half a cosine down to 0 (Smith 2018)
    plateau     warm-up, then halved at every evaluation without gain
    """
    if schedule == "one-cycle":
        if fraction < _RISE:
            return _START + (1 - _START) * fraction / _RISE
        return 0.5 * (1 + math.cos(math.pi * (fraction - _RISE) / (1 - _RISE)))
    warm = min(1.0, (step + 1) / (warmup + 1))
    if schedule == "cosine":
        return warm * (_FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(math.pi * fraction)))
    if schedule == "plateau":
        return warm * 0.5**drops
    return warm
