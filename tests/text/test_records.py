"""Records of any size: a text that is too long is named before it is read to its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnntui.core.config.schema import TextConfig
from rnntui.core.errors import InputError
from rnntui.core.tasks.classification import reader as examples
from rnntui.core.tasks.translation import reader as pairs
from rnntui.core.text.csv_rows import Reading, WantedColumn
from rnntui.core.text.records import LONGEST_TEXT, lines_of, records
from tests.conftest import at_most

MB = 1 << 20


LONG, LONGER = "x" * (LONGEST_TEXT + 1), "x" * (24 * MB)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.tsv", f"label\ttext\na\tb\na\t{LONG}\n", "line 3: 'text': more than 1,048,576 characters"),
        ("a.tsv", f"label\ttext\na\t{LONGER}\n", "line 2: more than 8,388,608 characters"),
        ("a.tsv", LONGER, "line 1: more than 8,388,608 characters"),
        ("a.tsv", "\t" * (24 * MB), "line 1: more than 8,388,608 characters"),
        ("a.csv", f"label,text\n{LONG},b\n", "row 2: 'label': more than 1,048,576 characters"),
        ("a.csv", f"label,text\na,{LONGER}\n", "line 2: more than 8,388,608 characters"),
        ("a.csv", "label,text\na,\"" + f"{'x' * 999}\n" * (24 << 10), "row 2: more than .* is a quote left open"),
        ("a.csv", "label,text\na" + f',"{"x" * 999}\n"' * (24 << 10), "row 2: more than .* is a quote left open"),
        ("a.jsonl", f'{{"label": "a", "text": "{LONG}"}}\n', "line 1: 'text': more than 1,048,576"),
        ("a.jsonl", f'{{"label": "a", "text": "{LONGER}"}}\n', "line 1: more than 8,388,608 characters"),
    ],
    ids=["tsv", "tsv, long", "tsv, header", "tsv, columns", "csv", "csv, long", "csv, open quote",
                         "csv, columns", "jsonl", "jsonl, long"],
)  # fmt: skip
def test_a_row_that_is_too_long_is_named_and_never_held(
    name: str, content: str, words: str, tmp_path: Path
) -> None:
    """Protects memory: the row, its column and the bound are told, and the rest of it is not read."""
    path = tmp_path / name
    path.write_text(content)
    with at_most(120 * MB), pytest.raises(InputError, match=f"{name}: {words}") as raised:
        examples.read(TextConfig(corpus=str(path)))
    assert "\n" not in str(raised.value) and "leave it out" in str(raised.value)


def test_what_stands_beside_a_text_may_be_longer(tmp_path: Path) -> None:
    """Protects tables from elsewhere: a column that nobody asked for has the bound of the row alone."""
    (tmp_path / "a.tsv").write_text(f"label\tpage\ttext\na\t{LONG}\tb\n")
    (tmp_path / "a.jsonl").write_text(f'{{"label": "a", "page": "{LONG}", "text": "b"}}\n')
    (tmp_path / "a.csv").write_text(f"label,page,text\na,{LONG},b\n")
    for name in ("a.tsv", "a.jsonl", "a.csv"):
        (found,) = examples.read(TextConfig(corpus=str(tmp_path / name))).rows
        assert found[:2] == ("b", "a")


def test_the_longest_text_is_read(tmp_path: Path) -> None:
    """Protects the bound: a text of exactly so many characters is one, in a table, in a file and in a line."""
    longest = "x" * LONGEST_TEXT
    (tmp_path / "a.tsv").write_text(f"label\ttext\na\t{longest}\n")
    assert examples.read(TextConfig(corpus=str(tmp_path / "a.tsv"))).rows[0].text == longest
    for name in ("a.en", "a.de"):
        (tmp_path / name).write_text(f"{longest}\n")
    config = TextConfig(corpus=str(tmp_path / "a.en"), target_corpus=str(tmp_path / "a.de"))
    assert pairs.read(config).rows[0].source == longest


def test_a_file_that_is_too_long_for_a_text_is_named_and_never_held(tmp_path: Path) -> None:
    """Protects memory: of a folder for each label, the file is named, and no more of it read than its bound."""
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.txt").write_text(LONGER if label == "b" else "short")
    with at_most(8 * MB), pytest.raises(InputError, match=r"1\.txt: more than 1,048,576 characters; divide"):
        examples.read(TextConfig(corpus=str(tmp_path)))


@pytest.mark.parametrize("longer", ["a.en", "a.de"])
def test_a_line_of_two_files_that_is_too_long_is_named_and_never_held(longer: str, tmp_path: Path) -> None:
    """Protects memory: of two files whose lines belong together, the file and the line are named."""
    for name in ("a.en", "a.de"):
        (tmp_path / name).write_text("x\n" + (LONGER if name == longer else "y") + "\n")
    config = TextConfig(corpus=str(tmp_path / "a.en"), target_corpus=str(tmp_path / "a.de"))
    with (
        at_most(8 * MB),
        pytest.raises(InputError, match=f"{longer}: line 2: more than 1,048,576 characters"),
    ):
        pairs.read(config)


@given(st.lists(st.text("a\n\r\u2028", max_size=5)))
def test_lines_are_those_of_the_whole_text(blocks: list[str]) -> None:
    """Protects reading: however a text is cut into blocks, its lines are the same, and end at line feeds alone."""
    text = "".join(blocks)
    assert list(lines_of(blocks, "f")) == [line for line in text.replace("\n", "\n\0").split("\0") if line]


def test_the_first_row_is_no_text_where_it_names_the_columns(tmp_path: Path) -> None:
    """Protects who counts columns in a table that has names: its first row is left out, and that is said."""
    path = tmp_path / "a.csv"
    path.write_text("id;Text;Label\n1;good soup;yes\n2;cold soup;no\n")
    reading = Reading()
    columns = [WantedColumn("text", "2"), WantedColumn("label", "3")]
    found = list(records(TextConfig(corpus=str(path)), columns, "", reading))
    assert [each.fields for each in found] == [("good soup", "yes"), ("cold soup", "no")]
    assert any("first row names the columns" in note for note in reading.notes)
    path.write_text("1;text of a song;yes\n2;cold soup;no\n")
    assert len(list(records(TextConfig(corpus=str(path)), columns, "", Reading()))) == 2
