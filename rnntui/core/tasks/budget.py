"""Hidden sizes for a parameter budget, so that cells compare fairly."""

from __future__ import annotations

import msgspec
import torch

from rnntui.core.config import Config, changed
from rnntui.core.errors import InputError
from rnntui.core.nn.base import count_parameters
from rnntui.core.tasks import build_model

_LARGEST = 1 << 16


def within_budget(config: Config, vocab_size: int, outcomes: int = 0) -> Config:
    """`config` with `--parameters` replaced by the hidden size it solves to, if it was given.

    The solution is the largest size whose model has at most that many parameters.  Raises InputError
    where even one hidden unit has more.
    """
    budget = config.model.parameters
    if budget is None:
        return config

    def parameters(hidden_size: int) -> int:
        model = msgspec.structs.replace(config.model, hidden_size=hidden_size)
        return parameters_of(msgspec.structs.replace(config, model=model), vocab_size, outcomes)

    if parameters(1) > budget:
        raise InputError(
            f"--parameters: {budget:,} is too few: a vocabulary of {vocab_size:,} with "
            f"--embedding-size {config.model.embedding_size} alone takes {parameters(1):,}"
        )
    low, high = 1, _LARGEST
    while low < high:
        middle = (low + high + 1) // 2
        if parameters(middle) <= budget:
            low = middle
        else:
            high = middle - 1
    return changed(config, {"hidden_size": low, "parameters": None}, f"--parameters {budget}")


def parameters_of(config: Config, vocab_size: int, outcomes: int = 0) -> int:
    """The number of parameters of a model that is not built: counted on shapes without storage."""
    with torch.device("meta"):
        return count_parameters(build_model(config, (vocab_size, outcomes)))
