"""Optimisers and the course of the learning rate."""

from __future__ import annotations

import math

from torch import nn

from rnntui.core.config.schema import TrainingConfig
from rnntui.core.errors import InputError
from rnntui.core.nn.base import Model
from rnntui.core.training.optimisers import SGD, AdamW, Groups, Optimiser, Shampoo

_FLOOR, _FLOOR_OF_MEAN = 0.01, 0.2
"""Share of the peak rate that `cosine` and `inverse-sqrt` do not fall below; of the second the averaged
weights are evaluated: the average does what a smaller rate would, which overfits."""
_DEEPER = 2.6
"""Times slower that a layer learns than the one above it."""
_BETAS = (0.9, 0.99)
"""Decay rates of AdamW's averages of gradients and their squares."""
_LEVEL = 200
"""Steps after which `inverse-sqrt` begins to fall."""
_RISE = 0.3
_START = 0.04


def peak_rate(training: TrainingConfig) -> float:
    """The learning rate that a schedule's factor multiplies.  Raises InputError where run.toml leaves it open."""
    return _decided("lr", training.lr)


def _decided(name: str, value: float | None) -> float:
    """Return a value that the defaults set before a run begins; somebody may have deleted it from run.toml."""
    if value is None:
        raise InputError(f"run.toml: training.{name}: open; write a number")
    return value


def make_optimizer(model: Model, config: TrainingConfig, by_depth: bool = False) -> Optimiser:
    """AdamW, Shampoo or SGD; weight decay spares biases and norms.

    With `by_depth` each layer has groups of its own, for `depth_factor`.
    """
    depths: dict[int, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            depths.setdefault(model.depth_of(name) if by_depth else 0, []).append(parameter)
    decay = _decided("weight_decay", config.weight_decay)
    groups: Groups = []
    for depth, found in depths.items():
        groups.append({"params": [p for p in found if p.dim() > 1], "weight_decay": decay, "depth": depth})
        groups.append({"params": [p for p in found if p.dim() <= 1], "weight_decay": 0.0, "depth": depth})
    groups = [group for group in groups if group["params"]]
    if config.optimizer == "sgd":
        return SGD(groups, peak_rate(config), config.momentum)
    kind = Shampoo if config.optimizer == "shampoo" else AdamW
    return kind(groups, peak_rate(config), betas=_BETAS, epsilon=_decided("epsilon", config.epsilon))


def depth_factor(depth: int, epoch: float) -> float:
    """The share of the learning rate of a layer that lies so deep, in a model that began with another one.

    A layer learns more slowly the deeper it lies, and begins an epoch later than the one above it (discriminative
    rates and gradual unfreezing; Howard and Ruder 2018): what is known is not lost to a head that knows nothing.
    """
    return _DEEPER**-depth if epoch >= depth else 0.0


def lr_factor(training: TrainingConfig, step: int, fraction: float, drops: int) -> float:
    """The share of the peak learning rate for the step that follows `step` steps.

    `fraction` is how much of the run is over, `drops` how many evaluations in all brought no gain.
    constant      warm-up, then the peak rate
    inverse-sqrt  warm-up, the peak rate for 200 steps, then as 1/sqrt(step) down to a floor: for a run whose end
                  nobody knows (Robbins and Monro 1951; Vaswani et al. 2017)
    cosine        warm-up, then half a cosine down to a floor (Loshchilov and Hutter 2017)
    one-cycle     up for three tenths of the run, then half a cosine down to 0 (Smith 2018)
    plateau       warm-up, then halved at every evaluation without gain

    The floor is a fifth where averaged weights are evaluated, else a hundredth.
    """
    schedule = training.schedule
    if schedule == "one-cycle":
        if fraction < _RISE:
            return _START + (1 - _START) * fraction / _RISE
        return 0.5 * (1 + math.cos(math.pi * (fraction - _RISE) / (1 - _RISE)))
    warm = min(1.0, (step + 1) / (training.warmup + 1))
    floor = _FLOOR_OF_MEAN if training.average == "ema" else _FLOOR
    if schedule == "cosine":
        return warm * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * fraction)))
    if schedule == "inverse-sqrt":
        return warm * max(floor, math.sqrt(_LEVEL / max(_LEVEL, step + 1)))
    if schedule == "plateau":
        return warm * 0.5**drops
    return warm
