"""safetensors files by their headers and as numpy arrays, for those who need no torch.

The library opens them by name and maps them into memory; that they are regular files is looked at before.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from rnntui.core.errors import InputError, oneline
from rnntui.core.nn.memory import available_memory, gigabytes
from rnntui.core.runs.safe_files import open_file

LARGEST_WEIGHT = 1e6
"""Largest weight: far beyond what training makes, and still finite where thousands are multiplied and added."""
_COPIES = 3
"""Copies of weights that a run is initialised from: the file's, the model's, and their average."""


def check_shapes(path: Path, expected: Mapping[str, Sequence[int]]) -> None:
    """Compare the names, shapes and number types in a safetensors file with `expected`, reading its header alone.

    Raises InputError that names the file and the first difference, or says that memory is too small for it.
    """
    try:
        open_file(path).close()
        with safe_open(path, framework="np") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            shapes = {name: list(each.get_shape()) for name, each in slices.items()}
            kinds = {name: each.get_dtype() for name, each in slices.items()}
    except (OSError, SafetensorError) as error:
        raise InputError(unreadable(path, error)) from None
    if missing := sorted(set(expected) - set(shapes)):
        raise InputError(f"{path}: '{missing[0]}' is missing; the file does not fit run.toml")
    if surplus := sorted(set(shapes) - set(expected)):
        raise InputError(f"{path}: unknown tensor '{surplus[0]}'; the file does not fit run.toml")
    for name, shape in expected.items():
        _check_tensor(path, name, kinds[name], shapes[name], shape)
    size, memory = 4 * sum(map(math.prod, expected.values())), available_memory().total
    if size > memory:
        raise InputError(
            f"{path}: takes {gigabytes(size)} of memory, and this machine has {gigabytes(memory)}; "
            f"use it where there is more"
        )


def _check_tensor(path: Path, name: str, kind: str, shape: Sequence[int], expected: Sequence[int]) -> None:
    """Raises InputError unless a tensor has the number type and the shape that `run.toml` asks for."""
    if kind != "F32":
        raise InputError(f"{path}: '{name}' holds {kind}, not F32 numbers")
    if list(shape) != list(expected):
        raise InputError(f"{path}: '{name}' has shape {list(shape)}, but run.toml asks for {list(expected)}")


def check_range(path: Path, name: str, lowest: float, highest: float) -> None:
    """Refuse a tensor whose numbers no training makes, by its least and its largest one.  Raises InputError."""
    if not (lowest >= -LARGEST_WEIGHT and highest <= LARGEST_WEIGHT):  # nor where they are not numbers
        raise InputError(
            f"{path}: '{name}' holds numbers that are not finite or beyond {LARGEST_WEIGHT:,.0f}; the file is damaged "
            f"or the run diverged: try another --checkpoint"
        )


def check_size(path: Path) -> None:
    """Refuse a file of tensors that would fill a good part of the memory when it is read.  Raises InputError."""
    try:
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise InputError(unreadable(path, error)) from None
    if _COPIES * size > available_memory().total:
        raise InputError(
            f"{path}: takes {gigabytes(size)}, more than this machine can use; train the run anew"
        )


def read_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The weights in a safetensors file whose header was checked.  Raises InputError that names the file."""
    try:
        open_file(path).close()
        with safe_open(path, framework="np") as file:
            return {name: _sound(path, name, file.get_tensor(name)) for name in sorted(file.keys())}
    except (OSError, SafetensorError) as error:
        raise InputError(unreadable(path, error)) from None


def read_array(path: Path, name: str, shape: Sequence[int]) -> np.ndarray[Any, Any]:
    """One tensor of a safetensors file, which has to have that shape.  Raises InputError that names the file."""
    try:
        open_file(path).close()
        with safe_open(path, framework="np") as file:
            if name not in file.keys():  # noqa: SIM118
                raise InputError(f"{path}: '{name}' is missing; the file does not fit run.toml")
            tensor = file.get_slice(name)
            _check_tensor(path, name, tensor.get_dtype(), tensor.get_shape(), shape)
            return _sound(path, name, file.get_tensor(name))
    except (OSError, SafetensorError) as error:
        raise InputError(unreadable(path, error)) from None


def _sound(path: Path, name: str, tensor: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if tensor.size:
        check_range(path, name, tensor.min(), tensor.max())
    return tensor


def unreadable(path: Path, error: Exception) -> str:
    """Message for a file that cannot be read."""
    return f"{path}: cannot be read: {oneline(error)}; try another --checkpoint"
