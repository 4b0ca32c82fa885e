"""A learning rate from one short training with ever larger rates (Smith 2017, "cyclical learning rates")."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rnntui.core import tasks
from rnntui.core.config import Config, changed, completed
from rnntui.core.errors import InputError
from rnntui.core.tasks.budget import within_budget
from rnntui.core.text.spool import Report
from rnntui.core.training.autotuning import choose_plan
from rnntui.core.training.devices import choose_device, facts_for
from rnntui.core.training.learner import Learner
from rnntui.core.training.needs import check_memory
from rnntui.core.training.optimisation import peak_rate

_RATES = {"adamw": (1e-5, 1.0), "shampoo": (1e-5, 1.0), "sgd": (1e-2, 1e3)}
"""First and last learning rate of the test, by optimiser."""
_STEPS = 200
_SMOOTHING = 0.9
_DIVERGED = 1.3
"""The loss, in shares of the least one, at which the test ends."""
_SAFE = 5.0
"""The loss is least shortly before it explodes: a rate so many times smaller learns fast and holds."""

Curve = npt.NDArray[np.float64]


class RateTest(NamedTuple):
    """The loss under ever larger rates."""

    rates: Curve
    """(N,) the rate of each step."""
    losses: Curve
    """(N,) the smoothed training loss, nats a token."""
    suggestion: float
    """A peak rate for the schedules."""


def find_lr(config: Config, report: Report) -> RateTest:
    """Take steps with rates that grow from step to step until the loss explodes.  Writes no run folder.

    Raises InputError where the corpus cannot be read or is too short, where no rate lowers the loss, or where
    memory is too small for the model.
    """
    device = choose_device(config.training.device)
    config = changed(config, {"average": "none"})
    check_memory([config], device, saves=False)
    config, task = tasks.prepare(config, report)
    check_memory([config], device, task.widths, saves=False)
    config = completed(within_budget(config, *task.widths), facts_for(task.sizes.train_tokens))
    config = changed(config, {"schedule": "constant", "warmup": 0})
    learner = Learner(config, task.subject(config), device)
    learner.use(*choose_plan(config.training.precision, learner))
    first, last = _RATES[config.training.optimizer or "adamw"]
    average = weight = 0.0
    rates, losses = [], []
    for step in range(_STEPS):
        rate = first * (last / first) ** (step / (_STEPS - 1))
        learner.counters.lr_factor = rate / peak_rate(config.training)
        loss = float(learner.step()[0])
        report("trying learning rates", (step + 1) / _STEPS)
        if not math.isfinite(loss):
            break
        average = _SMOOTHING * average + (1 - _SMOOTHING) * loss
        weight = _SMOOTHING * weight + (1 - _SMOOTHING)
        rates.append(rate)
        losses.append(average / weight)
        if losses[-1] > _DIVERGED * min(losses):
            break
    least = int(np.argmin(losses)) if losses else 0
    if not least:
        raise InputError(
            "--find-lr: no learning rate lowered the loss; look at the text and the other settings"
        )
    return RateTest(np.array(rates), np.array(losses), float(f"{rates[least] / _SAFE:.1e}"))
