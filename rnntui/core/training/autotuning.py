"""Autotuning: precisions and numbers of threads timed over real steps, remembered for this machine."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import time
from typing import Any, Literal, NamedTuple

import msgspec
import torch

from rnntui.core.cells.fused import torch_knows_bf16
from rnntui.core.errors import InputError, RnntuiError
from rnntui.core.files import write_atomically
from rnntui.core.runs.folder import read_json
from rnntui.core.runs.store import cache_home
from rnntui.core.training.devices import Precision
from rnntui.core.training.learner import Learner

_RACE_TURNS = 4
_RACE_S = 0.4
"""Seconds after which the candidates have shown enough."""
_CLEAR_LEAD = 0.9
"""A challenger wins only when it needs at most this share of the time: a tie stays with full precision,
and with all threads."""
_ALL_THREADS = torch.get_num_threads()
"""As the process began: a race before this one may have left fewer."""


class Plan(NamedTuple):
    """Precision and threads of a learner."""

    precision: Precision
    threads: int


def choose_plan(name: Precision | Literal["auto"], learner: Learner) -> Plan:
    """The precision that `name` means for this model on this machine, and the number of threads.

    bf16 has several times the arithmetic of fp32 where a processor knows it, and is slow where it does
    not; a small model is done by one thread before a second one has begun.  So a few real steps are timed
    for each, less than a second in all, and the result is kept beside the other caches.  Raises InputError
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
        case {"precision": ("fp32" | "bf16" | "fp16") as precision, "threads": int(threads)}:
            return Plan(precision, threads)
    plan = _timed(name, learner)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps(known | {key: plan._asdict()}, indent=1)
        write_atomically(path, content.encode(), durable=False)
    except (OSError, RnntuiError):
        pass  # the next run races again
    return plan


def _timed(name: Precision | Literal["auto"], learner: Learner) -> Plan:
    threads = _ALL_THREADS
    precisions = candidates(learner.device) if name == "auto" else (name,)
    best = _fastest(learner, [Plan(precision, threads) for precision in precisions])
    if learner.device == "cpu" and threads > 1 and "OMP_NUM_THREADS" not in os.environ:
        best = _fastest(learner, [best, Plan(best.precision, threads // 2)])
    return best


def candidates(device: str) -> tuple[Precision, ...]:
    """The precisions that can be the fastest on a device."""
    if device == "cuda":
        return "fp32", "bf16", "fp16"
    # Without instructions of its own bf16 takes fifty times as long as fp32, and so would its trials.
    return ("fp32", "bf16") if device != "cpu" or torch_knows_bf16() else ("fp32",)


def _fastest(learner: Learner, plans: list[Plan]) -> Plan:
    """The plan of the fastest forward and backward pass; an earlier one unless a later one leads clearly.

    The plans take turns, so that a moment in which the machine is slow hits all of them.
    """
    if len(plans) == 1:
        return plans[0]
    least = dict.fromkeys(plans, math.inf)
    began = math.inf
    for turn in range(1 + _RACE_TURNS):
        for plan in plans:
            learner.use(*plan)
            turn_began = time.perf_counter()
            learner.trial()
            if turn:  # the first turn also built the kernels
                least[plan] = min(least[plan], time.perf_counter() - turn_began)
        began = min(began, time.perf_counter())
        if turn and time.perf_counter() - began > _RACE_S:
            break
    best = plans[0]
    for plan in plans[1:]:
        if least[plan] < _CLEAR_LEAD * least[best]:
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
