"""Labelled texts: every way in, every fault in one line, and parts that do not share a text."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnntui.core.config.schema import TextConfig
from rnntui.core.config.splits import split_of_examples
from rnntui.core.errors import InputError
from rnntui.core.runs.folder import Run
from rnntui.core.tasks.classification.data import LabelledBatch, batches_of, divide, encode, labels_of
from rnntui.core.tasks.classification.reader import Example, check_labels, read
from rnntui.core.text import tokenizers
from rnntui.core.text.buckets import in_order
from rnntui.core.text.tables import task_for
from tests.cli.test_commands import assert_one_line, rnntui

ROWS = [("good", 'it "works", mostly'), ("bad", "it broke"), ("good", "fine by me"), ("bad", "no")]


def read_file(path: Path, content: str, **options: Any) -> list[tuple[str, str]]:
    path.write_text(content, encoding="utf-8")
    found = read(TextConfig(corpus=str(path), task="classify", **options))
    return [(each.label, each.text) for each in found.rows]


def test_the_same_examples_come_from_every_kind_of_file(tmp_path: Path) -> None:
    """Protects reading: TSV, CSV, JSON lines and folders hold the same, and have the same digest."""
    tsv = "label\ttext\n" + "".join(f"{label}\t{text}\n" for label, text in ROWS)
    csv = "text,label\n" + "".join('"{}",{}\n'.format(t.replace('"', '""'), label) for label, t in ROWS)
    lines = "".join(json.dumps({"label": label, "text": text}) + "\n" for label, text in ROWS)
    assert read_file(tmp_path / "a.tsv", tsv) == ROWS
    assert read_file(tmp_path / "a.csv", csv) == ROWS
    assert read_file(tmp_path / "a.jsonl", lines) == ROWS
    assert read_file(tmp_path / "b.tsv", tsv.replace("label\ttext", "stars\tbody"), text_column="body",
                     label_column="stars") == ROWS  # fmt: skip
    assert read_file(tmp_path / "c.tsv", tsv.replace("\t", " \t")) == ROWS
    for number, (label, text) in enumerate(ROWS):
        (tmp_path / "folders" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "folders" / label / f"{number}.txt").write_text(text, encoding="utf-8")
    found = read(TextConfig(corpus=str(tmp_path / "folders"), task="classify")).rows
    assert sorted((each.label, each.text) for each in found) == sorted(ROWS)
    (tmp_path / "folders" / ROWS[0][0] / "none.txt").touch()
    again = read(TextConfig(corpus=str(tmp_path / "folders"), task="classify"))
    assert again.rows == found and again.left_out.startswith("1 without text, the first is ")
    digests = {read(TextConfig(corpus=str(tmp_path / name))).sha256 for name in ("a.tsv", "a.csv", "a.jsonl")}
    assert len(digests) == 1
    assert [each.where for each in read(TextConfig(corpus=str(tmp_path / "a.tsv"))).rows][-1].endswith(
        "line 5"
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.tsv", "label\tbody\ngood\tx\n", ("line 1", "no column 'text'", "--text-column")),
        ("a.tsv", "label\tlabel\ttext\na\tb\tc\n", ("line 1", "more than one column 'label'", "rename")),
        ("a.tsv", "\nlabel\ttext\n", ("line 1", "no column 'text'", "nothing is named")),
        ("a.tsv", "label\ttext\ngood\tx\ty\n", ("line 2", "3 columns", "names 2", "leave it out")),
        ("a.tsv", "label\ttext\nbad\t \n", ("no examples", "left out: 1 without text", "line 2")),
        ("a.tsv", "label\ttext\n\tx\n", ("no examples", "left out: 1 without a label", "line 2")),
        ("a.tsv", "label\ttext\na\n" + "b\tx\n" * 9 + "c\n" * 4, ("line 2", "line 12", "line 13", "5 such rows")),
        ("a.jsonl", "[1]\n" * 7, ("line 1", "line 2", "line 3", "7 such rows in all")),
        ("a.json", '[{"label": "a", "text": "b"}, 7]', ("entry 2", "not an object")),
        ("a.json", '[{"label": ', ("a.json: not JSON", "an object a line")),
        ("a.ft", "__label__a text\nno label\n", ("line 2", "not one label")),
        ("a.tsv", "label\ttext\n", ("no examples",)),
        ("a.csv", 'label,text\ngood,"x\n', ("row 2", "not CSV")),
        ("a.csv", 'label,text\ngood,"x"y\n', ("row 2", "not CSV")),
        ("a.jsonl", '{"label": "a", "text": "b"}\n{"label": \n', ("line 2", "not JSON")),
        ("a.jsonl", "[1]\n", ("line 1", "not an object")),
        ("a.jsonl", '{"text": "b"\n', ("line 1: not JSON: Expecting ',' delimiter; write {",)),
        ("a.jsonl", "[" * 100_000 + "\n", ("line 1", "not JSON", "nested too deeply")),
        ("a.jsonl", '{"label": "a"}\n', ("line 1", "no key 'text'")),
        ("a.jsonl", "{}\n", ("line 1", "no key 'text'", "nothing is named")),
        ("a.jsonl", '{"label": "a", "text": 7}\n', ("line 1", "'text' is no text")),
        ("a.jsonl", '{"label": null, "text": "b"}\n', ("no examples", "1 without a label")),
        ("a.txt", "some text\n", ("'.txt' holds no columns", "--task classify")),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(
    name: str, content: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    """Protects whoever made the file: the file, the line, what was expected."""
    with pytest.raises(InputError) as raised:
        read_file(tmp_path / name, content)
    message = str(raised.value)
    assert name in message and "\n" not in message and all(word in message for word in words), message


def test_labels_must_be_two_and_each_seen_twice() -> None:
    """Protects against a classifier of nothing: the label that is seen once is named, with its line."""
    with pytest.raises(InputError, match="two labels or more"):
        check_labels([Example("a", "x", "f: line 2"), Example("b", "x", "f: line 3")])
    with pytest.raises(InputError, match=r"f: line 4: labels that are seen once: 'y'; .*--min-label-count 2"):
        check_labels([Example("a", "x", ""), Example("b", "x", ""), Example("c", "y", "f: line 4")])


def test_a_folder_without_labels_and_an_absent_library_are_said(tmp_path: Path) -> None:
    (tmp_path / "only").mkdir()
    with pytest.raises(InputError, match="1 folders; give one for each label"):
        read(TextConfig(corpus=str(tmp_path)))
    with pytest.raises(InputError, match="hf:some"):
        read(TextConfig(corpus="hf:some/thing"))


texts = st.lists(
    st.tuples(st.sampled_from("abc"), st.text("xyz", min_size=1, max_size=4)), min_size=4, max_size=80
)


@given(texts)
def test_no_text_is_in_two_parts_and_every_example_in_one(rows: list[tuple[str, str]]) -> None:
    """Protects the figures: a text that comes twice is learned from or held out, and never both."""
    examples = [Example(text, label, str(number)) for number, (label, text) in enumerate(rows)]
    parts = divide(examples, "80/10/10")
    where = {name: {each.text for each in part} for name, part in parts.items()}
    names = list(where)
    assert not any(where[a] & where[b] for a in names for b in names if a < b)
    assert sorted(each.where for part in parts.values() for each in part) == sorted(
        each.where for each in examples
    )
    if len({text: label for label, text in rows}) == len(set(rows)):  # no text has two labels
        turned = divide(examples[::-1], "80/10/10")
        assert {name: {each.text for each in part} for name, part in turned.items()} == where


def test_every_label_is_held_out_in_its_share() -> None:
    """Protects small classes: of each label a tenth is held out, and at least one text."""
    examples = [Example(f"text {i}", "rare" if i % 50 == 0 else "common", "") for i in range(1000)]
    parts = divide(examples, split_of_examples("auto", len(examples), 10_000))
    counts = {name: Counter(each.label for each in part) for name, part in parts.items()}
    assert counts["valid"] == {"common": 98, "rare": 2} == counts["test"]
    few = divide(
        [Example("a", "x", ""), Example("b", "x", ""), Example("c", "y", ""), Example("d", "y", "")], "90/10"
    )
    assert {name: len(part) for name, part in few.items()} == {"train": 2, "valid": 2}


def test_batches_hold_every_text_once_an_epoch_and_whole() -> None:
    """Protects learning: an epoch is every text once, uncut; its order depends on seed and epoch alone."""
    rng = np.random.default_rng(0)
    examples = [
        Example("x" * int(rng.integers(1, 40)) + "y" * i, "ab"[i % 2], "") for i in range(53)
    ]  # all different
    tokenizer = tokenizers.train(TextConfig(tokenizer="char"), (each.text for each in examples))
    part = encode("train", examples, tokenizer, labels_of(examples))
    buckets = batches_of(part, 8, seed=3)
    assert len(buckets) == 7
    seen = []
    for position in range(len(buckets)):
        batch = cast("LabelledBatch", buckets[position])
        assert batch.inputs.shape == (batch.lengths.max(), len(batch.labels)) and batch.first
        for column, length in enumerate(batch.lengths):
            text = tokenizer.decode(batch.inputs[1:length, column])
            seen.append((text, "ab"[batch.labels[column]]))
    assert sorted(seen) == sorted((each.text, each.label) for each in examples)
    again = batches_of(part, 8, seed=3)[9].arrays[0]
    assert (again == buckets[9].arrays[0]).all() and not np.array_equal(again, buckets[2].arrays[0])
    order = [int(i) for which in in_order(part.read.lengths, 8) for i in which]
    assert sorted(order) == list(range(53))


def test_a_label_that_no_run_knows_is_named() -> None:
    tokenizer = tokenizers.train(TextConfig(tokenizer="byte"), [])
    with pytest.raises(InputError, match=r"f: line 9: unknown label 'goood'; did you mean 'good'\?"):
        encode("whole", [Example("x", "goood", "f: line 9")], tokenizer, ["bad", "good"])


def test_links_out_of_a_folder_of_labels_are_left_out_and_counted(tmp_path: Path) -> None:
    """Protects secrets from models that are given away: neither a linked file nor a linked label is read."""
    gift, private = tmp_path / "gift", tmp_path / "private"
    private.mkdir()
    (private / "diary.txt").write_text("TOPSECRET")
    for label in ("good", "bad"):
        (gift / label).mkdir(parents=True)
        (gift / label / "1.txt").write_text(f"a {label} text")
    (gift / "bad" / "2.txt").symlink_to("../good/1.txt")  # within the folder
    (gift / "good" / "2.txt").symlink_to(private / "diary.txt")
    (gift / "neutral").symlink_to(private)
    found = read(TextConfig(corpus=str(gift), task="classify"))
    assert [each[:2] for each in found.rows] == [
        ("a bad text", "bad"),
        ("a good text", "bad"),
        ("a good text", "good"),
    ]
    assert found.left_out == f"2 in other folders, by links, the first is {gift / 'neutral'}"


def test_common_shapes_of_tables_are_read(tmp_path: Path) -> None:
    """Protects files as they are handed around: other separators, no names, arrays, packed, escapes, fastText."""
    rows = [("good", 'so; "nice" | very, tasty'), ("bad", "not nice")]
    for separator in ",;|\t":
        lines = "".join(
            '"{}"{}{}\n'.format(text.replace('"', '""'), separator, label) for label, text in rows
        )
        assert read_file(tmp_path / "a.csv", f"text{separator}label\n" + lines) == rows
        assert read_file(tmp_path / "a.csv", lines, text_column="1", label_column="2") == rows
    escaped = "".join('"{}",{}\n'.format(text.replace('"', '\\"'), label) for label, text in rows)
    (tmp_path / "e.csv").write_text("text,label\n" + escaped)
    found = read(TextConfig(corpus=str(tmp_path / "e.csv"), task="classify"))
    assert [(each.label, each.text) for each in found.rows] == rows and found.notes
    objects = [{"label": label, "text": text, "stars": 5.0} for label, text in rows]
    assert read_file(tmp_path / "a.json", json.dumps(objects, indent=1)) == rows
    assert read_file(tmp_path / "b.json", "".join(json.dumps(each) + "\n" for each in objects)) == rows
    assert read_file(tmp_path / "c.json", json.dumps(objects), label_column="stars")[0][0] == "5.0"
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress("".join(json.dumps(each) + "\n" for each in objects).encode()))
    assert [each.text for each in read(TextConfig(corpus=str(packed), task="classify")).rows] == [
        rows[0][1],
        rows[1][1],
    ]
    assert (
        read_file(tmp_path / "a.txt", "".join(f"__label__{label} {text}\n" for label, text in rows)) == rows
    )


def test_a_parquet_file_is_read_or_says_what_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    if find_spec("pyarrow") is None:
        path.write_bytes(b"PAR1")
        with pytest.raises(
            InputError, match=r"a.parquet: Parquet needs one more package: pip install pyarrow"
        ):
            read(TextConfig(corpus=str(path), task="classify"))
        return
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"label": ["a", "b"], "text": ["x", None]}), path)
    found = read(TextConfig(corpus=str(path), task="classify"))
    assert [each[:2] for each in found.rows] == [("x", "a")] and found.left_out.startswith("1 without text")


@pytest.mark.parametrize("name", ["nosuch.en-zh", "nosuch.csv", "nosuch.json", "nosuch", "nosuch.txt"])
def test_a_file_that_is_not_there_is_said_whatever_its_ending(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{name}: no such file"):
        read(TextConfig(corpus=str(tmp_path / name), task="classify"))


def test_rare_labels_are_named_together_and_left_out_on_request(tmp_path: Path) -> None:
    """Protects time: all labels that are too rare stand in one line, with the flag that leaves them out."""
    content = "label\ttext\n" + "".join(f"{label}\t{label} {n}\n" for label in "ab" for n in range(15))
    path = tmp_path / "a.tsv"
    path.write_text(content + "odd\tx\nugly\ty\n")
    answer = rnntui("train", path, "--task", "classify", "--headless", "--run", tmp_path / "R")
    assert_one_line(answer, 2, "line 32", "'odd', 'ugly'", "--min-label-count 2")
    flags = (
        "--task",
        "classify",
        "--headless",
        "--min-label-count",
        "2",
        "--max-steps",
        "3",
        "--hidden-size",
        "8",
    )
    answer = rnntui("train", path, *flags, "--run", tmp_path / "R")
    assert answer.returncode == 0, answer.stderr
    assert "left out: 2 with labels seen less than 2 times, the first is" in answer.stderr


def test_three_labelled_lines_train(tmp_path: Path) -> None:
    """Protects the first thing that a student tries: so few texts are all learned from, and it is said."""
    path = tmp_path / "three.tsv"
    path.write_text("label\ttext\n1\ti love you\n1\the loves me\n0\tshe hates it\n")
    flags = (
        "--task",
        "classify",
        "--headless",
        "--max-steps",
        "150",
        "--lr",
        "0.01",
        "--run",
        tmp_path / "R",
    )
    answer = rnntui("train", path, *flags)
    assert answer.returncode == 0 and "nothing is held out" in answer.stderr, answer.stderr
    found = json.loads(rnntui("classify", tmp_path / "R", "she hates it", "--json").stdout)
    assert found["label"] == "0" and found["probabilities"]["0"] > 0.9
    assert "nothing was held out" in rnntui("evaluate", tmp_path / "R").stderr


@pytest.mark.parametrize(
    ("name", "content", "task"),
    [
        ("a.tsv", "label\ttext\n", "classify"),
        ("a.csv", '"text";"stars";"label"\n', "classify"),
        ("a.csv", "source,target\n", "translate"),
        ("a.jsonl", '{"label": "a", "text": "b"}\n', "classify"),
        ("a.json", ' [\n {"source": "a",\n "target": "b"}]', "translate"),
        ("a.tsv", "name\ttext\n", "lm"),
        ("a.json", '{"label": ', "lm"),
        ("a.txt", "label\ttext\n", "lm"),
    ],
)
def test_the_columns_of_a_table_say_what_it_is_for(
    name: str, content: str, task: str, tmp_path: Path
) -> None:
    """Protects who names a table and nothing else: it is not learned as running text, unless somebody says so."""
    path = tmp_path / name
    path.write_text(content)
    assert task_for(str(path)) == task
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content.encode()))
    assert task_for(str(tmp_path / f"{name}.gz")) == task
    assert task_for(str(tmp_path / "nowhere.csv")) == "lm"


def test_a_table_is_taken_for_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "three.tsv"
    path.write_text("label\ttext\n1\ti love you\n1\the loves me\n0\tshe hates it\n")
    flags = ("--headless", "--max-steps", "2", "--hidden-size", "8")
    answer = rnntui("train", path, *flags, "--run", tmp_path / "C")
    assert answer.returncode == 0 and "a table for --task classify" in answer.stderr
    assert Run.open(tmp_path / "C").config.text.task == "classify"
    assert rnntui("train", path, *flags, "--task", "lm", "--run", tmp_path / "L").returncode == 0
    assert Run.open(tmp_path / "L").config.text.task == "lm"
