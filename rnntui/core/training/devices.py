"""Devices and their precisions."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

import torch

from rnntui.core.cells.fused import torch_knows_bf16
from rnntui.core.config import Facts
from rnntui.core.errors import InputError

Precision = Literal["fp32", "bf16", "fp16"]
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def choose_device(name: str) -> str:
    """The device that `auto`, `cpu`, `cuda` or `mps` means here.  Raises InputError where it is missing.

    `auto` takes a CUDA GPU, else the CPU: on Apple's GPU recurrent layers have been slower than on its
    CPU, so `mps` is for those who ask for it.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device: no CUDA GPU is usable here; use --device cpu")
    if name == "mps" and not torch.backends.mps.is_available():
        raise InputError("--device: no Apple GPU is usable here; use --device cpu")
    return name


def autocast(device: str, precision: Precision) -> AbstractContextManager[None]:
    """A context in which products run in `precision`; weights and loss stay in fp32."""
    return torch.autocast(device, dtype=_DTYPES.get(precision), enabled=precision != "fp32")


@contextmanager
def one_thread() -> Iterator[None]:
    """Within the block, one thread computes on the CPU: its results do not depend on how many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def keep_memory() -> None:
    """Have the C library keep freed memory for the next step, where it is the GNU one.

    A step frees what the next one asks for again; handed back to the system each time, it comes again page
    by page, at a tenth of the step's time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)  # the most that it takes
    mallopt(_M_TRIM_THRESHOLD, 2**30)


def facts_for(train_tokens: int) -> Facts:
    """Return what the defaults of a run depend on: the length of its training part, in tokens, and this machine."""
    return Facts(train_tokens, torch_knows_bf16())
