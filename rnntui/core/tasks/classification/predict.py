"""Predictions of a classifier, and the influence of each word on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnntui.core.nn.base import evaluating
from rnntui.core.tasks.classification.data import LabelledBatch, sequence_of
from rnntui.core.tasks.classification.model import Classifier
from rnntui.core.text.tokenizers import Tokenizer


class Prediction(NamedTuple):
    """A text as a classifier sees it."""

    probabilities: list[float]
    """Probability of each label."""
    pieces: list[str]
    """The text, cut as it is read."""
    influence: list[float]
    """Influence of each piece on the label's log-odds in nats, by its gradient."""
    unknown: Sequence[bool] = ()
    """True for each piece that is not in the vocabulary, so that the model reads `<unk>` there."""


@torch.inference_mode()
def log_probabilities(model: Classifier, batch: LabelledBatch, device: str) -> Tensor:
    """ln P(label) (B, L) of the texts in a batch, in fp32, each read to its own end."""
    with evaluating(model):
        inputs, lengths = (torch.from_numpy(each).to(device) for each in batch.arrays[:2])
        logits: Tensor = model(inputs, lengths)
        return logits.float().log_softmax(1).cpu()


def predict(model: Classifier, tokenizer: Tokenizer, text: str, label: int | None = None) -> Prediction:
    """Predict the label of `text` on the CPU, with the influence of each piece on `label`, or on the likeliest.

    A piece's influence is the gradient of ln P / (1 - P) with respect to its embedding, times the embedding
    (gradient times input; Shrikumar et al. 2017): the first-order change if the embedding were zero, with its
    sign turned.
    """
    read = tokenizer.as_read(text)
    sequence = sequence_of(read, tokenizer).astype(np.int64)
    with evaluating(model), torch.enable_grad():
        embedded = model.embedding(torch.from_numpy(sequence).unsqueeze(1)).detach().requires_grad_()
        log_p = model.of_embedded(embedded, torch.tensor([len(sequence)])).float().log_softmax(1)[0]
        chosen = int(log_p.argmax()) if label is None else label
        others = torch.cat([log_p[:chosen], log_p[chosen + 1 :]]).logsumexp(0)
        (gradient,) = torch.autograd.grad(log_p[chosen] - others, embedded)
    influence = (gradient * embedded).sum(2)[1:, 0]
    pieces = tokenizer.pieces(text)  # as it was typed, where that is cut alike
    if len(pieces) != len(influence):
        pieces = tokenizer.pieces(read)
    unknown = (
        sequence[1:] == -1 if tokenizer.unknown is None else sequence[1:] == tokenizer.unknown
    ).tolist()
    return Prediction(log_p.detach().exp().tolist(), pieces, influence.tolist(), unknown)


def likeliest(probabilities: Sequence[float]) -> list[int]:
    """The places of the labels, the likeliest first."""
    return sorted(range(len(probabilities)), key=lambda place: -probabilities[place])
