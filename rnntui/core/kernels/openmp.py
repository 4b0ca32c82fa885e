"""The threads of torch's own products, for loops of ours."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

_WHO = ("omp_get_thread_num", "omp_get_num_threads")


class Threads(NamedTuple):
    """Calls into the OpenMP library that torch computes with.

    Its threads are there already, and a second set of them would fight with it for the processors.
    """

    library: ctypes.CDLL

    def share(self, function: int, sizes: Sequence[int], tensors: Sequence[Tensor]) -> None:
        """Call the C function `void f(void *)` at address `function` once in every thread.

        It is given the address of int64 numbers: two for `thread`, then `sizes`, then where the numbers
        of each of `tensors` begin.
        """
        assert all(tensor.is_contiguous() for tensor in tensors)
        who = [ctypes.cast(getattr(self.library, name), ctypes.c_void_p).value or 0 for name in _WHO]
        job = np.array([*who, *sizes, *(tensor.data_ptr() for tensor in tensors)], np.int64)
        threads = ctypes.c_uint(torch.get_num_threads())
        self.library.GOMP_parallel(ctypes.c_void_p(function), ctypes.c_void_p(job.ctypes.data), threads, 0)


@cache
def find_threads() -> Threads | None:
    """The threads that torch uses here, or None where they are not an OpenMP library's that GCC knows."""
    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:
        return None
    found = re.findall(r"\s(/\S*/lib(?:g|i)?omp5?[^/\s]*\.so\S*)$", maps, re.MULTILINE)
    home = str(Path(torch.__file__).parent)
    for path in sorted(set(found), key=lambda path: not path.startswith(home)):
        library = ctypes.CDLL(path)
        if all(hasattr(library, name) for name in ("GOMP_parallel", *_WHO)):
            return Threads(library)
    return None
