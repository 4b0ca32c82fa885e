"""The task of a classifier: which label a text has."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, Self

import msgspec
import numpy as np
import numpy.typing as npt

from rnntui.core.config import Config, changed
from rnntui.core.config.schema import TextConfig
from rnntui.core.config.splits import NOTHING_HELD_OUT, split_of_examples
from rnntui.core.errors import InputError
from rnntui.core.nn.weights import filled
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run, read_json
from rnntui.core.runs.safe_files import LARGE
from rnntui.core.tasks.base import (
    NOBODY_ELSE,
    NOTHING_HELD_OUT_REMARK,
    RANDOM_BATCHES,
    RANDOM_LENGTH,
    Between,
    EventTime,
    ExamplesTask,
    Sharing,
    Sizes,
    Subject,
    Widths,
)
from rnntui.core.tasks.classification import reader as reading
from rnntui.core.tasks.classification.data import (
    Labelled,
    batch_of,
    batches_of,
    divide,
    encode,
    labels_of,
)
from rnntui.core.tasks.classification.metrics import calibration_error, confusion, macro_f1
from rnntui.core.tasks.classification.model import Classifier
from rnntui.core.tasks.classification.predict import likeliest, log_probabilities
from rnntui.core.tasks.classification.reader import Example
from rnntui.core.tasks.transfer import beginning_with, vocabulary_of
from rnntui.core.text import tokenizers
from rnntui.core.text.buckets import Sequences, in_order
from rnntui.core.text.decoding import OnError
from rnntui.core.text.parts import canonical_names, repeated_texts
from rnntui.core.text.record_cache import read_again, remember
from rnntui.core.text.spool import Report
from rnntui.core.text.tokenizers import Tokenizer

_HELD_OUT = 10_000
"""Examples of a held-out part at most, where nobody says how many."""
_AT_ONCE = 64
"""Texts of about one length that are scored side by side."""
_FEWEST = 2
"""Labels of a classifier at least."""
_NAMED = 3
"""Labels that a sample names."""
_FORMAT = 1
_TABLE = 200
"""Labels of which confusions are counted at most: a table for people, and part of an event."""


class ClassificationScores(NamedTuple):
    """Some examples as the model sees them."""

    loss: float
    """Mean of -ln P(label), nats a text."""
    accuracy: float
    macro_f1: float
    calibration_error: float
    confusion: npt.NDArray[np.int64] | None
    """(L, L); None where there are more labels than anybody looks through."""


class ClassificationTask(ExamplesTask[Classifier, Labelled]):
    """Predict the label of a text."""

    @classmethod
    def prepare(cls, config: Config, report: Report) -> tuple[Config, Self]:
        """Read the examples, divide them, and learn tokenizer and labels from the training part.

        Raises InputError where they cannot be read, or are too few.
        """
        report(f"reading {config.text.corpus}", None)
        found = reading.read(config.text)
        undivided = [example for example in found.rows if not example.part]
        split = split_of_examples(config.text.split, len(undivided), _HELD_OUT, config.text.undivided)
        reading.check_labels(undivided, split != NOTHING_HELD_OUT)
        remember(found)
        corpus = config.text.corpus
        known = {"sha256": found.sha256, **canonical_names(config.text), "split": split}
        config = changed(config, known, "found in the text")
        parts = divide(found.rows, split, config.text.fold)
        if not all(parts.values()) or (config.text.fold and "test" not in parts):
            folds = f" and --fold {config.text.fold}" if config.text.fold else ""
            raise InputError(f"{corpus}: too few texts for --split {split}{folds}; give more of them")
        counts = Counter(example.label for example in parts["train"])
        shown = ", ".join(f"{label} {count:,}" for label, count in sorted(counts.items()))
        report(f"{len(parts['train']):,} texts to learn from, by label: {shown}", None)
        notes = [*found.notes, *([f"left out: {found.left_out}"] if found.left_out else [])]
        if config.text.apart:
            notes += repeated_texts({name: [each.text for each in part] for name, part in parts.items()})
        for note in notes:
            report(note, None)
        tokenizer = vocabulary_of(config)
        texts = [example.text + "\n" for example in parts["train"]]
        if tokenizer is None:
            report(f"learning the {config.text.tokenizer} tokenizer", None)
            tokenizer, text = tokenizers.train_on_texts(config.text, texts, report)
            config = changed(config, {"min_count": text.min_count}, "most words would be unknown")
        elif config.model.extend_vocabulary:
            smaller, tokenizer = tokenizer, tokenizer.extended(texts, config.text.min_count)
            report(tokenizers.growth(smaller, tokenizer), None)
        tokenizers.check_vocabulary(tokenizer, config.text)
        return config, cls(tokenizer, labels_of(undivided), parts)

    @classmethod
    def reopen(cls, run: Run) -> Self:
        """The task of an existing run: its examples from the cache, or read anew.

        Raises InputError where the corpus has changed or is gone and the cache is empty.
        """
        examples = read_again(run, reading.read, Example)
        tokenizer = tokenizers.load(run.path / "tokenizer.json")
        return cls(tokenizer, labels_in(run), divide(examples, run.config.text.split, run.config.text.fold))

    @classmethod
    def build_model(cls, config: Config, widths: Widths) -> Classifier:
        return Classifier(config.model, *widths)

    @classmethod
    def random_subject(cls, config: Config, vocab_size: int) -> Subject[Classifier]:
        rng, training = np.random.default_rng(0), config.training
        count = RANDOM_BATCHES * training.batch_size
        tokens = rng.integers(0, vocab_size, count * RANDOM_LENGTH, dtype=np.uint32)
        starts, labels = np.arange(count + 1) * RANDOM_LENGTH, rng.integers(0, _FEWEST, count)
        part = Labelled("train", Sequences(tokens, starts), labels, [""] * count)
        make = partial(Classifier, config.model, *cls.assumed_widths(vocab_size))
        return Subject(make, batches_of(part, training.batch_size, training.seed), np.bincount(labels))

    @classmethod
    def widths_in(cls, run: Run) -> Widths:
        return super().widths_in(run)[0], len(labels_in(run))

    @classmethod
    def assumed_widths(cls, vocab_size: int) -> Widths:
        return vocab_size, _FEWEST

    @classmethod
    def digest(cls, text: TextConfig) -> str:
        return reading.read(text).sha256

    def __init__(
        self, tokenizer: Tokenizer, labels: Sequence[str], parts: Mapping[str, list[Example]]
    ) -> None:
        self.tokenizer, self.labels = tokenizer, labels
        self.parts = {name: encode(name, part, tokenizer, labels) for name, part in parts.items()}
        self._bytes = {
            name: sum(len(each.text.encode("utf-8", "replace")) for each in part)
            for name, part in parts.items()
        }
        train, valid = self["train"], self.scored
        sizes = len(train.read.tokens), len(valid.read.tokens), self._bytes["train"], self._bytes[valid.name]
        self.sizes = Sizes(tokenizer.vocab_size, *sizes)

    def files(self) -> Mapping[str, bytes]:
        content = {"format": _FORMAT, "labels": list(self.labels)}
        return {
            "tokenizer.json": tokenizers.dumps(self.tokenizer),
            "labels.json": json.dumps(content, ensure_ascii=False, indent=0).encode("utf-8", "replace"),
        }

    def subject(self, config: Config) -> Subject[Classifier]:
        part, training = self["train"], config.training
        make: Callable[[], Classifier] = partial(Classifier, config.model, *self.widths)
        if self.start is not None:
            make = beginning_with(make, self.start, config.model.frozen_embeddings)
        counts = np.bincount(part.labels, minlength=len(self.labels))
        return Subject(make, batches_of(part, training.batch_size, training.seed), counts)

    @property
    def held_out(self) -> int:
        return len(self.scored.labels)

    def remarks(self) -> list[str]:
        return [] if self.holds_out else [NOTHING_HELD_OUT_REMARK]

    def evaluate(
        self, model: Classifier, device: str, now: EventTime, between: Between, sharing: Sharing = NOBODY_ELSE
    ) -> ev.Evaluated:
        return as_event(score(model, self.scored, device, between, sharing), self.scored.name, now)

    def sample(self, model: Classifier, config: Config, step: int, between: Between) -> ev.Sampled:
        """Return a prediction for a held-out text, drawn by the step."""
        part = self.scored
        index = int(np.random.default_rng([config.training.seed, step]).integers(len(part.labels)))
        batch, device = batch_of(part, np.array([index])), next(model.parameters()).device.type
        probabilities = log_probabilities(model, batch, device)[0].exp().tolist()
        order, right = likeliest(probabilities), int(part.labels[index])
        thought = ", ".join(f"{self.labels[place]} {probabilities[place]:.0%}" for place in order[:_NAMED])
        prediction = "right" if order[0] == right else f"but it is {self.labels[right]}"
        return ev.sampled(step, part.texts[index], f"  → {thought}: {prediction}")


def labels_in(run: Run) -> list[str]:
    """The labels that a run tells apart.  Raises InputError for a damaged file."""
    path = run.path / "labels.json"
    content = read_json(path, LARGE)
    labels = content.get("labels")
    if content.get("format") != _FORMAT:
        fault = f"format {content.get('format')!r} is not {_FORMAT}, the one this rnntui reads"
    elif not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        fault = "'labels' is not a list of texts"
    elif len(set(labels)) != len(labels) or len(labels) < 2:
        fault = "'labels' holds one twice, or fewer than two"
    elif len(labels) > reading.MOST_LABELS:
        fault = f"'labels' holds more than {reading.MOST_LABELS:,}"
    else:
        return labels
    raise InputError(f"{path}: {fault}; the run must be trained anew")


def load_classifier(run: Run, weights: Path, device: str = "cpu") -> tuple[Classifier, Tokenizer, list[str]]:
    """The classifier of a run with the weights in the file `weights`, its tokenizer and its labels.

    Raises InputError where a file is missing or does not fit.
    """
    tokenizer, labels = tokenizers.load(run.path / "tokenizer.json"), labels_in(run)
    make = partial(Classifier, run.config.model, tokenizer.vocab_size, len(labels))
    return filled(make, weights, device), tokenizer, labels


def others(
    run: Run, corpus: str, decoding: tuple[str, OnError], tokenizer: Tokenizer, labels: Sequence[str]
) -> Labelled:
    """All examples of another corpus than the run's own, in its tokens and labels.

    Raises InputError where they cannot be read, have other labels, or are the run's own.
    """
    encoding, on_error = decoding
    text = msgspec.structs.replace(
        run.config.text,
        corpus=corpus,
        valid_corpus="",
        test_corpus="",
        fold="",
        encoding=encoding,
        on_error=on_error,
    )
    found = reading.read(text)
    if found.sha256 == run.config.text.sha256:
        raise InputError(
            f"--corpus: {corpus}: the examples that {run.name} was trained on; leave it out to score those held out"
        )
    return encode("whole", found.rows, tokenizer, labels)


def score(
    model: Classifier,
    part: Labelled,
    device: str = "cpu",
    between: Between = lambda: None,
    sharing: Sharing = NOBODY_ELSE,
) -> ClassificationScores:
    """Score every example of a part in fp32, each text read to its own end."""
    count = len(part.labels)
    nats, confidence, predicted = np.empty(count), np.empty(count), np.empty(count, dtype=np.int64)
    own = []
    for which in islice(in_order(part.read.lengths, _AT_ONCE), sharing.rank, None, sharing.count):
        between()
        batch = batch_of(part, which)
        log_p = log_probabilities(model, batch, device).numpy()
        own.append(
            (which, -log_p[np.arange(len(which)), batch.labels], log_p.argmax(1), np.exp(log_p.max(1)))
        )
    for which, *found in chain.from_iterable(sharing.gathered(own)):
        nats[which], predicted[which], confidence[which] = found
    right = predicted == part.labels
    return ClassificationScores(
        float(nats.mean()),
        float(right.mean()),
        macro_f1(predicted, part.labels),
        calibration_error(confidence, right),
        confusion(predicted, part.labels, model.labels) if model.labels <= _TABLE else None,
    )


def as_event(scores: ClassificationScores, split: str, now: EventTime) -> ev.Evaluated:
    """The scores as an event."""
    return ev.Evaluated(
        step=now.step,
        split=split,
        loss=ev.finite(scores.loss),
        perplexity=ev.finite(math.exp(min(scores.loss, 700))),
        bits_per_byte=None,
        bits_per_char=None,
        accuracy=scores.accuracy,
        protocol="texts",
        train_s=now.train_s,
        metrics={"macro_f1": scores.macro_f1, "calibration_error": scores.calibration_error},
        confusion=msgspec.UNSET if scores.confusion is None else scores.confusion.tolist(),
    )
