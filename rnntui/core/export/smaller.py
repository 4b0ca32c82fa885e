"""Weights in int8, a quarter of the room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from rnntui.core.completion.arrays import Array
from rnntui.core.completion.int8 import quantized


class Matrix(NamedTuple):
    """One tensor of a model as it is kept."""

    values: Array
    """float32, or int8 with a `scale`."""
    scale: Array | None
    """(rows,) what the whole numbers of each row are multiplied with."""

    @property
    def numbers(self) -> Array:
        """The numbers that the model computes with."""
        return self.values if self.scale is None else self.values.astype(np.float32) * self.scale[:, None]


def smaller(tensors: Mapping[str, Array], int8: bool = False) -> dict[str, Matrix]:
    """Return the tensors with matrices in int8, a scale a row, if asked.  Biases and norms stay float32."""
    return {
        name: Matrix(*quantized(tensor)) if int8 and tensor.ndim == 2 else Matrix(tensor, None)
        for name, tensor in tensors.items()
    }


def packed(matrices: Mapping[str, Matrix]) -> dict[str, Array]:
    """Return the tensors of a file that holds the matrices."""
    tensors: dict[str, Array] = {}
    for name, matrix in matrices.items():
        if matrix.scale is not None:
            tensors[f"{name}.scale"] = matrix.scale
        tensors[name] = matrix.values
    return tensors
