"""Bytes to text."""

from __future__ import annotations

import random

import pytest

from rnntui.core.errors import InputError
from rnntui.core.text import decoding
from rnntui.core.text.decoding import Damage, OnError
from rnntui.core.text.encodings import encoded_twice, guess
from tests.text.languages import ENCODED, PASSAGES, encoded


def decode(
    data: bytes,
    name: str,
    encoding: str = "auto",
    size: int = 1 << 10,
    on_error: OnError = "stop",
    damage: Damage | None = None,
) -> str:
    """The whole of `data`, read `size` bytes at a time."""
    blocks = (data[at : at + size] for at in range(0, len(data), size))
    return "".join(decoding.decode(blocks, name, encoding, on_error, damage))


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
        (b"caf\xe9 au lait", "f: not utf-8 at byte 3; it looks like cp1252: add --encoding cp1252"),
        (
            encoded("chinese", "gb18030"),
            "f: not utf-8 at byte 0; it looks like gb18030: add --encoding gb18030",
        ),
        (
            b"\xef\xbb\xbfab" + random.Random(1).randbytes(3_000).replace(b"\0", b"\xff"),
            ", and in no encoding that is known for sure",
        ),
        (b"AB\x03\x04\x00\x00", "looks binary (zero byte at 4); give a text"),
        ("plain words".encode("utf-16-le"), "add --encoding utf-16-le"),
    ],
)
def test_what_is_no_text_is_named_with_its_offset(data: bytes, expected: str) -> None:
    """Protects the person with an old file: the byte and the encoding to try, on one line."""
    with pytest.raises(InputError) as caught:
        decode(data, "f")
    assert expected in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("language", PASSAGES)
def test_wide_unicode_without_a_mark_is_told_with_its_order(language: str, encoding: str) -> None:
    """Protects files of old Windows programs: followed, the advice gives the text; silence is better than another."""
    data = (PASSAGES[language] + "\n").encode(encoding)
    with pytest.raises(InputError) as caught:
        decode(data, "f")
    advised = str(caught.value).partition("--encoding ")[2]
    assert advised == encoding, str(caught.value)
    assert decode(data, "f", advised) == PASSAGES[language] + "\n"


def test_marked_utf32_is_read() -> None:
    assert (
        decode(TEXT.encode("utf-32"), "f") == decode(b"\0\0\xfe\xff" + TEXT.encode("utf-32-be"), "f") == TEXT
    )


def test_seven_bits_with_other_alphabets_are_told() -> None:
    """Protects old mail: Japanese in ISO 2022 is pure ASCII to who does not look."""
    for language, encoding in (("japanese", "iso2022_jp"), ("korean", "iso2022_kr")):
        with pytest.raises(InputError, match=f"add --encoding {encoding}"):
            decode(f"It begins. {PASSAGES[language]}".encode(encoding), "f")


@pytest.mark.parametrize(
    "data",
    [
        ("Où est la forêt? " * 40).encode() + ("Où est la forêt? " * 20).encode("cp1252"),
        b"The cat sat \xed\xa0\xbd\xed\xb8\x80 on the mat.\n" * 50,
        b"The cat sat \xc0\x80 on the mat.\n" * 50,
    ],
    ids=["two in one", "halves", "long zeros"],
)
def test_what_is_mostly_utf8_is_damaged(data: bytes) -> None:
    """Protects what is right in a text: read in another encoding, all of that would be ruined."""
    with pytest.raises(InputError, match=r"f: UTF-8 but for .* --on-error replace reads them as"):
        decode(data, "f")
    assert "\ufffd" in decode(data, "f", on_error="replace")


def test_the_suggested_encoding_works() -> None:
    assert decode(b"caf\xe9", "f", "cp1252") == "café"
    for name in ("klingon", "idna", "base64"):
        with pytest.raises(InputError, match="no known encoding"):
            decode(b"x", "f", name)


def test_an_encoding_is_named_only_where_it_is_right() -> None:
    """Protects a text from advice that ruins it: of 150 passages in 30 encodings none is read wrongly."""
    right = silent = 0
    for language, encoding in ENCODED:
        whole = encoded(language, encoding)
        for share in (1, 2, 3, 4, 8):
            data = whole[: len(whole) // share]
            found = guess(data)
            if found is None:
                silent += 1
                continue
            assert data.decode(found, "ignore") == data.decode(encoding, "ignore"), (
                language,
                encoding,
                share,
                found,
            )
            right += 1
    assert right + silent == 150 and right >= 0.95 * 150


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("It’s late, she said. “Don’t go.” He went – and that was that… " * 40, "cp1252"),
        ("The waiter brought a café to the table by the window, and nobody said a word. " * 9, "latin-1"),
        ("It costs £35, she said. Not much, for a house like this one.", "cp1252"),
        ("caf\u00e9", "cp1252"),
    ],
    ids=["quotes", "one accent", "pounds", "one word"],
)
def test_english_with_few_other_marks_is_western(text: str, encoding: str) -> None:
    """Protects the commonest case: Windows' quotes are no sign of Czech, Greek or Chinese."""
    assert guess(text.encode(encoding)) == "cp1252"


@pytest.mark.parametrize(
    "data",
    ["don’t they’ll ".encode("gbk") * 20, "l’été était là, très près. ".encode("cp1252") * 40 + b"\x81"],
)
def test_marks_in_words_and_control_characters_are_no_text(data: bytes) -> None:
    """Protects an apostrophe of another system: silence, and no code page that makes a word of it."""
    assert guess(data) is None


@pytest.mark.parametrize("seed", range(8))
def test_noise_is_in_no_encoding(seed: int) -> None:
    rng = random.Random(seed)
    assert guess(bytes(rng.choice(range(32, 256)) for _ in range(2_000))) is None


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize("language", ["french", "hindi", "chinese", "greek"])
def test_damaged_utf8_is_told_from_another_encoding(language: str, size: int) -> None:
    """Protects a good text with a fault: where it is, how many, and how to read it all the same."""
    whole = (PASSAGES[language] + "\n").encode()
    at = len(whole) // 2
    while whole[at] & 0xC0 == 0x80:  # the beginning of a character
        at += 1
    stray = whole[:at] + b"\xff" + whole[at:]
    with pytest.raises(
        InputError, match=rf"f: UTF-8 but for 1 byte at {at}; --on-error replace reads it as U\+FFFD"
    ):
        decode(stray, "f", size=size)
    damage = Damage()
    read = decode(stray, "f", size=size, on_error="replace", damage=damage)
    assert read.replace("\ufffd", "", 1) == whole.decode() and (damage.faults, damage.first) == (1, at)
    with pytest.raises(InputError, match="UTF-8 but for 2 bytes, the first at"):
        decode(stray + b"\xfe" + whole, "f", size=size)


@pytest.mark.parametrize("size", [1, 1 << 16])
def test_a_text_that_ends_within_a_character_is_damaged(size: int) -> None:
    for text in ("caf\u00e9", PASSAGES["russian"].rstrip("."), "\U0001f600"):
        whole = text.encode()
        at = len(whole) - len(text[-1].encode())
        with pytest.raises(InputError, match=f"UTF-8 but for 1 byte at {at:,};"):
            decode(whole[:-1], "f", size=size)


def test_another_encoding_is_never_read_as_damage() -> None:
    """Protects who asks for U+FFFD: a text in another encoding is refused, not ruined."""
    for language, encoding in ENCODED:
        with pytest.raises(InputError, match="not utf-8 at byte"):
            decode(encoded(language, encoding), "f", on_error="replace")


def test_an_encoding_that_was_named_is_held_to() -> None:
    with pytest.raises(InputError, match="f: not ascii at byte 1"):
        decode("né".encode("latin-1"), "f", "ascii")
    assert decode(encoded("greek", "cp1253"), "f", "cp1253") == PASSAGES["greek"]


@pytest.mark.parametrize("language", PASSAGES)
def test_what_was_encoded_twice_is_said(language: str) -> None:
    """Protects against a text that is UTF-8 of nonsense: it is read, and said; what is right is never accused."""
    text = PASSAGES[language]
    assert encoded_twice(text) == ""
    twice = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text.encode())
    assert bool(encoded_twice(twice)) == (sum(not each.isascii() for each in text) >= 5)
