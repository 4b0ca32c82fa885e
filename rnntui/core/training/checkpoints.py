"""Checkpoints: all that is needed to go on as if nothing had happened.

    checkpoints/00001200/
      model.safetensors     the weights: their mean, where one is taken
      trainer.safetensors   the optimiser's moments, the carried state, the random generators, and where
                            model.safetensors holds a mean, the weights that learn
      state.json            counters, precision, threads, versions
      manifest.json         size and sha256 of the three above; written last

A checkpoint is filled in a folder beside its place, forced to disk, and renamed; the one-line files
`last` and `best` change after that.  The newest two checkpoints and the best one are kept.  What a kill
leaves between two of these steps is put right when the run is trained again.
"""

from __future__ import annotations

import dataclasses
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors.torch import save
from torch import Tensor

from rnntui import __version__
from rnntui.core.completion.loading import manifest_of, verify
from rnntui.core.errors import InputError, plain
from rnntui.core.files import folder_written_atomically, put, refused, rename, write_atomically
from rnntui.core.nn.stack import StackState
from rnntui.core.nn.weights import load_weights, model_bytes, read_tensors
from rnntui.core.runs.folder import Run, read_json
from rnntui.core.runs.safe_files import (
    checkpoint_folders,
    checkpoint_name,
    delete_checkpoint,
    parts_left,
    read_file,
)
from rnntui.core.training.autotuning import candidates
from rnntui.core.training.learner import Counters, Learner, flat_state

_KEPT = 2
_LARGEST = 1e12
"""Largest counter: more steps, tokens and seconds than anybody trains."""
_LEARNING = "learning."


def save_checkpoint(run: Run, learner: Learner, best: bool, state: StackState | None = None) -> Path:
    """Write a complete checkpoint of this step and let `last`, and `best` if it is, name it.

    `state` is that of all sequences, where the learner has those of a part.  Raises WriteError where the system
    refuses; the checkpoints from before are as they were.
    """
    folder = run.path / "checkpoints" / checkpoint_name(learner.counters.step)
    try:
        folder.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise refused(folder.parent, 0, error) from error
    contents = {
        "model.safetensors": model_bytes(learner.evaluated_model),
        "trainer.safetensors": save(_trainer_tensors(learner, learner.state if state is None else state)),
        "state.json": json.dumps(_state(learner), indent=1).encode(),
    }
    manifest = manifest_of(contents)
    if not _is_saved(folder, manifest):
        with folder_written_atomically(folder) as part:
            for name, content in contents.items():
                put(part / name, content)
            put(part / "manifest.json", manifest)
    _name(run, "last", folder)
    if best:
        _name(run, "best", folder)
    _prune(run)
    return folder


def _is_saved(folder: Path, manifest: bytes) -> bool:
    """True if a try before this one came so far, and a disk without room wants no second copy."""
    try:
        verify(folder)
        return read_file(folder / "manifest.json") == manifest
    except (OSError, InputError):
        return False


def settle(run: Run) -> None:
    """Put right what a killed save left: half a checkpoint goes, a whole one that nothing names yet is the last.

    Raises InputError where no checkpoint can be named, WriteError where the system refuses.
    """
    for folder in (run.path, run.path / "checkpoints"):
        if folder.is_dir():
            _settle_parts(folder)
    found = checkpoint_folders(run.path)
    if not found:
        return
    newest = found[-1]
    named = _named(run, "last")
    if named == newest:
        return
    try:
        verify(newest)
        counters = read_counters(newest)
    except InputError:
        if named is None:
            raise
        return  # a damaged one that nothing names is no checkpoint
    _name(run, "last", newest)
    if counters.best_step == counters.step or _named(run, "best") is None:
        _name(run, "best", newest)


def _settle_parts(folder: Path) -> None:
    """Move back what a killed writer had moved aside, and delete what it had half written."""
    for part, whole in parts_left(folder):
        if part.is_symlink() or not part.is_dir():
            part.unlink(missing_ok=True)
        elif part.name.endswith(".old.part") and not whole.exists():
            rename(part, whole)
        else:
            delete_checkpoint(part)


def roll_back(run: Run, folder: Path) -> None:
    """Let the sound checkpoint in `folder` be the newest one again: those of later steps are deleted.

    Raises WriteError where the system refuses.
    """
    for later in reversed(checkpoint_folders(run.path)):
        if int(later.name) > int(folder.name):
            try:
                delete_checkpoint(later)
            except OSError as error:
                raise refused(later, 0, error) from error
    _name(run, "last", folder)
    if _named(run, "best") is None:
        _name(run, "best", folder)


def _name(run: Run, pointer: str, folder: Path) -> None:
    write_atomically(run.path / pointer, f"{folder.name}\n".encode())


def _named(run: Run, pointer: str) -> Path | None:
    """The folder that `last` or `best` names, where both are there."""
    try:
        name = run.named(pointer)
    except InputError:
        return None
    return next((path for path in checkpoint_folders(run.path) if path.name == name), None)


def load_checkpoint(folder: Path, learner: Learner) -> str:
    """Put `learner` where the checkpoint was written; returns why it may go on in other bits, or ''.

    Raises InputError for a damaged one.
    """
    verify(folder)
    load_weights(learner.evaluated_model, folder / "model.safetensors")
    counters, state = read_counters(folder), read_json(folder / "state.json")
    tensors = read_tensors(folder / "trainer.safetensors")
    try:
        learner.counters = counters
        _restore(learner, state, tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder}: does not fit this run ({type(error).__name__}: {error})") from None
    return _difference(learner, state)


def _difference(learner: Learner, state: dict[str, Any]) -> str:
    """Remark on differences to the machine that wrote the checkpoint, if they change results."""
    here = {
        "threads": learner.threads,
        "precision": learner.precision,
        "device": learner.device,
        "torch": str(torch.__version__),
        "processes": learner.ranks.count,
    }
    state = {"processes": 1} | state
    other = [
        f"{name} {state[name]} then, {now} now" for name, now in here.items() if state.get(name, now) != now
    ]
    if learner.device == "cuda" and not torch.are_deterministic_algorithms_enabled():
        other.append("a GPU adds up in no fixed order")
    return f"going on is not exact to the last bit: {'; '.join(other)}" if other else ""


def read_counters(folder: Path) -> Counters:
    """Read the counters of a checkpoint.  Raises InputError for a damaged one."""
    path = folder / "state.json"
    state = read_json(path)
    try:
        counters = msgspec.convert({"looked": state.get("step")} | state, Counters)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {plain(str(error))}") from None
    if "step" not in state:
        raise InputError(f"{path}: 'step' is missing; try another --checkpoint")
    for name, value in dataclasses.asdict(counters).items():
        if value is not None and not 0 <= value <= _LARGEST:  # nor where it is not a number
            raise InputError(
                f"{path}: '{name}' is not a number from 0 to {_LARGEST:g}; try another --checkpoint"
            )
    return counters


def _state(learner: Learner) -> dict[str, Any]:
    return dataclasses.asdict(learner.counters) | {
        "precision": learner.precision,
        "threads": learner.threads,
        "scaler": learner.scaler.state_dict(),
        "device": learner.device,
        "processes": learner.ranks.count,
        "rnntui": __version__,
        "torch": str(torch.__version__),
    }


def _trainer_tensors(learner: Learner, state: StackState) -> dict[str, Tensor]:
    tensors = flat_state(state) | {"rng.cpu": torch.get_rng_state()}
    if learner.device == "cuda":
        tensors["rng.cuda"] = torch.cuda.get_rng_state()
    for name, parameter in learner.model.named_parameters():
        if learner.average:
            tensors[_LEARNING + name] = parameter
        for key, value in learner.optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{name}.{key}"] = value
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _restore(learner: Learner, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    known = candidates(learner.device)
    precision = state["precision"] if state["precision"] in known else known[0]
    if learner.config.training.precision != "auto":
        precision = learner.config.training.precision
    learner.use(precision, min(state["threads"], os.cpu_count() or 1))
    if learner.scaler.is_enabled():
        learner.scaler.load_state_dict(state["scaler"])
    whole = learner.model.initial_state(learner.config.training.batch_size)
    learner.state = learner.ranks.part_of_state(
        tuple(
            tuple(_fitting(tensors, f"state.{i}.{j}", part).to(part) for j, part in enumerate(layer))
            for i, layer in enumerate(whole)
        )
    )
    evaluated = dict(learner.evaluated_model.named_parameters())
    for name, parameter in learner.model.named_parameters():
        if learner.average:  # a checkpoint without a mean holds the weights that learn
            learning = _LEARNING + name
            found = _fitting(tensors, learning, parameter) if learning in tensors else evaluated[name]
            parameter.data.copy_(found)
        prefix = f"optimizer.{name}."
        stored = {each.removeprefix(prefix) for each in tensors if each.startswith(prefix)}
        kept = learner.optimizer.begun_as(parameter, stored)
        if not stored.isdisjoint(kept):  # none is kept of what has no gradient
            for part, value in kept.items():
                value.copy_(_fitting(tensors, prefix + part, value))
            learner.optimizer.state[parameter] = kept
    torch.set_rng_state(tensors["rng.cpu"])
    if learner.device == "cuda" and "rng.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["rng.cuda"])


def _fitting(tensors: dict[str, Tensor], name: str, like: Tensor) -> Tensor:
    """The tensor called `name`.  Raises KeyError where there is none, ValueError where it is not shaped as `like`."""
    tensor = tensors[name]
    if tensor.shape != like.shape or not tensor.is_floating_point():
        raise ValueError(f"'{name}' is {tensor.dtype} of shape {list(tensor.shape)}")
    return tensor


def _prune(run: Run) -> None:
    """Keep the newest two checkpoints and the best one."""
    kept = (_named(run, "last"), _named(run, "best"))
    for old in checkpoint_folders(run.path)[:-_KEPT]:
        if old not in kept:
            with suppress(OSError):  # what cannot be deleted now can be after the next save
                delete_checkpoint(old)
