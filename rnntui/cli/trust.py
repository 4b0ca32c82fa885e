"""Asking before the corpus of a run that was not made here is fetched over the network."""

from __future__ import annotations

import sys
from dataclasses import replace

import rich_click as click

from rnntui.cli.output import confirm
from rnntui.core.origin import check_corpus, must_be_trusted, remote_corpora
from rnntui.core.runs import Run
from rnntui.visible import visible_line

trust_option = click.option(
    "--trust-corpus",
    "trust",
    is_flag=True,
    help="fetch the corpus of a run that was not made here, where it is a URL",
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
    source = visible_line(remote_corpora(run.config)[0])
    confirm(f"{visible_line(run.name)} was not made here. Fetch its corpus from {source}?")
    return replace(run, trusts_corpus=True)
