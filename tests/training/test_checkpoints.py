"""Contents of a checkpoint: what is refused, what older ones lack, what is put right when a run goes on."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save

from rnntui.core.completion.loading import manifest_of
from rnntui.core.config import changed
from rnntui.core.errors import InputError, WriteError
from rnntui.core.runs.folder import Run
from rnntui.core.runs.folder_handle import FolderHandle
from rnntui.core.runs.safe_files import CHECKPOINT_FILES
from rnntui.core.training import checkpoints
from rnntui.core.training.autotuning import candidates
from rnntui.core.training.checkpoints import (
    load_checkpoint,
    read_counters,
    roll_back,
    save_checkpoint,
    settle,
)
from rnntui.core.training.control import Control
from rnntui.core.training.learner import Learner
from rnntui.core.training.loop import Loop


def rewritten(folder: Path, changes: dict[str, Any]) -> None:
    """Change entries of a checkpoint's `state.json`, with a manifest that fits."""
    state = json.loads((folder / "state.json").read_bytes()) | changes
    (folder / "state.json").write_text(json.dumps({k: v for k, v in state.items() if v is not ...}))
    contents = {name: (folder / name).read_bytes() for name in CHECKPOINT_FILES[:-1]}
    (folder / "manifest.json").write_bytes(manifest_of(contents))


def loaded(run: Run) -> tuple[Learner, str]:
    """A new learner of the run at its last checkpoint, and why it may go on in other bits."""
    learner = Loop(run, Control(run.path), FolderHandle(run.path)).learner
    return learner, load_checkpoint(run.checkpoint_path("last"), learner)


def test_going_on_elsewhere_says_what_differs(trained: Run) -> None:
    """Protects trust in numbers: each of threads, precision, device and version that is another is named."""
    folder = trained.checkpoint_path("last")
    learner, difference = loaded(trained)
    assert difference == "" and learner.counters == read_counters(folder) and learner.counters.step == 60
    rewritten(folder, {"torch": "1.0", "device": "tpu", "precision": "bf16", "threads": 10_000})
    learner, difference = loaded(trained)
    assert learner.precision == "fp32", "as the settings say"
    assert learner.threads == os.cpu_count()
    assert difference.startswith("going on is not exact to the last bit: threads 10000 then")
    for said in (
        f"{os.cpu_count()} now",
        "precision bf16 then, fp32 now",
        "device tpu then, cpu now",
        "torch 1.0 then",
    ):
        assert said in difference
    rewritten(folder, {"torch": ..., "device": ..., "precision": "fp32", "threads": learner.threads})
    assert loaded(trained)[1] == "", "older checkpoints did not say"


@pytest.mark.parametrize(("chosen", "used"), [("bf16", "bf16"), ("fp32", "fp32"), ("fp8", "fp32")])
def test_a_precision_once_chosen_is_kept(chosen: str, used: str, trained: Run) -> None:
    """Protects going on exactly: the checkpoint's precision, where the settings leave it open and it is known."""
    if used not in candidates("cpu"):
        pytest.skip("no bf16 here")
    run = replace(trained, config=changed(trained.config, {"precision": "auto"}))
    rewritten(run.checkpoint_path("last"), {"precision": chosen})
    assert loaded(run)[0].precision == used


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("rng.cpu", None),
        ("state.0.0", None),
        ("state.0.0", torch.zeros(4, 23)),
        ("state.0.0", torch.zeros(4, 24, dtype=torch.int64)),
        ("learning.embedding.weight", torch.zeros(1)),
        ("optimizer.head.bias.", None),
    ],
    ids=str,
)
def test_a_checkpoint_that_does_not_fit_is_one_line(
    name: str, tensor: torch.Tensor | None, trained: Run
) -> None:
    """Protects against a traceback, and against numbers that are silently other ones."""
    folder = trained.checkpoint_path("last")
    tensors = load_file(folder / "trainer.safetensors")
    (first, *_) = [each for each in tensors if each.startswith(name)]
    del tensors[first]
    if tensor is not None:
        tensors[first] = tensor
    (folder / "trainer.safetensors").write_bytes(save(tensors))
    rewritten(folder, {})
    with pytest.raises(InputError, match=r"does not fit this run \((KeyError|ValueError): "):
        loaded(trained)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"step": ...}, "'step' is missing"),
        ({"tokens": -1}, "'tokens' is not a number from 0"),
        ({"best_loss": -0.5}, "'best_loss' is not a number from 0"),
        ({"tokens": 10**400}, "'tokens' is not a number from 0"),
        ({"lr_factor": 1e300}, "'lr_factor' is not a number from 0"),
        ({"train_s": "long"}, "has to be a number"),
        ({"step": None}, "has to be a whole number"),
    ],
    ids=str,
)
def test_counters_that_are_none_are_named(changes: dict[str, Any], said: str, trained: Run) -> None:
    folder = trained.checkpoint_path("last")
    rewritten(folder, changes)
    with pytest.raises(InputError, match=f"state.json: .*{said}"):
        read_counters(folder)


def test_counters_of_older_checkpoints_are_read(trained: Run) -> None:
    """Protects runs of older versions: nothing was due after the step when nobody noted that; zero is a number."""
    folder = trained.checkpoint_path("last")
    rewritten(folder, {"looked": ..., "best_loss": None, "stale": 0, "lr_factor": 0.0, "tokens": ...})
    counters = read_counters(folder)
    assert (counters.step, counters.looked, counters.best_loss, counters.tokens) == (60, 60, None, 0)
    rewritten(folder, {"looked": 40})
    assert read_counters(folder).looked == 40


def test_a_save_names_what_it_is(trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects `best`: it moves only with a checkpoint that is; a checkpoint that will not go stops no save."""
    (trained.path / "best").write_text("00000040\n")
    learner, _ = loaded(trained)
    for step, best in ((61, False), (62, True), (63, False)):
        learner.counters.step = step
        folder = save_checkpoint(trained, learner, best)
        assert folder == trained.path / "checkpoints" / f"000000{step}"
        assert trained.named("last") == folder.name
        assert trained.named("best") == ("00000040" if step == 61 else "00000062")
        state = json.loads((folder / "state.json").read_bytes())
        assert read_counters(folder) == learner.counters and state["device"] == "cpu"
    assert [name for name, _ in trained.checkpoints()] == ["00000063", "00000062"]

    def stays(folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checkpoints, "delete_checkpoint", stays)
    learner.counters.step = 64
    save_checkpoint(trained, learner, best=True)
    assert [name for name, _ in trained.checkpoints()] == ["00000064", "00000063", "00000062"]
    with pytest.raises(WriteError, match=r"00000064: cannot be written: Permission denied"):
        roll_back(trained, trained.checkpoint_path("63"))
    monkeypatch.undo()
    roll_back(trained, trained.checkpoint_path("63"))
    assert [name for name, _ in trained.checkpoints()] == ["00000063", "00000062"]
    assert trained.named("last") == trained.named("best") == "00000063", "the best one is gone"
    roll_back(trained, trained.checkpoint_path("63"))
    assert len(trained.checkpoints()) == 2
    shutil.rmtree(trained.path / "checkpoints")
    (trained.path / "checkpoints").write_text("")
    with pytest.raises(WriteError, match=r"checkpoints: cannot be written"):
        save_checkpoint(trained, learner, best=False)


def test_settling_takes_no_other_best(trained: Run) -> None:
    """Protects `best` after a kill: the newest checkpoint is the best only where it says so, or none is named."""
    folder = trained.checkpoint_path("last")
    rewritten(folder, {"best_step": 40})
    for best, expected in (("00000040", "00000040"), ("00000777", "00000060"), (None, "00000060")):
        (trained.path / "last").write_text("00000040\n")
        if best:
            (trained.path / "best").write_text(f"{best}\n")
        else:
            (trained.path / "best").unlink()
        settle(trained)
        assert trained.named("last") == "00000060" and trained.named("best") == expected
    (folder / "state.json").write_text("{}")
    (trained.path / "last").unlink()
    with pytest.raises(InputError, match="damaged"):
        settle(trained)
    (trained.path / "last").write_text("00000040\n")
    settle(trained)
    assert trained.named("last") == "00000040"
    shutil.rmtree(trained.path / "checkpoints")
    settle(trained)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_settling_moves_back_and_deletes_what_is_ours(trained: Run, tmp_path: Path) -> None:
    """Protects the old checkpoint aside, and folders that links lead to; what is half written goes."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.safetensors").write_text("mine")
    folder = trained.path / "checkpoints"
    for name in (".00000060.7.part", ".00000060.7.old.part", ".00000050.8.part"):
        shutil.copytree(folder / "00000060", folder / name)
    (folder / ".00000070.7.old.part").symlink_to(tmp_path / "mine")
    (folder / ".00000080.7.part").symlink_to(tmp_path / "mine")
    (trained.path / ".best.7.old.part").write_text("a file is not moved back")
    (trained.path / "best").unlink()
    shutil.copytree(folder / "00000060", folder / ".00000055.7.old.part")
    settle(trained)
    assert sorted(each.name for each in folder.iterdir()) == ["00000040", "00000055", "00000060"]
    assert [each.name for each in (tmp_path / "mine").iterdir()] == ["model.safetensors"]
    assert not list(trained.path.glob(".*part")) and not (trained.path / "best").exists()
