"""Classification from a file to an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from rnntui.core import tasks
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.tasks.classification.metrics import calibration_error, confusion, macro_f1
from rnntui.core.tasks.classification.predict import predict
from rnntui.core.tasks.classification.task import load_classifier, score
from rnntui.core.training.start import resume_run
from tests.cli.test_commands import assert_one_line, rnntui
from tests.conftest import CLASSIFIER, MakeRun, train_all
from tests.training.test_resume import train_until, weights


def test_a_classifier_learns_what_words_alone_do_not_say(classifier: Run) -> None:
    """Protects the task: from a table to a model that is right, and to figures that are those of its checkpoint."""
    told = classifier.events()
    started = next(event for event in told if isinstance(event, ev.Started))
    assert started.labels == ["no", "yes"] and started.valid_tokens > 0
    best = [event for event in told if isinstance(event, ev.Evaluated) and event.best][-1]
    assert best.accuracy > 0.9 and best.protocol == "texts" and best.bits_per_byte is None
    assert isinstance(best.metrics, dict) and best.metrics["macro_f1"] > 0.9
    samples = [event for event in told if isinstance(event, ev.Sampled)]
    assert samples and "→" in samples[-1].text and samples[-1].prompt

    weights_file = classifier.checkpoint_path("best") / "model.safetensors"
    model, tokenizer, _ = load_classifier(classifier, weights_file)
    part = tasks.reopen(classifier)["valid"]
    scores = score(model, part)
    assert scores.loss == best.loss and scores.confusion.tolist() == best.confusion
    predictions = [predict(model, tokenizer, text) for text in part.texts]
    right = [np.argmax(v.probabilities) == label for v, label in zip(predictions, part.labels, strict=True)]
    assert np.mean(right) == pytest.approx(best.accuracy)
    assert all("".join(v.pieces) == text for v, text in zip(predictions, part.texts, strict=True))


def test_a_words_influence_is_its_gradient_times_input(classifier: Run) -> None:
    """Protects the tint: the influences are the change of the log-odds as each embedding shrinks."""
    model, tokenizer, _ = load_classifier(
        classifier, classifier.checkpoint_path("best") / "model.safetensors"
    )
    model = model.double()
    text = "the soup was not bad"
    prediction = predict(model, tokenizer, text, label=1)
    tokens = torch.tensor([tokenizer.start, *tokenizer.encode(text).tolist()]).unsqueeze(1)
    embedded = model.embedding(tokens).detach()
    for place, influence in enumerate(prediction.influence, start=1):
        odds = []
        for factor in (1 + 1e-4, 1 - 1e-4):
            x = embedded.clone()
            x[place] *= factor
            logits = model.of_embedded(x, torch.tensor([len(tokens)]))[0]
            odds.append(float(logits[1] - logits[0]))
        assert (odds[0] - odds[1]) / 2e-4 == pytest.approx(influence, abs=1e-3)


@pytest.mark.parametrize(
    "settings",
    [{"bidirectional": False, "pooling": "attention"}, {"tokenizer": "bpe", "vocab_size": 280}],
    ids=str,
)
def test_interrupted_and_resumed_equals_uninterrupted(
    settings: dict[str, Any], make_run: MakeRun, examples: Path
) -> None:
    """Protects the overnight run of this task as well: the last bit is the same."""
    chosen = CLASSIFIER | settings | {"corpus": str(examples), "max_steps": 50}
    whole, broken = make_run(**chosen), make_run(**chosen)
    train_all(whole)
    for step in (7, 33):
        train_until(Run.open(broken.path), step)
    train_all(resume_run(broken.path, {}))
    assert weights(broken) == weights(whole)


def test_nothing_is_learned_from_what_is_held_out(make_run: MakeRun, examples: Path) -> None:
    """Protects the figures: neither the tokenizer nor a batch has seen a held-out text, in two epochs and more."""
    run = make_run(**CLASSIFIER, corpus=str(examples), min_count=1)
    task = tasks.reopen(run)
    held_out = {*task["valid"].texts, *task["test"].texts}
    assert len(held_out) == 60 and not held_out & set(task["train"].texts)
    numbers = {text.split()[-1] for text in task["train"].texts}
    known = {piece.strip() for piece in json.loads((run.path / "tokenizer.json").read_bytes())["vocabulary"]}
    assert {word for word in known if word.isdecimal()} == numbers, "each text ends with a number of its own"
    batches = task.subject(run.config).batches
    seen = set()
    for position in range(3 * len(batches)):
        inputs, lengths, _ = batches[position].arrays
        seen |= {task.tokenizer.decode(inputs[1:n, i]) for i, n in enumerate(lengths)}
    assert seen == set(task["train"].texts)


def test_from_a_table_to_every_answer(examples: Path, tmp_path: Path) -> None:
    """Protects the commands: train, evaluate, classify, show; and what does not fit is one line."""
    run = tmp_path / "R"
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in CLASSIFIER.items() if value is not None]
    result = rnntui("train", examples, "--headless", "--run", run, *flags)
    assert result.returncode == 0 and "accuracy" in result.stderr

    scores = json.loads(rnntui("evaluate", run, "--json").stdout)
    assert scores["labels"] == ["no", "yes"] and scores["metrics"]["macro_f1"] > 0.9
    assert np.sum(scores["confusion"]) == 30
    assert "true ╲ predicted" in rnntui("evaluate", run, "--split", "test").stdout

    answer = json.loads(rnntui("classify", run, "the soup was not bad 7", "--json").stdout)
    assert answer["label"] == "yes" and sum(answer["probabilities"].values()) == pytest.approx(1)
    assert "".join(piece for piece, _ in answer["influence"]) == "the soup was not bad 7"
    given = "\ufeffthe soup was fine 1\r\n\r\nthe soup was bad 2\n"
    lines = rnntui("classify", run, "-", stdin=given).stdout.split("\n")
    assert [line.split()[1:2] for line in lines] == [["yes"], [], ["no"], []], "a line for each"
    answers = rnntui("classify", run, "-", "--json", stdin=given).stdout.splitlines()
    told = [(each["text"], each["label"]) for each in map(json.loads, answers)]
    assert told == [("the soup was fine 1", "yes"), ("", None), ("the soup was bad 2", "no")]

    shown = rnntui("runs", "show", run).stdout
    assert "--task=classify" in shown and "accuracy" in shown
    assert_one_line(rnntui("complete", run, "x"), 2, "--task classify", "rnntui classify")
    assert_one_line(rnntui("classify", run, " "), 2, "TEXT: empty")
    assert_one_line(rnntui("classify", run, "-", stdin=" \n"), 2, "standard input: empty")
    assert_one_line(rnntui("evaluate", run, "--cache"), 2, "--cache", "predicts labels")
    other = tmp_path / "other.tsv"
    other.write_text("label\ttext\nmaybe\tfine\n", encoding="utf-8")
    assert_one_line(rnntui("evaluate", run, "--corpus", other), 2, "line 2", "unknown label 'maybe'")
    assert_one_line(rnntui("evaluate", run, "--corpus", examples), 2, "was trained on")
    other.write_text("label\ttext\nyes\tthe soup was fine\nno\tthe soup was bad\n", encoding="utf-8")
    assert json.loads(rnntui("evaluate", run, "--corpus", other, "--json").stdout)["accuracy"] == 1


def test_studies_take_labelled_texts(examples: Path, tmp_path: Path) -> None:
    """Protects the one path: a duel and a sweep of classifiers, compared by bits a text."""
    base = (examples, "--task", "classify", "--batch-size", "16", "--max-steps", "20", "--eval-every", "10")
    duel = rnntui(
        "duel", *base, "--cells", "lstm,gru", "--parameters", "9k", "--headless", "--run", tmp_path / "D"
    )
    assert duel.returncode == 0 and "valid bits/text (texts)" in duel.stdout, duel.stderr
    sweep = rnntui("sweep", *base, "--hidden-size", "4,6", "--trials", "2", "--study", tmp_path / "S")
    assert sweep.returncode == 0 and "bits/text" in sweep.stdout and "--task=classify" in sweep.stdout, (
        sweep.stderr
    )


def test_settings_of_other_tasks_are_refused(examples: Path) -> None:
    """Protects against a flag that would do nothing."""
    base = ("train", examples, "--headless")
    assert_one_line(rnntui(*base, "--task", "classify", "--bptt", "8"), 2, "--bptt", "--task classify")
    assert_one_line(rnntui(*base, "--task", "lm", "--pooling", "last"), 2, "--pooling", "--task lm")


def test_examples_from_standard_input_are_kept(examples: Path, tmp_path: Path) -> None:
    """Protects a pipe: what was read once is there when the run goes on."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in CLASSIFIER.items() if value is not None]
    run = tmp_path / "R"
    text = examples.read_text(encoding="utf-8")
    assert rnntui("train", "-", "--headless", "--run", run, *flags, stdin=text).returncode == 0
    assert rnntui("train", "--headless", "--run", run, "--resume", "--max-steps", "130").returncode == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", ("labels.json",)),
        (b'{"format": 2, "labels": ["a", "b"]}', ("labels.json", "format 2")),
        (b'{"format": 1, "labels": "ab"}', ("labels.json", "not a list")),
        (b'{"format": 1, "labels": ["a", "a"]}', ("labels.json", "twice")),
        (b'{"format": 1, "labels": ["a", "b", "c"]}', ("model.safetensors", "shape")),
    ],
)
def test_strange_labels_are_refused(content: bytes, words: tuple[str, ...], classifier: Run) -> None:
    (classifier.path / "labels.json").write_bytes(content)
    assert_one_line(rnntui("classify", classifier.path, "x"), 2, *words)


def test_metrics_by_hand() -> None:
    """Protects the figures: confusion, macro F1 and calibration error of a case counted on paper."""
    labels, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 0])
    found = confusion(predicted, labels, 3)
    assert found.tolist() == [[2, 1, 0], [1, 1, 0], [1, 0, 0]]
    assert macro_f1(predicted, labels) == pytest.approx((2 * 2 / (3 + 4) + 2 * 1 / (2 + 2) + 0) / 3)
    assert macro_f1(np.array([0, 2]), np.array([0, 2])) == 1, "a label that never came does not count"
    confidence, right = np.array([0.95, 0.95, 0.65, 0.65]), np.array([True, False, True, True])
    sure, unsure = abs(0.95 - 0.5) * 2, abs(0.65 - 1.0) * 2
    assert calibration_error(confidence, right) == pytest.approx((sure + unsure) / 4)


def test_many_labels_cost_no_table(make_run: MakeRun, tmp_path: Path) -> None:
    """Protects events and memory: confusions of 300 labels are not counted, and a column of ids is refused."""
    many = tmp_path / "many.tsv"
    many.write_text("text\tlabel\n" + "".join(f"t {i % 97}\tL{i // 2}\n" for i in range(600)))
    run = make_run(**CLASSIFIER | {"corpus": str(many), "max_steps": 4, "eval_every": 4})
    train_all(run)
    (scored,) = (event for event in run.events() if isinstance(event, ev.Evaluated))
    assert (
        scored.confusion is msgspec.UNSET
        and isinstance(scored.metrics, dict)
        and "macro_f1" in scored.metrics
    )
    assert "too many labels" in rnntui("evaluate", run.path).stdout
    many.write_text("text\tlabel\n" + "".join(f"t\tL{i // 2}\n" for i in range(20_100)))
    answer = rnntui("train", many, "--task", "classify", "--headless", "--run", tmp_path / "R")
    assert_one_line(answer, 2, "many.tsv", "10,050 labels; at most 10,000", "--label-column")
