"""The model: its options, its size, its weights on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch.nn.functional import cross_entropy

from rnntui.core.cells.base import Lookup
from rnntui.core.cells.fused import FusedCell
from rnntui.core.config import build, changed
from rnntui.core.config.schema import ModelConfig
from rnntui.core.errors import InputError
from rnntui.core.nn.base import Penalties, count_parameters
from rnntui.core.nn.dropouts import LockedDropout, held
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.nn.weights import load_model, load_weights, model_bytes
from rnntui.core.runs.folder import Run
from rnntui.core.tasks.budget import parameters_of, within_budget
from tests.conftest import MakeRun

V = 11


def make(options: dict[str, Any]) -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(ModelConfig(**({"hidden_size": 8, "embedding_size": 6} | options)), V)


def test_tied_weights_are_one_matrix() -> None:
    model = make({"tied": True, "embedding_size": 8})
    assert model.head.weight is model.embedding.weight
    assert count_parameters(model) == count_parameters(make({"embedding_size": 8})) - 8 * V


def test_dropout_acts_in_training_only() -> None:
    model = make({"dropout": 0.5})
    tokens, state = torch.randint(V, (4, 2)), model.initial_state(2)
    assert not torch.equal(model(tokens, state)[0], model(tokens, state)[0])
    model.eval()
    assert torch.equal(model(tokens, state)[0], model(tokens, state)[0])


def test_dropped_features_stay_dropped_for_a_piece() -> None:
    """Protects recurrent dropout: one mask for all steps, of outputs, of inputs, and of whole tokens."""
    locked = LockedDropout(0.5).train()
    kept = locked(torch.ones(9, 3, 20))
    assert torch.equal(kept, kept[:1].expand(9, 3, 20)) and set(kept.unique().tolist()) == {0.0, 2.0}
    assert not torch.equal(kept[0, 0], kept[0, 1])
    embedding = make({"embedding_dropout": 0.5}).embedding
    x = embedding(torch.arange(V).repeat(50, 1))
    gone = (x == 0).all(2)
    assert torch.equal(gone, gone[:1].expand(50, V)) and 0 < gone[0].sum() < V
    torch.testing.assert_close(x[0, ~gone[0]], 2 * embedding.weight[~gone[0]])


@pytest.mark.parametrize(
    "settings", [{}, {"embedding_dropout": 0.5}, {"residual": True, "embedding_size": 8}], ids=str
)
def test_few_tokens_are_looked_up(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects speed and learning: a batch of more places than tokens has the same outputs and gradients."""
    model = make({"hidden_size": 8, "num_layers": 2} | settings).train()
    tokens, state = torch.randint(V, (2 * V, 3)), model.initial_state(3)
    results = []
    with held(model):
        for looked_up in (True, False):
            assert isinstance(model._embedded(tokens), Lookup) is looked_up
            y, _ = model.features(tokens, state)
            results.append((y, *torch.autograd.grad(y.square().sum(), list(model.stack.parameters()))))
            monkeypatch.setattr(model, "vocab_size", tokens.numel())
    torch.testing.assert_close(*results, atol=1e-5, rtol=1e-4)
    monkeypatch.undo()
    assert not isinstance(make({"input_dropout": 0.5}).train()._embedded(tokens), Lookup)
    assert isinstance(make({"input_dropout": 0.5}).eval()._embedded(tokens), Lookup)


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_weight_drop_acts_on_the_recurrent_weights(cell: str) -> None:
    """Protects against a silent fault: dropped weights have no gradient, others their own, on every path."""
    model = make({"cell": cell, "weight_drop": 0.5, "hidden_size": 32})
    layer = cast("FusedCell", model.stack.cells[0])
    x, state = torch.randn(5, 2, 6), layer.initial_state(2)
    state = tuple(part + 0.5 for part in state)
    for forward in (layer.forward_by_ours, layer.forward_by_torch):
        model.train().zero_grad()
        forward(x, state)[0].sum().backward()
        W, U, *_ = layer.weights()
        assert U.grad is not None and W.grad is not None
        assert 0.4 < (U.grad == 0).double().mean() < 0.6 and not (W.grad == 0).any()
        assert not torch.equal(forward(x, state)[0], forward(x, state)[0])
        model.eval()
        assert torch.equal(forward(x, state)[0], forward(x, state)[0])
        torch.testing.assert_close(forward(x, state)[0][0], layer.step(x[0], state)[0])


def test_weight_drop_wants_recurrent_weights() -> None:
    with pytest.raises(InputError, match="--weight-drop: mingru has no recurrent weights"):
        build({"cell": "mingru", "weight_drop": 0.5})


def test_penalties_are_added_to_what_is_learned_alone() -> None:
    """Protects the figures: the loss that is told has no penalties; the objective has those asked for."""
    model = make({})
    tokens, targets, state = torch.randint(V, (4, 2)), torch.randint(V, (4, 2)), model.initial_state(2)
    y, _ = model.features(tokens, state)
    plain = cross_entropy(model.logits(y).flatten(0, 1), targets.flatten())
    smooth = cross_entropy(model.logits(y).flatten(0, 1), targets.flatten(), label_smoothing=0.1)
    expected = {
        Penalties(): plain,
        Penalties(activation=2.0): plain + 2 * y.square().mean(),
        Penalties(temporal=3.0): plain + 3 * (y[1:] - y[:-1]).square().mean(),
        Penalties(smoothing=0.1): smooth,
    }
    for penalties, objective in expected.items():
        loss = model.loss((tokens, targets), state, penalties)
        torch.testing.assert_close((loss.nats, loss.objective), (plain, objective))


def test_residual_connections_add_the_input() -> None:
    plain, residual = make({"num_layers": 2}), make({"num_layers": 2, "residual": True})
    tokens = torch.randint(V, (4, 2))
    first, _ = plain.stack.cells[0](plain.embedding(tokens), plain.stack.cells[0].initial_state(2))
    y, _ = plain.features(tokens, plain.initial_state(2))
    with_input, _ = residual.features(tokens, residual.initial_state(2))
    torch.testing.assert_close(with_input, y + first)


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_a_budget_is_kept_and_used(cell: str) -> None:
    """Protects fair comparison: the largest model within the budget, for every cell."""
    solved = within_budget(build({"cell": cell, "parameters": 200_000}), 60)
    assert solved.model.parameters is None
    larger = changed(solved, {"hidden_size": solved.model.hidden_size + 1})
    assert parameters_of(solved, 60) <= 200_000 < parameters_of(larger, 60)
    assert parameters_of(solved, 60) == count_parameters(LanguageModel(solved.model, 60))


def test_too_small_a_budget_says_why() -> None:
    with pytest.raises(InputError, match="--parameters: 100 is too few"):
        within_budget(build({"parameters": 100}), 60)


@pytest.mark.parametrize("options", [{}, {"tied": True, "embedding_size": 8}, {"tied": True}])
def test_weights_survive_the_file(options: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    saved = make(options)
    path.write_bytes(model_bytes(saved))
    loaded = make(options)
    torch.nn.init.zeros_(loaded.embedding.weight)
    load_weights(loaded, path)
    for name, tensor in saved.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name


def test_weights_that_do_not_fit_are_named(make_run: MakeRun, tmp_path: Path) -> None:
    """Protects whoever mixes folders up: the file, the tensor and both shapes on one line."""
    run = make_run()
    path = tmp_path / "model.safetensors"
    path.write_bytes(model_bytes(make({})))
    with pytest.raises(InputError, match=r"has shape .* but run\.toml asks for"):
        load_model(run, path)
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(InputError, match="cannot be read"):
        load_model(run, path)


def test_a_gigantic_configuration_asks_for_no_memory(trained: Run) -> None:
    """Protects against a stranger's `run.toml`: sizes are compared before anything is allocated."""
    toml = trained.path / "run.toml"
    toml.write_text(toml.read_text().replace("hidden_size = 24", "hidden_size = 60000"))
    with pytest.raises(InputError, match="asks for"):
        load_model(Run.open(trained.path), trained.checkpoint_path() / "model.safetensors")
