"""Going on exactly where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnntui.core.cells import CELLS
from rnntui.core.errors import InputError, WriteError
from rnntui.core.nn.heads import SampledHead
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run, request
from rnntui.core.training import checkpoints
from rnntui.core.training.checkpoints import read_counters
from rnntui.core.training.control import Control
from rnntui.core.training.loop import train
from rnntui.core.training.start import resume_run
from tests.conftest import MakeRun, train_all

FILES = ("model.safetensors", "trainer.safetensors")


def weights(run: Run) -> dict[str, bytes]:
    """Every tensor of the newest checkpoint, to the last bit."""
    return {name: (run.checkpoint_path("last") / name).read_bytes() for name in FILES}


def train_until(run: Run, step: int) -> list[ev.AnyEvent]:
    """Train until `step` and then ask to stop, as a signal does."""
    told = []
    control = Control(run.path)
    for event in run.record(train(run, control)):
        told.append(event)
        if event.step >= step and isinstance(event, ev.Progress):
            control._on_signal(2, None)
    return told


VARIANTS: list[dict[str, Any]] = [
    *({"cell": cell} for cell in CELLS),
    {"cell": "elman", "nonlinearity": "relu", "optimizer": "sgd", "lr": 0.1},
    {"num_layers": 2, "dropout": 0.3, "schedule": "one-cycle"},
    {"dropout": 0.3, "tied": True, "layer_norm": True, "schedule": "plateau"},
    {"tokenizer": "word", "bptt": 8, "optimizer": "shampoo"},
    {"tokenizer": "bpe", "vocab_size": 280, "bptt": 8},
    {"tokenizer": "byte"},
    {"precision": "bf16"},
    {"target_loss": 2.2, "max_steps": 300, "eval_every": 200},
    {"average": "none", "shuffle": True, "vary_bptt": True, "max_steps": 200, "eval_every": 100},
    {"average": "nt-asgd", "eval_every": 2, "optimizer": "sgd", "lr": 20.0, "schedule": "constant"},
    {
        "input_dropout": 0.2,
        "embedding_dropout": 0.1,
        "weight_drop": 0.5,
        "label_smoothing": 0.1,
        "activation_penalty": 2.0,
        "temporal_penalty": 1.0,
    },
]


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_interrupted_and_resumed_equals_uninterrupted(settings: dict[str, Any], make_run: MakeRun) -> None:
    """Protects the overnight run: after three interruptions in mid-epoch the last bit is the same."""
    settings = {"log_every": 1} | settings
    whole, broken = make_run(**settings), make_run(**settings)
    train_all(whole)
    for step in (7, 8, 33):
        told = train_until(Run.open(broken.path), step)
        assert told[-1] == ev.Finished(step=step, reason="interrupted")
    train_all(resume_run(broken.path, {}))
    assert weights(broken) == weights(whole)
    if settings.get("average") == "nt-asgd":
        assert read_counters(whole.checkpoint_path("last")).stalled is not None, "it must have begun"
    assert broken.checkpoint_path("best").name == whole.checkpoint_path("best").name
    assert [e.loss for e in evaluations(broken)] == [e.loss for e in evaluations(whole)]


def test_draws_go_on_where_they_stopped(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the same with `--softmax sampled`, where the vocabulary is large enough for it to draw."""
    monkeypatch.setattr(SampledHead, "_DRAWN", 2)
    test_interrupted_and_resumed_equals_uninterrupted({"tokenizer": "word", "bptt": 8}, make_run)


def evaluations(run: Run) -> list[ev.Evaluated]:
    return [event for event in run.events() if isinstance(event, ev.Evaluated)]


def test_looking_in_does_not_change_the_course(make_run: MakeRun) -> None:
    """Protects reproducibility: evaluating, sampling and handing out weights leave no trace."""
    alone, watched = make_run(log_every=1, dropout=0.2), make_run(log_every=1, dropout=0.2)
    train_all(alone)
    control = Control(watched.path)
    for event in watched.record(train(watched, control)):
        if isinstance(event, ev.Progress) and event.step == 13:
            for command in ("evaluate", "sample", "live", "pause", "resume"):
                request(watched.path, command)
    assert weights(watched) == weights(alone)
    assert {ev.Paused(step=13), ev.Resumed(step=13)} <= set(watched.events())


def test_a_killed_run_goes_on_from_its_newest_checkpoint(make_run: MakeRun) -> None:
    """Protects against loss: events of steps that a kill made void are told anew, once."""
    whole, killed = make_run(log_every=1), make_run(log_every=1)
    train_all(whole)
    events = killed.record(train(killed, Control(killed.path)))
    for event in events:
        if event.step == 33:
            break
    events.close()
    train_all(killed)
    assert weights(killed) == weights(whole)
    steps = [event.step for event in killed.events() if isinstance(event, ev.Progress)]
    assert steps == list(range(1, 61))


def test_more_steps_can_be_asked_for(trained: Run) -> None:
    run = resume_run(trained.path, {"max_steps": 80})
    assert train_all(run)[-1] == ev.Finished(step=80, reason="steps")
    assert Run.open(trained.path).config.training.max_steps == 80


def test_a_new_limit_replaces_the_old_ones(make_run: MakeRun) -> None:
    """Protects `--resume --max-steps N`: a limit or a patience used up before does not end it at once."""
    run = make_run(patience=1, lr=1e-9, eval_every=5, max_time=100.0)
    last = train_all(run)[-1]
    assert last == ev.Finished(step=last.step, reason="early_stop")
    told = train_all(resume_run(run.path, {"max_steps": 40}))
    assert told[-1] == ev.Finished(step=40, reason="steps")


def test_a_run_that_trains_is_not_resumed(trained: Run) -> None:
    with trained.owned(), pytest.raises(InputError, match="is training this run"):
        resume_run(trained.path, {"max_steps": 80})
    assert Run.open(trained.path).config.training.max_steps == 60


def test_a_finished_run_finishes_again_at_once(trained: Run) -> None:
    told = train_all(resume_run(trained.path, {}))
    assert [type(event) for event in told] == [ev.Started, ev.Finished]


@pytest.mark.parametrize(
    ("name", "value"), [("cell", "gru"), ("hidden_size", 9), ("batch_size", 5), ("seed", 7)]
)
def test_what_cannot_change_is_named(name: str, value: Any, trained: Run) -> None:
    with pytest.raises(InputError, match="cannot change on --resume"):
        resume_run(trained.path, {name: value})


@pytest.mark.parametrize("name", [*FILES, "state.json", "manifest.json"])
def test_a_damaged_checkpoint_is_found_and_named(name: str, trained: Run) -> None:
    """Protects the next night: one changed byte is seen, the file named, an older checkpoint offered."""
    file = trained.checkpoint_path("last") / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        train_all(trained)
    message = str(caught.value)
    assert str(file.parent) in message and "\n" not in message
    if name != "manifest.json":
        assert "00000040" in message


def test_old_checkpoints_are_pruned_but_the_best(make_run: MakeRun) -> None:
    run = make_run(eval_every=5, lr=0.5, schedule="constant")
    train_all(run)
    kept = {path.name for path in (run.path / "checkpoints").iterdir()}
    assert kept == {"00000055", "00000060", run.checkpoint_path("best").name}


def test_no_half_written_checkpoint_is_left(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the earlier checkpoint: a save that fails leaves the last one named and whole."""
    run = make_run(log_every=1)
    train_until(run, 10)

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "put", full)
    with pytest.raises(WriteError, match="No space left on device"):
        train_until(run, 15)
    assert sorted(path.name for path in (run.path / "checkpoints").iterdir()) == ["00000010"]
    assert run.checkpoint_path("last").name == "00000010"


def test_a_rate_that_was_raised_stays_raised(make_run: MakeRun) -> None:
    """Protects a person's hand: the factor is told, used, and found again after an interruption."""
    run = make_run(log_every=1, schedule="constant", warmup=0)
    told = []
    control = Control(run.path)
    for event in run.record(train(run, control)):
        told.append(event)
        if isinstance(event, ev.Progress) and event.step == 5:
            request(run.path, "faster")
            request(run.path, "faster")
            request(run.path, "slower")
        if event.step >= 10 and isinstance(event, ev.Progress):
            control._on_signal(2, None)
    rates = {event.step: event.lr for event in told if isinstance(event, ev.Progress)}
    assert rates[6] == pytest.approx(1.25 * rates[5]) and rates[10] == rates[6]
    assert [event.factor for event in told if isinstance(event, ev.Adjusted)] == [1.25, 1.5625, 1.25]
    again = train_all(resume_run(run.path, {}))
    assert next(event.lr for event in again if isinstance(event, ev.Progress)) == rates[10]
