"""Beginning with what another run has learned: its vocabulary, its network, its weights.

A language model goes on with another text; a classifier takes over the embedding and the recurrent layers of a
language model, and learns a head of its own (Howard and Ruder 2018).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from rnntui.core.completion.loading import sound_checkpoint
from rnntui.core.config import INHERITED, Config, changed, value_of
from rnntui.core.config.tasks import TASKS, foreign
from rnntui.core.errors import InputError
from rnntui.core.nn.base import M
from rnntui.core.nn.weights import read_start
from rnntui.core.runs import store
from rnntui.core.runs.safe_files import open_file
from rnntui.core.tasks.word_vectors import KNOWN, take_in
from rnntui.core.text import tokenizers
from rnntui.core.text.tokenizers import Tokenizer

START = "start.safetensors"
"""The weights to begin with, kept in the run folder: the other run may go."""
_NEW = ("head.", "pooling.", "projection.")
"""Prefixes of weights that a classifier does not take over."""

_BY_TOKEN = ("embedding.weight", "head.weight", "head.bias")
"""Weights with a row for every token of the vocabulary."""


def inherited(config: Config) -> Config:
    """`config` with the vocabulary's and the network's settings of the run that it begins with, if it names one.

    Raises InputError where there is no such run, or where it is no language model.
    """
    if not config.model.begin_from:
        return config
    other = store.find(config.model.begin_from)
    if not TASKS[other.config.text.task].lends_weights:
        raise InputError(
            f"--from: {config.model.begin_from}: trained with --task {other.config.text.task}; name a language model"
        )
    names = INHERITED - foreign(config.text.task) - {"parameters"}
    settings = {name: value_of(other.config, name) for name in names}
    return changed(config, settings | {"begin_from": str(other.path)}, f"from {other.name}")


def vocabulary_of(config: Config) -> Tokenizer | None:
    """The tokenizer that `config` begins with; None where it learns one."""
    if not config.model.begin_from:
        return None
    return tokenizers.load(store.find(config.model.begin_from).path / "tokenizer.json")


def weights_of(config: Config) -> bytes:
    """The weights that `config` begins with.  Raises InputError where that run has no sound checkpoint."""
    folder = sound_checkpoint(store.find(config.model.begin_from), "best")
    weights = folder / "model.safetensors"
    read_start(weights)  # so that a fault is said of that run, before there is a new one
    with open_file(weights) as file:
        return file.read()


def beginning_with(make: Callable[[], M], start: Path, frozen: bool = False) -> Callable[[], M]:
    """Return a factory of models whose weights are those in the file `start`, as far as they fit.

    Where the file holds word vectors alone, they may be `frozen`.

    Raises InputError, when called, where the two do not fit.
    """

    def begun() -> M:
        model, found = make(), read_start(start)
        if KNOWN in found:
            embedding = cast("nn.Embedding", model.embedding).weight
            take_in(embedding, found, start)
            embedding.requires_grad_(not frozen)
            return model
        with torch.no_grad():
            for name, tensor in model.state_dict().items():
                if (model.head_is_new and name.startswith(_NEW)) or (name == "head.weight" and model.tied_to):
                    continue
                if name.startswith("backward_stack."):
                    continue
                if name in _BY_TOKEN and name in found and _only_more_rows(tensor, found[name]):
                    _take_in_rows(name, tensor, found[name])
                elif name not in found or found[name].shape != tensor.shape:
                    raise InputError(f"{start}: '{name}' is missing or has another shape; train the run anew")
                else:
                    tensor.copy_(found[name])
        return model

    return begun


def _only_more_rows(tensor: Tensor, known: Tensor) -> bool:
    return len(tensor) > len(known) and tensor.shape[1:] == known.shape[1:]


def _take_in_rows(name: str, tensor: Tensor, known: Tensor) -> None:
    """The rows of the tokens that another run knew; those of tokens that a larger vocabulary adds are new.

    A new token's embedding stays as a new model has it, so that it differs from the others.  It begins as likely as
    the known ones on the mean (Hewitt 2021), not as what could never come.
    """
    tensor[: len(known)].copy_(known)
    if name.startswith("head."):
        tensor[len(known) :] = known.mean(0)
