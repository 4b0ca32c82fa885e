"""Texts from anywhere: each is trained on, or one line says why not, and how to go on."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from rnntui.core.errors import InputError
from rnntui.core.text.corpus import load
from tests.cli.test_commands import FLAGS, rnntui
from tests.conftest import sentences

TEXT = sentences(120)
UNIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
TRAINED, REFUSED = 0, 2

CONTENTS: dict[str, tuple[bytes, int, str]] = {
    # name: content, exit code, what the line says
    "empty": (b"", REFUSED, "empty"),
    "white space alone": (b" \n\t\r\n" * 1000, REFUSED, "empty"),
    "one byte": (b"a", REFUSED, "too short"),
    "one token": (b"a" * 5000, TRAINED, ""),
    "one word": (b"hello", TRAINED, ""),
    "line feeds": (TEXT.encode(), TRAINED, ""),
    "carriage returns alone": (TEXT.replace("\n", "\r").encode(), TRAINED, ""),
    "both": (TEXT.replace("\n", "\r\n").encode(), TRAINED, ""),
    "no line end at all": (TEXT.replace("\n", " ").encode(), TRAINED, ""),
    "one long line": (b"word " * 400_000, TRAINED, ""),
    "one long word": (b"x" * 100_000 + TEXT.encode(), TRAINED, ""),
    "NUL": (TEXT.encode() + b"\0" + TEXT.encode(), REFUSED, "looks binary"),
    "binary": (bytes(range(256)) * 40, REFUSED, "not utf-8 at byte"),
    "an executable": (b"\x7fELF\x02\x01\x01" + b"\0" * 3000, REFUSED, "a program, not text"),
    "gzip": (gzip.compress(TEXT.encode()), TRAINED, ""),
    "gzip of one letter": (gzip.compress(b"a" * 5_000_000), TRAINED, ""),
    "a lone continuation": (TEXT.encode() + b"\x80" + TEXT.encode(), REFUSED, "not utf-8 at byte"),
    "a cut character": (TEXT.encode() + "é".encode()[:1], REFUSED, "UTF-8 but for 1 byte at"),
    "an overlong form": (TEXT.encode() + b"\xc0\xaf", REFUSED, "not utf-8 at byte"),
    "a surrogate": (TEXT.encode() + b"\xed\xa0\x80", REFUSED, "UTF-8 but for 3 bytes"),
    "beyond Unicode": (TEXT.encode() + b"\xf4\x90\x80\x80", REFUSED, "not utf-8 at byte"),
    "latin-1": (TEXT.replace("a", "é").encode("latin-1"), REFUSED, "--encoding cp1252"),
    "Chinese in gb18030": (("今天天气很好。" * 500).encode("gb18030"), REFUSED, "--encoding gb18030"),
    "Japanese in shift_jis": (("きょうはいい天気です。" * 500).encode("shift_jis"), REFUSED, "--encoding "),
    "UTF-8 with a mark": (b"\xef\xbb\xbf" + TEXT.encode(), TRAINED, ""),
    "UTF-16 with a mark": (TEXT.encode("utf-16"), TRAINED, ""),
    "UTF-16 without": (TEXT.encode("utf-16-le"), REFUSED, "--encoding utf-16-le"),
    "half a UTF-16 character": (TEXT.encode("utf-16")[:-1], REFUSED, "UTF-16-LE but for 1 byte at"),
    "a lone UTF-16 surrogate": (TEXT.encode("utf-16") + b"\x00\xd8", REFUSED, "UTF-16-LE but for 1 byte"),
    "UTF-32": (TEXT.encode("utf-32"), TRAINED, ""),
    "terminal commands": ((TEXT + "\x1b[2J\x1b]0;x\x07\x9b31m\x7f") .encode(), TRAINED, ""),
    "bidirectional marks": ((TEXT + "\u202e\u2066\u200f").encode(), TRAINED, ""),
    "markup": ((TEXT + "[bold red]x[/] [link=a]\\[").encode(), TRAINED, ""),
    "combining marks": ((TEXT + "e" + "\u0301" * 5000).encode(), TRAINED, ""),
    "private and unassigned": ((TEXT + "\ue000\U000fffff\u0378\ufffe\uffff").encode(), TRAINED, ""),
    "emoji families": ((TEXT + "👩‍👩‍👧‍👦🏳️‍🌈" * 50).encode(), TRAINED, ""),
    "every plane": ((TEXT + "".join(map(chr, range(0x20, 0x20000, 97)))).encode("utf-8", "ignore"), TRAINED, ""),
    "line separators": ((TEXT + "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e").encode(), TRAINED, ""),
}  # fmt: skip


def tried(source: str | Path, *flags: str, stdin: str | None = None) -> tuple[int, str]:
    """Train two steps on a corpus: the exit code, and the last line of standard error."""
    result = rnntui("train", source, "--headless", *FLAGS, "--max-steps", "2", *flags, stdin=stdin)
    assert "Traceback" not in result.stderr
    return result.returncode, (result.stderr.strip().splitlines() or [""])[-1]


@pytest.mark.parametrize("name", CONTENTS)
def test_a_text_is_trained_on_or_named(name: str, tmp_path: Path) -> None:
    """Protects who tries anything: it trains, or exit 2 and one line with the file, the fault and the next step."""
    content, code, words = CONTENTS[name]
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    told, line = tried(path)
    assert told == code, line
    if code:
        assert line.startswith("rnntui: ") and "text.txt" in line and words in line
        assert "--encoding" in line or "text" in line
    else:
        assert load(str(path)).text


@pytest.mark.parametrize("tokenizer", ["word", "bpe"])
@pytest.mark.parametrize(
    "name", [n for n, (_, code, _) in CONTENTS.items() if code == TRAINED and n != "gzip of one letter"]
)
def test_other_tokens_bear_the_same(name: str, tokenizer: str, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(CONTENTS[name][0][:40_000])
    code, line = tried(path, "--tokenizer", tokenizer, "--embedding-size", "8")
    assert code in (0, 2) and (code == 0 or "too short" in line or "are unknown to a word model" in line), (
        line
    )


def _directory(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _folder_of_binaries(path: Path) -> None:
    path.mkdir()
    (path / "a.bin").write_bytes(bytes(range(256)))


@UNIX
@pytest.mark.parametrize(
    "make",
    [_directory, _loop, _dangling, _fifo, _device, _folder_of_binaries],
    ids=lambda make: make.__name__,
)
def test_what_is_no_text_file_is_named(make: Callable[[Path], None], tmp_path: Path) -> None:
    """Protects against hanging: a pipe or a device is never read to its end that does not come."""
    path = tmp_path / "odd"
    make(path)
    code, line = tried(path)
    assert code == REFUSED and line.startswith("rnntui: ") and "odd" in line


def test_a_folder_with_a_loop_and_rubbish_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "b.bin").write_bytes(b"\0\xff")
    (tmp_path / ".hidden").write_bytes(b"\0")
    if sys.platform != "win32":
        (tmp_path / "loop").symlink_to(tmp_path)
        (tmp_path / "self").symlink_to(tmp_path / "self")
        os.mkfifo(tmp_path / "pipe")
    assert tried(tmp_path)[0] == TRAINED


class _Changing(io.BytesIO):
    """A file that is not the same when it is read again."""

    def __init__(self, blocks: list[bytes], fault: OSError | None = None) -> None:
        super().__init__()
        self._blocks, self._fault = iter(blocks), fault

    def read(self, size: int | None = -1, /) -> bytes:
        block = next(self._blocks, b"")
        if not block and self._fault:
            raise self._fault
        return block


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (lambda: _Changing([TEXT.encode()] * 3), TRAINED),  # grows
        (lambda: _Changing([TEXT.encode()[:3000]]), TRAINED),  # shrinks
        (lambda: _Changing([TEXT.encode()], OSError(5, "Input/output error")), REFUSED),
        (lambda: _Changing([TEXT.encode()], OSError(116, "Stale file handle")), REFUSED),  # vanishes
    ],
)
def test_a_file_that_changes_while_it_is_read(
    file: Callable[[], _Changing], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    honest = Path.open

    def opened(self: Path, *arguments: Any, **named: Any) -> Any:
        return file() if self == path else honest(self, *arguments, **named)

    monkeypatch.setattr(Path, "open", opened)
    told, line = tried(path)
    assert told == code and (code == TRAINED or "text.txt: cannot be read" in line)


def test_standard_input_may_be_anything() -> None:
    assert tried("-", stdin=TEXT)[0] == TRAINED
    assert tried("-", stdin="") == (
        REFUSED,
        "rnntui: -: empty; give a text",
    )


@pytest.fixture
def server() -> Iterator[str]:
    """A web server of this machine: a text, a lie about its length, a fault."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = TEXT.encode()
            self.send_response(404 if self.path == "/missing" else 200)
            self.send_header("Content-Length", str(len(content) * (3 if self.path == "/cut" else 1)))
            self.end_headers()
            self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def test_a_text_from_the_web(server: str) -> None:
    """Protects URLs: a text is read; what is missing, cut off or unknown is named."""
    assert tried(f"{server}/text.txt")[0] == TRAINED
    for source in (f"{server}/missing", f"{server}/cut", "http://127.0.0.1:9/x", "nosuch://x", "http://"):
        code, line = tried(source)
        assert code == REFUSED and source in line, line


def test_an_encoding_that_does_not_exist_is_named(corpus_file: Path) -> None:
    with pytest.raises(InputError, match="'klingon' is no known encoding"):
        load(str(corpus_file), "klingon")
    for odd in ("rot13", "base64", "undefined"):
        with pytest.raises(InputError, match=odd):
            load(str(corpus_file), odd)
