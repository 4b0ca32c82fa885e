"""Evaluation for every task, as `rnntui evaluate` prints it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import msgspec

from rnntui.cli.output import report, show_line, write_line
from rnntui.core.errors import InputError
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.text.decoding import OnError
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line

if TYPE_CHECKING:
    from pathlib import Path

    from rnntui.core.inference.scoring import Protocol as ScoringProtocol
    from rnntui.core.tasks.base import EventTime


class _Part(Protocol):
    @property
    def name(self) -> str: ...


PartT = TypeVar("PartT", bound=_Part, covariant=True)


class _Parts(Protocol[PartT]):
    @property
    def scored(self) -> PartT: ...

    def __getitem__(self, name: str) -> PartT: ...


class Evaluation(NamedTuple):
    """The arguments of `rnntui evaluate`."""

    split: str
    corpus: str | None
    target_corpus: str | None
    encoding: str
    on_error: OnError
    checkpoint: str
    device: str
    as_json: bool
    protocol: ScoringProtocol
    dynamic: bool
    cache: bool
    counts: bool
    compared: bool
    completing: bool


class Opened(NamedTuple):
    """A sound checkpoint to evaluate."""

    weights: Path
    device: str
    now: EventTime
    """Its step and training time."""
    best_step: int
    """Step of the best checkpoint of the run."""


def open_checkpoint(run: Run, asked: Evaluation) -> Opened:
    """Return the checkpoint that is asked for.  Raises InputError if it is damaged, or the device is not there."""
    from rnntui.core.completion.loading import sound_checkpoint
    from rnntui.core.tasks.base import EventTime
    from rnntui.core.training.checkpoints import read_counters
    from rnntui.core.training.devices import choose_device

    folder = sound_checkpoint(run, asked.checkpoint)
    device, counters = choose_device(asked.device), read_counters(folder)
    now = EventTime(counters.step, counters.train_s)
    return Opened(folder / "model.safetensors", device, now, counters.best_step)


def evaluate_task(run: Run, asked: Evaluation) -> None:
    """Score the held-out part of a run by its task's own measure.

    Raises InputError for another corpus or another part, which only the tasks that are built in read.
    """
    from rnntui.core import tasks
    from rnntui.core.nn.weights import filled

    task = run.config.text.task
    if asked.corpus or asked.split != "valid":
        raise InputError(f"--corpus, --split: --task {task} scores its own held-out part alone; remove them")
    at, found = open_checkpoint(run, asked), tasks.reopen(run)
    model = filled(partial(tasks.build_model, run.config, found.widths), at.weights, at.device)
    event = found.evaluate(model, at.device, at.now, lambda: None)
    print_evaluation(run, event, at.best_step, None, {}, [], asked.as_json)


def evaluated_part(parts: _Parts[PartT], name: str) -> PartT:
    """Part called `name`; the training part, with a remark, if nothing was held out.  Raises InputError."""
    if name == "valid" and parts.scored.name != name:
        report("nothing was held out: these are figures of the text that was learned")
        return parts.scored
    return parts[name]


def print_evaluation(
    run: Run,
    event: ev.Evaluated,
    best_step: int,
    corpus: str | None,
    extra: dict[str, Any],
    lines: Iterable[str],
    as_json: bool,
) -> None:
    """An evaluation, of another `corpus` than the run's own where one is named.

    In JSON it has the keys of `extra` as well, else `lines` follow it.
    """
    event = msgspec.structs.replace(event, best=event.step == best_step)
    if as_json:
        other = {"corpus": corpus, "own": False} if corpus else {}
        write_line(json.dumps(msgspec.to_builtins(event) | extra | other, ensure_ascii=False))
        return
    if corpus:
        report(f"{visible_line(corpus)}: not what {visible_line(run.name)} learned from")
    show_line(f"{event.split} ({event.protocol}), step {event.step:,}: {formats.scores(event)}")
    for line in lines:
        show_line(line)
