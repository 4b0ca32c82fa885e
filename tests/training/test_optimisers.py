"""The optimisers against torch's own, to the bit; and how little they bring along."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnntui.core.training.optimisers import SGD, WIDEST, AdamW, Shampoo


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


def test_shampoo_moves_as_its_equations_say() -> None:
    """Protects learning: the written equations in fp64, with looks at the covariance and roots of it when due.

    A step that is not taken leaves the weights; vectors move as AdamW moves them.
    """
    torch.manual_seed(0)
    shapes = [(5, 3), (7,)]
    own, other = ([torch.nn.Parameter(torch.zeros(shape).double()) for shape in shapes] for _ in range(2))
    shampoo = Shampoo([{"params": own, "weight_decay": 0.1}], 1e-2, (0.9, 0.99), 1e-6)
    adamw = AdamW([{"params": other, "weight_decay": 0.1}], 1e-2, (0.9, 0.99), 1e-6)
    w, m, v, R, P = np.zeros((5, 3)), np.zeros((5, 3)), np.zeros((5, 1)), np.zeros((3, 3)), np.eye(3)
    for step in range(120):
        bad = step == 70
        for mine, its in zip(own, other, strict=True):
            mine.grad = torch.randn_like(mine) * torch.arange(1.0, mine.shape[-1] + 1)
            its.grad = mine.grad.clone()
        assert own[0].grad is not None
        g = own[0].grad.numpy().copy() / 2
        if bad:
            own[0].grad.fill_(torch.nan)
        for optimiser in (shampoo, adamw):
            optimiser.grad_scale = torch.tensor(math.nan if bad else 2.0)
            optimiser.found_inf = torch.tensor(float(bad))
        before = own[0].detach().clone()
        shampoo.step()
        adamw.step()
        if bad:
            assert torch.equal(own[0], before)
        else:
            if step < 10 or step % 10 == 0:
                R = 0.9 * R + 0.1 * g.T @ g
            if step in (0, 2, 5, 10, 50, 100):
                values, vectors = np.linalg.eigh(R)
                values = (values.clip(0) + 1e-4 * values.max()) ** -0.5
                P = vectors * (values / values.mean()) @ vectors.T
            m = 0.9 * m + 0.1 * g @ P
            v = 0.99 * v + 0.01 * np.square(g @ P).mean(1, keepdims=True)
            lengths = np.sqrt(v / (1 - 0.99 ** (step + 1))) + 1e-6
            w = w * (1 - 1e-3) - 1e-2 * m / (1 - 0.9 ** (step + 1)) / lengths
        np.testing.assert_allclose(own[0].detach(), w, rtol=1e-5, atol=1e-6)
    assert all(torch.equal(mine, its) for mine, its in zip(own[1:], other[1:], strict=True))


def test_shampoo_whitens_a_wide_matrix_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects comparisons: networks of all widths learn by one rule; a row's step has the length of the whole row."""
    monkeypatch.setattr("rnntui.core.training.optimisers.WIDEST", 4)
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.zeros(6, 11).double())  # blocks of 4, 4 and 3
    shampoo = Shampoo([{"params": [weight], "weight_decay": 0.0}], 1e-2, (0.9, 0.99), 1e-6)
    blocks = [slice(0, 4), slice(4, 8), slice(8, 11)]
    w, m, v, R = np.zeros((6, 11)), np.zeros((6, 11)), np.zeros((6, 1)), np.zeros((11, 11))
    whitened = np.zeros((6, 11))
    roots: dict[int, Any] = {}
    for step in range(4):
        weight.grad = torch.randn_like(weight) * torch.arange(1.0, 12)
        g = weight.grad.numpy().copy()
        shampoo.step()
        R = 0.9 * R + 0.1 * g.T @ g
        for block in blocks:
            if step in (0, 2):
                values, vectors = np.linalg.eigh(R[block, block])
                values = (values.clip(0) + 1e-4 * values.max()) ** -0.5
                roots[block.start] = vectors * (values / values.mean()) @ vectors.T
            whitened[:, block] = g[:, block] @ roots[block.start]
        m = 0.9 * m + 0.1 * whitened
        v = 0.99 * v + 0.01 * np.square(whitened).mean(1, keepdims=True)
        w = w - 1e-2 * m / (1 - 0.9 ** (step + 1)) / (np.sqrt(v / (1 - 0.99 ** (step + 1))) + 1e-6)
        np.testing.assert_allclose(weight.detach(), w, rtol=1e-5, atol=1e-6)


def test_a_wide_matrix_of_an_older_checkpoint_goes_on_as_it_began() -> None:
    """Protects old runs: what AdamW kept of matrices too wide for one block is used, not thrown away."""
    torch.manual_seed(0)
    own, other = (torch.nn.Parameter(torch.zeros(2, WIDEST + 1)) for _ in range(2))
    shampoo = Shampoo([{"params": [own], "weight_decay": 0.1}], 1e-2, (0.9, 0.99), 1e-6)
    adamw = AdamW([{"params": [other], "weight_decay": 0.1}], 1e-2, (0.9, 0.99), 1e-6)
    shampoo.state[own] = shampoo.begun_as(own, {"step", "exp_avg", "exp_avg_sq"})
    for _ in range(3):
        own.grad = torch.randn_like(own)
        other.grad = own.grad.clone()
        shampoo.step()
        adamw.step()
    assert torch.equal(own, other)


def test_shampoo_learns_what_hardly_shows() -> None:
    """Protects the option: where inputs are alike, it finds in the same steps what AdamW does not, in bf16 as well."""
    torch.manual_seed(0)
    inputs = torch.randn(512, 8) @ torch.randn(8, 8) * torch.logspace(0, -2, 8) @ torch.randn(8, 8)
    target = inputs @ torch.randn(8, 4)
    losses = []
    for kind, coarse in ((AdamW, None), (Shampoo, None), (Shampoo, torch.bfloat16)):
        weight = torch.nn.Parameter(torch.zeros(8, 4).t().contiguous())
        optimiser = kind([{"params": [weight], "weight_decay": 0.0}], 1e-2, (0.9, 0.99), 1e-8)
        optimiser.coarse = coarse
        for _ in range(300):
            optimiser.zero_grad()
            loss = (inputs @ weight.t() - target).square().mean()
            loss.backward()
            optimiser.step()
        losses.append(float(loss.detach()))
    assert max(losses[1:]) < losses[0] / 2 and losses[1] != losses[2]


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
