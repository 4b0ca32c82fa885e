"""The text of documents: EPUB, Word's .docx and OpenDocument's .odt, a paragraph a line.

Each is a zip archive; the libraries that read them are an extra: pip install 'rnntui[documents]'.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from rnntui.core.errors import InputError

_LARGEST = 1 << 28
"""Bytes of a document, packed."""
_UNPACKED = 1 << 30
"""Bytes that its parts unpack to: ten thousand novels, or a bomb."""
_BLOCKS = "p|h1|h2|h3|h4|h5|h6|li|blockquote|pre|td|th|dt|dd|figcaption|div"
"""Elements of a book that begin and end a line."""


def text_of_zip(file: io.RawIOBase, name: str) -> Iterator[str]:
    """The paragraphs of a document that `file` holds, each with a line end.

    Raises InputError for another archive, a damaged or a huge one, and where the libraries are missing.
    """
    content = file.read(_LARGEST + 1) or b""
    while len(content) <= _LARGEST and (more := file.read(_LARGEST)):
        content += more
    if len(content) > _LARGEST:
        raise InputError(f"{name}: a document of more than {_LARGEST:,} bytes; save it as plain text")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(each.file_size for each in archive.infolist()) > _UNPACKED:
                raise InputError(f"{name}: unpacks to more than {_UNPACKED:,} bytes, which no document needs")
            read = _reader(archive)
            if read is None:
                raise InputError(f"{name}: a zip archive, not text; unpack it, and give the file or folder")
            for paragraph in read(archive, content):
                yield paragraph.strip() + "\n"
    except ImportError:
        raise InputError(
            f"{name}: documents need more packages: pip install 'rnntui[documents]'; or save it as plain text"
        ) from None
    except InputError:
        raise
    except Exception as error:  # whatever the libraries make of a damaged document
        raise InputError(
            f"{name}: a damaged document, or one of another kind; save it as plain text"
        ) from error


def _reader(archive: zipfile.ZipFile) -> Callable[[zipfile.ZipFile, bytes], Iterator[str]] | None:
    """Return the reader of the document in an archive, if it holds one."""
    names = set(archive.namelist())
    if "META-INF/container.xml" in names:
        return _epub
    if "word/document.xml" in names:
        return _docx
    if "content.xml" in names and "mimetype" in names:
        return _odt
    return None


def _docx(archive: zipfile.ZipFile, content: bytes) -> Iterator[str]:
    import docx

    def texts(part: Any) -> Iterator[str]:
        for each in part.iter_inner_content():
            if hasattr(each, "rows"):
                for row in each.rows:
                    for cell in row.cells:
                        yield from texts(cell)
            else:
                yield each.text

    yield from texts(docx.Document(io.BytesIO(content)))


def _odt(archive: zipfile.ZipFile, content: bytes) -> Iterator[str]:
    import odfdo

    for each in odfdo.Document(io.BytesIO(content)).body.get_elements("//text:p|//text:h"):
        yield str(each.inner_text)


def _epub(archive: zipfile.ZipFile, content: bytes) -> Iterator[str]:
    """The chapters in the order of the book's spine (EPUB 3.3, section 5.7)."""
    from lxml import etree, html

    safe = etree.XMLParser(resolve_entities=False, no_network=True)
    container = etree.fromstring(archive.read("META-INF/container.xml"), safe)
    package = str(container.xpath("string(//*[local-name()='rootfile']/@full-path)"))
    book = etree.fromstring(archive.read(package), safe)
    places = {item.get("id"): item.get("href") for item in book.xpath("//*[local-name()='item']")}
    for reference in book.xpath("//*[local-name()='itemref']/@idref"):
        place = posixpath.normpath(posixpath.join(posixpath.dirname(package), unquote(places[reference])))
        chapter = html.fromstring(archive.read(place), parser=html.HTMLParser(encoding="utf-8"))
        for hidden in chapter.xpath("//script|//style|//head"):
            hidden.drop_tree()
        for block in chapter.xpath("|".join(f"//{tag}" for tag in _BLOCKS.split("|")) + "|//br"):
            block.tail = "\n" + (block.tail or "")
            block.text = "\n" + (block.text or "")
        for line in chapter.text_content().splitlines():
            if line.strip():
                yield " ".join(line.split())
