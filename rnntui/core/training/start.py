"""From a configuration to a run that can be trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnntui.core import tasks
from rnntui.core.completion.loading import sound_checkpoint
from rnntui.core.config import (
    CORPORA,
    FIELDS,
    LIMITS,
    RESUMABLE,
    Config,
    changed,
    chosen_anew,
    completed,
    value_of,
)
from rnntui.core.config.tasks import TASKS
from rnntui.core.errors import InputError
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run, require_free
from rnntui.core.runs.origin import SIGNATURE, signature_of
from rnntui.core.tasks.base import Task
from rnntui.core.tasks.budget import within_budget
from rnntui.core.tasks.transfer import START, inherited, weights_of
from rnntui.core.tasks.word_vectors import embedded, require_vectors
from rnntui.core.text.corpus import canonical
from rnntui.core.text.dataset import fit_batches
from rnntui.core.text.parts import with_part_files
from rnntui.core.text.spool import Report
from rnntui.core.training.devices import choose_device, facts_for
from rnntui.core.training.needs import check_memory


def create_run(config: Config, path: Path | None, report: Report) -> Run:
    """Read the corpus, learn the tokenizer and write a new run folder.  Raises InputError."""
    return create_runs([config], [path], report)[0]


def create_runs(configs: Sequence[Config], paths: Sequence[Path | None], report: Report) -> list[Run]:
    """New run folders for configurations of the same text, which is read once.

    Raises InputError where one of them cannot be; then none is made.
    """
    for path in paths:
        if path is not None:
            store.require_place(path)
            require_free(path)
    device = choose_device(configs[0].training.device)
    configs = [inherited(config) for config in configs]
    for name in {config.model.embeddings for config in configs if config.model.embeddings}:
        require_vectors(name)  # before a long text is read
    check_memory(configs, device)
    prepared, task = tasks.prepare(configs[0], report)
    known = {name: value_of(prepared, name) for name in (*CORPORA, "split", "min_count", "sha256")}
    fitted: list[Config] = []
    kept = []
    configs = [changed(with_part_files(config), known, "found in the text") for config in configs]
    if TASKS[prepared.text.task].running_text:
        configs = [fit_batches(config, task.sizes.train_tokens) for config in configs]
    begun = [_beginning(config, task, report) for config in configs]
    check_memory([started for started, _ in begun], device, task.widths)
    for started, files in begun:
        # Runs that are compared learn by one optimiser, that of the first.
        sized = within_budget(started, *task.widths)
        if fitted and sized.training.optimizer is None:
            sized = changed(sized, {"optimizer": fitted[0].training.optimizer}, "as the first run compared")
        fitted.append(completed(sized, facts_for(task.sizes.train_tokens)))
        kept.append({**task.files(), **files, SIGNATURE: signature_of(fitted[-1])})
    report("benchmarking precision and threads", None)
    return [
        Run.create(path or store.new_path(config), config, files)
        for config, files, path in zip(fitted, kept, paths, strict=True)
    ]


def _beginning(config: Config, task: Task[Any], report: Report) -> tuple[Config, dict[str, bytes]]:
    """With what was learned elsewhere, if anything: the settings that come with it, and what the run keeps of it."""
    if config.model.begin_from:
        return config, {START: weights_of(config)}
    if config.model.embeddings:
        found = embedded(config, task.tokenizer, report)
        report(found.coverage, None)
        return found.config, {START: found.content}
    return config, {}


def check_resume(path: Path, settings: Mapping[str, Any], checkpoint: str | None = None) -> Run:
    """Open the run at `path` with other training settings where `settings` names some; nothing is written.

    Raises InputError for a setting that cannot change any more (the text's, the model's, and those of training that
    shape the data or the optimiser), where there is no sound checkpoint of that name, and for a device or memory
    that this machine does not have.
    """
    run = Run.open(path)
    given = {name: value for name, value in settings.items() if value is not None}
    for name in CORPORA:
        if given.get(name):
            given[name] = canonical(given[name])
    for name, value in given.items():
        if name not in RESUMABLE and value != value_of(run.config, name):
            raise InputError(
                f"{FIELDS[name].flag}: this run has {value_of(run.config, name)!r}, which cannot change on "
                f"--resume; leave it out or train a new run"
            )
    if checkpoint is not None:
        sound_checkpoint(run, checkpoint)
    if any(limit in given for limit in LIMITS):
        # A limit named now takes the place of those from before, and of their patience.
        given = dict.fromkeys((*LIMITS, "patience")) | given
    config = chosen_anew(run.config, given)
    device = choose_device(config.training.device)
    check_memory([config], device, tasks.widths_in(run), run=run.path / "run.toml")
    return replace(run, config=config)


def resume_run(path: Path, settings: Mapping[str, Any], checkpoint: str | None = None) -> Run:
    """The run at `path`, ready to go on, its settings written.

    Raises InputError as `check_resume`, and while another process trains it.
    """
    run = check_resume(path, settings, checkpoint)
    with run.owned():
        run.write_config()
    return run
