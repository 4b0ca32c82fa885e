"""The samples: texts that come with the program, and one that every Python brings along."""

from __future__ import annotations

import hashlib
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rnntui.core.errors import InputError


class Sample(NamedTuple):
    """A corpus known by name."""

    language: str
    summary: str
    """Purpose of the sample, in a few words."""
    file: str = ""
    """File of its text, among the sample texts."""


SAMPLES: dict[str, Sample] = {
    "tales": Sample("English", "short stories: prose and dialogue", "tales.txt"),
    "verse": Sample("English", "ballads, sonnets, odes: lines and rhyme", "verse.txt"),
    "chinese": Sample("Chinese", "short stories: a large character set", "chinese.txt"),
    "reber": Sample("grammar", "embedded Reber strings: the best possible loss is known", "reber.txt"),
    "reviews": Sample(
        "English", "short reviews with their labels: what a text is, not how it goes on", "reviews.tsv"
    ),
    "phrases": Sample("English, Chinese", "sentences in both: what a text becomes", "phrases.en-zh.tsv"),
    "python-stdlib": Sample("Python", "this interpreter's own library: tens of megabytes of code"),
}


def folder() -> Path:
    """Folder of the sample texts: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[2]
    installed = package / "sample_corpora"
    return installed if installed.is_dir() else package.parent / "sample_corpora"


def blocks(name: str) -> Iterator[str]:
    """The text of the sample called `name`, block by block.  Raises InputError where its file is missing."""
    if name == "python-stdlib":
        yield from _standard_library()
        return
    path = folder() / SAMPLES[name].file
    try:
        yield path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"sample '{name}': {path} cannot be read ({error.strerror}); reinstall rnntui"
        ) from None


def _standard_library() -> Iterator[str]:
    """The source files of the running interpreter's standard library, with a line end between them.

    They come in the order of a digest of their names: an order without meaning, the same on every
    machine, so that the held-out end is a fair draw and not the packages late in the alphabet.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    files = [
        file.relative_to(root)
        for file in root.rglob("*.py")
        if not {"site-packages", "dist-packages"}.intersection(file.relative_to(root).parts)
    ]
    between = ""
    for file in sorted(files, key=lambda file: hashlib.sha256(file.as_posix().encode()).digest()):
        try:
            text = (root / file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # a few test files are broken on purpose
        if "\0" not in text:
            yield between + text
            between = "\n"
    if not between:
        raise InputError(f"sample 'python-stdlib': {root} holds no source files; choose another corpus")
