"""The threads of torch's own products, for loops of ours."""

from __future__ import annotations

import ctypes
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch


class Team(NamedTuple):
    """Calls into the OpenMP library that torch computes with.

    Its threads are there already, and a second set of them would fight with it for the processors: an
    OpenMP thread that waits for work keeps its processor busy for some milliseconds.
    """

    library: ctypes.CDLL

    def run(self, function: int, job: int) -> None:
        """Call the C function `void f(void *)` at address `function` with `job`, once in every thread."""
        self.library.GOMP_parallel(
            ctypes.c_void_p(function), ctypes.c_void_p(job), ctypes.c_uint(torch.get_num_threads()), 0
        )

    def address_of(self, name: str) -> int:
        """Where the library's function called `name` lies."""
        return ctypes.cast(getattr(self.library, name), ctypes.c_void_p).value or 0


@cache
def find_team() -> Team | None:
    """The threads that torch uses here, or None where they are not an OpenMP library's that GCC knows."""
    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:
        return None
    found = re.findall(r"\s(/\S*/lib(?:g|i)?omp5?[^/\s]*\.so\S*)$", maps, re.MULTILINE)
    home = str(Path(torch.__file__).parent)
    for path in sorted(set(found), key=lambda path: not path.startswith(home)):
        library = ctypes.CDLL(path)
        if all(hasattr(library, name) for name in ("GOMP_parallel", "omp_get_thread_num")):
            return Team(library)
    return None
