"""The content of exported files, checked before anybody gets it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import save
from torch import Tensor

from rnntui import __version__
from rnntui.core import tasks
from rnntui.core.completion.arrays import Array
from rnntui.core.config import PLACES, changed, value_of
from rnntui.core.config.tasks import TASKS
from rnntui.core.config.toml import to_toml
from rnntui.core.errors import InputError, RnntuiError, oneline
from rnntui.core.export.smaller import Matrix, packed, smaller
from rnntui.core.nn.base import Model
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.nn.tensor_files import check_shapes, read_arrays
from rnntui.core.nn.weights import load_arrays, shapes_of
from rnntui.core.runs import events as ev
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.core.runs.safe_files import LARGE, read_file
from rnntui.core.tasks.base import EventTime, Task

_CLOSE = 1e-4
"""Logits of the graph and of torch differ by no more."""
_READ = (33, 2)
"""Random tokens that both read: time steps, sequences."""


class Exported(NamedTuple):
    """An exported file."""

    content: bytes
    tensors: Mapping[str, Array]
    """Tensors of the file, or of its graph."""
    whole: int
    """Bytes of the file, had nothing been left out of it."""
    before: ev.Evaluated | None = None
    """Evaluation of the whole model on the held-out part; None where nothing was quantized."""
    after: ev.Evaluated | None = None
    unscored: str = ""
    """Reason why the held-out part was not scored, where it should have been."""


def export(run: Run, weights: Path, form: str, int8: bool, now: EventTime) -> Exported:
    """The model of a run, with the weights in the file `weights`, as `form` ('safetensors' or 'onnx').

    With `int8` its matrices are quantized, and the held-out part is scored before and after.

    Raises InputError where the form does not suit the task or a package is missing, or the run is unusable.
    """
    if form == "onnx":
        spec = TASKS[run.config.text.task]
        if not spec.onnx:
            raise InputError(
                f"--format: {run.name} {spec.does}, which is not one graph; take safetensors, or another run"
            )
        if not (find_spec("onnx") and find_spec("onnxruntime")):
            raise InputError("--format: onnx needs more packages: pip install 'rnntui[export]'")
    check_shapes(weights, shapes_of(_empty(run)))
    plain, before, after, unscored = read_arrays(weights), None, None, ""
    matrices = smaller(plain, int8)
    if int8:
        try:
            task = tasks.reopen(run)
            before, after = (_scored(run, task, each, now) for each in (smaller(plain), matrices))
        except InputError as error:
            unscored = oneline(error)  # whose corpus has gone can be made smaller all the same
    content = _content(run, form, matrices)
    whole = len(_content(run, form, smaller(plain))) if int8 else len(content)
    if form == "onnx":
        tensors = {name: matrix.values for name, matrix in matrices.items()}
        tensors |= {f"{name}.scale": each.scale for name, each in matrices.items() if each.scale is not None}
    else:
        tensors = packed(matrices)
    return Exported(content, tensors, whole, before, after, unscored)


def _content(run: Run, form: str, matrices: Mapping[str, Matrix]) -> bytes:
    """Content of a file of that form."""
    if form == "onnx":
        return _onnx(run, matrices)
    try:
        return save(packed(matrices), metadata=_notes(run))
    except SafetensorError as error:
        raise InputError(
            f"{run.path}: its vocabulary does not fit into the file's header: {oneline(error)}"
        ) from None


def _notes(run: Run) -> dict[str, str]:
    """Metadata for the reader of the file."""
    files = {"tokenizer": "tokenizer.json"} | dict(TASKS[run.config.text.task].files)
    # Where the texts lie on this machine is nobody else's business.
    named = {
        name: store.short_corpus(value_of(run.config, name)) for name in PLACES if value_of(run.config, name)
    }
    notes = {"rnntui": __version__, "config": to_toml(changed(run.config, named))}
    return notes | {
        name: read_file(run.path / file, LARGE).decode()
        for name, file in files.items()
        if (run.path / file).exists()
    }


def _empty(run: Run) -> Model:
    """The run's model without storage.  Raises InputError where a file of the run cannot be used."""
    with torch.device("meta"):
        return tasks.build_model(run.config, tasks.widths_in(run))


def _filled(run: Run, matrices: Mapping[str, Matrix]) -> Model:
    """The run's model with these weights, which fit."""
    model = _empty(run)
    load_arrays(model, {name: matrix.numbers for name, matrix in matrices.items()})
    return model.eval()


def _scored(run: Run, task: Task[Any], matrices: Mapping[str, Matrix], now: EventTime) -> ev.Evaluated:
    """The held-out part, scored with these weights."""
    return task.evaluate(_filled(run, matrices), "cpu", now, lambda: None)


def _onnx(run: Run, matrices: Mapping[str, Matrix]) -> bytes:
    """The graph of a model, after onnxruntime has read some tokens with it as torch does."""
    from rnntui.core.export.graph import classifier, language_model

    model = _filled(run, matrices)
    make = language_model if isinstance(model, LanguageModel) else classifier
    content: bytes = make(run.config.model, matrices, _notes(run)).SerializeToString()
    difference = _difference(model, content)
    if not difference <= _CLOSE:
        raise RnntuiError(
            f"{run.name}: onnxruntime's logits differ from torch's by {difference:.1e}; nothing was written"
        )
    return content


@torch.inference_mode()
def _difference(model: Model, content: bytes) -> float:
    """The largest one between what the graph and torch make of random tokens, from a random state if there is any."""
    import onnxruntime

    made = torch.Generator().manual_seed(0)
    rows = model.get_parameter("embedding.weight").shape[0]
    inputs: dict[str, Tensor] = {"tokens": torch.randint(rows, _READ, generator=made)}
    if isinstance(model, LanguageModel):
        state = tuple(
            tuple(torch.rand(part.shape, generator=made) for part in layer)
            for layer in model.initial_state(_READ[1])
        )
        logits, after = model(inputs["tokens"], state)
        expected: dict[str, Tensor] = {"logits": logits}
        for layer, parts in enumerate(state):
            inputs |= {f"state.{layer}.{part}": each for part, each in enumerate(parts)}
            expected |= {f"next.{layer}.{part}": each for part, each in enumerate(after[layer])}
    else:
        inputs["lengths"] = torch.tensor([_READ[0], 5])
        expected = {"logits": model(inputs["tokens"], inputs["lengths"])}
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found = session.run(list(expected), {name: each.numpy() for name, each in inputs.items()})
    return max(
        float(np.abs(one - other.numpy()).max()) for one, other in zip(found, expected.values(), strict=True)
    )
