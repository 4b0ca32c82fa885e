"""`rnntui doctor`."""

from __future__ import annotations

import msgspec
import rich_click as click

from rnntui.cli.options import json_option
from rnntui.cli.output import show_line, write_line
from rnntui.ui.terminal_safety import visible_line

_MARKS = {"good": "✓", "hint": "·", "fault": "✗"}


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Look at this machine, the terminal and the runs, and say what to do about what is wrong.

    Exits 1 where something does not work.
    """
    from rnntui.core.doctor import examine

    found = []
    for finding in examine():
        found.append(finding)
        if not as_json:
            name, value = visible_line(finding.name), visible_line(finding.value)
            show_line(f"{_MARKS[finding.verdict]} {name}: {value}")
            if finding.advice:
                show_line(f"    → {visible_line(finding.advice)}")
    if as_json:
        write_line(msgspec.json.encode(found).decode())
    return 1 if any(finding.verdict == "fault" for finding in found) else 0


COMMANDS = (doctor,)
