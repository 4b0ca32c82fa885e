"""Models for other programs: the same numbers elsewhere, and less room with its price told."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save

from rnntui.core.cells import CELLS
from rnntui.core.config.schema import ModelConfig
from rnntui.core.errors import RnntuiError
from rnntui.core.export import writing
from rnntui.core.export.graph import classifier as classifier_graph
from rnntui.core.export.graph import language_model
from rnntui.core.export.smaller import packed, smaller
from rnntui.core.nn.base import Model
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.nn.pooling import POOLINGS
from rnntui.core.nn.weights import load_model, model_tensors
from rnntui.core.runs.folder import Run
from rnntui.core.tasks.base import EventTime
from rnntui.core.tasks.classification.model import Classifier
from tests.cli.test_commands import assert_one_line, rnntui

ROOT = Path(__file__).parents[2]
V = 40


def arrays(model: Model) -> dict[str, Any]:
    return {name: tensor.detach().numpy() for name, tensor in model_tensors(model).items()}


def disturb(model: Model) -> None:
    """Change every parameter a little: new biases are zero, and a sign or a bias left out would not show."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))


@pytest.mark.parametrize(
    "options",
    [
        *({"cell": cell} for cell in CELLS),
        {"cell": "elman", "nonlinearity": "relu", "num_layers": 2, "residual": True, "layer_norm": True},
        {"num_layers": 3, "residual": True, "embedding_size": 12},
        {"tied": True},
        {"tied": True, "embedding_size": 12, "layer_norm": True},
        {"softmax": "sampled"},
    ],
    ids=str,
)
@pytest.mark.parametrize("int8", [False, True])
def test_the_graph_computes_what_the_model_does(options: dict[str, Any], int8: bool) -> None:
    """Protects `--format onnx`: logits and states of many steps, and of one at a time, to 1e-4 of torch's."""
    torch.manual_seed(1)
    config = ModelConfig(**({"hidden_size": 12, "embedding_size": 7} | options))
    model = LanguageModel(config, V).eval()
    disturb(model)
    matrices = smaller(arrays(model), int8=int8)
    with torch.no_grad():
        for name, tensor in model_tensors(model).items():
            tensor.copy_(torch.from_numpy(matrices[name].numbers))
    content = language_model(config, matrices, {"note": "x"}).SerializeToString()
    assert onnx.load_from_string(content).metadata_props[0].value == "x"
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    outputs = [each.name for each in session.get_outputs()]

    def run(tokens: torch.Tensor, state: Any) -> tuple[Any, dict[str, Any]]:
        found = dict(zip(outputs, session.run(outputs, {"tokens": tokens.numpy(), **state}), strict=True))
        logits = found.pop("logits")
        return logits, {name.replace("next", "state"): value for name, value in found.items()}

    tokens = torch.randint(V, (9, 3))
    state = tuple(tuple(torch.rand(3, 12) for _ in layer) for layer in model.initial_state(3))
    named = {f"state.{i}.{j}": part.numpy() for i, layer in enumerate(state) for j, part in enumerate(layer)}
    with torch.no_grad():
        logits, after = model(tokens, state)
    whole, last = run(tokens, named)
    np.testing.assert_allclose(whole, logits.numpy(), atol=1e-4)
    steps = []
    for row in tokens:
        some, named = run(row.unsqueeze(0), named)
        steps.append(some)
    np.testing.assert_allclose(np.concatenate(steps), logits.numpy(), atol=1e-4)
    for i, layer in enumerate(after):
        for j, part in enumerate(layer):
            np.testing.assert_allclose(last[f"state.{i}.{j}"], part.numpy(), atol=1e-4)
            np.testing.assert_allclose(named[f"state.{i}.{j}"], part.numpy(), atol=1e-4)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "mingru"])
def test_a_classifiers_graph_reads_each_text_to_its_own_end(
    cell: str, bidirectional: bool, pooling: str
) -> None:
    """Protects `--format onnx` of classifiers: many texts side by side, each as torch reads it, to 1e-4."""
    torch.manual_seed(1)
    config = ModelConfig(
        cell=cell, bidirectional=bidirectional, pooling=pooling, hidden_size=9, embedding_size=6, num_layers=2
    )
    model = Classifier(config, V, 3).eval()
    disturb(model)
    graph = classifier_graph(config, smaller(arrays(model)), {})
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    for lengths in ([4, 11, 1, 7], [2], [5, 5]):
        tokens, counted = torch.randint(V, (max(lengths), len(lengths))), torch.tensor(lengths)
        (logits,) = session.run(["logits"], {"tokens": tokens.numpy(), "lengths": counted.numpy()})
        np.testing.assert_allclose(logits, model(tokens, counted).detach().numpy(), atol=1e-4)


def test_a_graph_that_differs_is_not_given_out(trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the check: it is made, and it refuses."""
    monkeypatch.setattr(writing, "_CLOSE", 1e-12)
    weights = trained.checkpoint_path("best") / "model.safetensors"
    with pytest.raises(RnntuiError, match=r"differ from torch's by .*nothing was written"):
        writing.export(trained, weights, "onnx", False, EventTime(0, 0.0))


def test_int8_keeps_each_weight_to_half_a_step(trained: Run) -> None:
    """Protects `--quantize int8`: the size of the error, what stays whole."""
    model, _ = load_model(trained, trained.checkpoint_path("best") / "model.safetensors")
    tensors = arrays(model)
    quantized = smaller(tensors, int8=True)
    for name, tensor in tensors.items():
        found = quantized[name].numbers
        if tensor.ndim != 2:
            assert found is tensor
            continue
        steps = np.abs(tensor).max(axis=1, keepdims=True) / 127
        assert (np.abs(found - tensor) <= steps / 2 + 1e-6).all()
    assert all(matrix.numbers is tensors[name] for name, matrix in smaller(tensors).items())


def test_the_file_is_read_as_documented(trained: Run, tmp_path: Path) -> None:
    """Protects other programs: the snippet in docs/run-folder.md makes the model's own numbers of a packed file."""
    page = (ROOT / "docs" / "run-folder.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    model, _ = load_model(trained, trained.checkpoint_path("best") / "model.safetensors")
    matrices = smaller(arrays(model), int8=True)
    path = tmp_path / "small.safetensors"
    path.write_bytes(save(packed(matrices)))
    space: dict[str, Any] = {"path": path}
    exec(snippet, space)
    assert set(space["tensors"]) == set(matrices)
    for name, tensor in space["tensors"].items():
        np.testing.assert_array_equal(tensor, matrices[name].numbers)


def test_from_a_run_to_files(trained: Run, tmp_path: Path) -> None:
    """Protects the command: both forms, the table, sizes and perplexity before and after; faults in one line."""
    weights = trained.checkpoint_path("best") / "model.safetensors"
    result = rnntui("export", trained.path, "--format", "safetensors", "-o", tmp_path / "plain.safetensors")
    assert result.returncode == 0 and "embedding.weight" in result.stderr and "before" not in result.stderr
    plain, original = load_file(tmp_path / "plain.safetensors"), load_file(weights)
    assert all((plain[name] == tensor).all() for name, tensor in original.items()) and len(plain) == len(
        original
    )

    told = json.loads(
        rnntui("export", trained.path, "-o", tmp_path / "small.safetensors", "--quantize", "int8",
               "--json").stdout
    )  # fmt: skip
    assert told["bytes"] == (tmp_path / "small.safetensors").stat().st_size < told["bytes_before"]
    assert told["bytes_before"] == (tmp_path / "plain.safetensors").stat().st_size
    for flag in ("--output", "--embeddings"):
        result = rnntui("export", trained.path, flag, trained.path / "run.toml")
        assert_one_line(result, 2, "run.toml: exists already", flag)
    assert Run.open(trained.path).config == trained.config
    assert sum(each["bytes"] for each in told["tensors"]) < 0.4 * sum(
        each.nbytes for each in original.values()
    )
    own = json.loads(rnntui("evaluate", trained.path, "--json").stdout)
    assert told["before"]["perplexity"] == pytest.approx(own["perplexity"])
    assert told["after"]["perplexity"] > told["before"]["perplexity"]

    lacks = tmp_path / "elsewhere"
    shutil.copytree(trained.path, lacks)
    toml = (lacks / "run.toml").read_text(encoding="utf-8")
    (lacks / "run.toml").write_text(re.sub('sha256 = "....', 'sha256 = "0000', toml), encoding="utf-8")
    result = rnntui("export", lacks, "-o", tmp_path / "lacks.safetensors", "--quantize", "int8")
    assert (
        result.returncode == 0
        and "not scored: " in result.stderr
        and (tmp_path / "lacks.safetensors").exists()
    )
    with safe_open(tmp_path / "lacks.safetensors", "np") as file:
        assert "small.txt" in file.metadata()["config"] and str(tmp_path) not in file.metadata()["config"]

    result = rnntui("export", trained.path, "-o", tmp_path / "model.onnx", "--quantize", "int8")
    assert (
        result.returncode == 0
        and "after" in result.stderr
        and result.stdout == f"{tmp_path / 'model.onnx'}\n"
    )
    notes = {each.key: each.value for each in onnx.load(tmp_path / "model.onnx").metadata_props}
    assert notes["tokenizer"] == (trained.path / "tokenizer.json").read_text(encoding="utf-8")
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        assert rnntui("export", trained.path, "--format", "onnx").stdout == f"{trained.name}.onnx\n"
        assert_one_line(rnntui("export", trained.path, "--format", "onnx"), 2, "exists already", "--output")
    finally:
        os.chdir(before)
    assert_one_line(rnntui("export", trained.path), 2, "--format", "--embeddings")
    assert_one_line(
        rnntui("export", trained.path, "--embeddings", tmp_path / "x", "--quantize", "int8"), 2, "leave out"
    )


def test_a_classifier_is_exported_with_its_labels(classifier: Run, tmp_path: Path) -> None:
    """Protects the other task: smaller weights scored by its own figures, and a graph that knows its labels."""
    told = json.loads(
        rnntui(
            "export", classifier.path, "-o", tmp_path / "c.safetensors", "--quantize", "int8", "--json"
        ).stdout
    )
    assert told["after"]["accuracy"] > 0.8 and told["after"]["protocol"] == "texts"
    result = rnntui("export", classifier.path, "-o", tmp_path / "c.onnx")
    assert result.returncode == 0, result.stderr
    notes = {each.key: each.value for each in onnx.load(tmp_path / "c.onnx").metadata_props}
    assert json.loads(notes["labels"])["labels"] == ["no", "yes"]


def test_a_search_is_no_graph(translator: Run, tmp_path: Path) -> None:
    """Protects the third task: its weights come out, and why there is no graph is one line."""
    assert_one_line(rnntui("export", translator.path, "--format", "onnx"), 2, "translates", "safetensors")
    result = rnntui("export", translator.path, "-o", tmp_path / "t.safetensors", "--quantize", "int8")
    assert result.returncode == 0 and "bleu" in result.stderr


def test_what_is_missing_is_named(trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "find_spec", lambda _: None)
    with pytest.raises(RnntuiError, match=r"pip install 'rnntui\[export\]'"):
        writing.export(trained, Path("x"), "onnx", False, EventTime(0, 0.0))


def test_a_strangers_weights_are_checked_before_they_are_used(trained: Run, tmp_path: Path) -> None:
    """Protects who exports a model from elsewhere: what does not fit run.toml is one line."""
    toml = trained.path / "run.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("hidden_size = 24", "hidden_size = 25"))
    for output in ("a.safetensors", "a.onnx"):
        result = rnntui("export", trained.path, "-o", tmp_path / output)
        assert_one_line(result, 2, "model.safetensors", "has shape")
        assert not (tmp_path / output).exists()
