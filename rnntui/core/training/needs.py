"""Memory that a training certainly takes: what cannot fit is refused before anything is allocated."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import torch

from rnntui.core import tasks
from rnntui.core.cells import CELLS
from rnntui.core.config import FIELDS, Config, Facts, changed, completed, value_of
from rnntui.core.config.tasks import TASKS
from rnntui.core.errors import InputError
from rnntui.core.nn.base import count_parameters
from rnntui.core.nn.memory import available_memory, gigabytes
from rnntui.core.tasks.base import Widths
from rnntui.core.tasks.budget import within_budget
from rnntui.core.training.optimisation import make_optimizer

_FLOAT, _HALF, _TOKEN = 4, 2, 8
"""Bytes of a weight, of an output in the coarsest precision, of a token in a batch."""
_SMALLEST = (2, 2)
"""Widths of a task that nobody has read yet."""
_ANYWHERE = 1 << 24
"""Parameters that fit everywhere."""
_SHRINKING = ("hidden_size", "num_layers", "embedding_size", "batch_size", "bptt")
"""Settings that could be smaller, in the order in which they are named where it makes no difference."""


class Needs(NamedTuple):
    """Bytes that a training takes at least."""

    kept: int
    """Memory of the device, from the first step to the last."""
    batch: int
    """In the processor's memory, at every step."""
    checkpoint: int
    """In the processor's memory beside all that, whenever it saves."""


def needs(config: Config, widths: Widths) -> Needs:
    """Bytes that training certainly takes: a lower bound, without what a step holds only for a moment.

    Counted are the weights, their gradients, what the optimiser keeps of them, their average, the state carried
    from batch to batch, the outputs of one sequence (a batch may be computed in as many micro-batches), the tokens of a
    batch, and the content of a checkpoint, which is put together in memory.
    """
    model = config.model
    training = completed(config, Facts(1)).training  # before a text is read its settings are open
    with torch.device("meta"):
        network = tasks.build_model(config, widths)
    if model.embeddings and model.frozen_embeddings:
        network.get_parameter("embedding.weight").requires_grad_(False)
    optimizer = make_optimizer(network, training)
    weights = _FLOAT * count_parameters(network)
    learning = [weight for group in optimizer.param_groups for weight in group["params"]]
    gradients = _FLOAT * sum(weight.numel() for weight in learning)
    moments = _FLOAT * sum(map(optimizer.numbers_kept, learning))
    average = weights if training.average != "none" else 0
    state = outputs = tokens = 0
    if TASKS[config.text.task].running_text:
        parts = CELLS[model.cell].state_shapes(model.hidden_size, model.hidden_size)
        state = _FLOAT * training.batch_size * model.num_layers * sum(map(prod, parts))
        outputs = _HALF * training.bptt * model.num_layers * model.hidden_size
        tokens = 2 * _TOKEN * training.batch_size * training.bptt
    return Needs(
        kept=weights + gradients + moments + average + state + outputs,
        batch=tokens,
        checkpoint=weights + moments + average,
    )


def check_memory(
    configs: Sequence[Config],
    device: str,
    widths: Widths | None = None,
    *,
    run: Path | None = None,
    saves: bool = True,
) -> None:
    """Refuse trainings that cannot have the memory they need, all of them side by side on `device`.

    Without `widths` the text is not read yet, and the smallest vocabulary is taken.  `run` is one that exists
    already; `saves` is False where no checkpoint is written.  Raises InputError only where the part that is certain
    exceeds all the memory that there is: what fits is never refused, and what is not refused may still fail.
    """
    found = [_certain(config, widths) for config in configs]
    kept, batch = sum(each.kept for each in found), max(each.batch for each in found)
    checkpoint = max(each.checkpoint for each in found) if saves else 0
    if device == "cuda":
        there = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
        if kept > there:
            raise InputError(_refusal(configs, widths, kept, f"this GPU has {gigabytes(there)}", run))
        kept = 0
    memory = available_memory()
    if kept + batch > memory.fast or kept + batch + checkpoint > memory.total:
        has = f"this machine has {gigabytes(memory.fast)}"
        raise InputError(_refusal(configs, widths, kept + batch + checkpoint, has, run))


def _certain(config: Config, widths: Widths | None) -> Needs:
    """The needs of a configuration, whose hidden size may have to be solved for.

    How large the vocabulary is changes what a budget solves to, but leaves more than half of it in any case.
    """
    if widths is not None:
        return needs(within_budget(config, *widths), widths)
    if config.model.embeddings:  # their file has not been read either
        config = changed(config, {"embedding_size": 1})
    if config.model.parameters is None:
        return needs(config, _SMALLEST)
    if config.model.parameters < _ANYWHERE:
        return Needs(0, 0, 0)
    return Needs(*(each // 2 for each in needs(within_budget(config, *_SMALLEST), _SMALLEST)))


def _refusal(
    configs: Sequence[Config], widths: Widths | None, needed: int, has: str, run: Path | None
) -> str:
    largest = max(configs, key=lambda config: sum(_certain(config, widths)))
    name = "parameters" if largest.model.parameters else _culprit(largest, widths)
    flag, together = FIELDS[name].flag, f"{len(configs)} trainings side by side need" * (len(configs) > 1)
    reason = f"{together or 'training needs'} at least {gigabytes(needed)} of memory, and {has}"
    if run is None:
        return f"{flag}: {reason}; give a smaller {flag}"
    key = f"{FIELDS[name].section}.{name}"
    return f"{run}: {key}: {reason}; go on where there is more, or train a new run with a smaller {flag}"


def _culprit(config: Config, widths: Widths | None) -> str:
    """The setting that takes the most: half of it saves more than half of any other."""

    def halved(name: str) -> int:
        return sum(_certain(changed(config, {name: max(1, value_of(config, name) // 2)}), widths))

    return min(_SHRINKING, key=halved)
