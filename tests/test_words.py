"""The language of the code: docstrings, names and messages in the field's words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path

import pytest

from tests.test_docs import ROOT

PACKAGE = ROOT / "rnntui"
TEXTUALS = r"_|(on|watch|validate)_|(compose|render|render_line|check_action|get_line|get_suggestion|discover|search)$"
"""Private names, and those of methods that Textual calls."""
ONE_EACH = {"COMMANDS", "KERNELS", "SPEC"}
"""Names that every module of a kind has."""
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
HEADLESS = (
    "What",
    "Whether",
    "Of",
    "One who",
    "How",
    "Where",
    "Which",
    "Who",
    "When",
    "Why",
    "That",
    "Those",
    "Whose",
)
"""First words of a clause without a head: 'What its runs are compared by' instead of 'Metric that ranks runs'."""
BANNED = {
    r"by heart": "overfits, memorised",
    r"\bjudged?\b|\bjudging\b|\bjudges\b": "evaluate, predict",
    r"\bstrayed\b": "diverged",
    r"\bnarrat\w+": "report",
    r"\bportions?\b": "micro-batches",
    r"\bcompanion\b": "completer",
    r"outcomes? (?:to be )?told": "predictions, targets",
    r"\bteam\b": "OpenMP",
    r"\bstrangers?\b": "untrusted",
    r"nothing that --": "is not a setting of",
}
"""Words that stood here in a sense of their own, and what the field says."""


def modules(folder: str = "") -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((PACKAGE / folder).rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def docstrings() -> Iterator[tuple[str, str]]:
    """Every docstring of the package, those of attributes too, with its place."""
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, Documented) and (text := ast.get_docstring(node)):
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}", text
            body = node.body if isinstance(node, ast.Module | ast.ClassDef) else []
            for first, second in pairwise(body):
                if isinstance(first, ast.Assign | ast.AnnAssign) and (text := _literal(second)):
                    yield f"{path.relative_to(ROOT)}:{second.lineno}", text


def _literal(node: ast.stmt) -> str:
    inner = node.value if isinstance(node, ast.Expr) else None
    return inner.value if isinstance(inner, ast.Constant) and isinstance(inner.value, str) else ""


def test_docstrings_open_with_a_noun_or_a_verb() -> None:
    """Protects readers: a docstring names its object; fewer than 3% open as a clause without a head."""
    found = list(docstrings())
    headless = [(place, text) for place, text in found if re.match(rf"(?:{'|'.join(HEADLESS)})\b", text)]
    shown = "\n".join(f"{place}: {text.splitlines()[0]}" for place, text in headless)
    assert len(headless) < 0.03 * len(found), f"{len(headless)} of {len(found)}\n{shown}"


def test_public_names_of_the_screens_are_documented() -> None:
    """Protects readers: at least 80% of the classes, functions and methods of `tui` say what they are.

    What Textual names and calls itself is documented there.
    """
    names: list[tuple[str, bool]] = []
    for path, tree in modules("tui"):
        classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        for node in chain(tree.body, *(each.body for each in classes)):
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if not re.match(TEXTUALS, node.name):
                place = f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
                names.append((place, bool(ast.get_docstring(node))))
    bare = [name for name, documented in names if not documented]
    assert len(bare) < 0.2 * len(names), f"{len(bare)} of {len(names)}\n" + "\n".join(bare)


def test_no_public_type_has_the_name_of_another() -> None:
    """Protects readers: a class, an alias or a table means one thing in the whole package."""
    names: dict[str, list[str]] = {}
    for path, tree in modules():
        for node in tree.body:
            match node:
                case ast.ClassDef(name=name):
                    pass
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    pass
                case _:
                    continue
            if name[0].isupper() and name not in ONE_EACH:
                names.setdefault(name, []).append(f"{path.relative_to(ROOT)}:{node.lineno}")
    twice = {name: places for name, places in names.items() if len(places) > 1}
    assert not twice, "\n".join(f"{name}: {', '.join(places)}" for name, places in twice.items())


@pytest.mark.parametrize("words", BANNED)
def test_words_of_our_own_are_gone(words: str) -> None:
    """Protects newcomers: what the field has a word for is called by it, in code, messages and documents."""
    found = []
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for path in chain(PACKAGE.rglob("*.py"), PACKAGE.rglob("*.tcss"), documents):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if re.search(words, line, re.IGNORECASE):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not found, f"say {BANNED[words]}:\n" + "\n".join(found)
