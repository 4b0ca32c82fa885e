"""How far back a model learns, against gradients by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from rnntui.core.config.schema import ModelConfig
from rnntui.core.errors import InputError
from rnntui.core.inference.gradient_flow import gradient_flow
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.runs.folder import Run
from tests.cli.test_commands import assert_one_line, rnntui

V, H = 5, 3


def test_the_gradient_falls_as_the_recurrent_matrix_says() -> None:
    """Protects the plot: of a linear network the norm k steps back is that of the output's gradient times U^k."""
    torch.manual_seed(0)
    config = ModelConfig(cell="elman", nonlinearity="relu", hidden_size=H, embedding_size=2)
    model = LanguageModel(config, V).requires_grad_(False)
    weights = dict(model.named_parameters())
    U = torch.tensor([[0.5, 0.1, 0.0], [0.0, 0.6, 0.2], [0.1, 0.0, 0.4]])
    weights["stack.cells.0.rnn.weight_hh_l0"].copy_(U)
    for name in ("weight_ih_l0", "bias_hh_l0"):
        weights[f"stack.cells.0.rnn.{name}"].zero_()
    weights["stack.cells.0.rnn.bias_ih_l0"].fill_(1.0)  # the units stay above zero: relu is the identity
    tokens = np.full(40, 2)  # every place reads the same
    steps = 12
    h = torch.zeros(H)
    for _ in range(steps + 1):
        h = U @ h + 1
    logits = weights["head.weight"] @ h + weights["head.bias"]
    gradient = weights["head.weight"].T @ (logits.softmax(0) - torch.eye(V)[2])
    expected = []
    for _ in range(steps):
        gradient = U.T @ gradient
        expected.append(float(gradient.norm()))
    np.testing.assert_allclose(gradient_flow(model, tokens, steps), expected, rtol=1e-4)


def test_a_long_look_back_needs_a_long_text() -> None:
    model = LanguageModel(ModelConfig(hidden_size=H, embedding_size=2), V)
    with pytest.raises(InputError, match="--steps: 60 is further back than the 40 held-out tokens"):
        gradient_flow(model, np.zeros(40, dtype=int), 60)


def test_the_command_draws_and_tells(trained: Run, tmp_path: Path, classifier: Run) -> None:
    """Protects `gradients`: the same norms as plot, as picture and as JSON, beside those of a network untrained."""
    picture = tmp_path / "flow.svg"
    shown = rnntui("gradients", trained.path, "--steps", "30", "--fresh", "-o", picture).stdout
    assert "steps back" in shown and "a thousandth after" in shown and shown.strip().endswith("flow.svg")
    assert "untrained" in picture.read_text(encoding="utf-8")
    answer = json.loads(rnntui("gradients", trained.path, "--steps", "30", "--fresh", "--json").stdout)
    assert len(answer["norms"]) == len(answer["untrained"]) == 30 and min(answer["norms"]) > 0
    assert answer["norms"][0] > answer["norms"][-1]
    assert_one_line(rnntui("gradients", trained.path, "-o", "flow.png"), 2, "--output", "flow.svg")
    assert_one_line(rnntui("gradients", classifier.path), 2, "--task classify")
