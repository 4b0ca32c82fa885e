"""Pairs of texts: every way in, every fault in one line, and parts that do not share a source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from rnntui.core.config.schema import TextConfig
from rnntui.core.errors import InputError
from rnntui.core.tasks.classification import reader as examples
from rnntui.core.tasks.translation.data import PairedBatch, Vocabularies, batches_of, encode
from rnntui.core.tasks.translation.reader import Pair, divide, read
from rnntui.core.text import tokenizers

ROWS = [("one", "eins"), ("two three", "zwei drei"), ("four", "vier")]


def pairs_in(path: Path, **options: Any) -> list[tuple[str, str]]:
    found = read(TextConfig(corpus=str(path), task="translate", **options))
    return [(each.source, each.target) for each in found.rows]


def test_the_same_pairs_come_from_every_kind_of_file(tmp_path: Path) -> None:
    """Protects reading: tables, JSON lines and two files hold the same, and have the same digest."""
    (tmp_path / "a.tsv").write_text("target\tsource\n" + "".join(f"{t}\t{s}\n" for s, t in ROWS))
    (tmp_path / "a.csv").write_text("source,target\n" + "".join(f'"{s}","{t}"\n' for s, t in ROWS))
    lines = [json.dumps({"en": s.replace(" ", "\n"), "de": t}) for s, t in ROWS]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    (tmp_path / "a.en").write_text("\n".join(s for s, _ in ROWS))
    (tmp_path / "a.de").write_text("\n".join(t for _, t in ROWS) + "\n")
    columns = {"source_column": "en", "target_column": "de"}
    ways: tuple[tuple[str, dict[str, Any]], ...] = (
        ("a.tsv", {}), ("a.csv", {}), ("a.jsonl", columns), ("a.en", {"target_corpus": str(tmp_path / "a.de")}),
    )  # fmt: skip
    assert all(pairs_in(tmp_path / name, **options) == ROWS for name, options in ways)
    digests = {read(TextConfig(corpus=str(tmp_path / name), **options)).sha256 for name, options in ways}
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "source\ttargt\na\tb\n",
            ("line 1", "no column 'target'", "did you mean 'targt'", "--target-column"),
        ),
        ("source\ttarget\na\tb\nc\n", ("line 3", "1 columns", "names 2")),
        ("source\ttarget\na\t \n", ("no pairs", "left out: 1 with an empty side", "line 2")),
        ("source\ttarget\n", ("no pairs",)),
    ],
)
def test_what_is_wrong_is_said_with_its_line(content: str, words: tuple[str, ...], tmp_path: Path) -> None:
    """Protects whoever made the file: the file, the line, what was expected."""
    path = tmp_path / "a.tsv"
    path.write_text(content)
    with pytest.raises(InputError) as raised:
        pairs_in(path)
    message = str(raised.value)
    assert "a.tsv" in message and "\n" not in message and all(word in message for word in words), message


def test_a_folder_holds_no_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects who points at one; a folder that is called as a sample hides no sample."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "phrases").mkdir()
    assert len(read(TextConfig(corpus="phrases", task="translate")).rows) == 3000
    with pytest.raises(InputError, match=r"a folder, not a table; give a .tsv"):
        pairs_in(tmp_path)


@pytest.mark.parametrize("longer", ["a.en", "a.de"])
def test_two_files_must_be_of_one_length(longer: str, tmp_path: Path) -> None:
    """Protects against pairs that are none: the file and the line that has no partner are named."""
    for name in ("a.en", "a.de"):
        (tmp_path / name).write_text("x\n" * (3 if name == longer else 2))
    with pytest.raises(InputError, match=rf"{longer}: line 3 has no partner: .* ends after 2 lines"):
        pairs_in(tmp_path / "a.en", target_corpus=str(tmp_path / "a.de"))


def test_what_is_empty_on_one_side_of_two_files_is_left_out(tmp_path: Path) -> None:
    """Protects texts that were aligned by machine: their gaps are counted, and the lines behind them stay together."""
    (tmp_path / "a.en").write_text("one\n\nthree\nfour\n")
    (tmp_path / "a.de").write_text("eins\nzwei\ndrei\n \n")
    options = {"corpus": str(tmp_path / "a.en"), "target_corpus": str(tmp_path / "a.de"), "task": "translate"}
    found = read(TextConfig(**options))
    assert [pair[:2] for pair in found.rows] == [
        ("one", "eins"),
        ("three", "drei"),
    ] and found.left_out.startswith("2 with an empty side, the first is ")


def test_a_table_of_labels_and_one_of_pairs_are_remembered_apart(tmp_path: Path) -> None:
    """Protects what is learned: the same table read as another task is another corpus."""
    path = tmp_path / "t.tsv"
    path.write_text("label\ttext\na\tone\nb\ttwo\n")
    pairs = read(TextConfig(corpus=str(path), source_column="label", target_column="text"))
    assert pairs.sha256 != examples.read(TextConfig(corpus=str(path))).sha256


def test_half_a_character_is_no_character(tmp_path: Path) -> None:
    """Protects against what JSON can name and no file can hold."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"source": "a \\ud800", "target": "b"}\n')
    assert pairs_in(path) == [("a ?", "b")]


def test_running_text_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("some text\n")
    with pytest.raises(InputError, match=r"'\.txt' holds no columns; .*--target-corpus"):
        pairs_in(tmp_path / "a.txt")


def test_what_is_held_out_comes_last_and_is_not_learned_from() -> None:
    """Protects the figures: the parts are the file's own beginning and end, without a source in both."""
    pairs = [Pair(f"s{i}", f"t{i}", "") for i in range(18)]
    pairs += [Pair("s0", "another", ""), Pair("s19", "t19", "")]
    parts = divide(pairs, "80/10/10")
    assert [each.source for each in parts["valid"]] == ["s16", "s17"]
    assert [each.target for each in parts["test"]] == ["another", "t19"]
    assert [each.source for each in parts["train"]] == [f"s{i}" for i in range(1, 16)], (
        "s0 is held out as well"
    )
    assert set(divide(pairs, "90/10")) == {"train", "valid"}


def test_batches_hold_every_pair_once_an_epoch_and_whole() -> None:
    """Protects learning: an epoch is every pair once, uncut, each text between its ends."""
    rng = np.random.default_rng(0)
    pairs = [Pair("a" * int(rng.integers(1, 20)), "b" * i + "c", "") for i in range(21)]
    both = tokenizers.train(TextConfig(tokenizer="char"), (f"{each.source}{each.target}\n" for each in pairs))
    part = encode("train", pairs, Vocabularies(both, both))
    batches = batches_of(part, 4, seed=3)
    seen = []
    for position in range(len(batches)):
        batch = cast("PairedBatch", batches[position])
        assert batch.predictions == batch.target_lengths.sum() and batch.first
        for i, (source, target) in enumerate(zip(batch.source_lengths, batch.target_lengths, strict=True)):
            assert (
                batch.sources[source - 1, i] == batch.targets[0, i] == batch.targets[target, i] == both.start
            )
            written = both.decode(batch.sources[: source - 1, i]), both.decode(batch.targets[1:target, i])
            seen.append(written)
    assert sorted(seen) == sorted((each.source, each.target) for each in pairs)
    assert batches.predictions == round(4 * np.mean([len(each.target) + 1 for each in pairs]))
    some = cast("PairedBatch", batches[0]).some(slice(1, 3))
    assert some.sequences == 2 and len(some.targets) == some.target_lengths.max() + 1
