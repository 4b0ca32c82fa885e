"""Run by the tests of several processes: trains models on one batch after another, alone or as one of several.

    python -m tests.training.ranks_worker OUT

Rank 0 saves the weights, their averages, the states and the losses of each into the file OUT.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from rnntui.core import config as configuration
from rnntui.core.config import Config
from rnntui.core.nn.base import Loss
from rnntui.core.nn.heads import SampledHead
from rnntui.core.tasks import task_class
from rnntui.core.text.batches import Batch
from rnntui.core.training.learner import Learner
from rnntui.core.training.ranks import Ranks, joined_ranks

CELLS = ("lstm", "gru", "elman", "mingru", "minlstm")
OPTIMIZERS = ("adamw", "shampoo", "sgd")
_SMALL: dict[str, Any] = {
    "hidden_size": 12, "embedding_size": 6, "num_layers": 2, "batch_size": 5, "bptt": 8, "device": "cpu", "clip": 100.0,
    "dropout": 0.2, "input_dropout": 0.1, "embedding_dropout": 0.1, "weight_drop": 0.1, "lr": 0.003, "max_steps": 300,
}  # fmt: skip
_TEXTS: dict[str, Any] = _SMALL | {
    "bptt": None,
    "weight_drop": None,
    "batch_size": 7,
    "max_steps": 60,
    "label_smoothing": 0.0,
}


STEPS = {"cells": 30, "options": 12, "fp32": 12}
"""Steps of each kind of training."""
_NO_DROPOUT = {"dropout": 0.0, "input_dropout": 0.0, "embedding_dropout": 0.0, "weight_drop": 0.0}


def _of_cell(cell: str) -> dict[str, Any]:
    return _SMALL | {"cell": cell} | ({"weight_drop": None} if cell.startswith("min") else {})


def configs(kind: str) -> Iterator[tuple[str, Config]]:
    """The trainings of a kind, by name."""
    settings: dict[str, dict[str, Any]] = {}
    if kind == "cells":
        settings = {
            f"{cell}-{optimizer}": _of_cell(cell) | {"optimizer": optimizer}
            for cell, optimizer in zip(CELLS, cycle(OPTIMIZERS))
        }
    elif kind == "options":
        settings = {
            "sampled": _SMALL | {"softmax": "sampled", "tied": True},
            "nt-asgd": _SMALL | {"average": "nt-asgd"},
            "penalties": _SMALL | {"activation_penalty": 1.0, "temporal_penalty": 1.0},
            "more ranks than texts": _TEXTS | {"task": "classify", "batch_size": 1},
            "memory": _SMALL | _NO_DROPOUT,
            "classify": _TEXTS | {"task": "classify", "bidirectional": True},
            "translate": _TEXTS | {"task": "translate", "scheduled_sampling": 0.3, "input_feeding": True},
        }
    elif kind == "fp32":
        settings = {cell: _of_cell(cell) | {"hidden_size": 32} for cell in CELLS}
    for name, values in settings.items():
        built = configuration.build({key: value for key, value in values.items() if value is not None})
        yield name, configuration.completed(built, configuration.Facts(100_000, False))


def learner_of(config: Config, kind: str, ranks: Ranks) -> Learner:
    subject = task_class(config.text.task).random_subject(config, 40)
    if kind != "fp32":
        torch.set_default_dtype(torch.float64)
    try:
        return Learner(config, subject, "cpu", ranks)
    finally:
        torch.set_default_dtype(torch.float32)


def make_short(learner: Learner) -> None:
    """Let memory be short for more than one sequence at once, on this rank alone."""
    honest = learner._loss

    def loss(part: Batch, *rest: Any) -> Loss:
        if part.sequences > 1:
            raise MemoryError
        return honest(part, *rest)

    vars(learner)["_loss"] = loss


def main() -> None:
    out = Path(sys.argv[1])
    SampledHead._DRAWN = 8  # so that few words are sampled as well
    torch.set_num_threads(1)
    ranks, found = joined_ranks(), dict[str, Tensor]()
    for kind, steps in STEPS.items():
        for name, config in configs(kind):
            learner = learner_of(config, kind, ranks)
            if name == "memory" and ranks.rank == 1:
                make_short(learner)
            where = f"{kind}/{name}"
            found[f"{where}/loss"] = torch.stack([learner.step()[0] for _ in range(steps)])
            for part, model in (("learning", learner.model), ("mean", learner.evaluated_model)):
                weights = model.named_parameters()
                found |= {f"{where}/{part}/{key}": value.detach().clone() for key, value in weights}
            for i, layer in enumerate(ranks.whole_state(learner.state)):
                found |= {f"{where}/state/{i}.{j}": part for j, part in enumerate(layer)}
    if ranks.first:
        save_file(found, out)
    ranks.end()


if __name__ == "__main__":
    main()
