"""The optimisers against torch's own, to the bit; and how little they bring along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from rnntui.core.training.optimisers import SGD, AdamW


def weights() -> list[torch.nn.Parameter]:
    torch.manual_seed(0)
    return [torch.nn.Parameter(torch.randn(20, 30)), torch.nn.Parameter(torch.randn(7))]


def groups(of: list[torch.nn.Parameter]) -> list[dict[str, Any]]:
    return [{"params": of[:1], "weight_decay": 0.1}, {"params": of[1:], "weight_decay": 0.0}]


@pytest.mark.parametrize("kind", ["adamw", "sgd", "sgd without momentum"])
def test_they_move_as_torchs_own(kind: str) -> None:
    """Protects every checkpoint: weights and what is kept of them are torch's to the bit, steps not taken included."""
    ours, theirs = weights(), weights()
    momentum = 0.0 if "without" in kind else 0.9
    if kind == "adamw":
        own: Any = AdamW(groups(ours), 1e-2, (0.9, 0.99), 1e-6)
        other: Any = torch.optim.AdamW(groups(theirs), 1e-2, betas=(0.9, 0.99), eps=1e-6, fused=True)
    else:
        own = SGD(groups(ours), 1e-2, momentum)
        other = torch.optim.SGD(groups(theirs), 1e-2, momentum=momentum, fused=True)
    for step in range(30):
        for optimiser, of in ((own, ours), (other, theirs)):
            torch.manual_seed(step)
            scale, bad = torch.tensor(1.7), torch.tensor(float(step in (5, 11)))
            for group in optimiser.param_groups:
                group["lr"] = 1e-2 / (step + 1)
            for weight in of:
                weight.grad = torch.randn_like(weight)
            if step == 3:
                of[1].grad = None
            vars(optimiser).update(grad_scale=scale, found_inf=bad)
            optimiser.step()
    for mine, its in zip(ours, theirs, strict=True):
        assert torch.equal(mine, its)
        kept = {name: value for name, value in other.state[its].items() if value is not None}
        assert own.state.get(mine, {}).keys() == kept.keys()
        assert all(torch.equal(own.state[mine][name], value) for name, value in kept.items())
    own.zero_grad()
    assert all(weight.grad is None for weight in ours)


def test_training_brings_no_compiler_along(tmp_path: Path) -> None:
    """Protects the start: torch's compiler takes as long to load as the rest of torch, and nothing needs it."""
    run = str(tmp_path / "R")
    script = f"""
import sys
from rnntui.cli import main
sys.argv = ["rnntui", "train", "verse", "--headless", "--hidden-size=8", "--max-steps=4", "--run", {run!r}]
try:
    main()
except SystemExit as left:
    sys.exit(left.code or "torch._dynamo" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
