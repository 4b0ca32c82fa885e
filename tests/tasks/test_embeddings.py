"""Word vectors in and out of a model."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnntui.core import tasks
from rnntui.core.config import command_of
from rnntui.core.nn.weights import read_tensors
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.tasks.classification.task import load_classifier
from rnntui.core.tasks.transfer import START
from rnntui.core.tasks.word_vectors import KNOWN
from rnntui.core.training.start import resume_run
from tests.cli.test_commands import assert_one_line, rnntui
from tests.conftest import CLASSIFIER, MakeRun, train_all
from tests.training.test_resume import train_until, weights

ELSEWHERE: dict[str, Any] = {"embedding_size": None, "embedding_dropout": 0.0}


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "some.vec"
    path.write_text("soup 1 2 3 4\nROOM 5 6 7 8\nbad -1 -2 -3 0\nzebra 0 0 0 1\n")
    return path


@pytest.mark.parametrize("frozen", [False, True])
def test_words_begin_with_their_vectors(
    frozen: bool, make_run: MakeRun, examples: Path, vectors: Path
) -> None:
    """Protects `--embeddings`: found words begin there, in proportion, others anew; frozen ones never move."""
    chosen = CLASSIFIER | ELSEWHERE | {"corpus": str(examples), "embeddings": str(vectors), "max_steps": 40}
    run = make_run(**chosen, frozen_embeddings=frozen)
    assert run.config.model.embedding_size == 4
    task = tasks.reopen(run)
    numbers = {word: int(task.tokenizer.encode(f" {word}")[0]) for word in ("soup", "bad", "poor")}
    torch.manual_seed(run.config.training.seed)
    model = task.subject(run.config).model()
    before = model.state_dict()["embedding.weight"].clone()
    soup, bad = before[numbers["soup"]], before[numbers["bad"]]
    torch.testing.assert_close(soup / soup[0], torch.tensor([1.0, 2, 3, 4]))
    torch.testing.assert_close(bad / soup[0], torch.tensor([-1.0, -2, -3, 0]))
    vectors.unlink()
    train_all(run)
    after = read_tensors(run.checkpoint_path("last") / "model.safetensors")["embedding.weight"]
    assert torch.equal(
        after, load_classifier(run, run.checkpoint_path("last") / "model.safetensors")[0].embedding.weight
    )
    if frozen:
        assert torch.equal(after, before)
    else:
        assert not torch.equal(after[numbers["soup"]], soup)


def test_a_frozen_run_goes_on_exactly(make_run: MakeRun, examples: Path, vectors: Path) -> None:
    chosen = CLASSIFIER | ELSEWHERE | {"corpus": str(examples), "embeddings": str(vectors), "max_steps": 40}
    whole, broken = (make_run(**chosen, frozen_embeddings=True) for _ in range(2))
    train_all(whole)
    train_until(broken, 17)
    train_all(resume_run(broken.path, {}))
    assert weights(broken) == weights(whole)


def test_coverage_is_told_and_faults_are_one_line(
    make_run: MakeRun, examples: Path, vectors: Path, tmp_path: Path
) -> None:
    """Protects the command: how much of the vocabulary was found; what is wrong, with its line."""
    base = ("train", examples, "--task", "classify", "--headless", "--max-steps", "4", "--hidden-size", "8")
    result = rnntui(*base, "--embeddings", vectors, "--run", tmp_path / "R")
    assert result.returncode == 0 and "begin with their vectors in some.vec" in result.stderr
    assert "--embedding-size" not in command_of(Run.open(tmp_path / "R").config)
    assert_one_line(rnntui(*base, "--embeddings", tmp_path / "no.vec"), 2, "no.vec", "No such file")
    assert_one_line(rnntui(*base, "--embeddings", vectors, "--embedding-size", "4"), 2, "--embedding-size")
    assert_one_line(rnntui(*base, "--frozen-embeddings"), 2, "--embeddings")
    vectors.write_text("soup 1 2\nroom 1\n")
    result = rnntui(*base, "--embeddings", vectors, "--run", tmp_path / "P")
    assert result.returncode == 0 and "some.vec: passed over 1 line: line 2: 1 number after" in result.stderr
    vectors.write_text("soup 1 x\nroom x\n")
    assert_one_line(rnntui(*base, "--embeddings", vectors), 2, "some.vec", "no vectors", "line 2")
    vectors.write_text("zebra 1 2\n")
    assert_one_line(rnntui(*base, "--embeddings", vectors), 2, "some.vec", "none of the vocabulary's")


def test_words_out_of_a_model(classifier: Run, tmp_path: Path) -> None:
    """Protects `export` and `nearest`: the vectors are the checkpoint's, and the likest is what their angles say."""
    out = tmp_path / "out.vec"
    assert rnntui("export", classifier.path, "--embeddings", out).stdout.strip() == str(out)
    lines = out.read_text(encoding="utf-8").splitlines()
    rows = {line.split(" ")[0]: np.array(line.split(" ")[1:], dtype=float) for line in lines[1:]}
    assert lines[0] == f"{len(rows)} 12" and {"soup", "bad", "not"} <= rows.keys()
    model, tokenizer, _ = load_classifier(
        classifier, classifier.checkpoint_path("best") / "model.safetensors"
    )
    token = int(tokenizer.encode(" bad")[0])
    np.testing.assert_allclose(rows["bad"], model.embedding.weight[token].detach().numpy(), rtol=1e-6)

    def cosine(word: str) -> float:
        return float(rows[word] @ rows["bad"] / np.linalg.norm(rows[word]) / np.linalg.norm(rows["bad"]))

    answer = json.loads(rnntui("nearest", classifier.path, "bad", "--count", "3", "--json").stdout)["nearest"]
    expected = sorted(rows.keys() - {"bad"}, key=cosine, reverse=True)[:3]
    assert [each["word"] for each in answer] == expected
    assert answer[0]["cosine"] == pytest.approx(cosine(expected[0]), abs=1e-5)
    assert_one_line(rnntui("nearest", classifier.path, "sooup"), 2, "'sooup'", "did you mean 'soup'")


def test_vectors_that_are_all_alike_and_accents_in_another_form(make_run: MakeRun, tmp_path: Path) -> None:
    """Protects a training from vectors without spread, and words from being missed by how their accents are written."""
    text, vectors = tmp_path / "fees.txt", tmp_path / "alike.vec"
    text.write_text("la fée répète sa leçon\n" * 60, encoding="utf-8")
    rows = "".join(f"{word} 0.5 0.5 0.5\n" for word in ("la", "fée", "répète", "sa", "leçon"))
    vectors.write_text(unicodedata.normalize("NFD", rows), encoding="utf-8")
    chosen = ELSEWHERE | {
        "corpus": str(text),
        "tokenizer": "word",
        "embeddings": str(vectors),
        "max_steps": 20,
    }
    run = make_run(**chosen)
    last = train_all(run)[-1]
    assert isinstance(last, ev.Finished) and last.reason == "steps"
    assert int(read_tensors(run.path / START)[KNOWN].sum()) == 5
