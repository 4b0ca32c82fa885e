"""How the loops of the fast path are compiled, and where the result is kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite.binding
import numba
import platformdirs
from numba import types
from numba.extending import register_jitable

Function = TypeVar("Function", bound=Callable[..., Any])

# A loop over several arrays becomes vector instructions only behind a check that they do not overlap.
# LLVM makes at most eight comparisons unless told otherwise, fewer than an LSTM's four gates and memory
# need, and moves the checks out to where the rows of one gate lie between those of another: they fail.
llvmlite.binding.set_option("", "--runtime-memory-check-threshold=128")
llvmlite.binding.set_option("", "--hoist-runtime-checks=false")

# Fused multiply-adds and no distinction of -0; nothing that would hide a NaN or reorder a sum.
OPTIONS: dict[str, Any] = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}


def kernel(function: Function) -> Function:
    """A loop over arrays, compiled once a machine."""
    with _kept() as cache:
        return cast("Function", numba.njit(cache=cache, nogil=True, **OPTIONS)(function))


def reducing_kernel(*more: str) -> Callable[[Function], Function]:
    """As `kernel`, but its sums may be taken in any order, as vector instructions take them.

    `more` are further liberties by LLVM's names: `nnan` for a maximum, where a NaN shows elsewhere.
    """

    def decorate(function: Function) -> Function:
        options = OPTIONS | {"fastmath": OPTIONS["fastmath"] | {"reassoc", *more}}
        with _kept() as cache:
            return cast("Function", numba.njit(cache=cache, nogil=True, **options)(function))

    return decorate


def inlined(function: Function) -> Function:
    """A function for kernels alone, which becomes part of each."""
    return cast("Function", register_jitable(**OPTIONS)(function))


def thread_function(function: Callable[[int], None]) -> int:
    """The address of a C function `void f(void *)`, compiled once a machine."""
    with _kept() as cache:
        compiled = numba.cfunc(types.void(types.intp), cache=cache, **OPTIONS)(function)
    _ALIVE.append(compiled)
    return int(compiled.address)


_ALIVE: list[Any] = []


@contextmanager
def _kept() -> Iterator[bool]:
    """Compiled code goes where this version of the sources has its own place, or nowhere if there is none.

    Numba would notice a change of the file that a function stands in, but not of those it calls.
    """
    if _FOLDER is None:
        yield False
        return
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(_FOLDER)
    try:
        yield True
    finally:
        numba.config.CACHE_DIR = before


def _make_folder() -> Path | None:
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    home = platformdirs.user_cache_path("rnntui", appauthor=False)
    folder = home / "kernels" / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


_FOLDER = _make_folder()
