"""Tasks: what recurrent layers are trained for.

`rnntui.core.config.tasks` has the specification of each; its code is a subclass of `rnntui.core.tasks.base.Task`.
"""

from __future__ import annotations

from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from rnntui.core.config import CORPORA, Config
from rnntui.core.config.tasks import TASKS
from rnntui.core.errors import InputError, oneline
from rnntui.core.nn.base import Model
from rnntui.core.runs.folder import Run
from rnntui.core.runs.origin import must_be_trusted, remote_corpora
from rnntui.core.tasks.base import Task, Widths
from rnntui.core.tasks.transfer import START
from rnntui.core.text.catalogue import SAMPLES
from rnntui.core.text.corpus import is_pipe
from rnntui.core.text.parts import with_part_files
from rnntui.core.text.spool import Report, silent


def task_class(name: str) -> type[Task[Any]]:
    """Return the implementation of a task."""
    found: type[Task[Any]] = resolve_name(TASKS[name].implementation)
    return found


def prepare(config: Config, report: Report = silent) -> tuple[Config, Task[Any]]:
    """Read the corpus that `config` names; return the configuration with what was found, and the task.

    Raises InputError if the corpus cannot be used.
    """
    config = with_part_files(config, report)
    return task_class(config.text.task).prepare(config, report)


def reopen(run: Run) -> Task[Any]:
    """Return the task of an existing run.  Raises InputError if its files or its corpus cannot be used."""
    task = task_class(run.config.text.task).reopen(run)
    if run.config.model.begin_from or run.config.model.embeddings:
        task.start = run.path / START
    return task


def build_model(config: Config, widths: Widths) -> Model:
    """Return a new model."""
    model: Model = task_class(config.text.task).build_model(config, widths)
    return model


def widths_in(run: Run) -> Widths:
    """Return the `widths` of a run's task without its corpus.  Raises InputError if a file cannot be used."""
    return task_class(run.config.text.task).widths_in(run)


def is_cached(run: Run) -> bool:
    """Return True if the corpus of a run is in the cache, so that it need not be read again."""
    return task_class(run.config.text.task).is_cached(run)


_DIGESTED_AT_MOST = 1 << 28
"""Bytes of a corpus that are read again to find out whether it has changed: some seconds."""


def corpus_change(run: Run) -> str:
    """A line for a run whose corpus has changed or gone since, so that it goes on with the text in the cache; else ''.

    Corpora on the network are left alone, and files too large to be read for that.
    """
    text = run.config.text
    if text.corpus == "-" or text.corpus in SAMPLES or is_pipe(text.corpus) or remote_corpora(run.config):
        return ""
    if must_be_trusted(run):
        return ""  # a folder that nobody asked to be read
    paths = [Path(named) for setting in CORPORA if (named := getattr(text, setting))]
    try:
        for path in paths:
            if not path.exists():
                return f"{path}: is gone; this run goes on with its text in the cache"
        if sum(path.stat().st_size for path in paths if path.is_file()) > _DIGESTED_AT_MOST:
            return ""
        changed = task_class(text.task).digest(text) != text.sha256
    except (InputError, OSError, ValueError) as error:  # a name that no file can have, too
        return f"{oneline(error)}; this run goes on with its text in the cache"
    what = f"{text.corpus} or a part beside it" if text.apart else text.corpus
    return f"{what}: has changed since; this run goes on with its text in the cache" if changed else ""
