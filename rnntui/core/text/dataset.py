"""The text of a language model from its corpus to tokens: read, divided, the tokenizer learned, encoded."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import numpy as np

from rnntui.core.config import CORPORA, Config, changed
from rnntui.core.config.schema import TextConfig
from rnntui.core.config.splits import NOTHING_HELD_OUT, split_in_figures
from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.errors import InputError
from rnntui.core.runs.folder import Run
from rnntui.core.runs.origin import check_corpus
from rnntui.core.text import tokenizers
from rnntui.core.text.compressors import PACKED, floors
from rnntui.core.text.corpus import Source, is_pipe
from rnntui.core.text.encoded import OLDER, Dataset, Split, cache_path, cached, encode
from rnntui.core.text.parts import (
    StoredCorpus,
    TextPart,
    canonical_names,
    repeated_lines,
    stored_corpus,
)
from rnntui.core.text.spelling import spelled
from rnntui.core.text.spool import Report, silent, stored
from rnntui.core.text.statistics import WordCount
from rnntui.core.text.tokenizers import Tokenizer

_LEAST_HELD_OUT = 20
"""Tokens of a held-out part at least, where nobody says how much to hold out: fewer say nothing."""
_NAMED = 5
"""Unknown words that a line names."""
_LEARNED = 1 << 23
"""Characters that word and bpe tokenizers learn from at most: what a longer text adds to the commonest
words is not worth its time and memory."""
_STRETCHES = 64
"""A longer text is read in so many places."""


def prepare(
    config: Config, report: Report = silent, tokenizer: Tokenizer | None = None
) -> tuple[Config, Tokenizer, Dataset]:
    """Read the corpus, learn the tokenizer from its training part unless there is one, and encode all parts.

    Where there is so little text that nothing can be held out, nothing is; where it does not fill a batch, streams and
    segments shrink.  Returns the configuration with the corpus's digest, the split in figures and the sizes of a batch,
    the tokenizer and the tokens.  Raises InputError where the corpus cannot be read or holds one token.
    """
    with stored_corpus(config.text, report) as corpus:
        for remark in corpus.remarks():
            report(remark, None)
        least = _LEAST_HELD_OUT if config.text.split == "auto" else 2
        split = split_in_figures(config.text.split, corpus.chars, config.text.apart)
        known = {"sha256": corpus.sha256, **canonical_names(config.text), "split": split}
        config = changed(config, known, "found in the text")
        cut = _cut(corpus, config, tokenizer, report)
        if split != NOTHING_HELD_OUT and (cut is None or cut[1].held_out < least):
            config = changed(config, {"split": NOTHING_HELD_OUT}, "little text")
            report(
                "so little text that nothing is held out: figures are those of the text that is learned", None
            )
            cut = _cut(corpus, config, tokenizer, report)
        if (
            cut
            and tokenizer is None
            and config.text.min_count == TextConfig().min_count  # which nobody has chosen
            and tokenizers.wants_all_words(cut[0], cut[1]["train"].tokens, not cut[1].held_out)
        ):
            marked = cut[0].marks_unknown
            why = "the text has its own <unk>" if marked else "most words would be unknown"
            config = changed(config, {"min_count": 1}, why)
            report(tokenizers.OWN_UNKNOWN if marked else tokenizers.EVERY_WORD, None)
            cut = _cut(corpus, config, None, report)
        if cut and tokenizer is not None:
            if config.model.extend_vocabulary:
                report(tokenizers.growth(tokenizer, cut[0]), None)
            _tell_of_unknown(corpus.parts(config.text.split)["train"], *cut, report)
        for line in repeated_lines(corpus.parts(config.text.split)) if config.text.apart else ():
            report(line, None)
    if cut is None or len(cut[1]["train"].tokens) < 2:
        raise InputError(
            f"{config.text.corpus}: too short: one token, after which nothing comes; give a few words"
        )
    tokenizer, dataset = cut
    tokenizers.check_vocabulary(tokenizer, config.text)
    share = tokenizers.unknown_share(tokenizer, dataset.scored.tokens)
    if tokenizer.unit == "word" and share > tokenizers.MOSTLY:
        begun = config.model.begin_from
        step = (
            "train a new model without --from, or try --extend-vocabulary"
            if begun
            else "take --tokenizer bpe or char"
        )
        raise InputError(
            f"{config.text.corpus}: {share:.0%} of its held-out tokens are unknown to a word model of "
            f"{tokenizer.vocab_size:,} tokens, which would learn nothing but that; {step}"
        )
    return fit_batches(config, len(dataset["train"].tokens), report), tokenizer, dataset


def _cut(
    corpus: StoredCorpus, config: Config, tokenizer: Tokenizer | None, report: Report
) -> tuple[Tokenizer, Dataset] | None:
    """The tokenizer, learned from the training part unless there is one, and all parts; None where that is empty."""
    parts = corpus.parts(config.text.split)
    train = parts["train"]
    if not train.chars:
        return None
    if tokenizer is None:
        tokenizer = tokenizers.train(config.text, _to_learn(train, config.text, report))
    elif config.model.extend_vocabulary:
        tokenizer = tokenizer.extended(train.blocks(), config.text.min_count)
    return tokenizer, encode(parts, tokenizer, cache_path(config.text, tokenizer), report)


def _tell_of_unknown(train: TextPart, tokenizer: Tokenizer, dataset: Dataset, report: Report) -> None:
    """Say what of a text a vocabulary from elsewhere does not have: it can be read, and never be written."""
    share = tokenizers.unknown_share(tokenizer, dataset["train"].tokens)
    if not share:
        return
    counts = Counter(tokenizer.unknown_pieces(train.blocks()))
    named = ", ".join(repr(piece.strip() or piece)[1:-1] for piece, _ in counts.most_common(_NAMED))
    more = f" and {len(counts) - _NAMED:,} more" if len(counts) > _NAMED else ""
    report(
        f"{named}{more} cannot be written by this model: {share:.1%} of the text; --extend-vocabulary adds what the "
        "vocabulary of --from lacks (words that come --min-count times), and a new model has a vocabulary of its own",
        None,
    )


def fit_batches(config: Config, tokens: int, report: Report = silent) -> Config:
    """`config` with streams and segments that so many training tokens fill: fewer streams first, then shorter ones."""
    training = config.training
    bptt = min(training.bptt, tokens - 1)
    batch_size = min(training.batch_size, max(tokens // (bptt + 1), 1))
    if (batch_size, bptt) == (training.batch_size, training.bptt):
        return config
    streams = "1 stream" if batch_size == 1 else f"{batch_size} streams"
    report(f"so little text that a batch is {streams} of {bptt} tokens", None)
    return changed(config, {"batch_size": batch_size, "bptt": bptt}, "little text")


def reopen(run: Run, tokenizer: Tokenizer) -> Dataset:
    """The tokens of an existing run: from the cache, or encoded anew from the same corpus.

    Raises InputError where the corpus has changed or is gone and the cache is empty.
    """
    text_config = run.config.text
    path = cache_path(text_config, tokenizer)
    if found := cached(path):
        return found
    try:
        with _read_again(run) as corpus:
            return encode(corpus.parts(text_config.split), tokenizer, path, silent)
    except InputError:
        for version in OLDER:
            if older := cached(cache_path(text_config, tokenizer, version)):
                # But for what nobody can count any more: words, and the letters of unknown ones.
                known = {name: _spelling_nothing(split, tokenizer) for name, split in older.splits.items()}
                return Dataset(known)
        raise


def _spelling_nothing(split: Split, tokenizer: Tokenizer) -> Split:
    """The same part, its letters counted where there are none to count."""
    nothing = math.isnan(split.spelling) and not tokenizers.unknown_share(tokenizer, split.tokens)
    return replace(split, spelling=0.0) if nothing else split


def is_cached(run: Run) -> bool:
    """True if the tokens of a run are in the cache.  Raises InputError where its tokenizer cannot be read."""
    tokenizer = tokenizers.load(run.path / "tokenizer.json")
    paths = [cache_path(run.config.text, tokenizer)]
    paths += [cache_path(run.config.text, tokenizer, version) for version in OLDER]
    return any(cached(path) is not None for path in paths)


def beginning(run: Run, name: str, most: int) -> str:
    """The first characters of the part called `name`, as the corpus has them.  Raises InputError as `reopen`."""
    with _read_again(run) as corpus:
        part = corpus.parts(run.config.text.split)[name]
        return "".join(part._replace(last=min(part.last, part.first + most)).blocks())


@contextmanager
def _read_again(run: Run) -> Iterator[StoredCorpus]:
    """The run's corpus from where it came, if it is still the same."""
    wanted = run.config.text
    if any(named == "-" or is_pipe(named) for setting in CORPORA if (named := getattr(wanted, setting))):
        raise InputError(
            f"{run.path}: its corpus came from a pipe and is no longer there; give a text as --corpus"
        )
    check_corpus(run)
    with stored_corpus(wanted, silent) as corpus:
        if corpus.sha256 != wanted.sha256:
            raise InputError(
                f"{wanted.corpus}: no longer the text that {run.path} was trained on "
                f"(sha256 {corpus.sha256[:12]}, not {wanted.sha256[:12]}); restore it or train a new run"
            )
        yield corpus


def whole(source: Source, tokenizer: Tokenizer, compared_in: Run | None) -> tuple[Split, str]:
    """All of a text that no run knows, in tokens, and its digest.

    If it is to be compared in a run, also its floors, after that run's training text where it can still be read.
    Raises InputError where the text cannot be read.
    """
    before: list[str] = []
    if compared_in:
        with suppress(InputError), _read_again(compared_in) as corpus:
            before = list(corpus.parts(compared_in.config.text.split)["train"].end(PACKED))
    with stored(source, silent) as text:
        blocks = list(tokenizer.encode_blocks(text.part(0, text.chars)))
        size, words = 0, WordCount()
        for block in text.part(0, text.chars):
            size += len(block.encode())
            words.add(block)
        tokens = np.concatenate(blocks).astype(tokenizer.dtype)
        found = floors(text.part(0, text.chars), before) if compared_in else {}
        unknown, spelling = spelled(tokenizer, text.part(0, text.chars))
        return Split("whole", tokens, text.chars, size, words.total, found, spelling, unknown), source.sha256


def _to_learn(part: TextPart, config: TextConfig, report: Report) -> Iterator[str]:
    """Yield the text for training the tokenizer: all characters, or stretches of a long text."""
    line = f"learning the {config.tokenizer} tokenizer"
    if TOKENIZERS[config.tokenizer].distinct_characters or part.chars <= _LEARNED:
        stretches = [part]
    else:
        starts = range(part.first, part.last, math.ceil(part.chars / _STRETCHES))
        length = _LEARNED // _STRETCHES
        stretches = [TextPart(part.text, start, min(start + length, part.last)) for start in starts]
    for number, stretch in enumerate(stretches):
        done = 0
        for block in stretch.blocks():
            yield block
            done += len(block)
            report(line, (number + done / stretch.chars) / len(stretches))
