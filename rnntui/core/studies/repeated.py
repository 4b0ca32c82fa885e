"""One training several times: with several seeds, or on every fold of labelled texts (cross-validation).

Each is a run folder of its own.  What is there and finished is not trained again, what was interrupted goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rnntui.core import tasks
from rnntui.core.completion.loading import sound_checkpoint
from rnntui.core.config import FIELDS, PLACES, Config
from rnntui.core.errors import InputError
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run, note_failure
from rnntui.core.runs.safe_files import holds_run
from rnntui.core.runs.summaries import read_history
from rnntui.core.studies.duel import Told
from rnntui.core.tasks.base import EventTime
from rnntui.core.tasks.classification.task import ClassificationTask, as_event, load_classifier, score
from rnntui.core.text.spool import Report
from rnntui.core.training.checkpoints import read_counters
from rnntui.core.training.control import Control
from rnntui.core.training.devices import choose_device
from rnntui.core.training.loop import train
from rnntui.core.training.start import create_run, resume_run


def repeat(configs: Sequence[Config], paths: Sequence[Path], report: Report) -> Iterator[Told]:
    """Train a run for each configuration in its folder, one after the other, and tell each thing as it happens.

    A signal asks the one at work to save and stop; then the rest is not begun.  Raises InputError where a folder holds
    another run.
    """
    for path, config in zip(paths, configs, strict=True):
        if holds_run(path):
            _check_same(path, config)
    for path, config in zip(paths, configs, strict=True):
        if holds_run(path):
            finished = read_history(Run.open(path)).finished
            if finished is not None and finished.reason not in ("interrupted", "error"):
                report(f"{path.name}: finished before", None)
                continue
            run = resume_run(path, {})
        else:
            run = create_run(config, path, report)
        reason = ""
        for event in _trained(run):
            yield Told(run, event)
            if isinstance(event, ev.Finished):
                reason = event.reason
        if reason == "interrupted":
            return


def _trained(run: Run) -> Iterator[ev.AnyEvent]:
    control = Control(run.path)
    with run.owned() as folder, control.signals():
        try:
            yield from run.record(train(run, control), lambda: control.signalled)
        except Exception as error:
            note_failure(folder, error)
            raise


def _check_same(path: Path, config: Config) -> None:
    """Raise InputError if the run at `path` was given other settings than `config`, but for the names of texts."""
    given, wanted = (
        {name: value for name, value in each.settings.items() if name not in PLACES} if each else {}
        for each in (Run.open(path).config.given, config.given)
    )
    for name in sorted(given.keys() | wanted.keys()):
        if given.get(name) != wanted.get(name):
            raise InputError(
                f"{path}: holds a run with {FIELDS[name].flag} {given.get(name)}, not {wanted.get(name)}; give the "
                f"same settings, or another --run"
            )


def tested(run: Run) -> ev.Evaluated:
    """The best checkpoint of a classifier on the test part of its run.  Raises InputError where there is none."""
    folder, device = sound_checkpoint(run, "best"), choose_device(run.config.training.device)
    task = tasks.reopen(run)
    assert isinstance(task, ClassificationTask)
    model, _, _ = load_classifier(run, folder / "model.safetensors", device)
    counters = read_counters(folder)
    now = EventTime(counters.step, counters.train_s)
    return as_event(score(model, task["test"], device), "test", now)
