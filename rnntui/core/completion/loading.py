"""From a run's folder to a model that completes text."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rnntui.core.completion.engine import Engine, expected_shapes
from rnntui.core.errors import InputError, command
from rnntui.core.nn.tensor_files import check_shapes, read_arrays
from rnntui.core.runs.folder import Run, read_json
from rnntui.core.runs.safe_files import CHECKPOINT_FILES, checkpoint_folders, open_file, read_file
from rnntui.core.text import tokenizers
from rnntui.core.text.tokenizers import Tokenizer

if TYPE_CHECKING:
    from rnntui.core.config.schema import ModelConfig
    from rnntui.core.nn.language_model import LanguageModel

_DIGESTED = CHECKPOINT_FILES[:-1]
"""All but the manifest itself."""


def open_engine(run: Run, weights: Path, quantize: bool = False) -> tuple[Engine, Tokenizer]:
    """The model of a run with the weights in the file `weights`, and its tokenizer.

    `quantize` holds its matrices in int8.  Raises InputError where a file is missing or does not fit.
    """
    tokenizer = tokenizers.load(run.path / "tokenizer.json")
    check_shapes(weights, expected_shapes(run.config.model, tokenizer.vocab_size))
    engine = Engine(run.config.model, tokenizer.vocab_size, read_arrays(weights), quantize)
    return engine, tokenizer


def engine_of(model: LanguageModel, config: ModelConfig) -> Engine:
    """An engine on the weights that a model has now."""
    tensors = {name: tensor.detach().float().cpu().numpy() for name, tensor in model.state_dict().items()}
    return Engine(config, model.vocab_size, tensors)


def manifest_of(contents: Mapping[str, bytes]) -> bytes:
    """The manifest of a checkpoint with these files: their sizes and digests, always in the same bytes."""
    digests = {
        name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in contents.items()
    }
    return _manifest(digests)


def _manifest(digests: Mapping[str, tuple[int, str]]) -> bytes:
    entries = {name: {"bytes": size, "sha256": digest} for name, (size, digest) in digests.items()}
    return json.dumps(entries, indent=1).encode()


def sound_checkpoint(run: Run, name: str) -> Path:
    """The folder of the checkpoint called `name`, compared with its manifest.  Raises InputError as that does."""
    folder = run.checkpoint_path(name)
    verify(folder)
    return folder


def verify(folder: Path) -> None:
    """Compare a checkpoint's files with its manifest, to the last byte of both.

    Raises InputError that names the damaged file and the other checkpoints of the run.
    """
    manifest = folder / "manifest.json"
    entries, found = read_json(manifest), {}
    for name in _DIGESTED:
        path, entry = folder / name, entries.get(name)
        if not isinstance(entry, dict):
            raise InputError(f"{manifest}: damaged (says nothing of {name}){_others(folder)}")
        try:
            with open_file(path) as file:
                size = os.fstat(file.fileno()).st_size
                # Compared before it is read: a sparse file can have any size.
                if entry.get("bytes") != size or size > _memory():
                    raise InputError(f"{path}: damaged (size differs from the manifest){_others(folder)}")
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}{_others(folder)}") from None
        if entry.get("sha256") != digest:
            raise InputError(f"{path}: damaged (sha256 differs from the manifest){_others(folder)}")
        found[name] = (size, digest)
    if read_file(manifest) != _manifest(found):
        raise InputError(f"{manifest}: damaged (not the one that fits the files){_others(folder)}")


def _memory() -> int:
    """Bytes of memory of this machine: a larger file of weights can be of no use here."""
    import psutil

    return int(psutil.virtual_memory().total)


def _others(folder: Path) -> str:
    names = [path.name for path in checkpoint_folders(folder.parent.parent) if path != folder]
    if not names:
        return "; no other checkpoint is there: train the run anew"
    before = [name for name in names if name < folder.name] or names
    run = folder.parent.parent
    advised = command("rnntui", "train", "--run", run, "--resume", "--checkpoint", before[-1])
    return f"; go on from the one before with {advised}"
