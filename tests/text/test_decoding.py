"""Bytes to text."""

from __future__ import annotations

import pytest

from rnntui.core.errors import InputError
from rnntui.core.text import decoding


def decode(data: bytes, name: str, encoding: str = "auto", size: int = 1 << 10) -> str:
    """The whole of `data`, read `size` bytes at a time."""
    blocks = (data[at : at + size] for at in range(0, len(data), size))
    return "".join(decoding.decode(blocks, name, encoding))


TEXT = "Où ça? 你好, мир\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marked_and_plain_unicode_is_read(encoding: str) -> None:
    """Protects Windows' and everybody's files: UTF-8 with and without mark, UTF-16 with mark."""
    assert decode(TEXT.encode(encoding), "f") == TEXT


def test_big_endian_utf16_with_mark() -> None:
    assert decode(b"\xfe\xff" + TEXT.encode("utf-16-be"), "f") == TEXT


def test_line_ends_become_one_kind() -> None:
    assert decode(b"a\r\nb\rc\n", "f") == "a\nb\nc\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"caf\xe9 au lait", "f: not utf-8 at byte 3; try --encoding cp1252"),
        ("你好，世界。今天天气很好".encode("gb18030"), "f: not utf-8 at byte 0; try --encoding gb18030"),
        (b"\xef\xbb\xbfab\xff", "f: not utf-8 at byte 5; try --encoding cp1252"),
        (b"PK\x03\x04\x00\x00", "looks binary, not text (zero byte at 4)"),
        ("plain words".encode("utf-16-le"), "try --encoding utf-16-le"),
    ],
)
def test_what_is_no_text_is_named_with_its_offset(data: bytes, expected: str) -> None:
    """Protects the person with an old file: the byte and the encoding to try, on one line."""
    with pytest.raises(InputError) as caught:
        decode(data, "f")
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_the_suggested_encoding_works() -> None:
    assert decode(b"caf\xe9", "f", "cp1252") == "café"
    with pytest.raises(InputError, match="no known encoding"):
        decode(b"x", "f", "klingon")
