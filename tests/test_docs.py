"""The documents stay true."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import rich_click as click

from rnntui import __version__
from rnntui.cli.commands import cli
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Command
from rnntui.core.text.catalogue import SAMPLES

ROOT = Path(__file__).parents[1]
GUIDES = [path.relative_to(ROOT) for path in ROOT.glob("docs/guide/*.md")]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_command_reference_is_what_the_commands_say() -> None:
    """Protects docs/cli.md: made again, it is the same."""
    spec = importlib.util.spec_from_file_location("generate_cli", ROOT / "docs" / "generate_cli.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert read("docs/cli.md") == module.reference(), "run python docs/generate_cli.py"


def test_every_event_key_is_documented() -> None:
    """Protects readers of events.jsonl: the page names every event and every key, and no other event."""
    page = read("docs/run-folder.md")
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", page, re.MULTILINE))
    assert set(rows) == {event.__struct_config__.tag for event in get_args(ev.AnyEvent)}
    for event in get_args(ev.AnyEvent):
        named = set(re.findall(r"`(\w+)`", rows[event.__struct_config__.tag]))
        assert set(event.__struct_fields__) - {"step"} <= named
    assert all(f"`{reason}`" in rows["finished"] for reason in get_args(ev.Reason))
    assert all(f"`{command}`" in page for command in get_args(Command))


DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("[a-z]*/README.md"))
)


def anchors(document: str) -> set[str]:
    """Anchors of the headings of a document, as Git hosts make them."""
    headings = re.findall(r"^#+ (.+)$", read(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    """Protects the reader: every file and every heading that a document links to exists."""
    for link in re.findall(r"\]\((?!http)([^)]+)\)", read(document)):
        target, _, anchor = link.partition("#")
        path = ((ROOT / document).parent / target) if target else ROOT / document
        assert path.exists(), link
        if anchor:
            assert anchor in anchors(str(path.resolve().relative_to(ROOT))), link


def commands_of(document: str) -> Iterator[list[str]]:
    """Arguments of every `rnntui` command in the code blocks of a document."""
    for block in re.findall(r"^```sh\n(.*?)^```", read(document), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            for part in re.split(r"&&|\||<|>", line.partition("  #")[0]):
                words = shlex.split(part, comments=True)
                if words[:1] == ["rnntui"]:
                    yield words[1:]


@pytest.mark.parametrize("document", ["README.md", "README.zh-CN.md", *sorted(map(str, GUIDES))])
def test_commands_and_flags_exist(document: str) -> None:
    """Protects who copies a command: click takes its subcommand and every flag with its value."""
    for line in commands_of(document):
        words = line
        command: click.Command = cli
        context = click.Context(cli)
        while isinstance(command, click.Group) and words:
            found = command.get_command(context, words[0])
            assert found is not None, words
            command, words = found, words[1:]
        if not isinstance(command, click.Group):
            command.make_parser(click.Context(command)).parse_args(list(words))


OTHER_FLAGS = ("CHANGELOG.md", "benchmarks/", "docs/results/", "docs/experiments", "docs/decisions")
"""Documents that name flags of earlier versions or of the benchmarks."""


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if not name.startswith(OTHER_FLAGS)])
def test_flags_in_prose_exist(document: str) -> None:
    """Protects the reader: every flag in backquotes belongs to a command."""
    known = {"--help", "--version", *_flags_of(cli)}
    for flag in re.findall(r"`(?:rnntui [^`]*?)?(--[a-z][a-z0-9-]*)", read(document)):
        assert flag in known, flag


def _flags_of(command: click.Command) -> set[str]:
    flags = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            flags |= _flags_of(inner)
    return flags


def test_the_chinese_readme_has_the_same_commands() -> None:
    """Protects readers of README.zh-CN.md: it is changed together with README.md."""
    assert list(commands_of("README.zh-CN.md")) == list(commands_of("README.md"))


def test_documents_stay_short() -> None:
    """Protects guests: README in two minutes, the architecture on a few screens, a decision on one."""
    assert len(read("README.md").split()) <= 850
    assert len(read("docs/architecture.md").splitlines()) <= 150
    decisions = [name for name in DOCUMENTS if name.startswith("docs/decisions/")]
    assert len(decisions) >= 25
    assert all(len(read(name).splitlines()) <= 15 for name in decisions)


def test_paths_of_the_code_exist() -> None:
    """Protects readers of the code: every file and folder that a document names in backquotes is there."""
    for document in DOCUMENTS:
        if document.startswith(("CHANGELOG.md", "docs/experiments", "docs/results/")):
            continue
        for name in re.findall(
            r"`((?:rnntui|core|ui|plots|cli|tui|text|tests|benchmarks)/[\w/.]*)`", read(document)
        ):
            places = (ROOT / name, ROOT / "rnntui" / name, ROOT / "rnntui" / "core" / name)
            assert any(place.exists() for place in places), f"{document}: {name}"


def test_every_sample_has_its_line() -> None:
    page = read("sample_corpora/README.md")
    assert all(f"| `{name}` |" in page for name in SAMPLES)


def test_the_changelog_tells_of_this_version() -> None:
    assert f"## {__version__}" in read("CHANGELOG.md")


def _names_in(path: Path) -> set[str]:
    """Functions, classes, methods and module-level names of a file, methods as `Class.method` too."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = {
                each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            names |= inner | {f"{node.name}.{each}" for each in inner}
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def test_the_tour_leads_along_the_code() -> None:
    """Protects newcomers: every file on the tour exists and has the name that stands behind it."""
    steps = re.findall(r"`([\w/]+\.py)`\s+`([\w.]+)`", read("docs/tour.md"))
    assert len(steps) > 25
    for file, name in steps:
        assert name in _names_in(ROOT / file), f"{file}: {name}"
