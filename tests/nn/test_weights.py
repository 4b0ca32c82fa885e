"""Weights from a file: numbers that no training makes are refused, by every command that reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from rnntui.core.completion.loading import manifest_of
from rnntui.core.runs.folder import Run
from rnntui.core.runs.safe_files import CHECKPOINT_FILES
from tests.cli.test_commands import assert_one_line, rnntui

RANGE = "'embedding.weight' holds numbers that are not finite or beyond 1,000,000"


def changed_weights(run: Run, change: Callable[[Tensor], Tensor]) -> None:
    """Change the embeddings of the best checkpoint, with a manifest that fits."""
    folder = run.checkpoint_path("best")
    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors["embedding.weight"] = change(tensors["embedding.weight"])
    save_file(tensors, path)
    contents = {name: (folder / name).read_bytes() for name in CHECKPOINT_FILES if name != "manifest.json"}
    (folder / "manifest.json").write_bytes(manifest_of(contents))


def spoilt(value: float) -> Callable[[Tensor], Tensor]:
    """Put `value` in the place of one number."""
    return lambda weights: weights.index_fill(0, torch.tensor([1]), value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (spoilt(float("nan")), RANGE),
        (spoilt(float("-inf")), RANGE),
        (spoilt(3e38), RANGE),
        (Tensor.bfloat16, "'embedding.weight' holds BF16, not F32 numbers"),
        (Tensor.double, "'embedding.weight' holds F64, not F32 numbers"),
        (Tensor.t, "'embedding.weight' has shape"),
    ],
    ids=["nan", "inf", "huge", "bf16", "f64", "shape"],
)
@pytest.mark.parametrize(
    "command",
    [
        ["complete", "RUN", "the"],
        ["complete", "RUN", "the", "--quantize", "int8"],
        ["generate", "RUN", "--length", "3"],
        ["score", "RUN", "TEXT"],
        ["evaluate", "RUN"],
        ["gradients", "RUN", "--json"],
        ["nearest", "RUN", "t", "--json"],
        ["export", "RUN", "-o", "OUT.safetensors", "--quantize", "int8"],
        ["export", "RUN", "--embeddings", "OUT.vec"],
        ["train", "--run", "RUN", "--resume", "--headless", "--max-steps", "70"],
    ],
    ids=lambda command: "-".join(command[:1] + command[3:4]),
)
def test_weights_that_no_training_makes_are_one_line(
    command: list[str],
    change: Callable[[Tensor], Tensor],
    words: str,
    trained: Run,
    corpus_file: Path,
    tmp_path: Path,
) -> None:
    """Protects figures and JSON of all commands: no warning of a library, no `NaN`, no half-written file."""
    changed_weights(trained, lambda weights: change(weights).contiguous())
    places = {
        "RUN": trained.path,
        "TEXT": corpus_file,
        "OUT.vec": tmp_path / "out.vec",
        "OUT.safetensors": tmp_path / "out",
    }
    answer = rnntui(*(places.get(word, word) for word in command))
    assert_one_line(answer, 2, "model.safetensors", words)
    assert "Warning" not in answer.stderr and not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("change", [spoilt(float("nan")), Tensor.bfloat16], ids=["nan", "bf16"])
def test_a_run_does_not_begin_with_weights_that_cannot_be(
    change: Callable[[Tensor], Tensor], trained: Run, corpus_file: Path, tmp_path: Path
) -> None:
    """Protects the new run's name: the fault is that of the other run, and found before there is a new one."""
    changed_weights(trained, change)
    answer = rnntui("train", corpus_file, "--from", trained.path, "--headless", "--run", tmp_path / "R")
    assert answer.returncode == 2 and f"{trained.path}/checkpoints" in answer.stderr.splitlines()[-1]
    assert not (tmp_path / "R").exists()
