"""Weights in and out of safetensors files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from rnntui.core.config.schema import ModelConfig
from rnntui.core.errors import InputError
from rnntui.core.kernels.waiting import share_processors
from rnntui.core.nn.base import M, Model
from rnntui.core.nn.heads import SoftmaxHead
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.nn.tensor_files import check_range, check_shapes, check_size, unreadable
from rnntui.core.runs.folder import Run
from rnntui.core.runs.safe_files import open_file
from rnntui.core.text import tokenizers
from rnntui.core.text.tokenizers import Tokenizer

_TIED = "head.weight"


def model_tensors(model: Model) -> dict[str, Tensor]:
    """The model's weights by name; a tied matrix once, under the embedding's name."""
    tensors = dict(model.state_dict())
    if model.tied_to:
        del tensors[_TIED]
    return tensors


def shapes_of(model: Model) -> dict[str, tuple[int, ...]]:
    """The shapes of the model's weights, as a file of them has to have."""
    return {name: tuple(tensor.shape) for name, tensor in model_tensors(model).items()}


def model_bytes(model: Model) -> bytes:
    """The model's weights as the content of a safetensors file."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model_tensors(model).items()}
    return save(tensors, metadata={"format": "pt"})


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, on the CPU.  Raises InputError that names the file."""
    try:
        open_file(path).close()
        with safe_open(path, framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in sorted(file.keys())}
    except (OSError, SafetensorError) as error:
        raise InputError(unreadable(path, error)) from None


def read_start(path: Path) -> dict[str, Tensor]:
    """The tensors of a file of weights to begin with, looked at before they are read.  Raises InputError."""
    check_size(path)
    tensors = read_tensors(path)
    for name, tensor in tensors.items():
        if tensor.dtype not in (torch.float32, torch.uint8, torch.bool):
            kind = str(tensor.dtype).removeprefix("torch.")
            raise InputError(f"{path}: '{name}' holds {kind} numbers, not float32; begin with another run")
    return _sound(path, tensors)


def _sound(path: Path, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights, if training can have made them.  Raises InputError."""
    for name, tensor in tensors.items():
        if tensor.numel():
            lowest, highest = tensor.aminmax()
            check_range(path, name, float(lowest), float(highest))
    return tensors


def load_weights(model: Model, path: Path) -> None:
    """Fill `model` from a safetensors file.  Raises InputError where the two do not fit."""
    check_shapes(path, shapes_of(model))
    tensors = _sound(path, read_tensors(path))
    if model.tied_to:
        tensors[_TIED] = tensors[model.tied_to]
    model.load_state_dict(tensors)


def model_on(
    config: ModelConfig, vocab_size: int, arrays: Mapping[str, np.ndarray[Any, Any]]
) -> LanguageModel:
    """A model whose weights are the memory of `arrays`: what is changed in the one is changed in the other."""
    with torch.device("meta"):
        model = LanguageModel(config, vocab_size)
    load_arrays(model, arrays)
    return model


def load_arrays(model: Model, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Make the memory of `arrays` the weights of a model without storage, all that `model_tensors` names."""
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    if model.tied_to:
        tensors[_TIED] = tensors[model.tied_to]
    model.load_state_dict(tensors, assign=True)
    if model.tied_to:
        cast("SoftmaxHead", model.head).weight = model.get_parameter(model.tied_to)


def load_model(
    run: Run, weights: Path, device: torch.device | str = "cpu"
) -> tuple[LanguageModel, Tokenizer]:
    """The model of a run with the weights in the file `weights`, ready to infer, and its tokenizer.

    Raises InputError where a file is missing or does not fit.
    """
    tokenizer = tokenizers.load(run.path / "tokenizer.json")
    make = partial(LanguageModel, run.config.model, tokenizer.vocab_size)
    return filled(make, weights, device), tokenizer


def filled(make: Callable[[], M], weights: Path, device: torch.device | str = "cpu") -> M:
    """A model with the weights in the file `weights`, ready to infer.  Raises InputError where the two do not fit."""
    with torch.device("meta"):
        # Compared on shapes without storage: a wrong run.toml is refused before it can ask for memory.
        check_shapes(weights, shapes_of(make()))
    share_processors()
    model = make()
    load_weights(model, weights)
    return model.to(device).eval().requires_grad_(False)
