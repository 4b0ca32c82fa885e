"""The origin of a run: one from elsewhere may name a corpus on the network or any folder, which nobody here asked for.

A secret key under RNNTUI_HOME authenticates the names of the corpora in `run.toml` (HMAC; RFC 2104): a run without
a fitting `signature` was not made here, and its corpus is fetched only for a person who says so.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path

from rnntui.core.config import CORPORA, Config
from rnntui.core.config.schema import PART_CORPORA
from rnntui.core.errors import InputError
from rnntui.core.files import expanded, make_private
from rnntui.core.runs.folder import Run
from rnntui.core.runs.safe_files import read_file
from rnntui.core.runs.store import home

SIGNATURE = "signature"
_KEY_BYTES = 32
_REMOTE = ("://", "hf:")


def remote_corpora(config: Config) -> list[str]:
    """The corpora of a run that are fetched over the network, or by a package that may do so."""
    named = (getattr(config.text, setting) for setting in CORPORA)
    return [name for name in named if _REMOTE[0] in name or name.startswith(_REMOTE[1])]


def signature_of(config: Config) -> bytes:
    """The content of the file `signature` of a run that is made here; empty where no key can be kept."""
    key = _key(make=True)
    return _digest(key, config) if key else b""


def made_here(run: Run) -> bool:
    """True if the names of the run's corpora are authenticated by the key of this RNNTUI_HOME."""
    key = _key(make=False)
    with suppress(OSError, InputError):
        return bool(key) and hmac.compare_digest(read_file(run.path / SIGNATURE), _digest(key, run.config))
    return False


def unasked(config: Config) -> str:
    """Description of the corpora of a run, if reading them means more than a file of this machine: else ''."""
    if remote := remote_corpora(config):
        return f"fetched from {remote[0]}"
    # Any folder could be named: all of it would be read, and copied into the cache.
    for setting in CORPORA:
        with suppress(InputError, OSError, ValueError):
            if (named := getattr(config.text, setting)) and expanded(named).is_dir():
                return f"read from the folder {named}"
    return ""


def must_be_trusted(run: Run) -> bool:
    """True if the run names a corpus that needs leave, was not made here, and nobody has said that it is trusted."""
    return bool(unasked(run.config)) and not run.trusts_corpus and not made_here(run)


def check_corpus(run: Run) -> None:
    """Refuse to read the corpus of a run that was not made here.  Raises InputError that names the flag."""
    if must_be_trusted(run):
        raise InputError(
            f"{run.path}: was not made here, and its corpus would be {unasked(run.config)}; "
            f"add --trust-corpus if you trust both"
        )


def _digest(key: bytes, config: Config) -> bytes:
    text = config.text
    apart = [getattr(text, setting) for part in text.apart for setting in PART_CORPORA[part]]
    named = json.dumps([text.corpus, text.target_corpus, text.encoding, text.sha256, *apart])
    return (
        hmac.new(key, named.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest().encode() + b"\n"
    )


def _key(make: bool) -> bytes:
    """The secret key, or nothing where there is none; `make` makes one."""
    path = home() / "key"
    if not make:
        return _read(path)
    with suppress(OSError):
        make_private(path.parent)
        content = secrets.token_bytes(_KEY_BYTES)
        part = path.with_name(f".key.{secrets.token_hex(8)}.part")  # threads race as well as processes
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, content)
            # A link is made where no key is, and nowhere else: of two first starts one wins.
            with suppress(FileExistsError):
                os.link(part, path)
        finally:
            os.close(descriptor)
            part.unlink(missing_ok=True)
    return _read(path)


def _read(path: Path) -> bytes:
    with suppress(OSError, InputError):
        content = read_file(path)
        return content if len(content) == _KEY_BYTES else b""
    return b""
