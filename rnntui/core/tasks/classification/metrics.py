"""How good predicted probabilities of labels are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_BINS = 10

LabelArray = npt.NDArray[Any]


def confusion(predicted: LabelArray, labels: LabelArray, count: int) -> LabelArray:
    """(L, L) how often the label of the row was taken for that of the column, from both (n,)."""
    return np.bincount(labels * count + predicted, minlength=count * count).reshape(count, count)


def macro_f1(predicted: LabelArray, labels: LabelArray) -> float:
    """Mean over the labels of the harmonic mean of precision and recall, from both (n,).

    A label that neither came nor was predicted is left out; one that was never right counts as 0.
    """
    count = int(max(predicted.max(), labels.max())) + 1
    right = np.bincount(labels[predicted == labels], minlength=count)
    both = np.bincount(labels, minlength=count) + np.bincount(predicted, minlength=count)
    return float(np.mean(2 * right[both > 0] / both[both > 0]))


def calibration_error(confidence: LabelArray, right: LabelArray) -> float:
    """Difference between confidence and accuracy, on average over ten bins (Guo et al. 2017).

    `confidence` (n,) is the probability of what was predicted, `right` (n,) says whether it came.  A bin counts as
    much as it has predictions.
    """
    confidence = np.nan_to_num(confidence)  # a network whose numbers overflow is sure of nothing
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    sums = np.bincount(bins, confidence - right, minlength=_BINS)
    return float(np.abs(sums).sum() / len(right))
