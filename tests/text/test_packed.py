"""Files by their first bytes: packed texts, documents, and what is no text."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import odfdo
import pytest
import zstandard

from rnntui.core.config.schema import TextConfig
from rnntui.core.errors import InputError
from rnntui.core.tasks.classification.reader import read
from rnntui.core.text import packed
from rnntui.core.text.corpus import Source, load
from tests.cli.test_commands import FLAGS, rnntui
from tests.conftest import sentences
from tests.text.languages import PASSAGES

TEXT = "\n".join(PASSAGES.values()) + "\n"
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("ending", PACKERS)
def test_packed_texts_are_read(ending: str, tmp_path: Path) -> None:
    """Protects what lies about: a packed text is read as the text, by what it is and not by its name."""
    pack, path = PACKERS[ending], tmp_path / "text.txt"
    path.write_bytes(pack(TEXT.encode()))
    assert load(str(path)).text == TEXT
    path.write_bytes(pack(TEXT.encode()) + pack(b"and more\n"))  # as `cat a.gz b.gz` makes it
    assert load(str(path)).text == TEXT + "and more\n"
    source = Source(str(path))
    for _ in source.blocks():
        pass
    assert source.fraction == 1


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_damaged_packed_texts_are_named(ending: str, damage: str, tmp_path: Path) -> None:
    """Protects against half a text: a packed file that ends early is not taken for a short one."""
    content, path = bytearray(PACKERS[ending](TEXT.encode() * 3)), tmp_path / f"text.{ending}"
    if damage == "cut":
        del content[-40:]
    else:
        content[len(content) // 2] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(InputError) as raised:
        load(str(path))
    assert str(raised.value).startswith(f"{path}: ") and "\n" not in str(raised.value)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the disk: what unpacks to a thousand times its size is no text."""
    monkeypatch.setattr(packed, "_FREE", 1 << 20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"all work and no play\n" * 500_000))
    with pytest.raises(InputError, match=r"bomb.gz: unpacks to more than 100 times its size"):
        load(str(path))


@pytest.mark.parametrize(
    ("begins", "words"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF, not text; save it as text first"),
        (b"PK\x03\x04\x14\x00", "a damaged document|a zip archive"),
        (b"{\\rtf1\\ansi", "an RTF document, not text; save it as .docx, .odt or plain text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive, not text; unpack it"),
        (b"x" * 257 + b"ustar", "a tar archive"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"\x7fELF", "a program"),
    ],
)
def test_what_is_no_text_says_what_it_is(begins: bytes, words: str, tmp_path: Path) -> None:
    """Protects the advice: nobody is sent to an encoding that makes letters of a picture."""
    path = tmp_path / "given.txt"
    path.write_bytes(begins + bytes(range(1, 256)) * 3)
    with pytest.raises(InputError, match=words) as raised:
        load(str(path))
    assert "--encoding" not in str(raised.value)


def _docx() -> bytes:
    document, content = docx.Document(), io.BytesIO()
    document.add_heading("Kapitel eins")
    document.add_paragraph("Früh am Morgen.")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "links", "rechts"
    document.add_paragraph("Ende.")
    document.save(content)
    return content.getvalue()


def _odt() -> bytes:
    document, content = odfdo.Document("text"), io.BytesIO()
    document.body.clear()
    for each in (
        odfdo.Header(1, "Kapitel eins"),
        odfdo.Paragraph("Früh am Morgen."),
        odfdo.Paragraph("Ende."),
    ):
        document.body.append(each)
    document.save(content)
    return content.getvalue()


def _epub(chapters: int = 2) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
        )
        numbers = range(chapters)
        items = "".join(f'<item id="c{n}" href="text/c%20{n}.xhtml"/>' for n in numbers)
        spine = "".join(f'<itemref idref="c{n}"/>' for n in reversed(numbers))
        book.writestr(
            "OEBPS/book.opf",
            f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{items}</manifest><spine>{spine}</spine></package>',
        )
        for n in numbers:
            book.writestr(
                f"OEBPS/text/c {n}.xhtml",
                '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>no text</title><style>p {}</style></head>'
                f"<body><h1>Kapitel {n}</h1><p>Früh am <em>Mor</em>gen.<br/>Danach.</p></body></html>",
            )
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (_docx(), "Kapitel eins\nFrüh am Morgen.\nlinks\nrechts\nEnde.\n"),
        (_odt(), "Kapitel eins\nFrüh am Morgen.\nEnde.\n"),
        (_epub(), "Kapitel 1\nFrüh am Morgen.\nDanach.\nKapitel 0\nFrüh am Morgen.\nDanach.\n"),
    ],
    ids=["docx", "odt", "epub"],
)
def test_documents_are_read_a_paragraph_a_line(content: bytes, text: str, tmp_path: Path) -> None:
    """Protects writers: their manuscript and their books are texts."""
    path = tmp_path / "book"
    path.write_bytes(content)
    assert load(str(path)).text == text
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="a damaged document"):
        load(str(path))


def test_a_folder_takes_what_is_damaged_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    """Protects the count: no file is dropped in silence, and a fault in one of them costs no text."""
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text(sentences())
    (folder / "b.txt").write_bytes("Früh, schön und übel: naïve Köche. ".encode() * 3 + b"\xff\n")
    (folder / "c.gz").write_bytes(gzip.compress(b"a packed text\n"))
    (folder / "d.txt").write_bytes(PASSAGES["russian"].encode("koi8-r"))
    (folder / "e.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00")
    source = Source(str(folder))
    text = "".join(source.blocks())
    assert "Köche" in text and "a packed text" in text and text.count("\ufffd") == 1 and source.files == 3
    assert [line.split(": ")[0] for line in source.skipped] == [str(folder / "d.txt"), str(folder / "e.png")]
    assert "koi8-r" in source.skipped[0] and source.damaged[0].startswith(f"{folder / 'b.txt'}: 1 byte at")
    answer = rnntui("train", folder, "--headless", *FLAGS, "--run", tmp_path / "R")
    assert answer.returncode == 0, answer.stderr
    assert "left out 2 files" in answer.stderr and "read as U+FFFD" in answer.stderr
    named = Source(str(folder), "koi8-r")
    text = "".join(named.blocks())
    assert "Köche" in text and PASSAGES["russian"] in text, "the named encoding is for what is not Unicode"
    (folder / "f.txt").write_text("one more")
    answer = rnntui("evaluate", tmp_path / "R", "--corpus", folder)
    assert "left out 2 files" in answer.stderr and "read as U+FFFD" in answer.stderr
    scored = json.loads(rnntui("score", tmp_path / "R", folder, "--json").stdout)
    assert len(scored["skipped"]) == 2 and len(scored["damaged"]) == 1


def test_one_old_text_among_labelled_ones_is_read_in_its_encoding(tmp_path: Path) -> None:
    """Protects the advice: the encoding that is named for one file ruins no other."""
    for label, text in (("fr", "garçon préfère"), ("de", "schöne Köche")):
        folder = tmp_path / "mail" / label
        folder.mkdir(parents=True)
        (folder / "new.txt").write_text(text, encoding="utf-8")
        (folder / "old.txt").write_text(f"{text} là", encoding="cp1252")
    found = read(TextConfig(corpus=str(tmp_path / "mail"), task="classify", encoding="cp1252"))
    assert [each.text for each in found.rows] == [
        "schöne Köche", "schöne Köche là", "garçon préfère", "garçon préfère là"
    ]  # fmt: skip


def test_an_archive_in_a_packed_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "texts.tgz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(__file__, "a.txt")
    with pytest.raises(InputError, match="a tar archive in gzip, not text; unpack it"):
        load(str(path))
