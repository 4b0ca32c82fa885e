"""The softmax of many rows and its gradient, in the place of the logits."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor

from rnntui.core.cells.fast.arithmetic import array, exp, narrow, widen
from rnntui.core.cells.fast.compiling import reducing_kernel, thread_function
from rnntui.core.cells.fast.kernels import Array
from rnntui.core.cells.fast.machine import bf16_at, call, fp32_at, int64_at
from rnntui.core.cells.fast.team import find_team

# What a job consists of, each an int64: sizes, the first word, addresses of functions and of numbers.
_N, _V, _FIRST, _WHO, _HOW_MANY, _LOGITS, _TARGETS, _LARGEST, _TOTAL, _CHOSEN, _SCALE = range(11)
_ITEMS = 11


class Rows(NamedTuple):
    """What is known of every row (N,) from the words seen so far."""

    largest: Tensor
    """The largest logit."""
    total: Tensor
    """The sum of exp(logit - largest)."""
    chosen: Tensor
    """The logit of the target."""
    scale: Tensor
    """(1,) what gradients are multiplied by."""


def look(logits: Tensor, first: int, targets: Tensor, rows: Rows) -> None:
    """Bring `rows` up to date with the logits (N, words) of the words from `first` on."""
    _share(_look_part, _look, logits, first, targets, rows)


def turn_into_gradients(logits: Tensor, first: int, targets: Tensor, rows: Rows) -> None:
    """Put the loss's gradients in the place of the logits; all words have been looked at."""
    _share(_turn_part, _turn, logits, first, targets, rows)


def _share(part: Any, loop: Any, logits: Tensor, first: int, targets: Tensor, rows: Rows) -> None:
    """Have every thread do its rows."""
    N, V = logits.shape
    team = find_team()
    if logits.dtype != torch.bfloat16 or team is None:
        loop(0, N, first, array(logits), targets.numpy(), *(array(part) for part in rows))
        return
    job = np.zeros(_ITEMS, np.int64)
    job[[_N, _V, _FIRST]] = N, V, first
    job[_WHO], job[_HOW_MANY] = map(team.address_of, ("omp_get_thread_num", "omp_get_num_threads"))
    places = (_LOGITS, _TARGETS, _LARGEST, _TOTAL, _CHOSEN, _SCALE)
    for item, tensor in zip(places, (logits, targets, *rows), strict=True):
        assert tensor.is_contiguous()
        job[item] = tensor.data_ptr()
    team.run(part(), job.ctypes.data)


@reducing_kernel("nnan")
def _largest(logits: Array, n: int) -> Any:
    """The largest logit of row `n`.  A NaN among them may be lost here, but not in the row's sum."""
    largest = widen(logits[n, 0])
    for v in range(logits.shape[1]):
        largest = max(largest, widen(logits[n, v]))
    return largest


@reducing_kernel()
def _look(
    begin: int,
    end: int,
    first: int,
    logits: Array,
    targets: Array,
    largest: Array,
    total: Array,
    chosen: Array,
    scale: Array,
) -> None:
    for n in range(begin, end):
        now = max(largest[n], _largest(logits, n))
        added = scale[0] * 0
        for v in range(logits.shape[1]):
            added += exp(widen(logits[n, v]) - now)
        total[n] = total[n] * exp(largest[n] - now) + added
        largest[n] = now
        if first <= targets[n] < first + logits.shape[1]:
            chosen[n] = widen(logits[n, targets[n] - first])


@reducing_kernel()
def _turn(
    begin: int,
    end: int,
    first: int,
    logits: Array,
    targets: Array,
    largest: Array,
    total: Array,
    chosen: Array,
    scale: Array,
) -> None:
    for n in range(begin, end):
        factor, now = scale[0] / total[n], largest[n]
        for v in range(logits.shape[1]):
            logits[n, v] = narrow(exp(widen(logits[n, v]) - now) * factor, logits[n, v])
        if first <= targets[n] < first + logits.shape[1]:
            logits[n, targets[n] - first] = narrow(exp(chosen[n] - now) * factor - scale[0], logits[0, 0])


@cache
def _look_part() -> int:
    def part(address):  # type: ignore[no-untyped-def]
        job = numba.carray(int64_at(address), (_ITEMS,))
        N, who, how_many = job[_N], call(job[_WHO]), call(job[_HOW_MANY])
        logits = numba.carray(bf16_at(job[_LOGITS]), (N, job[_V]))
        targets, scale = numba.carray(int64_at(job[_TARGETS]), (N,)), numba.carray(fp32_at(job[_SCALE]), (1,))
        largest, total = numba.carray(fp32_at(job[_LARGEST]), (N,)), numba.carray(fp32_at(job[_TOTAL]), (N,))
        chosen = numba.carray(fp32_at(job[_CHOSEN]), (N,))
        begin, end = who * N // how_many, (who + 1) * N // how_many
        _look(begin, end, job[_FIRST], logits, targets, largest, total, chosen, scale)

    return thread_function(part)


@cache
def _turn_part() -> int:
    def part(address):  # type: ignore[no-untyped-def]
        job = numba.carray(int64_at(address), (_ITEMS,))
        N, who, how_many = job[_N], call(job[_WHO]), call(job[_HOW_MANY])
        logits = numba.carray(bf16_at(job[_LOGITS]), (N, job[_V]))
        targets, scale = numba.carray(int64_at(job[_TARGETS]), (N,)), numba.carray(fp32_at(job[_SCALE]), (1,))
        largest, total = numba.carray(fp32_at(job[_LARGEST]), (N,)), numba.carray(fp32_at(job[_TOTAL]), (N,))
        chosen = numba.carray(fp32_at(job[_CHOSEN]), (N,))
        begin, end = who * N // how_many, (who + 1) * N // how_many
        _turn(begin, end, job[_FIRST], logits, targets, largest, total, chosen, scale)

    return thread_function(part)
