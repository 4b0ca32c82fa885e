"""What `--help` shows."""

from __future__ import annotations

import re

import pytest

from rnntui.core.config import FIELDS
from tests.cli.test_commands import rnntui


@pytest.mark.parametrize("command", ["train", "duel", "sweep"])
def test_help_is_short_and_all_of_it_is_there(command: str) -> None:
    """Protects newcomers: `--help` shows about 40 flags, `--help-all` every one."""
    short, whole = (
        re.findall(r"^│ (--[\w-]+)", rnntui(command, flag).stdout, re.MULTILINE)
        for flag in ("--help", "--help-all")
    )
    assert 35 <= len(short) <= 46 and set(short) < set(whole)
    hidden = {field.flag for field in FIELDS.values() if field.advanced}
    assert all(any(flag.startswith(each) for each in whole) for flag in hidden)
    assert not hidden & set(short) and "--help-all" in short
