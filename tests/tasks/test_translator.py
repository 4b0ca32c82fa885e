"""The translator: padding that nobody sees, steps that are the whole, masks that stay."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rnntui.core.cells import CELLS
from rnntui.core.config import build
from rnntui.core.config.schema import ModelConfig
from rnntui.core.nn.dropouts import LockedDropout, held
from rnntui.core.tasks import build_model
from rnntui.core.tasks.translation.attention import BahdanauAttention, LuongAttention
from rnntui.core.tasks.translation.model import Translator

V, W = 11, 7
SOURCES, TARGETS = torch.tensor([5, 1, 9]), torch.tensor([3, 8, 1])


def make(shared: bool = False, **options: Any) -> Translator:
    torch.manual_seed(1)
    config = ModelConfig(**({"hidden_size": 6, "embedding_size": 5} | options))
    return Translator(config, V, V if shared else W, shared).eval()


def padded() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(2)
    sources = torch.randint(0, V, (int(SOURCES.max()), len(SOURCES)))
    return sources, SOURCES, torch.randint(0, W, (int(TARGETS.max()) + 1, len(TARGETS))), TARGETS


@pytest.mark.parametrize("attention", ["luong", "bahdanau", "none"])
@pytest.mark.parametrize("input_feeding", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_padding_is_not_seen(cell: str, input_feeding: bool, attention: str) -> None:
    """Protects the figures: a pair beside longer ones is learned as it is alone, gradients too."""
    model = make(
        cell=cell,
        input_feeding=input_feeding,
        attention=attention,
        bidirectional=True,
        num_layers=2,
        tied=True,
    )
    sources, source_lengths, targets, lengths = padded()
    weights = list(model.parameters())
    nats = model.loss((sources, source_lengths, targets, lengths), ()).nats
    whole = torch.autograd.grad(nats, weights)
    parts = []
    for i, (s, t) in enumerate(zip(SOURCES.tolist(), TARGETS.tolist(), strict=True)):
        one = slice(i, i + 1)
        alone = (sources[:s, one], source_lengths[one], targets[: t + 1, one], lengths[one])
        parts.append(model.loss(alone, ()).nats * (t / lengths.sum()))
    torch.testing.assert_close(nats, torch.stack(parts).sum(), atol=1e-5, rtol=1e-5)
    single = torch.autograd.grad(torch.stack(parts).sum(), weights)
    torch.testing.assert_close(whole, single, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "options", [{}, {"input_feeding": True}, {"attention": "bahdanau"}, {"cell": "gru"}], ids=str
)
def test_step_by_step_is_the_whole(options: dict[str, Any]) -> None:
    """Protects translating: what the decoder says of a token is what it was taught to say, to 1e-5."""
    model = make(**options, num_layers=2)
    sources, source_lengths, targets, _ = padded()
    memory, place = model.read(sources, source_lengths)
    taught = model.head(model.decoded(targets[:-1], place, memory)).log_softmax(2)
    for t in range(len(targets) - 1):
        log_p, looked, place = model.advance(targets[t], place, memory)
        torch.testing.assert_close(log_p, taught[t], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(looked.sum(1), torch.ones(len(SOURCES)), atol=1e-5, rtol=0)
        assert all((looked[i, n:] == 0).all() for i, n in enumerate(SOURCES.tolist())), (
            "nobody looks at filling"
        )


def test_attentions_by_hand() -> None:
    """Protects the equations: each score from the symbols of its paper."""
    torch.manual_seed(3)
    h, y = torch.randn(1, 2, 4), torch.randn(1, 3, 6)
    luong, bahdanau = LuongAttention(4, 6), BahdanauAttention(4, 6)
    torch.testing.assert_close(luong(h, luong.keys(y))[0, 1, 2], h[0, 1] @ (luong.source.weight @ y[0, 2]))
    inner = bahdanau.hidden.weight @ h[0, 1] + bahdanau.source.weight @ y[0, 2] + bahdanau.source.bias
    torch.testing.assert_close(
        bahdanau(h, bahdanau.keys(y))[0, 1, 2], bahdanau.matters.weight[0] @ inner.tanh()
    )


def test_a_shared_vocabulary_is_one_matrix() -> None:
    """Protects the size: both sides and the output have the same embedding, and it is kept once."""
    shared, apart = make(shared=True, tied=True), make(tied=True)
    assert shared.head.weight is shared.embedding.weight and shared.tied_to == "embedding.weight"
    assert apart.target_embedding is not None and apart.head.weight is apart.target_embedding.weight
    config = build({"task": "translate", "shared_vocabulary": True, "tied": True, "hidden_size": 6})
    model = build_model(config, (V, V))
    assert sum(p.shape == (V, config.model.embedding_size) for p in model.parameters()) == 1


def test_scheduled_sampling_feeds_guesses_in_training_alone() -> None:
    """Protects the option: with it the decoder meets its own words while it learns, and never when evaluated."""
    plain, guessing = make(), make(scheduled_sampling=0.9)
    batch = padded()
    assert torch.equal(plain.loss(batch, ()).nats, guessing.loss(batch, ()).nats)
    torch.manual_seed(4)
    assert not torch.equal(plain.train().loss(batch, ()).nats, guessing.train().loss(batch, ()).nats)


def test_what_goes_step_by_step_leaves_the_same_out() -> None:
    """Protects dropout: one mask for all steps of a target, and another one for the next."""
    layer = LockedDropout(0.5).train()
    x = torch.ones(1, 2, 50)
    with held(layer):
        first = layer(x)
        assert torch.equal(first, layer(x))
    with held(layer):
        assert not torch.equal(first, layer(x))
    assert not torch.equal(layer(x), layer(x))
