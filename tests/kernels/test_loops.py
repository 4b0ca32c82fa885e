"""The compiled loops: what the interpreter makes of the same lines."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch

from rnntui.core.kernels import elman, gru, lstm, mingru, minlstm
from rnntui.core.kernels.arithmetic import array

T, B, H = 3, 2, 5
LOOPS: dict[str, Any] = {
    "lstm": lstm.KERNELS,
    "gru": gru.KERNELS,
    "elman, tanh": elman.TANH,
    "elman, relu": elman.RELU,
    "mingru": mingru.KERNELS,
    "minlstm": minlstm.KERNELS,
}


def drawn(*shape: int, dtype: torch.dtype = torch.float32) -> np.ndarray:
    return array(torch.randn(*shape).to(dtype))


def numbers(stored: np.ndarray) -> np.ndarray:
    wide = stored.astype(np.uint32) << 16
    return wide.view(np.float32) if stored.dtype == np.uint16 else stored


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("name", LOOPS)
def test_compiled_loops_compute_what_they_say(name: str, dtype: torch.dtype) -> None:
    """Protects the fast path: vector instructions and own functions change nothing but the last digits."""
    torch.manual_seed(0)
    loops = LOOPS[name]
    wide = torch.promote_types(dtype, torch.float32)
    G, dG = (drawn(T, B, loops.gates, H, dtype=dtype) for _ in range(2))
    h, dy, carry = drawn(T + 1, B, H, dtype=dtype), drawn(T, B, H, dtype=dtype), drawn(B, H, dtype=wide)
    if name.startswith("min"):
        calls = [(loops.forward, (H, G, h, carry)), (loops.backward, (H, G, h, dy, carry, dG))]
    else:
        S, dR = drawn(T + 1, B, H, dtype=wide), drawn(T, B, loops.gates, H, dtype=dtype)
        R, dh = drawn(B, loops.gates, H, dtype=wide), drawn(B, 1, H, dtype=wide)
        calls = [
            (loops.forward, (1, H, G, R, S, h)),
            (loops.backward, (1, H, G, S, h, dy, dh, carry, dG, dR)),
        ]
    rtol, atol = (2**-7, 2**-9) if dtype == torch.bfloat16 else (2e-5, 1e-6)
    for loop, arguments in calls:
        compiled, plain = deepcopy(arguments), deepcopy(arguments)
        loop(*compiled)
        loop.py_func(*plain)
        for found, expected in zip(compiled, plain, strict=True):
            if not isinstance(found, int):
                np.testing.assert_allclose(numbers(found), numbers(expected), rtol, atol)
