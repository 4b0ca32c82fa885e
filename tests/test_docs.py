"""The documents stay true."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import get_args

from rnntui import __version__
from rnntui.core import events as ev
from rnntui.core.runs import Command
from rnntui.core.text.catalogue import SAMPLES

ROOT = Path(__file__).parents[1]


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


def test_links_lead_somewhere() -> None:
    """Protects the reader: every file that a document names is there."""
    for document in ("README.md", "docs/architecture.md", "sample_corpora/README.md", "docs/run-folder.md"):
        folder = (ROOT / document).parent
        for target in re.findall(r"\]\((?!http)([^)#]+)", read(document)):
            assert (folder / target).exists(), f"{document}: {target}"


def test_every_sample_has_its_line() -> None:
    page = read("sample_corpora/README.md")
    assert all(f"| `{name}` |" in page for name in SAMPLES)


def test_the_changelog_tells_of_this_version() -> None:
    assert f"## {__version__}" in read("CHANGELOG.md")
