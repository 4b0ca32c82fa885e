"""The registry of tasks: what the recurrent layers are put to.

A new task is one file beside this one and one line in each of the two functions below; training, resuming,
studies, commands and screens follow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnntui.core.config import Config
from rnntui.core.config.schema import TextConfig
from rnntui.core.errors import InputError, oneline
from rnntui.core.runs.folder import Run
from rnntui.core.runs.origin import must_be_trusted, remote_corpora
from rnntui.core.tasks.base import Task
from rnntui.core.tasks.transfer import START, vocabulary_of
from rnntui.core.text import dataset, examples, pairs, record_cache, tokenizers
from rnntui.core.text.catalogue import SAMPLES
from rnntui.core.text.columns import source_of
from rnntui.core.text.corpus import is_pipe
from rnntui.core.text.spool import Narrate, silent


def prepare(config: Config, narrate: Narrate = silent) -> tuple[Config, Task[Any]]:
    """Read the corpus that `config` names, and learn from its training part what the task needs of it.

    Returns the configuration with what is known of the corpus.  Raises InputError where the corpus cannot be
    used.
    """
    if config.text.task == "classify":
        from rnntui.core.tasks import classification

        return classification.prepare(config, narrate)
    if config.text.task == "translate":
        from rnntui.core.tasks import translation

        return translation.prepare(config, narrate)
    from rnntui.core.tasks.language import LanguageTask

    config, tokenizer, data = dataset.prepare(config, narrate, vocabulary_of(config))
    return config, LanguageTask(tokenizer, data)


def widths_in(run: Run) -> tuple[int, int]:
    """The `widths` of a run's task, without its corpus.  Raises InputError where a file of it cannot be used."""
    source = tokenizers.load(run.path / "tokenizer.json").vocab_size
    if run.config.text.task == "classify":
        from rnntui.core.tasks.classification import labels_in

        return source, len(labels_in(run))
    if run.config.text.task == "translate":
        from rnntui.core.tasks.translation import vocabularies_in

        return source, vocabularies_in(run).target.vocab_size
    return source, 0


def is_cached(run: Run) -> bool:
    """True if the corpus of a run is in the cache, so that it need not be read again.  Raises InputError."""
    return record_cache.is_cached(run) if run.config.text.task != "lm" else dataset.is_cached(run)


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
    path = Path(text.corpus)
    try:
        if not path.exists():
            return f"{text.corpus}: is gone; this run goes on with its text in the cache"
        if path.is_file() and path.stat().st_size > _DIGESTED_AT_MOST:
            return ""
        changed = _digest(text) != text.sha256
    except (InputError, OSError, ValueError) as error:  # a name that no file can have, too
        return f"{oneline(error)}; this run goes on with its text in the cache"
    return f"{text.corpus}: has changed since; this run goes on with its text in the cache" if changed else ""


def _digest(text: TextConfig) -> str:
    """The digest that a run on this corpus would have now.  Raises InputError where it cannot be read."""
    if text.task == "classify":
        return examples.read(text).sha256
    if text.task == "translate":
        return pairs.read(text).sha256
    source = source_of(text)
    for _ in source.blocks():
        pass
    return source.sha256


def reopen(run: Run) -> Task[Any]:
    """The task of an existing run.  Raises InputError where a file of it or its corpus cannot be used any more."""
    task = _reopened(run)
    if run.config.model.begin_from or run.config.model.embeddings:
        task.start = run.path / START
    return task


def _reopened(run: Run) -> Task[Any]:
    if run.config.text.task == "classify":
        from rnntui.core.tasks import classification

        return classification.reopen(run)
    if run.config.text.task == "translate":
        from rnntui.core.tasks import translation

        return translation.reopen(run)
    from rnntui.core.tasks.language import LanguageTask

    tokenizer = tokenizers.load(run.path / "tokenizer.json")
    return LanguageTask(tokenizer, dataset.reopen(run, tokenizer))
