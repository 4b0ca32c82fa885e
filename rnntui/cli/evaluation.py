"""Printing the evaluation of a classifier or a translator."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

import msgspec

from rnntui.cli.output import report, show_line, write_line
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line


class _Part(Protocol):
    @property
    def name(self) -> str: ...


PartT = TypeVar("PartT", bound=_Part, covariant=True)


class _Parts(Protocol[PartT]):
    @property
    def scored(self) -> PartT: ...

    def __getitem__(self, name: str) -> PartT: ...


def evaluated_part(parts: _Parts[PartT], name: str) -> PartT:
    """Part called `name`; the training part, with a remark, if nothing was held out.  Raises InputError."""
    if name == "valid" and parts.scored.name != name:
        report("nothing was held out: these are figures of the text that was learned")
        return parts.scored
    return parts[name]


def print_evaluation(
    run: Run,
    event: ev.Evaluated,
    best_step: int,
    corpus: str | None,
    extra: dict[str, Any],
    lines: Iterable[str],
    as_json: bool,
) -> None:
    """An evaluation, of another `corpus` than the run's own where one is named.

    In JSON it has the keys of `extra` as well, else `lines` follow it.
    """
    event = msgspec.structs.replace(event, best=event.step == best_step)
    if as_json:
        other = {"corpus": corpus, "own": False} if corpus else {}
        write_line(json.dumps(msgspec.to_builtins(event) | extra | other, ensure_ascii=False))
        return
    if corpus:
        report(f"{visible_line(corpus)}: not what {visible_line(run.name)} learned from")
    show_line(f"{event.split} ({event.protocol}), step {event.step:,}: {formats.scores(event)}")
    for line in lines:
        show_line(line)
