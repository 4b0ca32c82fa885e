"""The loop: when it stops, what it tells, what it refuses."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from rnntui.core.config.schema import TrainingConfig
from rnntui.core.errors import InputError, NumericalError
from rnntui.core.inference.scoring import score_split
from rnntui.core.nn.weights import load_model
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run, request
from rnntui.core.runs.folder_handle import FolderHandle
from rnntui.core.tasks.language.task import subject
from rnntui.core.text.dataset import reopen
from rnntui.core.training.autotuning import choose_plan
from rnntui.core.training.checkpoints import read_counters
from rnntui.core.training.control import Control
from rnntui.core.training.devices import choose_device
from rnntui.core.training.learner import Learner
from rnntui.core.training.loop import Loop, train
from rnntui.core.training.optimisation import lr_factor, make_optimizer
from rnntui.core.training.start import resume_run
from tests.conftest import MakeRun, sentences, train_all
from tests.text.test_corpus import reber


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"max_steps": 30}, "steps"),
        ({"max_epochs": 0.5, "max_steps": None}, "epochs"),
        ({"max_time": 0.3, "max_steps": None}, "time"),
        ({"target_loss": 2.0, "max_steps": 2000}, "target_loss"),
        ({"patience": 2, "lr": 1e-9, "eval_every": 5, "max_steps": 2000}, "early_stop"),
    ],
)
def test_every_limit_ends_the_run(settings: dict[str, Any], reason: str, make_run: MakeRun) -> None:
    """Protects the stops: each ends the run, says so last, and leaves a checkpoint of that step."""
    told = train_all(run := make_run(**settings))
    assert isinstance(told[-1], ev.Finished) and told[-1].reason == reason
    assert run.checkpoint_path("last").name == f"{told[-1].step:08d}"


def test_events_tell_the_course(make_run: MakeRun) -> None:
    """Protects the three renderings: order, keys and figures of what is told."""
    told = train_all(make_run())
    assert isinstance(told[0], ev.Started) and told[0].step == 0
    evaluated = [event for event in told if isinstance(event, ev.Evaluated)]
    assert [event.step for event in evaluated] == [20, 40, 60]
    for event in evaluated:
        assert (event.split, event.protocol) == ("valid", "stream")
        assert event.loss is not None and event.perplexity == pytest.approx(math.exp(event.loss))
    progress = [event for event in told if isinstance(event, ev.Progress)]
    assert [event.step for event in progress] == [1, *range(10, 61, 10)]
    assert progress[-1].fraction == 1 and progress[-1].tokens == 60 * 4 * 16
    assert [event.step for event in told if isinstance(event, ev.Sampled)] == [20, 40, 60]


def test_the_told_loss_is_the_checkpoints_loss(trained: Run) -> None:
    """Protects `evaluate`: scoring the best checkpoint gives the number that training told."""
    best = [event for event in trained.events() if isinstance(event, ev.Evaluated) and event.best][-1]
    model, tokenizer = load_model(trained, trained.checkpoint_path("best") / "model.safetensors")
    scores = score_split(model, reopen(trained, tokenizer)["valid"], tokenizer.start)
    assert (scores.loss, scores.bits_per_byte) == (best.loss, best.bits_per_byte)


def test_a_known_entropy_is_reached_and_not_beaten(make_run: MakeRun) -> None:
    """Protects every loss: on a grammar of known entropy an LSTM comes within 1%, and not below it.

    The held-out part is a sample: its own surprise under the grammar strays from the entropy by the
    sampling error, and no model can be below it by more than chance.
    """
    run = make_run(
        corpus="reber", hidden_size=64, embedding_size=16, batch_size=16, bptt=64,
        optimizer="adamw", lr=1e-2, max_steps=1200, eval_every=1200, patience=None,
    )  # fmt: skip
    last = [event for event in train_all(run) if isinstance(event, ev.Evaluated)][-1]
    script = reber()
    valid = script.draw()[int(207_772 * 0.9) : int(207_772 * 0.95)]
    lines = valid.split("\n")[1:-1]
    per_char = [script.bits(line) - script.BITS_PER_CHAR * (len(line) + 1) for line in lines]
    characters = sum(len(line) + 1 for line in lines)
    sampling_error = math.log(2) * math.sqrt(sum(x * x for x in per_char)) / characters
    assert last.loss is not None
    assert last.loss <= 1.01 * script.NATS_PER_CHAR
    assert last.loss >= script.NATS_PER_CHAR - 3 * sampling_error


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"shuffle": True, "vary_bptt": True},
        {"tokenizer": "word", "bptt": 8},
        {"tokenizer": "bpe", "vocab_size": 280, "bptt": 8, "split": "60/20/20"},
        {"tokenizer": "byte", "split": "80/20", "embedding_dropout": 0.1, "weight_drop": 0.2},
        {"optimizer": "sgd", "lr": 0.5, "schedule": "one-cycle"},
    ],
    ids=str,
)
def test_the_held_out_text_is_never_trained_on(
    settings: dict[str, Any], make_run: MakeRun, corpus_file: Path
) -> None:
    """Protects the figures: with another held-out text of the same length, the weights are the same to the bit.

    Over more than two epochs, whatever the flags; so neither batches nor tokenizer nor frequencies have seen it.
    """
    weights = []
    text = sentences(150)
    cut = int(len(text) * float(str(settings.get("split", "90")).partition("/")[0]) / 100)
    for heldout in (text[cut:], ("a ZEBRA likes the quince " * len(text))[: len(text) - cut]):
        corpus_file.write_text(text[:cut] + heldout, encoding="utf-8")
        run = make_run(**settings, max_steps=None, max_epochs=2.3, eval_every=7, patience=None)
        train_all(run)
        weights.append((run.checkpoint_path("last") / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_numbers_gone_bad_do_not_reach_the_weights(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects a long run: a step that is not finite is not taken, and three in a row end it by name."""
    run = make_run()
    learner = Learner(run.config, subject(run.config, 30, reopen_tokens(run)), "cpu")
    before = {name: value.clone() for name, value in learner.model.state_dict().items()}
    monkeypatch.setattr("rnntui.core.nn.heads.linear_cross_entropy", poisoned)
    learner.step()
    assert all(torch.equal(before[name], value) for name, value in learner.model.state_dict().items())
    assert not any(part.any() for layer in learner.state for part in layer)
    with pytest.raises(NumericalError, match="smaller --lr"):
        for event in train(run, Control(run.path)):
            if isinstance(event, ev.Progress):
                assert event.loss is None and event.grad_norm is None


def test_a_large_gradient_is_brought_down_to_the_norm_allowed(make_run: MakeRun) -> None:
    """Protects against exploding gradients: the weights move as far as the clipped gradient says."""
    run = make_run(
        optimizer="sgd", momentum=0.0, weight_decay=0.0, lr=0.5, schedule="constant", warmup=0, clip=0.01
    )
    learner = Learner(run.config, subject(run.config, 30, reopen_tokens(run)), "cpu")
    before = [parameter.detach().clone() for parameter in learner.model.parameters()]
    _, norm = learner.step()
    moved = [after - there for after, there in zip(learner.model.parameters(), before, strict=True)]
    assert float(norm) > 0.01
    assert float(torch.nn.utils.get_total_norm(moved)) == pytest.approx(0.5 * 0.01, rel=1e-3)


def poisoned(y: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
    """A loss that is not a number, and neither is its gradient."""
    return y.sum() * torch.nan


def reopen_tokens(run: Run) -> Any:
    from rnntui.core.text import tokenizers

    return reopen(run, tokenizers.load(run.path / "tokenizer.json"))["train"].tokens


def test_control_file_is_obeyed(make_run: MakeRun) -> None:
    """Protects the buttons: pause waits, resume goes on, stop saves; old and unknown lines are void."""
    run = make_run(log_every=1, max_steps=500)
    request(run.path, "stop")  # to an earlier process
    control, told = Control(run.path), []
    for event in train(run, control):
        told.append(event)
        if isinstance(event, ev.Progress) and event.step == 5:
            (run.path / "control").write_text("dance\npause\nresume\nlive\nstop\n", encoding="utf-8")
    kinds = [type(event) for event in told[-4:]]
    assert kinds == [ev.Paused, ev.Resumed, ev.Saved, ev.Finished]
    assert told[-1] == ev.Finished(step=5, reason="interrupted")


def test_a_live_snapshot_is_the_weights_of_the_moment(make_run: MakeRun) -> None:
    run = make_run(log_every=1, eval_every=1000, max_steps=10)
    for event in train(run, Control(run.path)):
        if isinstance(event, ev.Progress) and event.step == 5:
            request(run.path, "live")
        if isinstance(event, ev.Progress) and event.step == 7:
            assert load_model(run, run.path / "live.safetensors")
    assert not (run.path / "live.safetensors").exists()


def test_schedules() -> None:
    """Protects the learning rate: where each schedule begins, peaks and ends."""

    def at(schedule: Any, step: int, fraction: float, drops: int = 0, average: Any = "ema") -> float:
        training = TrainingConfig(schedule=schedule, warmup=10, average=average)
        return lr_factor(training, step, fraction, drops)

    assert at("constant", 0, 0) == pytest.approx(1 / 11) and at("constant", 50, 0.9) == 1
    assert at("inverse-sqrt", 0, 0) == pytest.approx(1 / 11) and at("inverse-sqrt", 199, 0.9) == 1
    assert at("inverse-sqrt", 799, 0.1) == pytest.approx(1 / 2)
    assert at("inverse-sqrt", 50_000, 0.1) == pytest.approx(0.2)
    assert at("cosine", 50, 0) == 1 and at("cosine", 50, 1) == pytest.approx(0.2)
    assert at("cosine", 50, 1, average="none") == pytest.approx(0.01), "no mean does the rest"
    assert at("one-cycle", 0, 0) == pytest.approx(0.04)
    assert at("one-cycle", 5, 0.3) == 1 and at("one-cycle", 5, 1) == pytest.approx(0)
    assert at("plateau", 50, 0.5, drops=2) == 0.25


def test_decay_spares_biases_and_norms(make_run: MakeRun) -> None:
    run = make_run(layer_norm=True, num_layers=2)
    learner = Learner(run.config, subject(run.config, 30, reopen_tokens(run)), "cpu")
    decayed, spared = make_optimizer(learner.model, run.config.training).param_groups
    assert decayed["weight_decay"] > 0 == spared["weight_decay"]
    assert all(p.dim() > 1 for p in decayed["params"]) and all(p.dim() == 1 for p in spared["params"])


def test_what_is_judged_is_the_mean_of_the_weights(make_run: MakeRun) -> None:
    """Protects the averages: a fading mean of the steps, and for nt-asgd all since learning stood still."""
    run = make_run(schedule="constant", lr=0.05, average="ema")
    learner = Learner(run.config, subject(run.config, 30, reopen_tokens(run)), "cpu")
    mean = [parameter.detach().clone() for parameter in learner.model.parameters()]
    for step in range(1, 31):
        learner.step()
        share = 12 / (step + 12)
        mean = [a + share * (b.detach() - a) for a, b in zip(mean, learner.model.parameters(), strict=True)]
    torch.testing.assert_close(mean, [p.detach() for p in learner.evaluated_model.parameters()])
    assert not torch.equal(mean[0], learner.model.embedding.weight)

    run = make_run(average="nt-asgd", optimizer="sgd", lr=1e-9, eval_every=2, patience=7, max_steps=100)
    loop = Loop(run, Control(run.path), FolderHandle(run.path))
    list(loop.begin())
    learner = loop.learner
    while loop.over() is None:
        list(loop.step())
        same = torch.equal(learner.evaluated_model.head.weight, learner.model.head.weight)
        assert same == (learner.counters.stalled in (None, learner.counters.step - 1))
        learner.model.head.weight.data += 1  # the rate is next to nothing: this is what moves the weights
        list(loop.look())
    stalled = learner.counters.stalled
    assert stalled is not None and learner.counters.step - stalled >= 2 * 7, "patience begins anew"


def test_a_target_is_noticed_soon(make_run: MakeRun) -> None:
    """Protects `--target-loss`: the run does not go on until a rare evaluation after the target was reached."""
    told = train_all(run := make_run(target_loss=2.0, max_steps=2000, eval_every=1000))
    evaluated = [event for event in told if isinstance(event, ev.Evaluated)]
    assert told[-1].step < 1000 and isinstance(told[-1], ev.Finished) and told[-1].reason == "target_loss"
    assert (
        evaluated[-1].loss is not None and evaluated[-1].loss <= 2.0 and evaluated[-1].step == told[-1].step
    )
    assert all(later.step >= 1.1 * earlier.step for earlier, later in pairwise(evaluated))
    assert run.checkpoint_path("best").name == f"{told[-1].step:08d}"


def test_the_last_step_is_scored_even_where_it_was_saved(make_run: MakeRun) -> None:
    """Protects the best: a save at the last step does not take the place of its evaluation, nor does a resume."""
    told = train_all(run := make_run(max_steps=30, save_every=10, eval_every=100))
    assert [event.step for event in told if isinstance(event, ev.Evaluated)] == [30]
    assert run.checkpoint_path("best").name == "00000030"

    run = make_run(max_steps=60, save_every=10, eval_every=100, log_every=1)
    control = Control(run.path)
    for event in run.record(train(run, control)):
        if event.step == 20 and isinstance(event, ev.Progress):
            control._on_signal(2, None)
    assert not (run.path / "best").exists() and run.checkpoint_path().name == "00000020"
    again = train_all(resume_run(run.path, {"max_steps": 20}))
    assert [event.step for event in again if isinstance(event, ev.Evaluated)] == [20]
    assert (run.path / "best").read_text() == "00000020\n"
    counters = read_counters(run.checkpoint_path("best"))
    assert counters.best_step == 20 and counters.best_loss is not None


def test_a_loss_that_is_no_number_is_told(make_run: MakeRun) -> None:
    """Protects against silence: an evaluation without a number stands beside a warning."""
    run = make_run(max_steps=10, eval_every=5, average="none")
    loop = Loop(run, Control(run.path), FolderHandle(run.path))
    list(loop.begin())
    for _ in range(5):
        list(loop.step())
    loop.learner.model.head.bias.data[0] = math.nan
    told = list(loop.look())
    losses = [event.loss for event in told if isinstance(event, ev.Evaluated)]
    assert losses == [None] and any(isinstance(e, ev.Warned) and "held-out loss" in e.message for e in told)


def test_learning_by_heart_is_told(make_run: MakeRun, corpus_file: Path) -> None:
    """Protects a small corpus: the run says that it got worse, since when, and keeps the best checkpoint."""
    corpus_file.write_text(corpus_file.read_text()[:3000] + "Jim and Zoe never met again in May.\n" * 40)
    run = make_run(
        max_steps=400, lr=3e-2, split="60/40", dropout=0.0, input_dropout=0.0, eval_every=40, patience=None
    )
    told = train_all(run)
    warning = [event.message for event in told if isinstance(event, ev.Warned)][-1]
    best = [event for event in told if isinstance(event, ev.Evaluated) and event.best][-1]
    assert f"overfits since step {best.step}" in warning and "--dropout" in warning
    assert run.checkpoint_path("best").name == f"{best.step:08d}"


def test_devices_and_precisions_that_are_missing_are_named(make_run: MakeRun) -> None:
    run = make_run()
    learner = Learner(run.config, subject(run.config, 30, reopen_tokens(run)), "cpu")
    with pytest.raises(InputError, match="--precision"):
        choose_plan("fp16", learner)
    for device in ("cuda", "mps"):
        if choose_device("auto") == "cpu" and not torch.backends.mps.is_available():
            with pytest.raises(InputError, match="--device"):
                choose_device(device)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_gpu_learns_and_its_model_loads_on_the_cpu(precision: str, make_run: MakeRun) -> None:
    told = train_all(run := make_run(device="cuda", precision=precision, max_steps=100, lr=2e-2))
    losses = [event.loss for event in told if isinstance(event, ev.Evaluated)]
    assert losses[-1] is not None and losses[-1] < 1.5
    load_model(run, run.checkpoint_path() / "model.safetensors", "cpu")


def test_folders_are_written_where_asked(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run()
    train_all(run)
    names = {path.name for path in run.path.iterdir()}
    assert names >= {"run.toml", "tokenizer.json", "events.jsonl", "checkpoints", "best", "last"}
    checkpoint = {path.name for path in run.checkpoint_path("last").iterdir()}
    assert checkpoint == {"model.safetensors", "trainer.safetensors", "state.json", "manifest.json"}
