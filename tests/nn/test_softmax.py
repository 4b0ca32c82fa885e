"""The loss over many words: that of the plain softmax, whatever way it goes through memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from rnntui.core.nn import softmax
from rnntui.core.nn.heads import SampledHead, SoftmaxHead
from rnntui.core.nn.softmax import linear_cross_entropy


def inputs(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    y = torch.randn(9, 6, dtype=dtype, requires_grad=True)
    weight = torch.randn(23, 6, dtype=dtype, requires_grad=True)
    bias = torch.randn(23, dtype=dtype, requires_grad=True)
    return y, weight, bias, torch.randint(23, (9,))


@pytest.mark.parametrize("words_at_once", [23, 10, 1])
def test_loss_and_gradients_are_the_plain_ones(words_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects large vocabularies: one block of words or many, the numbers of `cross_entropy` to 1e-6."""
    if words_at_once < 23:
        monkeypatch.setattr(softmax, "_LOGITS", 0)
        monkeypatch.setattr(softmax, "_BLOCK", 9 * words_at_once)
    *parts, targets = inputs()
    y, weight, bias = parts
    expected = cross_entropy(linear(y, weight, bias), targets)
    found = linear_cross_entropy(y, weight, bias, targets)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(
        torch.autograd.grad(3 * found, parts), torch.autograd.grad(3 * expected, parts), atol=1e-6, rtol=1e-5
    )


def test_gradients_are_those_of_the_function() -> None:
    """Protects learning: gradcheck in fp64."""
    *parts, targets = inputs(torch.float64)
    assert torch.autograd.gradcheck(
        lambda y, weight, bias: linear_cross_entropy(y, weight, bias, targets), parts
    )


def test_half_precision_is_close() -> None:
    """Protects training in bf16: loss and gradients are fp32's but for the rounding."""
    y, weight, bias, targets = inputs()
    parts = (y, weight, bias)
    expected = linear_cross_entropy(y, weight, bias, targets)
    with torch.autocast("cpu", torch.bfloat16):
        found = linear_cross_entropy(y, weight, bias, targets)
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=5e-3)
    for half, exact in zip(*(torch.autograd.grad(loss, parts) for loss in (found, expected)), strict=True):
        assert half.dtype == torch.float32 and (half - exact).norm() < 0.03 * exact.norm()


@pytest.mark.parametrize("fault", [float("nan"), float("inf")])
def test_a_fault_is_not_hidden(fault: float) -> None:
    """Protects the watch over divergence: a bad number in the inputs is one in the loss."""
    *parts, targets = inputs()
    y, weight, bias = parts
    with torch.no_grad():
        y[4, 2] = fault
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            assert not linear_cross_entropy(y, weight, bias, targets).isfinite()


def test_the_largest_logits_do_not_overflow() -> None:
    y, weight, bias = torch.tensor([[300.0]]), torch.tensor([[1.0], [-1.0], [0.0]]), torch.zeros(3)
    assert float(linear_cross_entropy(y, weight, bias, torch.tensor([0]))) == pytest.approx(0)
    assert float(linear_cross_entropy(y, weight, bias, torch.tensor([1]))) == pytest.approx(600)


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> SampledHead:
    """A head whose rare tokens stand for eight each."""
    monkeypatch.setattr(SampledHead, "_DRAWN", 11)
    torch.manual_seed(0)
    head = SampledHead(6, 107)
    head.begin_at(torch.arange(107, 0, -1))
    assert head.stride == 8
    return head


def test_the_sampled_softmax_is_the_whole_one_on_average(sampled: SampledHead) -> None:
    """Protects `--softmax sampled`: over all draws, what P is divided by has the true sum as its mean.

    So has what label smoothing adds.
    """
    y, target = torch.randn(1, 6), torch.tensor([70])
    with torch.no_grad():
        sampled.bias += torch.randn(107)
    whole = SoftmaxHead.loss(sampled, y, target, 0.1)
    logit = sampled(y)[0, 70]
    sums, excesses = [], []
    for first in range(sampled.stride):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch, "randint", lambda *_, first=first: torch.tensor(first))
            nats, objective = sampled.loss(y, target, 0.1)
        sums.append((nats + logit).exp())
        excesses.append(objective - nats)
    torch.testing.assert_close(torch.stack(sums).mean(), (whole.nats + logit).exp())
    assert torch.stack(sums).std() > 0
    torch.testing.assert_close(torch.stack(excesses).mean(), whole.objective - whole.nats)
    assert torch.stack(excesses).std() > 0


def test_gradients_of_the_sampled_softmax_go_to_what_was_compared(sampled: SampledHead) -> None:
    """Protects learning with it: in the mean of all draws, the frequent words' gradients are the whole ones'."""
    y, targets = torch.randn(200, 6), torch.randint(107, (200,))
    whole = torch.autograd.grad(SoftmaxHead.loss(sampled, y, targets).nats, sampled.weight)[0]
    drawn = [torch.autograd.grad(sampled.loss(y, targets).nats, sampled.weight)[0] for _ in range(100)]
    torch.testing.assert_close(torch.stack(drawn).mean(0)[:10], whole[:10], atol=2e-4, rtol=0.02)
    rare = sampled.draw(targets[:5], 0) == 0
    few = torch.autograd.grad(sampled.loss(y[:5], targets[:5]).nats, sampled.weight)[0]
    assert (few == 0).all(dim=1).sum() >= rare.sum() - 1 > 60


def test_all_tokens_are_compared_out_of_training_and_where_they_are_few(sampled: SampledHead) -> None:
    """Protects the figures: held-out losses are never estimates."""
    y, targets = torch.randn(9, 6), torch.randint(107, (9,))
    sampled.eval()
    torch.testing.assert_close(sampled.loss(y, targets, 0.1), SoftmaxHead.loss(sampled, y, targets, 0.1))
    small = SampledHead(6, 20)
    targets = targets % 20
    torch.testing.assert_close(small.loss(y, targets).nats, cross_entropy(small(y), targets))


@pytest.mark.parametrize("make", [SoftmaxHead, SampledHead])
def test_a_new_head_knows_the_frequencies(make: type[SoftmaxHead]) -> None:
    """Protects the start: before the first step each token has the probability of its frequency."""
    counts = torch.arange(40, 0, -1) ** 2
    head = make(8, 40)
    head.begin_at(counts)
    p = head(torch.zeros(1, 8)).softmax(1)[0]
    torch.testing.assert_close(p.double(), (counts / counts.sum()).double(), rtol=0.05, atol=0.002)
