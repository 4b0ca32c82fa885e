"""The GPU's scan, on a GPU or in Triton's interpreter; left out where Triton is not installed."""

from __future__ import annotations

import os

import pytest
import torch

from rnntui.core.kernels import mingru, minlstm, scan
from rnntui.core.kernels.kernels import ScanKernels

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported
pytest.importorskip("triton", exc_type=ImportError)


@pytest.mark.parametrize("kernels", [mingru.KERNELS, minlstm.KERNELS], ids=["mingru", "minlstm"])
@pytest.mark.parametrize("size", [(5, 2, 7), (32, 1, 32), (70, 3, 40)], ids=str)
def test_it_is_the_scan_of_the_cpu(kernels: ScanKernels, size: tuple[int, int, int]) -> None:
    """Protects the parallel cells on a GPU: outputs, last state and gradients, to 1e-5, at any length."""
    from rnntui.core.kernels.scan_cuda import Scan

    torch.manual_seed(0)
    T, B, H = size
    sums, h_0 = 3 * torch.randn(T, B, kernels.gates * H), torch.randn(B, H)
    dy, d_last = torch.randn(T, B, H), torch.randn(B, H)
    results = []
    for device in ("cpu", DEVICE):
        inputs = [part.to(device).requires_grad_() for part in (sums, h_0)]
        if device == "cpu" and not results:
            y, last = scan.run(kernels, *inputs)
        else:
            y, last = Scan.apply(kernels, *inputs)
        gradients = torch.autograd.grad((y, last), inputs, (dy.to(device), d_last.to(device)))
        results.append([part.detach().cpu() for part in (y, last, *gradients)])
    torch.testing.assert_close(*results, atol=1e-5, rtol=1e-5)
