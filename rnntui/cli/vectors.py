"""What a model has made of words: `export` and `nearest`."""

from __future__ import annotations

import json
from pathlib import Path

import rich_click as click

from rnntui.cli.options import RunName, checkpoint_option, json_option
from rnntui.cli.output import write_line
from rnntui.core import store
from rnntui.core.files import write_atomically
from rnntui.visible import visible_line


@click.command()
@click.argument("run", type=RunName())
@click.option(
    "--embeddings",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="where the words with their vectors go, in word2vec's text form",
)
@checkpoint_option
def export(run: str, embeddings: Path, checkpoint: str) -> None:
    """Write what a model has learned for other programs."""
    from rnntui.core.inference.opening import sound_checkpoint
    from rnntui.core.inference.words import words_in
    from rnntui.core.text.vectors import as_text

    found = store.find(run)
    folder = sound_checkpoint(found, checkpoint)
    known = words_in(found, folder)
    content = "".join(as_text(known.words, known.vectors)).encode("utf-8", "replace")
    write_atomically(embeddings, content, durable=False)
    write_line(str(embeddings))


@click.command()
@click.argument("run", type=RunName())
@click.argument("word")
@click.option("--count", type=click.IntRange(1, 1000), default=10, show_default=True, help="how many")
@checkpoint_option
@json_option
def nearest(run: str, word: str, count: int, checkpoint: str, as_json: bool) -> None:
    """The words that a model takes for most like WORD, with the cosine between their embeddings."""
    from rnntui.core.inference.opening import sound_checkpoint
    from rnntui.core.inference.words import nearest_words, words_in

    found = store.find(run)
    folder = sound_checkpoint(found, checkpoint)
    close = nearest_words(words_in(found, folder), word, count)
    if as_json:
        answer = {"word": word, "nearest": [{"word": each, "cosine": cosine} for each, cosine in close]}
        write_line(json.dumps(answer, ensure_ascii=False))
        return
    for each, cosine in close:
        click.echo(f"{cosine:6.3f}  {visible_line(each)}")


COMMANDS = (nearest, export)
