"""A corpus as three arrays of tokens: train, valid and test, cached on disk and mapped into memory."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import numpy as np

from rnntui.core.config import Config, changed
from rnntui.core.config.schema import TextConfig
from rnntui.core.config.splits import NOTHING_HELD_OUT, part_of, split_fractions, split_in_figures
from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.errors import InputError, RnntuiError
from rnntui.core.files import folder_written_atomically, open_named
from rnntui.core.runs.folder import Run
from rnntui.core.runs.origin import check_corpus
from rnntui.core.runs.store import cache_home
from rnntui.core.text import tokenizers
from rnntui.core.text.columns import source_of
from rnntui.core.text.compressors import PACKED, floors
from rnntui.core.text.corpus import Source, canonical, is_pipe
from rnntui.core.text.spelling import spelled
from rnntui.core.text.spool import Report, StoredText, silent, stored
from rnntui.core.text.tokenizers import Ids, Tokenizer

SPLITS = ("train", "valid", "test")
_LEAST_HELD_OUT = 20
"""Tokens of a held-out part at least, where nobody says how much to hold out: fewer say nothing."""
_NAMED = 5
"""Unknown words that a line names."""
_LEARNED = 1 << 23
"""Characters that word and bpe tokenizers learn from at most: what a longer text adds to the commonest
words is not worth its time and memory."""
_SPELLED = 1 << 21
"""Characters of a training part whose unknown words are spelled as well, for who scores it."""
_VERSION, _BEFORE_SPELLING = 3, 2
"""Version of the content of a cache folder."""
_STRETCHES = 64
"""A longer text is read in so many places."""


@dataclass(frozen=True)
class Split:
    """A contiguous part of the corpus."""

    name: str
    tokens: Ids
    """(N,) token numbers, mapped from the cache."""
    chars: int
    bytes: int
    """Bytes of the part's text as UTF-8, over which bits per byte are counted."""
    floors: dict[str, float] = field(default_factory=dict)
    """Bits a byte that need no model: `characters` by their frequencies, and packers.  Of held-out parts only."""
    spelling: float = math.nan
    """Nats that the letters of its unknown tokens cost; not a number where nobody has counted."""
    unknown: int = 0
    """Number of these tokens."""


@dataclass(frozen=True)
class Dataset:
    """The corpus of a run: the held-out parts are its end, and nothing was learned from them."""

    splits: dict[str, Split]

    def __getitem__(self, name: str) -> Split:
        """The split called `name`.  Raises InputError where the run has none."""
        return part_of(self.splits, name)

    @property
    def held_out(self) -> int:
        """Tokens that are held out while training, in the part `valid`."""
        return len(self.splits["valid"].tokens) if "valid" in self.splits else 0

    @property
    def scored(self) -> Split:
        """The part that figures are about: the held-out one, or where nothing is held out what is learned from."""
        return self.splits["valid" if self.held_out else "train"]


def prepare(
    config: Config, report: Report = silent, tokenizer: Tokenizer | None = None
) -> tuple[Config, Tokenizer, Dataset]:
    """Read the corpus, learn the tokenizer from its training part unless there is one, and encode all parts.

    Where there is so little text that nothing can be held out, nothing is; where it does not fill a batch, streams and
    segments shrink.  Returns the configuration with the corpus's digest, the split in figures and the sizes of a batch,
    the tokenizer and the tokens.  Raises InputError where the corpus cannot be read or holds one token.
    """
    source = source_of(config.text)
    with stored(source, report) as text:
        for remark in source.remarks():
            report(remark, None)
        least = _LEAST_HELD_OUT if config.text.split == "auto" else 2
        split = split_in_figures(config.text.split, text.chars)
        known = {"sha256": source.sha256, "corpus": canonical(config.text.corpus), "split": split}
        config = changed(config, known, "found in the text")
        cut = _cut(text, config, tokenizer, report)
        if split != NOTHING_HELD_OUT and (cut is None or cut[1].held_out < least):
            config = changed(config, {"split": NOTHING_HELD_OUT}, "little text")
            report(
                "so little text that nothing is held out: figures are those of the text that is learned", None
            )
            cut = _cut(text, config, tokenizer, report)
        if (
            cut
            and tokenizer is None
            and config.text.min_count == TextConfig().min_count  # which nobody has chosen
            and tokenizers.wants_all_words(cut[0], cut[1]["train"].tokens, not cut[1].held_out)
        ):
            config = changed(config, {"min_count": 1}, "most words would be unknown")
            report(tokenizers.EVERY_WORD, None)
            cut = _cut(text, config, None, report)
        if cut and tokenizer is not None:
            if config.model.extend_vocabulary:
                report(tokenizers.growth(tokenizer, cut[0]), None)
            _tell_of_unknown(text, *cut, report)
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
    text: StoredText, config: Config, tokenizer: Tokenizer | None, report: Report
) -> tuple[Tokenizer, Dataset] | None:
    """The tokenizer, learned from the training part unless there is one, and all parts; None where that is empty."""
    parts = _parts(text.chars, config.text.split)
    if parts["train"][0] == parts["train"][1]:
        return None
    if tokenizer is None:
        tokenizer = tokenizers.train(config.text, _to_learn(text, *parts["train"], config.text, report))
    elif config.model.extend_vocabulary:
        tokenizer = tokenizer.extended(text.part(*parts["train"]), config.text.min_count)
    return tokenizer, _encode(text, parts, tokenizer, _cache_path(config.text, tokenizer), report)


def _tell_of_unknown(text: StoredText, tokenizer: Tokenizer, dataset: Dataset, report: Report) -> None:
    """Say what of a text a vocabulary from elsewhere does not have: it can be read, and never be written."""
    share = tokenizers.unknown_share(tokenizer, dataset["train"].tokens)
    if not share:
        return
    counts = Counter(tokenizer.unknown_pieces(text.part(0, dataset["train"].chars)))
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
    path = _cache_path(text_config, tokenizer)
    if cached := _cached(path):
        return cached
    older = _cached(_cache_path(text_config, tokenizer, _BEFORE_SPELLING))
    if older is not None and not tokenizers.unknown_share(tokenizer, older.scored.tokens):
        return Dataset({name: replace(split, spelling=0.0) for name, split in older.splits.items()})
    try:
        with _read_again(run) as text:
            return _encode(text, _parts(text.chars, text_config.split), tokenizer, path, silent)
    except InputError:
        if older is None:
            raise
        return older  # but for bits per byte, which nobody can count any more


def is_cached(run: Run) -> bool:
    """True if the tokens of a run are in the cache.  Raises InputError where its tokenizer cannot be read."""
    tokenizer = tokenizers.load(run.path / "tokenizer.json")
    versions = (_VERSION, _BEFORE_SPELLING)
    return any(_cached(_cache_path(run.config.text, tokenizer, version)) is not None for version in versions)


def beginning(run: Run, name: str, most: int) -> str:
    """The first characters of the part called `name`, as the corpus has them.  Raises InputError as `reopen`."""
    with _read_again(run) as text:
        first, last = _parts(text.chars, run.config.text.split)[name]
        return "".join(text.part(first, min(last, first + most)))


@contextmanager
def _read_again(run: Run) -> Iterator[StoredText]:
    """The run's corpus from where it came, if it is still the same."""
    wanted = run.config.text
    if wanted.corpus == "-" or is_pipe(wanted.corpus):
        raise InputError(
            f"{run.path}: its corpus came from a pipe and is no longer there; give a text as --corpus"
        )
    check_corpus(run)
    source = source_of(wanted)
    with stored(source, silent) as text:
        if source.sha256 != wanted.sha256:
            raise InputError(
                f"{wanted.corpus}: no longer the text that {run.path} was trained on "
                f"(sha256 {source.sha256[:12]}, not {wanted.sha256[:12]}); restore it or train a new run"
            )
        yield text


def _training_end(text: StoredText, parts: dict[str, tuple[int, int]]) -> Iterator[str]:
    """The end of the training part, as much of it as packers read."""
    first, last = parts["train"]
    return text.part(max(first, last - PACKED), last)


def whole(source: Source, tokenizer: Tokenizer, compared_in: Run | None) -> tuple[Split, str]:
    """All of a text that no run knows, in tokens, and its digest.

    If it is to be compared in a run, also its floors, after that run's training text where it can still be read.
    Raises InputError where the text cannot be read.
    """
    before: list[str] = []
    if compared_in:
        with suppress(InputError), _read_again(compared_in) as text:
            before = list(_training_end(text, _parts(text.chars, compared_in.config.text.split)))
    with stored(source, silent) as text:
        blocks = list(tokenizer.encode_blocks(text.part(0, text.chars)))
        size = sum(len(block.encode()) for block in text.part(0, text.chars))
        tokens = np.concatenate(blocks).astype(tokenizer.dtype)
        found = floors(text.part(0, text.chars), before) if compared_in else {}
        unknown, spelling = spelled(tokenizer, text.part(0, text.chars))
        return Split("whole", tokens, text.chars, size, found, spelling, unknown), source.sha256


def _parts(chars: int, split: str) -> dict[str, tuple[int, int]]:
    """Bounds of each part, in characters, by the shares in `split`."""
    train, valid, test = split_fractions(split)
    first = int(chars * train)
    second = chars if not test else int(chars * (train + valid))
    parts = {"train": (0, first), "valid": (first, second), "test": (second, chars)}
    return {name: part for name, part in parts.items() if name == "train" or part[0] < part[1]}


def _to_learn(text: StoredText, first: int, last: int, config: TextConfig, report: Report) -> Iterator[str]:
    """Yield the text for training the tokenizer: all characters, or stretches of a long text."""
    line = f"learning the {config.tokenizer} tokenizer"
    if TOKENIZERS[config.tokenizer].distinct_characters or last - first <= _LEARNED:
        stretches = [(first, last)]
    else:
        starts = range(first, last, math.ceil((last - first) / _STRETCHES))
        stretches = [(start, min(start + _LEARNED // _STRETCHES, last)) for start in starts]
    for number, (start, end) in enumerate(stretches):
        done = 0
        for block in text.part(start, end):
            yield block
            done += len(block)
            report(line, (number + done / (end - start)) / len(stretches))


def _cache_path(text: TextConfig, tokenizer: Tokenizer, version: int = _VERSION) -> Path:
    key = hashlib.sha256(
        f"{version} {text.sha256} {text.split} ".encode() + tokenizers.dumps(tokenizer)
    ).hexdigest()
    return cache_home() / "tokens" / key[:32]


def _encode(
    text: StoredText, parts: dict[str, tuple[int, int]], tokenizer: Tokenizer, path: Path, report: Report
) -> Dataset:
    """Encode the parts into the cache folder `path` and map them."""
    if cached := _cached(path):
        return cached
    path.parent.mkdir(parents=True, exist_ok=True)
    with folder_written_atomically(path) as folder:
        sizes = {
            name: _encode_part(text, part, tokenizer, folder / f"{name}.npy", report)
            for name, part in parts.items()
        }
        for name in sizes.keys() - {"train"}:
            sizes[name]["floors"] = floors(text.part(*parts[name]), _training_end(text, parts))
        for name in sizes:
            if name != "train" or len(sizes) == 1 or sizes[name]["chars"] <= _SPELLED:
                sizes[name] |= spelled(tokenizer, text.part(*parts[name]))._asdict()
        (folder / "sizes.json").write_text(json.dumps(sizes), encoding="utf-8")
    dataset = _cached(path)
    if dataset is None:
        raise RnntuiError(f"{path}: was written and cannot be read; is something else at work on it?")
    return dataset


def _encode_part(
    text: StoredText, part: tuple[int, int], tokenizer: Tokenizer, path: Path, report: Report
) -> dict[str, Any]:
    """Write the tokens of a part of the text to `path`; returns the part's sizes."""
    first, last = part
    size = 0

    def counted() -> Iterator[str]:
        nonlocal size
        done = first
        for block in text.part(first, last):
            yield block
            size += len(block.encode())
            done += len(block)
            report(f"encoding {text.chars:,} characters", done / text.chars)

    _write_tokens(path, tokenizer.dtype, tokenizer.encode_blocks(counted()))
    return {"chars": last - first, "bytes": size, "sha256": _digest(path)}


def _write_tokens(path: Path, dtype: type[np.unsignedinteger[Any]], blocks: Iterator[Ids]) -> None:
    """The tokens as a .npy file; its header has room for the number of them, known in the end."""
    with path.open("wb") as file:
        total = 0
        header = {"descr": np.dtype(dtype).str, "fortran_order": False}
        np.lib.format.write_array_header_1_0(file, header | {"shape": (total,)})
        for block in blocks:
            file.write(block.astype(dtype, copy=False).data)
            total += len(block)
        file.seek(0)
        np.lib.format.write_array_header_1_0(file, header | {"shape": (total,)})


def _digest(path: Path) -> str:
    """The sha256 of a file in the cache.  Raises OSError."""
    with open_named(path) as file:
        return hashlib.file_digest(cast("io.BufferedReader", file), "sha256").hexdigest()


def _cached(path: Path) -> Dataset | None:
    """The dataset in the cache folder `path`, if it is there and as it was written."""
    try:
        with open_named(path / "sizes.json") as file:
            sizes = msgspec.json.decode(file.read(), type=dict[str, _Sizes])
        splits = {name: _cached_split(path / f"{name}.npy", name, size) for name, size in sizes.items()}
        return Dataset(splits) if "train" in splits else None
    except (OSError, ValueError, RecursionError, EOFError):
        return None  # not there, damaged, or written by another version


class _Sizes(msgspec.Struct, forbid_unknown_fields=True):
    """An entry of `sizes.json`."""

    chars: Annotated[int, msgspec.Meta(ge=0)]
    bytes: Annotated[int, msgspec.Meta(ge=0)]
    floors: dict[str, float] = {}
    spelling: float | None = None
    unknown: int = 0
    sha256: str | None = None
    """Digest of the part's tokens; older versions wrote none."""


def _cached_split(path: Path, name: str, size: _Sizes) -> Split:
    """A part as it was written.  Raises ValueError where its file is damaged."""
    if size.sha256 is not None and _digest(path) != size.sha256:
        raise ValueError(f"{path}: damaged")
    return Split(
        name,
        np.load(path, mmap_mode="r"),
        size.chars,
        size.bytes,
        size.floors,
        math.nan if size.spelling is None else size.spelling,
        size.unknown,
    )
