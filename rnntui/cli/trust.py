"""Asking before the corpus of a run that was not made here is fetched from the network or read from a folder."""

from __future__ import annotations

import sys
from dataclasses import replace

import rich_click as click

from rnntui.cli.output import confirm
from rnntui.core.runs.folder import Run
from rnntui.core.runs.origin import check_corpus, must_be_trusted, unasked
from rnntui.ui.terminal_safety import visible_line

trust_option = click.option(
    "--trust-corpus",
    "trust",
    is_flag=True,
    help="fetch or read the corpus of a run that was not made here, where it is a URL or a folder",
)


def trusted(run: Run, trust: bool) -> Run:
    """The run, with the leave to fetch its corpus where it needs one and a person gives it.

    Raises InputError that names the flag where there is no terminal to ask on, click.Abort where the answer is no.
    """
    if trust or not must_be_trusted(run):
        return replace(run, trusts_corpus=trust)
    from rnntui.core import tasks

    if tasks.is_cached(run):
        return run
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        check_corpus(run)
    name, reading = visible_line(run.name), visible_line(unasked(run.config))
    confirm(f"{name} was not made here. Shall its corpus be {reading}?")
    return replace(run, trusts_corpus=True)
