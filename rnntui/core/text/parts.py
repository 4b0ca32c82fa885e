"""Parts of a corpus: shares of one text, or files of their own for validation and test."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from rnntui.core.config import Config, chosen_anew
from rnntui.core.config.schema import PART_CORPORA, TextConfig
from rnntui.core.config.splits import split_fractions
from rnntui.core.config.tasks import TASKS
from rnntui.core.errors import InputError, short
from rnntui.core.files import expanded
from rnntui.core.text import catalogue
from rnntui.core.text.columns import source_of
from rnntui.core.text.corpus import DATASET, Source, canonical, leads_out
from rnntui.core.text.spool import Report, StoredText, silent, stored

_ROLES = {
    "train": "train",
    "valid": "valid",
    "val": "valid",
    "dev": "valid",
    "validation": "valid",
    "test": "test",
}
"""Parts by the words in the names of files."""
_SETTINGS = {"train": ("corpus", "target_corpus"), **PART_CORPORA}
_SIDES = {"source": ("source", "src"), "target": ("target", "tgt")}
"""Common endings of files of pairs."""
_TELLING = 40
"""Characters of a line that hardly stands in two texts by chance."""


class TextPart(NamedTuple):
    """A stretch of a text."""

    text: StoredText
    first: int
    last: int
    """The character behind it."""

    @property
    def chars(self) -> int:
        """Number of characters."""
        return self.last - self.first

    def blocks(self) -> Iterator[str]:
        """Its characters, block by block."""
        return self.text.part(self.first, self.last)

    def end(self, most: int) -> Iterator[str]:
        """Its last characters, at most so many."""
        return self.text.part(max(self.first, self.last - most), self.last)


class StoredCorpus(NamedTuple):
    """The texts of a corpus, read to their ends."""

    sources: Mapping[str, Source]
    texts: Mapping[str, StoredText]
    """By the part that they are; the text that is divided is ''."""

    @property
    def chars(self) -> int:
        """Characters of the text that is divided."""
        return self.texts[""].chars

    @property
    def sha256(self) -> str:
        """Digest of the corpus: that of its text, or one over the digests of several."""
        return joint_digest({part: source.sha256 for part, source in self.sources.items()})

    def remarks(self) -> list[str]:
        """Remarks on the texts as read."""
        return [remark for source in self.sources.values() for remark in source.remarks()]

    def parts(self, split: str) -> dict[str, TextPart]:
        """The parts by the shares in `split` and by the files of their own; none but the first is empty."""
        text = self.texts[""]
        train, valid, test = split_fractions(split)
        first = int(text.chars * train)
        second = text.chars if not test else int(text.chars * (train + valid))
        found = {"train": TextPart(text, 0, first)}
        found |= {"valid": TextPart(text, first, second), "test": TextPart(text, second, text.chars)}
        found |= {part: TextPart(each, 0, each.chars) for part, each in self.texts.items() if part}
        return {name: part for name, part in found.items() if name == "train" or part.chars}


@contextmanager
def stored_corpus(config: TextConfig, report: Report) -> Iterator[StoredCorpus]:
    """Read the texts of a language model onto the disk, where they stay for the length of the block.

    Raises InputError where one of them cannot be read, RnntuiError where there is no room.
    """
    sources = {part: source_of(each) for part, each in part_texts(config).items()}
    with ExitStack() as opened:
        texts = {part: opened.enter_context(stored(source, report)) for part, source in sources.items()}
        yield StoredCorpus(sources, texts)


def part_texts(config: TextConfig) -> dict[str, TextConfig]:
    """The settings that read each text of a corpus: the one that is divided as '', and the files of single parts."""
    found = {"": config}
    for part in config.apart:
        corpus, target = (getattr(config, setting) for setting in PART_CORPORA[part])
        found[part] = msgspec.structs.replace(config, corpus=corpus, target_corpus=target)
    return found


def canonical_names(config: TextConfig) -> dict[str, str]:
    """The settings that name texts, each with the name that a run keeps."""
    return {
        setting: canonical(named)
        for settings in _SETTINGS.values()
        for setting in settings
        if (named := getattr(config, setting))
    }


def joint_digest(digests: Mapping[str, str]) -> str:
    """One digest for the texts of a corpus, that of '' alone where there is no other."""
    if len(digests) == 1:
        return digests[""]
    return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()


def with_part_files(config: Config, report: Report = silent) -> Config:
    """`config` with the files of a folder that holds a training part and held-out ones, where CORPUS is such a folder.

    Running text needs all three parts, so that a folder of any texts is not taken for one.  Raises InputError where
    the files of pairs do not say which side is which.
    """
    text = config.text
    if text.apart or text.target_corpus or text.corpus in catalogue.SAMPLES or text.corpus == "-":
        return config
    if "://" in text.corpus or text.corpus.startswith(DATASET):
        return config
    folder = expanded(text.corpus)
    try:
        roles = _roles_in(folder) if folder.is_dir() else {}
    except OSError:
        return config  # the reader says what is wrong with it
    wanted = 3 if TASKS[text.task].running_text else 2
    if "train" not in roles or len(roles) < wanted:
        return config
    pairs = "target_corpus" in TASKS[text.task].settings and any(len(files) > 1 for files in roles.values())
    found: dict[str, str] = {}
    for role, files in roles.items():
        sides = _sides(folder, role, files, text) if pairs else files[:1]
        if len(files) > len(sides):
            return config  # several texts for one part: nobody knows which
        found |= {setting: str(file) for setting, file in zip(_SETTINGS[role], sides, strict=False)}
    named = ", ".join(Path(each).name for each in found.values())
    report(f"{text.corpus}: a folder of parts, read as such: {named}", None)
    return chosen_anew(config, found)


def _roles_in(folder: Path) -> dict[str, list[Path]]:
    """The entries of a folder that are a part by one word of their names, in the order of the parts."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        words = {_ROLES[word] for word in re.split(r"[._-]", path.name.lower()) if word in _ROLES}
        if len(words) == 1 and not path.name.startswith(".") and not leads_out(path, folder):
            found.setdefault(words.pop(), []).append(path)
    return {role: found[role] for role in _SETTINGS if role in found}


def _sides(folder: Path, role: str, files: list[Path], text: TextConfig) -> list[Path]:
    """The file of the sources and that of the targets, by their endings.  Raises InputError where these do not say."""
    endings = {file.suffix.lstrip(".").lower(): file for file in files}
    chosen = []
    for side, usual in _SIDES.items():
        column = getattr(text, f"{side}_column")
        wanted = (column.lower(), *(usual if column == side else ()))
        chosen += [endings[ending] for ending in wanted if ending in endings][:1]
    if len(chosen) < 2:
        shown = ", ".join(file.name for file in files)
        first, *_, last = sorted(endings)
        raise InputError(
            f"{folder}: the {role} part has {shown}; say which is translated into which, as --source-column "
            f"{first} --target-column {last}"
        )
    return chosen


def repeated_texts(parts: Mapping[str, Iterable[str]]) -> list[str]:
    """Lines for texts that stand in two parts."""
    return _repeated({name: partial(iter, list(part)) for name, part in parts.items()}, "texts")


def repeated_lines(parts: Mapping[str, TextPart]) -> list[str]:
    """Lines for long lines that stand in two parts."""
    return _repeated({name: partial(_long_lines, part) for name, part in parts.items()}, "long lines")


def _repeated(parts: Mapping[str, Callable[[], Iterator[str]]], unit: str) -> list[str]:
    found = []
    names = list(parts)
    for place, name in enumerate(names[1:], start=1):
        counts = Counter(map(hash, parts[name]()))
        for other in names[:place]:
            both = {key: text for text in parts[other]() if (key := hash(text)) in counts}
            if both:
                example = short(next(iter(both.values())))
                found.append(
                    f"{sum(counts[key] for key in both):,} of {counts.total():,} {unit} of the {name} part stand in "
                    f"the {other} part as well: '{example}'"
                )
    return found


def _long_lines(part: TextPart) -> Iterator[str]:
    rest = ""
    for block in part.blocks():
        *lines, rest = (rest + block).split("\n")
        yield from (line for line in lines if len(line) >= _TELLING)
    if len(rest) >= _TELLING:
        yield rest
