"""Weights in less room: the smallest ones left out, the others in int8."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from rnntui.core.inference.int8 import quantized

Arrays = np.ndarray[Any, Any]


class Matrix(NamedTuple):
    """One tensor of a model as it is kept."""

    values: Arrays
    """float32, or int8 with a `scale`."""
    scale: Arrays | None
    """(rows,) what the whole numbers of each row are multiplied with."""
    pruned: bool = False
    """Whether some of it has been left out."""

    @property
    def numbers(self) -> Arrays:
        """What the model computes with."""
        return self.values if self.scale is None else self.values.astype(np.float32) * self.scale[:, None]


def smaller(tensors: Mapping[str, Arrays], prune: float = 0.0, int8: bool = False) -> dict[str, Matrix]:
    """The matrices among `tensors` with the share `prune` of each set to zero, the smallest, and the rest in `int8`.

    Pruning by size as in Han et al. (2015), without learning again; int8 with a scale a row.  Biases and norms stay.
    """
    found = {}
    for name, tensor in tensors.items():
        if tensor.ndim != 2 or not (prune or int8):
            found[name] = Matrix(tensor, None)
            continue
        values = tensor
        if prune:
            values = tensor.copy()
            values.ravel()[np.abs(tensor).argsort(axis=None)[: int(prune * tensor.size)]] = 0
        found[name] = Matrix(*quantized(values), bool(prune)) if int8 else Matrix(values, None, bool(prune))
    return found


def packed(matrices: Mapping[str, Matrix]) -> dict[str, Arrays]:
    """The tensors of a file that holds the matrices: of a pruned one, what is left and a bit for each place."""
    tensors: dict[str, Arrays] = {}
    for name, matrix in matrices.items():
        if matrix.scale is not None:
            tensors[f"{name}.scale"] = matrix.scale
        if matrix.pruned:
            tensors[f"{name}.kept"] = np.packbits(matrix.values != 0)
            tensors[f"{name}.values"] = matrix.values[matrix.values != 0]
            tensors[f"{name}.shape"] = np.array(matrix.values.shape, np.int64)
        else:
            tensors[name] = matrix.values
    return tensors
