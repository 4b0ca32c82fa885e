"""Colours of program code in text areas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from rich.style import Style
from textual.widgets.text_area import TextAreaTheme

from rnntui.core.errors import RnntuiError
from rnntui.core.files import expanded
from rnntui.core.text import catalogue
from rnntui.core.text.corpus import files_below

NAME = "rnntui"
"""Name of our theme of text areas."""
LARGEST = 100_000
"""Characters of a text whose code is coloured: its syntax tree is brought up to date at every key."""
_LANGUAGES = {
    ".py": "python",
    ".js": "javascript",
    ".mjs": "javascript",
    ".rs": "rust",
    ".go": "go",
    ".java": "java",
    ".sh": "bash",
    ".css": "css",
    ".html": "html",
    ".json": "json",
    ".md": "markdown",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".sql": "sql",
    ".xml": "xml",
}
_FILES = 200
"""Files of a folder that are looked at."""
_CODE = "python-stdlib"
KINDS: dict[str, str] = {
    "comment": "comment",
    "string": "string string.documentation",
    "number": "number float boolean constant.builtin json.null",
    "keyword": "keyword keyword.function keyword.return keyword.operator conditional repeat include exception",
    "function": "function function.call method method.call",
    "type": "class type type.class type.builtin constructor tag toml.type",
    "name": "heading link.uri link.label json.label yaml.field css.property",
}
"""Kinds of code that look different, each with the parts of speech of Textual's grammars that are of that kind."""


def language_of(corpus: str) -> str | None:
    """Return the programming language of a corpus by the names of its files; None for prose and what is not known."""
    if corpus == _CODE:
        return "python"
    if corpus in catalogue.SAMPLES:
        return None
    try:
        path = expanded(corpus)
        files = islice(files_below(path), _FILES) if path.is_dir() else iter((path,))
        counted = Counter(file.suffix.lower() for file in files)
    except (RnntuiError, OSError, ValueError):
        return None
    commonest = counted.most_common(1)
    return _LANGUAGES.get(commonest[0][0]) if commonest else None


def language_of_file(path: str) -> str | None:
    """Return the programming language of a file by its name."""
    return _LANGUAGES.get(Path(path).suffix.lower())


def code_theme(looks: Mapping[str, Style]) -> TextAreaTheme:
    """Return the colours of code, given the look of each kind."""
    styles = {
        part: Style(color=look.color, bold=look.bold, italic=look.italic)
        for kind, look in looks.items()
        for part in KINDS[kind].split()
    }
    return TextAreaTheme(name=NAME, syntax_styles=styles)
