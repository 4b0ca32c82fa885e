"""Autotuning: the precision of a run and its number of threads, timed over real steps."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import msgspec
import torch

from rnntui.core.cells.fused import torch_knows_bf16
from rnntui.core.errors import InputError, RnntuiError
from rnntui.core.files import write_atomically
from rnntui.core.processors import OtherPrograms, launched
from rnntui.core.runs.folder import read_json
from rnntui.core.runs.store import cache_home
from rnntui.core.training.devices import Precision
from rnntui.core.training.learner import Learner
from rnntui.core.training.micro_batches import out_of_memory

_TURNS = 15
_RACE_S = 0.3
"""Seconds after which the candidates have shown enough."""
_CLEAR_LEAD = 0.9
"""A challenger wins only when it needs at most this share of the time: a tie stays with full precision,
and with more threads."""
_BUSY = 0.3
"""Processors in use by other programs at which a precision is not remembered."""
_ALL_THREADS = torch.get_num_threads()
"""As the process began: a race before this one may have left fewer."""


class Plan(NamedTuple):
    """Precision and threads of a learner."""

    precision: Precision
    threads: int


def choose_plan(name: Precision | Literal["auto"], learner: Learner) -> Plan:
    """The precision that `name` means for this model on this machine, and the number of threads for this moment.

    bf16 has several times the arithmetic of fp32 where a processor knows it, and is slow where it does
    not; a small model is done by one thread before a second one has begun, and so is a large one where other
    programs have the processors.  So a few real steps are timed for each, 0.7 seconds in all.  The precision is kept
    beside the other caches, unless the machine was busy; the threads are timed at every start.  Raises InputError
    for fp16 without a GPU.
    """
    if name == "fp16" and learner.device == "cpu":
        raise InputError("--precision: fp16 needs a GPU; use bf16 or fp32")
    path, key = cache_home() / "plans.json", _key(name, learner)
    try:
        known = read_json(path) if path.exists() else {}
    except InputError:
        known = {}  # a damaged memory is no memory
    match known.get(key):
        case {"precision": ("fp32" | "bf16" | "fp16") as precision}:
            return Plan(precision, fastest_threads(precision, learner))
    others = OtherPrograms()
    precisions = candidates(learner.device) if name == "auto" else (name,)
    best = _fastest(learner, [Plan(precision, _ALL_THREADS) for precision in precisions]).precision
    if others.look() < _BUSY:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            content = json.dumps(known | {key: {"precision": best}}, indent=1)
            write_atomically(path, content.encode(), durable=False)
        except (OSError, RnntuiError):
            pass  # the next run races again
    return Plan(best, fastest_threads(best, learner))


def agreed_plan(name: Precision | Literal["auto"], learner: Learner) -> Plan:
    """The plan of rank 0, for all processes of a training; each has as many threads as its launcher gave it."""
    if learner.ranks.alone:
        return choose_plan(name, learner)

    def choose() -> bytes:
        return choose_plan(name, learner).precision.encode()

    chosen = learner.ranks.from_first(choose).decode()
    return Plan(next(each for each in get_args(Precision) if each == chosen), _ALL_THREADS)


def candidates(device: str) -> tuple[Precision, ...]:
    """The precisions that can be the fastest on a device."""
    if device == "cuda":
        return "fp32", "bf16", "fp16"
    # Without instructions of its own bf16 takes fifty times as long as fp32, and so would its trials.
    return ("fp32", "bf16") if device != "cpu" or torch_knows_bf16() else ("fp32",)


def thread_counts(device: str) -> list[int]:
    """Numbers of threads that can be the fastest on a device: all, halves of them down to one.

    Only one where the device computes without them, or where OMP_NUM_THREADS or a launcher says how many.
    """
    counts = [_ALL_THREADS]
    fixed = "OMP_NUM_THREADS" in os.environ or launched()
    while device == "cpu" and counts[-1] > 1 and not fixed:
        counts.append(counts[-1] // 2)
    return counts


def fastest_threads(precision: Precision, learner: Learner) -> int:
    """The number of threads that is the fastest at this moment; the learner uses it afterwards."""
    best = _fastest(learner, [Plan(precision, count) for count in thread_counts(learner.device)])
    learner.use(*best)
    return best.threads


def depends_on_threads(learner: Learner) -> bool:
    """Return True if the gradients of a whole batch have other bits with another number of threads.

    Our own kernels add up in a fixed order, but a library may share out a long sum.
    """
    counts, before = thread_counts(learner.device), learner.threads
    try:
        expected = _gradients_with(learner, before)
        return any(not _same_bits(_gradients_with(learner, count), expected) for count in counts)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        return True  # nobody knows
    finally:
        learner.use(learner.precision, before)


def _gradients_with(learner: Learner, threads: int) -> list[torch.Tensor]:
    learner.use(learner.precision, threads)
    return learner.trial(sys.maxsize)


def _same_bits(some: Sequence[torch.Tensor], others: Sequence[torch.Tensor]) -> bool:
    return all(torch.equal(*pair) for pair in zip(some, others, strict=True))


def _fastest(learner: Learner, plans: list[Plan]) -> Plan:
    """The plan of the fastest forward and backward pass; an earlier one unless a later one leads clearly.

    The plans take turns, so that a moment in which the machine is slow hits all of them, and the median of each
    counts: beside another program the shortest turn is one that had luck.
    """
    if len(plans) == 1:
        return plans[0]
    times: dict[Plan, list[float]] = {plan: [] for plan in plans}
    began = time.perf_counter()
    for turn in range(1 + _TURNS):
        for plan in plans:
            learner.use(*plan)
            turn_began = time.perf_counter()
            learner.trial()
            if turn:  # the first turn also built the kernels
                times[plan].append(time.perf_counter() - turn_began)
        if not turn:
            began = time.perf_counter()
        elif time.perf_counter() - began > _RACE_S:
            break
    medians = {plan: statistics.median(turns) for plan, turns in times.items()}
    best = plans[0]
    for plan in plans[1:]:
        if medians[plan] < _CLEAR_LEAD * medians[best]:
            best = plan
    return best


def _key(name: str, learner: Learner) -> str:
    """This machine and this shape; what is left out in training takes no time."""
    training = learner.config.training
    model = msgspec.structs.replace(
        learner.config.model, dropout=None, input_dropout=None, embedding_dropout=None, weight_drop=None
    )
    machine: list[Any] = [platform.processor(), platform.machine(), os.cpu_count(), _ALL_THREADS]
    shape = [learner.model.vocab_size, training.batch_size, training.bptt, repr(model)]
    accelerator = torch.cuda.get_device_name() if learner.device == "cuda" else learner.device
    facts = [name, *machine, accelerator, str(torch.__version__), *shape]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
