"""The samples: texts that come with the program, and one that every Python brings along."""

from __future__ import annotations

import hashlib
import sysconfig
from pathlib import Path
from typing import NamedTuple

from rnntui.core.errors import InputError


class Sample(NamedTuple):
    """A corpus known by name."""

    language: str
    summary: str
    """What it shows, in a few words."""


SAMPLES: dict[str, Sample] = {
    "tales": Sample("English", "short stories: prose and dialogue"),
    "verse": Sample("English", "ballads, sonnets, odes: lines and rhyme"),
    "chinese": Sample("Chinese", "short stories: a large character set"),
    "reber": Sample("grammar", "embedded Reber strings: the best possible loss is known"),
    "python-stdlib": Sample("Python", "this interpreter's own library: tens of megabytes of code"),
}


def folder() -> Path:
    """Where the sample texts lie: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[2]
    installed = package / "sample_corpora"
    return installed if installed.is_dir() else package.parent / "sample_corpora"


def read(name: str) -> str:
    """The text of the sample called `name`.  Raises InputError where its file is missing."""
    if name == "python-stdlib":
        return _standard_library()
    path = folder() / f"{name}.txt"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"sample '{name}': {path} cannot be read ({error.strerror}); reinstall rnntui"
        ) from None


def _standard_library() -> str:
    """The source files of the running interpreter's standard library, joined.

    They come in the order of a digest of their names: an order without meaning, the same on every
    machine, so that the held-out end is a fair draw and not the packages late in the alphabet.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    files = [
        file.relative_to(root)
        for file in root.rglob("*.py")
        if not {"site-packages", "dist-packages"}.intersection(file.relative_to(root).parts)
    ]
    texts = []
    for file in sorted(files, key=lambda file: hashlib.sha256(file.as_posix().encode()).digest()):
        try:
            text = (root / file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # a few test files are broken on purpose
        if "\0" not in text:
            texts.append(text)
    if not texts:
        raise InputError(f"sample 'python-stdlib': {root} holds no source files; choose another corpus")
    return "\n".join(texts)
