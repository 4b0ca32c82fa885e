"""From a corpus to batches."""

from __future__ import annotations

import hashlib
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from rnntui.core import config
from rnntui.core.config.splits import split_fractions, split_in_figures
from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.errors import InputError
from rnntui.core.runs.store import cache_home
from rnntui.core.text import dataset, tokenizers
from rnntui.core.text.batches import Streams
from tests.conftest import TINY, MakeRun, sentences


def test_streams_are_contiguous_and_carry_on() -> None:
    """Protects truncated backpropagation: column b of the batches, joined, is part b of the text."""
    tokens = np.arange(103, dtype=np.uint8)
    streams = Streams(tokens, batch_size=4, bptt=7)
    batches = [streams[i] for i in range(len(streams))]
    inputs = np.concatenate([batch.inputs for batch in batches])
    targets = np.concatenate([batch.targets for batch in batches])
    for b in range(4):
        assert inputs[:, b].tolist() == list(range(25 * b, 25 * b + 25))
    assert (targets == inputs + 1).all()
    assert [batch.first for batch in batches] == [True, False, False, False]


@pytest.mark.parametrize(("shuffle", "vary"), [(True, False), (False, True), (True, True)])
def test_streams_that_are_shuffled_read_every_token_once(shuffle: bool, vary: bool) -> None:
    """Protects learning: every epoch is the same tokens, cut or ordered otherwise, and drawn again the same.

    What is read in order goes on for a part of 25 tokens at least, but for the last one.
    """
    tokens = np.arange(100 * 4 + 8, dtype=np.uint16)
    made = [Streams(tokens, 4, 7, shuffle, vary, seed=3) for _ in range(2)]
    count = len(made[0])
    orders = set()
    for epoch in range(3):
        batches = [made[0][epoch * count + i] for i in range(count)]
        assert [batch.first for batch in batches] == [True] + [False] * (count - 1)
        inputs = np.concatenate([batch.inputs for batch in batches]).T.flatten()
        targets = np.concatenate([batch.targets for batch in batches]).T.flatten()
        assert sorted(inputs) == list(range(4 * 101))
        assert (targets == inputs + 1).all() and inputs.dtype == targets.dtype == np.int64
        jumps = np.flatnonzero(inputs[1:] != targets[:-1]) + 1
        assert (jumps % 25 == 0).all() and (10 < len(jumps) < 17 if shuffle else not len(jumps))
        assert (len({len(batch.inputs) for batch in batches}) > 2) == vary
        again = made[1][epoch * count + 2]
        assert (again.inputs == batches[2].inputs).all()
        orders.add((tuple(inputs), tuple(len(batch.inputs) for batch in batches)))
    assert len(orders) == 3


def test_the_first_steps_meet_every_region_of_the_text() -> None:
    """Protects short trainings: an eighth of an epoch is not the first eighth of every stream."""
    streams = Streams(np.arange(80_001, dtype=np.uint32), batch_size=4, bptt=16, shuffle=True)
    read = np.concatenate([streams[i].inputs for i in range(len(streams) // 8)])
    assert len(np.unique(read // 20_000)) == 4 and len(np.unique(read // 5_000)) >= 6


def test_the_held_out_end_is_contiguous_and_unseen(corpus_file: Path) -> None:
    """Protects the numbers: the parts are the text cut in order, and the vocabulary is the first one's."""
    text = sentences() + "ZEBRA " * 40
    corpus_file.write_text(text, encoding="utf-8")
    _, tokenizer, data = dataset.prepare(
        config.build(TINY | {"corpus": str(corpus_file), "split": "80/10/10"})
    )
    cuts = [int(len(text) * 0.8), int(len(text) * 0.9)]
    assert tokenizer.decode(data["train"].tokens) == text[: cuts[0]]
    assert [data[name].chars for name in ("train", "valid", "test")] == [
        cuts[0],
        cuts[1] - cuts[0],
        len(text) - cuts[1],
    ]
    assert (tokenizer.encode("Z") == tokenizer.unknown).all()


def test_the_tokenizer_of_a_long_text_ends_where_training_ends(
    corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the numbers: the last of the stretches that words are learned from holds nothing held out."""
    corpus_file.write_text(("ab " * 300)[:641] + ("qq ab ab " * 20)[:161], encoding="utf-8")
    monkeypatch.setattr(dataset, "_LEARNED", 640)
    settings = TINY | {"corpus": str(corpus_file), "split": "80/20", "tokenizer": "word", "min_count": 1}
    _, tokenizer, _ = dataset.prepare(config.build(settings))
    known = [tokenizer.token_bytes(token) for token in range(tokenizer.vocab_size)]
    assert b" ab" in known or b"ab" in known
    assert not any(b"q" in token for token in known)


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_text_read_in_blocks_is_the_same_text(
    kind: str, corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects texts larger than memory: whatever the blocks, parts, sizes and tokens are those of the whole."""
    text = (sentences(60) + "Où ça? 你好 🐦\r\n") * 3
    corpus_file.write_text(text, encoding="utf-8", newline="")
    monkeypatch.setattr("rnntui.core.text.corpus._BLOCK", 53)
    monkeypatch.setattr("rnntui.core.text.spool._BLOCK", 101)
    told: list[float] = []
    settings = config.build(TINY | {"corpus": str(corpus_file), "tokenizer": kind, "min_count": 1})
    made, tokenizer, data = dataset.prepare(settings, lambda line, fraction: told.append(fraction or 0))
    whole = text.replace("\r\n", "\n")
    assert made.text.sha256 == hashlib.sha256(whole.encode()).hexdigest() and made.text.split == "90/5/5"
    cuts = [0, int(len(whole) * 0.9), int(len(whole) * (0.9 + 0.05)), len(whole)]
    for name, (first, last) in zip(("train", "valid", "test"), pairwise(cuts), strict=True):
        part = whole[first:last]
        assert data[name].tokens.tolist() == tokenizer.encode(part).tolist()
        assert (data[name].chars, data[name].bytes) == (len(part), len(part.encode()))
    assert told[-1] == 1 and all(0 <= fraction <= 1 for fraction in told)


@pytest.mark.parametrize("chars", [1, 100, 19_999_999, 20_000_001, 10**8, 123_456_789, 10**11])
def test_auto_holds_out_a_million_characters_at_most(chars: int) -> None:
    """Protects long runs: an evaluation does not grow with the text; and the parts always add up."""
    train, valid, test = split_fractions(split_in_figures("auto", chars))
    assert valid == test <= 0.05 and valid * chars <= 1.05e6 + 1e-5 * chars
    assert train + valid + test == pytest.approx(1)


def test_two_parts_leave_no_test_split(corpus_file: Path) -> None:
    _, _, data = dataset.prepare(config.build(TINY | {"corpus": str(corpus_file), "split": "90/10"}))
    with pytest.raises(InputError, match="no 'test' part; it has train, valid"):
        data["test"]


def test_tokens_are_mapped_from_the_cache(make_run: MakeRun, corpus_file: Path) -> None:
    """Protects a run whose corpus is gone: its tokens are still there."""
    run = make_run()
    tokenizer = tokenizers.load(run.path / "tokenizer.json")
    corpus_file.unlink()
    data = dataset.reopen(run, tokenizer)
    assert isinstance(data["train"].tokens, np.memmap)
    assert tokenizer.decode(data["train"].tokens).startswith(sentences()[:50])


def test_a_part_begins_as_the_corpus_has_it(make_run: MakeRun, corpus_file: Path) -> None:
    """Protects what is typed again: words that training never saw stand there as they are."""
    text = corpus_file.read_text()
    corpus_file.write_text(text[:-1] + " zebra quince\n", encoding="utf-8")
    run = make_run(tokenizer="word", bptt=8, split="80/20")
    first = int(len(corpus_file.read_text()) * 0.8)
    expected = corpus_file.read_text()[first:]
    assert dataset.beginning(run, "valid", 50) == expected[:50]
    assert dataset.beginning(run, "valid", 10**9) == expected and "zebra" in expected


def test_a_changed_corpus_is_noticed(make_run: MakeRun, corpus_file: Path) -> None:
    """Protects the held-out part: another text under the same name is refused."""
    run = make_run()
    tokenizer = tokenizers.load(run.path / "tokenizer.json")
    shutil.rmtree(cache_home())
    assert dataset.reopen(run, tokenizer)["train"].chars  # encoded anew
    shutil.rmtree(cache_home())
    corpus_file.write_text("something else entirely\n" * 100, encoding="utf-8")
    with pytest.raises(InputError, match="no longer the text"):
        dataset.reopen(run, tokenizer)


@pytest.mark.parametrize(
    ("size", "split", "fits"),
    [(2, "100", (1, 1)), (60, "100", (1, 59)), (700, "90/5/5", (5, 120)), (7_000, "90/5/5", (8, 120))],
)
def test_streams_and_segments_shrink_to_fit(
    size: int, split: str, fits: tuple[int, int], tmp_path: Path
) -> None:
    """Protects who has little text: any length trains, and where nothing can be held out, nothing is."""
    path = tmp_path / "short.txt"
    path.write_text((sentences() * 9)[:size], encoding="utf-8")
    told: list[str] = []
    made, _, data = dataset.prepare(
        config.build({"corpus": str(path), "batch_size": 8, "bptt": 120}), lambda line, _: told.append(line)
    )
    assert (made.training.batch_size, made.training.bptt, made.text.split) == (*fits, split)
    assert (data.held_out == 0) == (split == "100") and data.scored.name == (
        "train" if split == "100" else "valid"
    )
    assert any("a batch is" in line for line in told) == (fits != (8, 120))
    assert any("nothing is held out" in line for line in told) == (split == "100")


def test_one_token_is_too_short(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(InputError, match=r"a.txt: too short: one token, after which nothing comes"):
        dataset.prepare(config.build({"corpus": str(tmp_path / "a.txt")}))


def test_words_that_nobody_knows_are_no_vocabulary(tmp_path: Path) -> None:
    """Protects the figures: a perplexity over `<unk>` alone says nothing, so passwords are refused with a way out."""
    rng = np.random.default_rng(1)
    path = tmp_path / "passwords.txt"
    path.write_text("".join("".join(map(chr, rng.integers(97, 123, 12))) + "\n" for _ in range(3_000)))
    settings = {"corpus": str(path), "tokenizer": "word"}
    with pytest.raises(InputError, match=r"50% of its held-out tokens are unknown .*--tokenizer bpe or char"):
        dataset.prepare(config.build(settings | {"split": "90/10"}))
