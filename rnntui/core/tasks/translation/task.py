"""The task of a translator: what a text becomes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, Self

import msgspec
import numpy as np

from rnntui.core.config import Config, changed
from rnntui.core.config.schema import TextConfig
from rnntui.core.config.splits import split_of_examples
from rnntui.core.errors import InputError
from rnntui.core.nn.weights import filled
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
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
from rnntui.core.tasks.transfer import beginning_with
from rnntui.core.tasks.translation import reader as reading
from rnntui.core.tasks.translation.beam import GREEDY, Search
from rnntui.core.tasks.translation.data import Paired, Vocabularies, batch_of, batches_of, encode, extents
from rnntui.core.tasks.translation.model import Translator
from rnntui.core.tasks.translation.overlap import Overlap, available, overlap
from rnntui.core.tasks.translation.predict import surprises, translate
from rnntui.core.tasks.translation.reader import Pair
from rnntui.core.text import tokenizers
from rnntui.core.text.buckets import Sequences, in_order
from rnntui.core.text.corpus import canonical
from rnntui.core.text.decoding import OnError
from rnntui.core.text.parts import canonical_names, repeated_texts
from rnntui.core.text.record_cache import read_again, remember
from rnntui.core.text.spelling import Spelled
from rnntui.core.text.spool import Report

_HELD_OUT = 2_000
"""Pairs of a held-out part at most, where nobody says how many."""
_AT_ONCE = 64
_TRANSLATED = 100
"""Held-out sources that are translated for an evaluation in training."""
TARGET = "target-tokenizer.json"
"""File of the tokenizer of the targets, where it is not that of the sources."""


class TranslationScores(NamedTuple):
    """Some pairs as the model sees them."""

    nats: float
    """Sum of -ln P(token of the target | those before it, the source), the targets' ends counted."""
    tokens: int
    hits: int
    """Tokens that were the likeliest one."""
    bytes: int
    """Bytes of the targets as UTF-8."""
    unknown: Spelled = Spelled(0, 0.0)
    """Unknown tokens of the targets."""


class TranslationTask(ExamplesTask[Translator, Paired]):
    """Predict the translation of a text."""

    @classmethod
    def prepare(cls, config: Config, report: Report) -> tuple[Config, Self]:
        """Read the pairs, divide them, and learn the tokenizers from the training part.

        Raises InputError where they cannot be read, or are too few.
        """
        text = config.text
        report(f"reading {text.corpus}", None)
        found = reading.read(text)
        remember(found)
        undivided = sum(not pair.part for pair in found.rows)
        split = split_of_examples(text.split, undivided, _HELD_OUT, text.apart)
        known = {"sha256": found.sha256, **canonical_names(text), "split": split}
        config = changed(config, known, "found in the text")
        parts = reading.divide(found.rows, split)
        if not all(parts.values()):
            raise InputError(f"{text.corpus}: too few pairs for --split {split}; give more of them")
        left_out = f"; left out: {found.left_out}" if found.left_out else ""
        report(f"{len(parts['train']):,} pairs to learn from{left_out}", None)
        notes = [*found.notes]
        if text.apart:
            notes += repeated_texts({name: [each.source for each in part] for name, part in parts.items()})
        for note in notes:
            report(note, None)
        report(f"learning the {text.tokenizer} tokenizers", None)
        sides = [
            [f"{pair.source}\n" for pair in parts["train"]],
            [f"{pair.target}\n" for pair in parts["train"]],
        ]
        if text.shared_vocabulary:
            both, _ = tokenizers.train_on_texts(config.text, [*sides[0], *sides[1]], report)
            vocabularies = Vocabularies(both, both)
        else:
            vocabularies = Vocabularies(
                *(tokenizers.train_on_texts(config.text, side, report)[0] for side in sides)
            )
        for each in vocabularies:
            if each.start == each.unknown:
                raise InputError(
                    "--vocab-size, --min-count: leave no room for the ends of lines; take more words, or a lower count"
                )
        return config, cls(vocabularies, parts, len(found.rows) - sum(map(len, parts.values())))

    @classmethod
    def reopen(cls, run: Run) -> Self:
        """The task of an existing run: its pairs from the cache, or read anew.

        Raises InputError where the corpus has changed or is gone and the cache is empty.
        """
        found = read_again(run, reading.read, Pair)
        parts = reading.divide(found, run.config.text.split)
        return cls(vocabularies_in(run), parts, len(found) - sum(map(len, parts.values())))

    @classmethod
    def build_model(cls, config: Config, widths: Widths) -> Translator:
        return Translator(config.model, *widths, config.text.shared_vocabulary)

    @classmethod
    def random_subject(cls, config: Config, vocab_size: int) -> Subject[Translator]:
        training = config.training
        count = RANDOM_BATCHES * training.batch_size
        sides = np.random.default_rng(0).integers(0, vocab_size, (2, count * RANDOM_LENGTH), dtype=np.uint32)
        sources, targets = (Sequences(tokens, np.arange(count + 1) * RANDOM_LENGTH) for tokens in sides)
        pairs = Paired("train", sources, targets, [Pair("", "", "")] * count)
        make = partial(cls.build_model, config, cls.assumed_widths(vocab_size))
        counts = np.bincount(sides[1], minlength=vocab_size)
        return Subject(make, batches_of(pairs, training.batch_size, training.seed), counts)

    @classmethod
    def widths_in(cls, run: Run) -> Widths:
        source, target = vocabularies_in(run)
        return source.vocab_size, target.vocab_size

    @classmethod
    def assumed_widths(cls, vocab_size: int) -> Widths:
        return vocab_size, vocab_size  # nobody has counted the sides yet, and each has what both have

    @classmethod
    def digest(cls, text: TextConfig) -> str:
        return reading.read(text).sha256

    def __init__(
        self, vocabularies: Vocabularies, parts: Mapping[str, list[Pair]], left_out: int = 0
    ) -> None:
        self.vocabularies, self._left_out = vocabularies, left_out
        self.tokenizer = vocabularies.source
        self.parts = {name: encode(name, part, vocabularies) for name, part in parts.items()}
        train, valid = self["train"], self.scored
        self.sizes = Sizes(
            self.tokenizer.vocab_size,
            predictions_in(train),
            predictions_in(valid),
            train.target_bytes,
            valid.target_bytes,
        )

    @property
    def widths(self) -> tuple[int, int]:
        return self.vocabularies.source.vocab_size, self.vocabularies.target.vocab_size

    def files(self) -> Mapping[str, bytes]:
        source, target = self.vocabularies
        found = {"tokenizer.json": tokenizers.dumps(source)}
        return found if target is source else found | {TARGET: tokenizers.dumps(target)}

    def subject(self, config: Config) -> Subject[Translator]:
        part, training = self["train"], config.training
        make: Callable[[], Translator] = partial(
            Translator, config.model, *self.widths, config.text.shared_vocabulary
        )
        if self.start is not None:
            make = beginning_with(make, self.start, config.model.frozen_embeddings)
        return Subject(make, batches_of(part, training.batch_size, training.seed), self._counts())

    def _counts(self) -> np.ndarray:
        """Counts of the predicted target tokens: all but the one before each text."""
        counts = np.bincount(self["train"].targets.tokens, minlength=self.widths[1])
        counts[self.vocabularies.target.start] -= len(self["train"].pairs)
        return counts

    @property
    def held_out(self) -> int:
        return predictions_in(self.scored)

    def remarks(self) -> list[str]:
        found = [] if self.holds_out else [NOTHING_HELD_OUT_REMARK]
        if self._left_out:
            found.append(f"{self._left_out:,} pairs are not learned from: their sources are held out as well")
        unknown, valid = self.vocabularies.target.unknown, self.scored
        if unknown is not None and (count := int((valid.targets.tokens == unknown).sum())):
            found.append(
                f"{count / predictions_in(valid):.1%} of the held-out tokens are <unk>: in bits per byte they pay "
                f"for their letters as well"
            )
        return found

    def evaluate(
        self, model: Translator, device: str, now: EventTime, between: Between, sharing: Sharing = NOBODY_ELSE
    ) -> ev.Evaluated:
        """Score the held-out part; with sacrebleu, also some translations of it."""
        part = self.scored
        event = as_event(score(model, part, device, between, sharing), part.name, now)
        if not available():
            return event
        found = compared(model, self.vocabularies, part.pairs[:_TRANSLATED], GREEDY, device, between, sharing)
        return msgspec.structs.replace(event, metrics={"bleu": found.bleu, "chrf": found.chrf})

    def sample(self, model: Translator, config: Config, step: int, between: Between) -> ev.Sampled:
        """A held-out source, drawn by the step, and what it becomes."""
        pairs = self.scored.pairs
        pair = pairs[int(np.random.default_rng([config.training.seed, step]).integers(len(pairs)))]
        device = next(model.parameters()).device.type
        ((found,),) = translate(model, self.vocabularies, [pair.source], GREEDY, device=device)
        prediction = "right" if found.text == pair.target else f"expected {pair.target}"
        return ev.sampled(step, pair.source, f"  → {found.text}  ({prediction})")


def vocabularies_in(run: Run) -> Vocabularies:
    """Load the tokenizers of the two sides of a run.  Raises InputError for a damaged file."""
    source = tokenizers.load(run.path / "tokenizer.json")
    shared = run.config.text.shared_vocabulary
    return Vocabularies(source, source if shared else tokenizers.load(run.path / TARGET))


def load_translator(run: Run, weights: Path, device: str = "cpu") -> tuple[Translator, Vocabularies]:
    """The translator of a run with the weights in the file `weights`, and its vocabularies.

    Raises InputError where a file is missing or does not fit.
    """
    vocabularies, shared = vocabularies_in(run), run.config.text.shared_vocabulary
    source, target = (each.vocab_size for each in vocabularies)
    make = partial(Translator, run.config.model, source, target, shared)
    return filled(make, weights, device), vocabularies


def others(
    run: Run, sides: tuple[str, str], decoding: tuple[str, OnError], vocabularies: Vocabularies
) -> Paired:
    """All pairs of another corpus than the run's own: of its table, or of two files.

    Raises InputError where they cannot be read, or are the run's own.
    """
    corpus, target = sides
    encoding, on_error = decoding
    text = msgspec.structs.replace(
        run.config.text,
        corpus=corpus,
        encoding=encoding,
        on_error=on_error,
        target_corpus=target and canonical(target),
        valid_corpus="",
        valid_target_corpus="",
        test_corpus="",
        test_target_corpus="",
    )
    found = reading.read(text)
    if found.sha256 == run.config.text.sha256:
        raise InputError(
            f"--corpus: {corpus}: the pairs that {run.name} was trained on; leave it out to score those held out"
        )
    return encode("whole", found.rows, vocabularies)


def predictions_in(part: Paired) -> int:
    """Number of predictions in a part: the tokens of its targets, their ends counted."""
    return len(part.targets.tokens) - len(part.pairs)


def score(
    model: Translator,
    part: Paired,
    device: str = "cpu",
    between: Between = lambda: None,
    sharing: Sharing = NOBODY_ELSE,
) -> TranslationScores:
    """Score every pair of a part in fp32, each token after the right ones before it."""
    own_nats, own_hits = 0.0, 0
    for which in islice(in_order(extents(part), _AT_ONCE), sharing.rank, None, sharing.count):
        between()
        some, right = surprises(model, batch_of(part, which), device)
        own_nats += float(some.sum())
        own_hits += right
    nats, hits = (sum(each) for each in zip(*sharing.gathered((own_nats, own_hits)), strict=True))
    return TranslationScores(nats, predictions_in(part), hits, part.target_bytes, part.unknown)


def compared(
    model: Translator,
    vocabularies: Vocabularies,
    pairs: Sequence[Pair],
    search: Search,
    device: str = "cpu",
    between: Between = lambda: None,
    sharing: Sharing = NOBODY_ELSE,
) -> Overlap:
    """Translate the sources of some pairs, and compare with their targets.  Raises InputError without sacrebleu."""
    own = []
    first, last = (len(pairs) * rank // sharing.count for rank in (sharing.rank, sharing.rank + 1))
    for at in range(first, last, _AT_ONCE):
        between()
        sources = [pair.source for pair in pairs[at : min(at + _AT_ONCE, last)]]
        found = translate(model, vocabularies, sources, search, device=device)
        own += [best.text for best, *_ in found]
    written = list(chain.from_iterable(sharing.gathered(own)))
    return overlap(written, [pair.target for pair in pairs])


def as_event(scores: TranslationScores, split: str, now: EventTime) -> ev.Evaluated:
    """The scores as an event."""
    loss = scores.nats / max(scores.tokens, 1)
    return ev.Evaluated(
        step=now.step,
        split=split,
        loss=ev.finite(loss),
        perplexity=ev.finite(math.exp(min(loss, 700))),
        bits_per_byte=ev.finite((scores.nats + scores.unknown.spelling) / math.log(2) / max(scores.bytes, 1)),
        bits_per_char=None,
        accuracy=scores.hits / max(scores.tokens, 1),
        unknown=scores.unknown.unknown / max(scores.tokens, 1) or msgspec.UNSET,
        protocol="pairs",
        train_s=now.train_s,
    )
