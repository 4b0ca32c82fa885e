"""`rnntui corpora`."""

from __future__ import annotations

import dataclasses
import json

import rich_click as click

from rnntui.cli.options import CorpusName, encoding_options, json_option
from rnntui.cli.output import show_line, write_line
from rnntui.core.text import catalogue
from rnntui.core.text.decoding import OnError
from rnntui.ui.terminal_safety import visible, visible_line

_PREVIEW = 400


@click.group()
def corpora() -> None:
    """The texts that models learn from."""


@corpora.command("list")
@json_option
def list_(as_json: bool) -> None:
    """The samples that come with the program."""
    if as_json:
        write_line(json.dumps({name: sample._asdict() for name, sample in catalogue.SAMPLES.items()}))
        return
    for name, sample in catalogue.SAMPLES.items():
        show_line(f"{name:<14} {sample.language:<17} {sample.summary}")


@corpora.command()
@click.argument("source", type=CorpusName())
@encoding_options
@json_option
def show(source: str, encoding: str, on_error: OnError, as_json: bool) -> None:
    """Sizes, entropy and the beginning of a corpus: a sample, a file, a folder, - or a URL."""
    from rnntui.core.text import corpus
    from rnntui.core.text.statistics import statistics

    text = corpus.Source(source, encoding, on_error)
    figures = statistics(text.blocks())
    if as_json:
        content = {
            "source": corpus.canonical(source),
            "sha256": text.sha256,
            "files": text.files,
            "skipped": text.skipped,
            "damaged": text.damaged,
        }
        write_line(json.dumps(content | dataclasses.asdict(figures), ensure_ascii=False))
        return
    show_line(
        f"{visible_line(corpus.canonical(source))}: {figures.characters:,} characters, {figures.bytes:,} bytes, "
        f"{figures.lines:,} lines, {figures.vocabulary:,} distinct characters"
    )
    if text.files > 1:
        show_line(f"{text.files:,} files")
    for remark in text.remarks():
        show_line(visible_line(remark))
    show_line(f"entropy of single characters {figures.entropy:.3f} bits/char")
    show_line(f"gzip {figures.gzip_bits_per_byte:.3f} bits/byte")
    show_line("\n" + visible(text.beginning[:_PREVIEW]))


COMMANDS = (corpora,)
