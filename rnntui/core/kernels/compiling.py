"""Compilation of the loops by numba, and the cache of the result."""

from __future__ import annotations

import hashlib
import pickle
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

import llvmlite.binding
import numba
from numba import types
from numba.core.caching import NullCache
from numba.core.ccallback import CFunc
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from numba.extending import register_jitable

from rnntui.core.kernels.kernel_cache import KernelFolder, kernel_folder
from rnntui.core.kernels.llvm_intrinsics import call, int64_at

Compiled = TypeVar("Compiled", bound=Callable[..., Any])

# A loop over several arrays becomes vector instructions only behind a check that they do not overlap.
# LLVM makes at most eight comparisons unless told otherwise, fewer than an LSTM's four gates and memory
# need, and moves the checks out to where the rows of one gate lie between those of another: they fail.
llvmlite.binding.set_option("", "--runtime-memory-check-threshold=128")
llvmlite.binding.set_option("", "--hoist-runtime-checks=false")

# Fused multiply-adds and no distinction of -0; nothing that would hide a NaN or reorder a sum.
OPTIONS: dict[str, Any] = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}


def kernel(function: Compiled) -> Compiled:
    """A loop over arrays, compiled once a machine."""
    return _compiled(function, OPTIONS)


def reducing_kernel(*more: str) -> Callable[[Compiled], Compiled]:
    """As `kernel`, but its sums may be taken in any order, as vector instructions take them.

    `more` are further liberties by LLVM's names: `nnan` for a maximum, where a NaN shows elsewhere.
    """

    def decorate(function: Compiled) -> Compiled:
        return _compiled(function, OPTIONS | {"fastmath": OPTIONS["fastmath"] | {"reassoc", *more}})

    return decorate


def inlined(function: Compiled) -> Compiled:
    """A function for kernels alone, which becomes part of each."""
    return cast("Compiled", register_jitable(**OPTIONS)(function))


def thread_function(function: Callable[[int], None]) -> int:
    """The address of a C function `void f(void *)`, compiled once a machine."""
    signature = types.void(types.intp)
    compiled: Any = CFunc(function, (signature.args, signature.return_type), locals={}, options=OPTIONS)
    compiled._cache = KernelCache(function, kernel_folder())
    compiled.compile()
    _ALIVE.append(compiled)
    return int(compiled.address)


@inlined
def thread(address: int) -> tuple[int, int]:
    """The index of this thread and the number of threads, in a function that was given a job."""
    job = numba.carray(int64_at(address), (2,))
    return call(job[0]), call(job[1])


@inlined
def items(address: int, count: int) -> Any:
    """The `count` sizes and addresses of a job."""
    return numba.carray(int64_at(address + 16), (count,))


_ALIVE: list[Any] = []


def _compiled(function: Compiled, options: dict[str, Any]) -> Compiled:
    compiled: Any = numba.njit(nogil=True, **options)(function)
    if not numba.config.DISABLE_JIT:  # it leaves the function as it is
        compiled._cache = KernelCache(function, kernel_folder())
    return cast("Compiled", compiled)


class KernelCache(NullCache):
    """The compiled forms of one function, kept in a `KernelFolder`.

    It stands where `cache=True` would put numba's own cache, which trusts whatever it finds, raises where a
    disk is full, and may give a function the code of another if two processes write its index at once.
    """

    def __init__(self, function: Callable[..., Any], folder: KernelFolder) -> None:
        assert isinstance(function, FunctionType)
        self._function, self._folder = function, folder
        self._source = _source_digest(function.__code__.co_filename)

    @property
    def cache_path(self) -> str:
        return str(self._folder.path)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        target_context.refresh()
        key = self._key(sig, target_context.codegen())
        name = self._name(key)
        content = self._folder.load(name)
        if content is None:
            return None
        try:
            saved_key, reduced = pickle.loads(content)
            return CompileResult._rebuild(target_context, *reduced) if saved_key == key else None
        except Exception:  # saved whole, by a numba that calls itself the same and is not; no reason to stop
            self._folder.discard(name)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        if data.lifted or data.library.has_dynamic_globals:
            return  # holds addresses of this process
        key = self._key(sig, data.codegen)
        self._folder.save(self._name(key), dumps((key, data._reduce())))

    def _key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        """Properties of the machine that the machine code depends on, besides versions and sources."""
        cells = self._function.__closure__ or ()
        captured = dumps(tuple(cell.cell_contents for cell in cells))
        return sig, codegen.magic_tuple(), self._function.__code__.co_code, captured

    def _name(self, key: tuple[Any, ...]) -> str:
        """A name for a person, and a digest that tells apart whatever must not be mistaken for another."""
        code = self._function.__code__
        versions = numba.__version__, sys.implementation.cache_tag, self._source
        digest = hashlib.sha256(repr((versions, key)).encode()).hexdigest()[:32]
        name = re.sub(r"[^\w.]", "", f"{Path(code.co_filename).stem}.{self._function.__qualname__}")
        return f"{name}-{code.co_firstlineno}-{digest}"


@cache
def _source_digest(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()
