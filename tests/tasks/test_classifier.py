"""The classifier: padding that nobody sees, poolings by hand, gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rnntui.core.cells import CELLS
from rnntui.core.config.schema import ModelConfig
from rnntui.core.nn.pooling import POOLINGS, AttentionPooling, backward_in
from rnntui.core.tasks.classification.model import Classifier

V, L = 11, 3
LENGTHS = torch.tensor([7, 1, 4, 12])


def make(**options: Any) -> Classifier:
    torch.manual_seed(1)
    return Classifier(ModelConfig(**({"hidden_size": 6, "embedding_size": 5} | options)), V, L).eval()


def padded() -> torch.Tensor:
    torch.manual_seed(2)
    return torch.randint(0, V, (int(LENGTHS.max()), len(LENGTHS)))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_padding_is_not_seen(cell: str, bidirectional: bool, pooling: str) -> None:
    """Protects the answers: a text in a batch of longer ones is classified as it is alone, to 1e-5, and learned so."""
    model = make(cell=cell, bidirectional=bidirectional, pooling=pooling, num_layers=2, layer_norm=True)
    tokens, labels = padded(), torch.tensor([0, 2, 1, 2])
    together = model(tokens, LENGTHS)
    alone = torch.cat(
        [model(tokens[:n, i : i + 1], LENGTHS[i : i + 1]) for i, n in enumerate(LENGTHS.tolist())]
    )
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)

    weights = list(model.parameters())
    whole = torch.autograd.grad(model.loss((tokens, LENGTHS, labels), ()).nats, weights)
    parts = [
        model.loss((tokens[:n, i : i + 1], LENGTHS[i : i + 1], labels[i : i + 1]), ()).nats
        for i, n in enumerate(LENGTHS.tolist())
    ]
    single = torch.autograd.grad(torch.stack(parts).mean(), weights)
    torch.testing.assert_close(whole, single, atol=1e-5, rtol=1e-4)


def test_poolings_by_hand() -> None:
    """Protects the heads: last, greatest and mean of each text's own outputs; attention as a weighted mean."""
    y = torch.tensor([[[1.0, -4.0], [5.0, 6.0]], [[3.0, -2.0], [90.0, 91.0]]])  # T=2, B=2, F=2
    lengths = torch.tensor([2, 1])
    assert POOLINGS["last"](2, False)(y, lengths).tolist() == [[3, -2], [5, 6]]
    assert POOLINGS["last"](2, True)(y, lengths).tolist() == [[3, -4], [5, 6]], (
        "backward ends at the first token"
    )
    concat = POOLINGS["concat"](2, False)(y, lengths)
    assert concat.tolist() == [[3, -2, 2, -3, 3, -2], [5, 6, 5, 6, 5, 6]]
    attention = AttentionPooling(2, False)
    scores = (
        torch.tanh(y[:, 0] @ attention.hidden.weight.T + attention.hidden.bias) @ attention.matters.weight[0]
    )
    torch.testing.assert_close(attention(y, lengths)[0], scores.softmax(0) @ y[:, 0])
    torch.testing.assert_close(attention(y, lengths)[1], y[0, 1])


def test_reading_backward_turns_each_text_in_its_own_length() -> None:
    x = torch.arange(12.0).view(4, 3, 1)
    turned = backward_in(x, torch.tensor([4, 1, 3]))
    assert turned[:, :, 0].T.tolist() == [[9, 6, 3, 0], [1, 4, 7, 10], [8, 5, 2, 11]]
    assert torch.equal(backward_in(turned, torch.tensor([4, 1, 3])), x)


def test_a_new_model_knows_the_frequencies() -> None:
    """Protects the beginning: with no word read yet, each label is as likely as it is frequent."""
    model = make()
    model.begin_at(torch.tensor([70, 20, 10]))
    torch.testing.assert_close(model.head.bias.softmax(0), torch.tensor([0.7, 0.2, 0.1]), atol=1e-2, rtol=0)
