"""Checkpoints: all that is needed to go on as if nothing had happened.

    checkpoints/00001200/
      model.safetensors     the weights: their mean, where one is taken
      trainer.safetensors   the optimiser's moments, the carried state, the random generators, and where
                            model.safetensors holds a mean, the weights that learn
      state.json            counters, precision, threads, versions
      manifest.json         size and sha256 of the three above; written last

A checkpoint is filled in a folder beside its place, forced to disk, and renamed; the one-line files
`last` and `best` change after that.  The newest two checkpoints and the best one are kept.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from rnntui import __version__
from rnntui.core.errors import InputError
from rnntui.core.files import folder_written_atomically, write_atomically
from rnntui.core.inference.opening import verify
from rnntui.core.models.weights import load_weights, model_bytes, read_tensors
from rnntui.core.runs import Run, read_json
from rnntui.core.training.learner import Counters, Learner, flat_state

_KEPT = 2
_LEARNING = "learning."


def save_checkpoint(run: Run, learner: Learner, best: bool) -> Path:
    """Write a complete checkpoint of this step and let `last`, and `best` if it is, name it."""
    folder = run.path / "checkpoints" / f"{learner.counters.step:08d}"
    folder.parent.mkdir(exist_ok=True)
    contents = {
        "model.safetensors": model_bytes(learner.judged),
        "trainer.safetensors": save(_trainer_tensors(learner)),
        "state.json": json.dumps(_state(learner), indent=1).encode(),
    }
    with folder_written_atomically(folder) as part:
        for name, content in contents.items():
            (part / name).write_bytes(content)
        manifest = {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in contents.items()
        }
        (part / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    write_atomically(run.path / "last", f"{folder.name}\n".encode())
    if best:
        write_atomically(run.path / "best", f"{folder.name}\n".encode())
    _prune(run)
    return folder


def load_checkpoint(folder: Path, learner: Learner) -> None:
    """Put `learner` where the checkpoint was written.  Raises InputError for a damaged one."""
    verify(folder)
    load_weights(learner.judged, folder / "model.safetensors")
    counters, state = read_counters(folder), read_json(folder / "state.json")
    tensors = read_tensors(folder / "trainer.safetensors")
    try:
        learner.counters = counters
        _restore(learner, state, tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder}: does not fit this run ({type(error).__name__}: {error})") from None


def read_counters(folder: Path) -> Counters:
    """Where the run stood when the checkpoint was written.  Raises InputError for a damaged one."""
    state = read_json(folder / "state.json")
    try:
        names = [field.name for field in dataclasses.fields(Counters)]
        known: dict[str, Any] = {"step": state["step"]} | {
            name: state[name] for name in names if name in state
        }
        return Counters(**known)
    except KeyError as error:
        raise InputError(f"{folder / 'state.json'}: {error} is missing") from None


def _state(learner: Learner) -> dict[str, Any]:
    return dataclasses.asdict(learner.counters) | {
        "precision": learner.precision,
        "threads": learner.threads,
        "scaler": learner.scaler.state_dict(),
        "device": learner.device,
        "rnntui": __version__,
        "torch": str(torch.__version__),
    }


def _trainer_tensors(learner: Learner) -> dict[str, Tensor]:
    tensors = flat_state(learner.state) | {"rng.cpu": torch.get_rng_state()}
    if learner.device == "cuda":
        tensors["rng.cuda"] = torch.cuda.get_rng_state()
    for name, parameter in learner.model.named_parameters():
        if learner.average:
            tensors[_LEARNING + name] = parameter
        for key, value in learner.optimizer.state[parameter].items():
            tensors[f"optimizer.{name}.{key}"] = value
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _restore(learner: Learner, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    learner.use(state["precision"], min(state["threads"], os.cpu_count() or 1))
    if learner.scaler.is_enabled():
        learner.scaler.load_state_dict(state["scaler"])
    learner.state = tuple(
        tuple(tensors[f"state.{i}.{j}"].to(part) for j, part in enumerate(layer))
        for i, layer in enumerate(learner.state)
    )
    judged = dict(learner.judged.named_parameters())
    for name, parameter in learner.model.named_parameters():
        if learner.average:  # a checkpoint without a mean holds the weights that learn
            parameter.data.copy_(tensors.get(_LEARNING + name, judged[name]))
        prefix = f"optimizer.{name}."
        kept = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        # The fused kernels want the step counter beside the weights, the others on the CPU.
        learner.optimizer.state[parameter] = {
            key: value.to(parameter.device) if key != "step" or learner.device == "cuda" else value
            for key, value in kept.items()
        }
    torch.set_rng_state(tensors["rng.cpu"])
    if learner.device == "cuda" and "rng.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["rng.cuda"])


def _prune(run: Run) -> None:
    """Keep the newest two checkpoints and the best one."""
    folder = run.path / "checkpoints"
    kept = {run.checkpoint_path("last")}
    if (run.path / "best").exists():
        kept.add(run.checkpoint_path("best"))
    for old in sorted(folder.glob("[0-9]*"))[:-_KEPT]:
        if old not in kept:
            shutil.rmtree(old)
