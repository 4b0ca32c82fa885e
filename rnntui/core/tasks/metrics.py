"""How good predicted probabilities of labels are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_BINS = 10

Numbers = npt.NDArray[Any]


def confusion(predicted: Numbers, labels: Numbers, count: int) -> Numbers:
    """(L, L) how often the label of the row was taken for that of the column, from both (n,)."""
    return np.bincount(labels * count + predicted, minlength=count * count).reshape(count, count)


def macro_f1(table: Numbers) -> float:
    """The mean over the labels of the harmonic mean of precision and recall, from a confusion table (L, L).

    A label that neither came nor was predicted is left out; one that was never right counts as 0.
    """
    right, came, told = table.diagonal(), table.sum(1), table.sum(0)
    there = came + told > 0
    return float(np.mean(2 * right[there] / (came + told)[there]))


def calibration_error(probabilities: Numbers, labels: Numbers) -> float:
    """By how much the confidence differs from the accuracy, on average over ten bins (Guo et al. 2017).

    `probabilities` (n, L), `labels` (n,).  A bin counts as much as it has predictions.
    """
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    sums = np.bincount(bins, confidence - right, minlength=_BINS)
    return float(np.abs(sums).sum() / len(labels))
