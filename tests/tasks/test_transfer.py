"""Beginning with another run: what is taken over, what is learned anew, and in which order."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from rnntui.core import tasks
from rnntui.core.config import INHERITED, command_of, value_of
from rnntui.core.errors import InputError
from rnntui.core.nn.weights import read_tensors
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.text import tokenizers
from rnntui.core.training.learner import Learner
from rnntui.core.training.optimisation import depth_factor
from rnntui.core.training.start import resume_run
from tests.cli.test_commands import assert_one_line, rnntui
from tests.conftest import CLASSIFIER, MakeRun, ratings, train_all
from tests.training.test_resume import train_until, weights

NETWORK = {"hidden_size": None, "embedding_size": None, "bptt": None}
"""What the other run brings; the tests' own settings would stand in its way."""


@pytest.fixture
def taught(make_run: MakeRun, tmp_path: Path) -> Run:
    """A language model of the ratings' texts."""
    text = tmp_path / "texts.txt"
    text.write_text("\n".join(line.split("\t")[1] for line in ratings(600, seed=1).splitlines()[1:]))
    settings: dict[str, Any] = {"tokenizer": "word", "hidden_size": 20, "embedding_size": 10, "num_layers": 2}
    run = make_run(corpus=str(text), max_steps=150, bptt=12, tied=False, **settings)
    train_all(run)
    return run


@pytest.fixture
def begun(make_run: MakeRun, taught: Run, examples: Path) -> Run:
    chosen = CLASSIFIER | NETWORK | {"corpus": str(examples), "begin_from": str(taught.path), "max_steps": 60}
    return make_run(**chosen)


def test_a_classifier_begins_with_a_language_model(begun: Run, taught: Run) -> None:
    """Protects the transfer: vocabulary, settings and weights come along; the head is new; the folder is enough."""
    for name in INHERITED - {"tied", "softmax", "parameters"}:
        assert value_of(begun.config, name) == value_of(taught.config, name)
    assert (begun.path / "tokenizer.json").read_bytes() == (taught.path / "tokenizer.json").read_bytes()
    known = read_tensors(taught.checkpoint_path("best") / "model.safetensors")
    model = tasks.reopen(begun).subject(begun.config).model()
    for name, tensor in model.state_dict().items():
        assert name.startswith(("head.", "pooling.")) or torch.equal(tensor, known[name])
    (taught.path / "run.toml").unlink()
    assert isinstance(train_all(begun)[-1], ev.Finished)


def test_layers_join_one_after_the_other_and_learn_more_slowly_below(begun: Run) -> None:
    """Protects what is known: in the first epoch the head alone learns, in each further one a layer more."""
    learner = Learner(begun.config, tasks.reopen(begun).subject(begun.config), "cpu")
    before = {name: tensor.clone() for name, tensor in learner.model.state_dict().items()}
    moved: list[set[str]] = []
    for _ in range(4):
        for _ in range(len(learner.batches)):
            learner.step()
        now = learner.model.state_dict()
        moved.append(
            {n.partition("_l0")[0].rpartition(".")[0] for n in now if not torch.equal(now[n], before[n])}
        )
    below, above = "stack.cells.0.rnn", "stack.cells.1.rnn"
    assert moved == [{"head"}, {"head", above}, {"head", above, below}, {"head", above, below, "embedding"}]
    assert [depth_factor(depth, 9) for depth in range(3)] == [1, 1 / 2.6, 1 / 2.6**2] and depth_factor(
        2, 1.9
    ) == 0


def test_it_goes_on_exactly(begun: Run, make_run: MakeRun, taught: Run, examples: Path) -> None:
    """Protects the interrupted run: resumed while layers are joining, the last bit is the same."""
    chosen = CLASSIFIER | NETWORK | {"corpus": str(examples), "begin_from": str(taught.path), "max_steps": 60}
    whole = make_run(**chosen)
    train_all(whole)
    train_until(begun, 20)
    train_all(resume_run(begun.path, {}))
    assert weights(begun) == weights(whole)


def test_a_language_model_goes_on_with_another_text(make_run: MakeRun, taught: Run, tmp_path: Path) -> None:
    """Protects `--from` for writers: the first held-out loss on its own text is the one that it ended with."""
    text = Path(taught.config.text.corpus)
    run = make_run(
        **NETWORK, corpus=str(text), begin_from=str(taught.path), max_steps=1, lr=1e-9, eval_every=1
    )
    told = [event for event in train_all(run) if isinstance(event, ev.Evaluated)]
    best = [event for event in taught.events() if isinstance(event, ev.Evaluated) and event.best][-1]
    assert told[0].loss == pytest.approx(best.loss, abs=1e-5)
    other = tmp_path / "other.txt"
    words = ("zebra", "soup", "room", "not", "bad")
    other.write_text(" ".join(random.Random(1).choices(words, k=4000)), encoding="utf-8")
    run = make_run(**NETWORK, corpus=str(other), begin_from=str(taught.path), max_steps=5)
    assert any("<unk>" in event.message for event in train_all(run) if isinstance(event, ev.Warned))


@pytest.mark.parametrize("task", ["lm", "classify"])
def test_a_vocabulary_grows_and_what_is_known_stays(
    task: str, make_run: MakeRun, taught: Run, examples: Path, tmp_path: Path
) -> None:
    """Protects `--extend-vocabulary`: old tokens keep numbers and rows, new ones are learned and written."""
    if task == "lm":
        corpus = tmp_path / "other.txt"
        corpus.write_text("ένα δύο τρία not bad\n" * 300, encoding="utf-8")
        chosen: dict[str, Any] = NETWORK
    else:
        corpus, chosen = examples.with_name("greek.tsv"), CLASSIFIER | NETWORK
        corpus.write_text(examples.read_text().replace("the", "ένα"), encoding="utf-8")
    grown = {"corpus": str(corpus), "begin_from": str(taught.path), "extend_vocabulary": True}
    run = make_run(**chosen | grown | {"max_steps": 150})
    old, new = (tokenizers.load(each.path / "tokenizer.json") for each in (taught, run))
    assert new.vocab_size > old.vocab_size and "ένα" in new.to_json()["vocabulary"]
    assert new.to_json()["vocabulary"][: old.vocab_size - 1] == old.to_json()["vocabulary"]
    known = read_tensors(taught.checkpoint_path("best") / "model.safetensors")
    state = tasks.reopen(run).subject(run.config).model().state_dict()
    for name in ("embedding.weight", *(("head.weight", "head.bias") if task == "lm" else ())):
        assert torch.equal(state[name][: old.vocab_size], known[name])
        assert not state[name][old.vocab_size :].isnan().any()
    assert torch.equal(state["stack.cells.0.rnn.weight_hh_l0"], known["stack.cells.0.rnn.weight_hh_l0"])
    last = train_all(run)[-1]
    assert isinstance(last, ev.Finished) and last.reason == "steps"
    if task == "lm":
        assert "τρία" in rnntui("generate", run.path, "--length", "40").stdout
        train_all(resume_run(run.path, {"max_steps": 155}))


def test_what_cannot_grow_says_so(taught: Run, tmp_path: Path) -> None:
    """Protects `--extend-vocabulary` where it has nothing to do, or cannot: one line, never silence."""
    base = ("train", taught.config.text.corpus, "--headless", "--max-steps", "2", "--extend-vocabulary")
    assert_one_line(rnntui(*base), 2, "--extend-vocabulary", "--from")
    answer = rnntui(*base, "--from", taught.path, "--run", tmp_path / "R")
    assert answer.returncode == 0 and "nothing to extend" in answer.stderr


def test_the_command_makes_it_again_and_faults_are_one_line(
    begun: Run, taught: Run, examples: Path, classifier: Run
) -> None:
    command = command_of(begun.config)
    assert (
        f"--from={taught.path}" in command and "--hidden-size" not in command and "--tokenizer" not in command
    )
    base = ("train", examples, "--task", "classify", "--headless", "--from")
    assert_one_line(rnntui(*base, "nowhere"), 2, "nowhere", "no such run")
    assert_one_line(rnntui(*base, taught.path, "--cell", "gru"), 2, "--cell", "--from")
    assert_one_line(rnntui(*base, classifier.path), 2, "--from", "--task classify", "name a language model")


@pytest.mark.parametrize(
    "content",
    [
        {"embedding.known": torch.ones(3, dtype=torch.uint8)},
        {"embedding.weight": torch.ones(3, 2, dtype=torch.int32)},
        {"embedding.weight": torch.ones(1, 1)},
        {},
    ],
    ids=["known alone", "whole numbers", "another shape", "nothing"],
)
def test_weights_to_begin_with_are_looked_at(content: dict[str, torch.Tensor], begun: Run) -> None:
    """Protects against a stranger's `start.safetensors`: what does not fit is one line that names the file."""
    (begun.path / "start.safetensors").write_bytes(save(content))
    with pytest.raises(InputError, match=r"start\.safetensors: ") as caught:
        train_all(begun)
    assert "\n" not in str(caught.value)
