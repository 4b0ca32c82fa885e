"""The softmax of many rows and its gradient, in the place of the logits."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numba
import torch
from torch import Tensor

from rnntui.core.kernels.arithmetic import array, exp, narrow, widen
from rnntui.core.kernels.compiling import items, reducing_kernel, thread, thread_function
from rnntui.core.kernels.kernels import KernelArray
from rnntui.core.kernels.llvm_intrinsics import bf16_at, fp32_at, int64_at
from rnntui.core.kernels.openmp import find_threads

# What a job consists of: sizes, the first word, addresses of numbers.
_N, _V, _FIRST, _LOGITS, _TARGETS, _LARGEST, _TOTAL, _CHOSEN, _SCALE = range(9)
_ITEMS = 9


class RowSums(NamedTuple):
    """Running maximum and sum of every row (N,) over the words seen so far."""

    largest: Tensor
    """The largest logit."""
    total: Tensor
    """The sum of exp(logit - largest)."""
    chosen: Tensor
    """The logit of the target."""
    scale: Tensor
    """(1,) what gradients are multiplied by."""


def look(logits: Tensor, first: int, targets: Tensor, rows: RowSums) -> None:
    """Bring `rows` up to date with the logits (N, words) of the words from `first` on."""
    _share(False, logits, first, targets, rows)


def turn_into_gradients(logits: Tensor, first: int, targets: Tensor, rows: RowSums) -> None:
    """Put the loss's gradients in the place of the logits; all words have been looked at."""
    _share(True, logits, first, targets, rows)


def _share(turning: bool, logits: Tensor, first: int, targets: Tensor, rows: RowSums) -> None:
    """Have every thread do its rows."""
    N, V = logits.shape
    threads = find_threads()
    if logits.dtype == torch.bfloat16 and threads is not None:
        threads.share(_part(turning), (N, V, first), (logits, targets, *rows))
        return
    loop = _turn if turning else _look
    loop(0, N, first, array(logits), targets.numpy(), *(array(part) for part in rows))


@reducing_kernel("nnan")
def _largest(logits: KernelArray, n: int) -> Any:
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
    logits: KernelArray,
    targets: KernelArray,
    largest: KernelArray,
    total: KernelArray,
    chosen: KernelArray,
    scale: KernelArray,
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
    logits: KernelArray,
    targets: KernelArray,
    largest: KernelArray,
    total: KernelArray,
    chosen: KernelArray,
    scale: KernelArray,
) -> None:
    for n in range(begin, end):
        factor, now = scale[0] / total[n], largest[n]
        for v in range(logits.shape[1]):
            logits[n, v] = narrow(exp(widen(logits[n, v]) - now) * factor, logits[n, v])
        if first <= targets[n] < first + logits.shape[1]:
            logits[n, targets[n] - first] = narrow(exp(chosen[n] - now) * factor - scale[0], logits[0, 0])


@cache
def _part(turning: bool) -> int:
    """Work of a thread on its rows."""

    def part(address):
        job, (who, how_many) = items(address, _ITEMS), thread(address)
        N = job[_N]
        logits = numba.carray(bf16_at(job[_LOGITS]), (N, job[_V]))
        targets, scale = numba.carray(int64_at(job[_TARGETS]), (N,)), numba.carray(fp32_at(job[_SCALE]), (1,))
        largest, total = numba.carray(fp32_at(job[_LARGEST]), (N,)), numba.carray(fp32_at(job[_TOTAL]), (N,))
        chosen = numba.carray(fp32_at(job[_CHOSEN]), (N,))
        begin, end = who * N // how_many, (who + 1) * N // how_many
        if turning:
            _turn(begin, end, job[_FIRST], logits, targets, largest, total, chosen, scale)
        else:
            _look(begin, end, job[_FIRST], logits, targets, largest, total, chosen, scale)

    return thread_function(part)
