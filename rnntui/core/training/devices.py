"""Where to compute, and how precisely."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Literal

import torch
from torch.nn.functional import cross_entropy

from rnntui.core.errors import InputError
from rnntui.core.models.language_model import LanguageModel
from rnntui.core.text.batches import Streams

Precision = Literal["fp32", "bf16", "fp16"]
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_RACE_STEPS = 3
_CLEAR_LEAD = 0.9
"""bf16 wins the race only when it needs at most this share of fp32's time: a tie stays fp32."""


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


def choose_precision(
    name: Precision | Literal["auto"], model: LanguageModel, streams: Streams, device: str
) -> Precision:
    """The precision that `auto` means for this model on this machine: the faster of bf16 and fp32.

    bf16 has several times the arithmetic of fp32 where the processor knows it, and is slow where it
    does not, so a few real steps are timed.  Raises InputError for fp16 without a GPU.
    """
    if name == "fp16" and device == "cpu":
        raise InputError("--precision: fp16 needs a GPU; use bf16 or fp32")
    if name != "auto":
        return name
    with torch.random.fork_rng(devices=[]):
        seconds = {precision: _race(model, streams, device, precision) for precision in ("fp32", "bf16")}
    return "bf16" if seconds["bf16"] < _CLEAR_LEAD * seconds["fp32"] else "fp32"


def _race(model: LanguageModel, streams: Streams, device: str, precision: Literal["fp32", "bf16"]) -> float:
    """Seconds of the fastest of a few forward and backward passes."""
    batch = streams[0]
    inputs, targets = torch.from_numpy(batch.inputs).to(device), torch.from_numpy(batch.targets).to(device)
    fastest = float("inf")
    for _ in range(1 + _RACE_STEPS):  # the first one also builds the kernels
        began = time.perf_counter()
        with autocast(device, precision):
            logits, _ = model(inputs, model.initial_state(inputs.shape[1]))
        cross_entropy(logits.float().flatten(0, 1), targets.flatten()).backward()  # type: ignore[no-untyped-call]
        if device == "cuda":
            torch.cuda.synchronize()
        fastest = min(fastest, time.perf_counter() - began)
        model.zero_grad(set_to_none=True)
    return fastest
