"""The model: its options, its size, its weights on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from rnntui.core.config import ModelConfig, build
from rnntui.core.errors import InputError
from rnntui.core.models.budget import parameters_of, within_budget
from rnntui.core.models.language_model import LanguageModel, count_parameters
from rnntui.core.models.weights import load_model, load_weights, model_bytes
from rnntui.core.runs import Run
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
    solved = within_budget(build({"cell": cell, "parameters": 200_000}), 60).model
    assert solved.parameters is None
    larger = ModelConfig(cell=cell, hidden_size=solved.hidden_size + 1, embedding_size=solved.embedding_size)
    assert parameters_of(solved, 60) <= 200_000 < parameters_of(larger, 60)
    assert parameters_of(solved, 60) == count_parameters(LanguageModel(solved, 60))


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
    toml.write_text(toml.read_text().replace("hidden_size = 24", "hidden_size = 10000000"))
    with pytest.raises(InputError, match="asks for"):
        load_model(Run.open(trained.path), trained.checkpoint_path() / "model.safetensors")
