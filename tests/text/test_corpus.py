"""Where texts come from."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType

import pytest

from rnntui.core.errors import InputError
from rnntui.core.text import catalogue, corpus
from rnntui.core.text.statistics import statistics

SMALLEST = {"tales": 100_000, "verse": 30_000, "chinese": 40_000, "reber": 100_000}


def reber() -> ModuleType:
    """The script that draws the grammar's sample."""
    spec = importlib.util.spec_from_file_location("reber", catalogue.folder() / "reber.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "size"), SMALLEST.items())
def test_samples_are_there_and_large_enough(name: str, size: int) -> None:
    assert len(corpus.load(name).text.encode()) >= size


@pytest.mark.parametrize("name", ["tales", "verse", "chinese"])
def test_sample_texts_do_not_repeat_themselves(name: str) -> None:
    """Protects the samples' worth: no paragraph of any length stands twice."""
    paragraphs = [line for line in corpus.load(name).text.splitlines() if len(line) > 60]
    assert len(set(paragraphs)) == len(paragraphs)


def test_the_grammars_text_is_what_its_script_draws() -> None:
    """Protects the known entropy: the shipped text is a draw from the stated grammar."""
    script, text = reber(), corpus.load("reber").text
    assert text == script.draw()
    bits = sum(map(script.bits, text.splitlines()))
    assert bits / len(text) == pytest.approx(script.BITS_PER_CHAR, rel=0.005)


def test_standard_library_is_real_code_and_stable() -> None:
    """Protects `python-stdlib`: megabytes of code, the same at every reading."""
    text = corpus.load("python-stdlib")
    assert len(text.text.encode()) > 5_000_000 and "import" in text.text
    assert corpus.load("python-stdlib").sha256 == text.sha256


def test_samples_do_not_depend_on_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert corpus.load("verse").text


def test_file_folder_stdin_and_url_give_the_same_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the four ways in: one text, one digest."""
    file = tmp_path / "folder" / "text.txt"
    file.parent.mkdir()
    file.write_text("some text\n", encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"some text\n")))
    sources = [str(file), str(file.parent), "-", file.as_uri()]
    assert len({corpus.load(source).sha256 for source in sources}) == 1


def test_a_folder_is_read_in_order_and_its_binaries_left_out(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.txt").write_text("second", encoding="utf-8")
    (tmp_path / "a.md").write_text("first", encoding="utf-8")
    (tmp_path / "sub" / "c.txt").write_text("third", encoding="utf-8")
    (tmp_path / "image.png").write_bytes(b"\x89PNG\0\0")
    (tmp_path / ".hidden").write_text("no", encoding="utf-8")
    found = corpus.Source(str(tmp_path))
    assert "".join(found.blocks()) == found.beginning == "first\nsecond\nthird"
    assert (found.files, len(found.skipped)) == (3, 1)


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    """Protects against traceback and silence: the source, the fault, the next step."""
    empty, binary, bare = tmp_path / "empty.txt", tmp_path / "x" / "b.bin", tmp_path / "bare"
    empty.write_text(" \n", encoding="utf-8")
    binary.parent.mkdir()
    binary.write_bytes(b"\0\1")
    bare.mkdir()
    expected = {
        str(empty): "empty",
        str(binary.parent): "folder without text",
        str(bare): "folder without text",
        "tails": "did you mean 'tales'?",
        "nonsense://x": "cannot be read",
        "file:///no/such/file": "cannot be read",
    }
    for source, words in expected.items():
        with pytest.raises(InputError) as caught:
            corpus.load(source)
        assert words in str(caught.value) and "\n" not in str(caught.value)


def test_statistics_of_a_known_text() -> None:
    """Protects the figures: four equally likely letters have two bits each."""
    figures = statistics(["abcd" * 50] * 2)
    assert (figures.characters, figures.bytes, figures.vocabulary, figures.lines) == (400, 400, 4, 1)
    assert figures.entropy == pytest.approx(2.0)
    assert 0 < figures.gzip_bits_per_byte < 1
    assert statistics(["aaa"]).entropy == 0
