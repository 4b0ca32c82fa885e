"""Products of few rows with one matrix, many times over."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

MatrixProduct = Callable[[Tensor], Tensor]


def product(weight: Tensor, rows: int, bias: Tensor | None = None) -> MatrixProduct:
    """A function from x (rows, I) to x weight^T + bias (rows, O), for a `weight` (O, I) that stays the same.

    Where torch was built with oneDNN the weight is laid out once as its kernels want it; torch's own
    product would do so at every call, or in fp32 leave the work to a slower library.
    """
    if weight.dtype in _packable():
        packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), rows)
        return lambda x: torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")
    transposed = weight.t()
    if bias is None:
        return lambda x: torch.mm(x, transposed)
    return lambda x: torch.addmm(bias, x, transposed)


@cache
def _packable() -> frozenset[torch.dtype]:
    """The precisions in which oneDNN takes packed weights here.

    The operators are those of torch's own compiler, not of its public interface, so they are tried.
    """
    return frozenset(dtype for dtype in (torch.float32, torch.bfloat16) if _packs(dtype))


def _packs(dtype: torch.dtype) -> bool:
    x, weight = torch.eye(4, 16, dtype=dtype), torch.arange(128.0).view(8, 16).to(dtype)
    try:
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, 4)
        y = torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], "")
    except (AttributeError, RuntimeError):
        return False
    return torch.equal(y, torch.mm(x, weight.t()))
