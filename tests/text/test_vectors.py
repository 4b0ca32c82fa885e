"""Word vectors from files: every form, packed or not, and every fault with its line."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnntui.core.errors import InputError
from rnntui.core.text.vectors import as_text, read_vectors
from tests.conftest import at_most

WORDS = {"soup": [0.5, -1.0, 2.0], "café": [1.5, 0.25, -3.0], "1st": [0.0, 0.125, 9.0]}


def plain() -> bytes:
    return "".join(f"{word} {' '.join(map(str, numbers))}\n" for word, numbers in WORDS.items()).encode()


def binary(newline: bytes = b"\n") -> bytes:
    rows = (
        word.encode() + b" " + np.array(numbers, "<f4").tobytes() + newline for word, numbers in WORDS.items()
    )
    return b"3 3\n" + b"".join(rows)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "content",
    [plain(), b"3 3\n" + plain(), plain().replace(b" ", b"\t"), binary(), binary(b"")],
    ids=["glove", "vec", "tabs", "bin", "bin, no ends"],
)
def test_every_form_is_read(content: bytes, packed: bool, tmp_path: Path) -> None:
    """Protects `--embeddings`: GloVe, word2vec and fastText say the same, gzip or not; only what is wanted is kept."""
    path = tmp_path / "vectors"
    path.write_bytes(gzip.compress(content) if packed else content)
    found = read_vectors(path, {"soup", "café", "nowhere"})
    assert found.size == 3 and set(found.found) == {"soup", "café"}
    for word, vector in found.found.items():
        np.testing.assert_array_equal(vector, np.float32(WORDS[word]))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Protects `export --embeddings`: seven digits, so that a number comes back to one part in a million."""
    path, rng = tmp_path / "out.vec", np.random.default_rng(0)
    vectors = rng.normal(size=(3, 5)).astype(np.float32)
    path.write_text("".join(as_text(list(WORDS), vectors)), encoding="utf-8")
    found = read_vectors(path, set(WORDS)).found
    np.testing.assert_allclose(np.stack([found[word] for word in WORDS]), vectors, rtol=1e-6)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"soup 1 2 x\n", ("no vectors", "line 1")),
        (b"soup 1 2 nan\n", ("no vectors", "line 1", "'soup'", "not finite")),
        (b"soup\n", ("no vectors", "line 1", "0 numbers after 'soup'")),
        (b"", ("no vectors",)),
        (b"2 3\nsoup 1 2 1e39\nroom 1 2\n", ("no vectors", "line 2", "'soup'", "not finite", "line 3")),
        (b"5 2\n" + b"\xff 1 2\n" * 5, ("no vectors", "line 2: not UTF-8", "line 4: not UTF-8 and 2 more")),
        (b"3 3\nsoup \x00\x01\xff", ("word 1", "should hold 3 words")),
        (b"9 0\n\xff\xff\xff\n", ("line 1", "0 features")),
        (b"1 99999999\n\xff\xff\xff\n", ("line 1", "99999999 features")),
        (b"1 99999999\nsoup 1\n", ("line 1", "99999999 features")),
        (b"1 " * (1 << 16) + b"1 1\n", ("line 1", "65,537 features")),
        (b"2 2\n" + b"x" * 5_000 + b"\xff\n", ("word 1", "no space")),
        (gzip.compress(plain(), mtime=0)[:-9], ("cannot be read",)),
    ],
)
def test_what_is_wrong_is_said_with_its_line(content: bytes, words: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "bad.vec"
    path.write_bytes(content)
    with pytest.raises(InputError) as raised:
        read_vectors(path, {"soup"})
    message = str(raised.value)
    assert "bad.vec" in message and "\n" not in message and all(word in message for word in words), message


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("begins", "words"),
    [
        (b"", "line 1: longer than 4,198,400 bytes"),
        (b"4 2\n", "line 2: longer than 4,224 bytes, the most that a word and its 2 numbers take"),
        (b"soup 1 2\nroom 1 2\n", "line 3: longer than 4,224 bytes"),
    ],
    ids=["first line", "header", "line before"],
)
def test_a_line_without_an_end_is_named_and_never_held(
    begins: bytes, words: str, packed: bool, tmp_path: Path
) -> None:
    """Protects memory: of an endless line, packed to a thousandth or not, no more is read than its bound."""
    path, content = tmp_path / "bomb.vec", begins + b"1 " * (1 << 24)
    path.write_bytes(gzip.compress(content, 1) if packed else content)
    with at_most(1 << 24), pytest.raises(InputError, match=words) as raised:
        read_vectors(path, {"soup"})
    assert str(raised.value).startswith(f"{path}: ") and "\n" not in str(raised.value)


@pytest.mark.parametrize("form", ["text", "binary"])
def test_words_that_nobody_wants_are_never_held(form: str, tmp_path: Path) -> None:
    """Protects memory: however many words a packed file has, only the wanted ones stay."""
    path, count = tmp_path / "many.vec", 20_000
    row = b"word " + b"\xff" * 36 if form == "binary" else b"word" + b" 1" * 9 + b"\n"
    path.write_bytes(gzip.compress(b"%d 9\n" % count + row * count, 1))
    with at_most(1 << 20):
        assert read_vectors(path, {"soup"}).found == {}


def test_a_long_file_says_how_far_it_is(tmp_path: Path) -> None:
    """Protects the wait: a file of millions of words, packed or not, is read with a bar."""
    path, told = tmp_path / "long.vec.gz", []
    path.write_bytes(gzip.compress(b"soup 1 2\n" + b"the 1 2\n" * 70_000))
    read_vectors(path, {"soup"}, lambda line, fraction: told.append((line, fraction)))
    assert len(told) == 4 and all(line == "reading long.vec.gz" for line, _ in told)
    assert told == sorted(told) and told[-1][1] <= 1


@pytest.mark.parametrize("packed", ["", "gzip", "zip"])
def test_words_with_spaces_and_faulty_lines_cost_no_file(packed: str, tmp_path: Path) -> None:
    """Protects files as they are handed out: the last numbers are the vector, faulty lines are counted and named."""
    content = b"soup 1 2 3\n. . . 4 5 6\nat name@domain.com 7 8 9\n\xff\xfe 1 2 3\n"
    content += b"room 1 2\nNew York 1 2 x\ntea 1 1 1\n"
    path = tmp_path / "glove"
    if packed == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("glove.txt", content)
    else:
        path.write_bytes(gzip.compress(content) if packed else content)
    found = read_vectors(path, {"soup", ". . .", "at name@domain.com", "New York", "tea", "room"})
    assert set(found.found) == {"soup", ". . .", "at name@domain.com", "tea"} and found.size == 3
    assert found.found[". . ."].tolist() == [4, 5, 6]
    assert found.passed_over.startswith(
        "passed over 3 lines: line 4: not UTF-8; line 5: 2 numbers after 'room', not 3; "
    )
    assert "line 6: 'New York': could not convert" in found.passed_over


def test_an_archive_without_vectors_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "empty.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("folder")
    with pytest.raises(InputError, match="an empty archive; give word2vec"):
        read_vectors(path, {"soup"})
    content = bytearray()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("glove.txt", "soup 1 2\n")
    content += path.read_bytes()
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1  # encrypted
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"glove.txt: .*; unpack it, and give the file"):
        read_vectors(path, {"soup"})
