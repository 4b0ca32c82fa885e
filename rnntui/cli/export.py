"""`export` of a model for other programs, and `nearest` words in its embedding."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import rich_click as click

from rnntui.cli.options import OUTPUT, RunName, checkpoint_option, json_option, output_option
from rnntui.cli.output import report, show_line, write_line
from rnntui.cli.trust import trust_option, trusted
from rnntui.core.errors import InputError
from rnntui.core.files import write_atomically
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line


@click.command()
@click.argument("run", type=RunName())
@click.option(
    "--format",
    "form",
    type=click.Choice(["safetensors", "onnx"]),
    help="the weights by name and shape, or a graph with the state as inputs and outputs",
)
@output_option("the file; left out, the run's name in this folder")
@click.option(
    "--quantize",
    type=click.Choice(["none", "int8"]),
    default="none",
    show_default=True,
    help="int8 keeps matrices as whole numbers with a scale a row: a quarter of the size",
)
@click.option(
    "--embeddings",
    type=OUTPUT,
    help="in the place of a model: the file for its words with their vectors, in word2vec's text form",
)
@checkpoint_option
@trust_option
@json_option
def export(
    run: str,
    form: str | None,
    output: Path | None,
    quantize: str,
    embeddings: Path | None,
    checkpoint: str,
    trust: bool,
    as_json: bool,
) -> None:
    """Write a model for other programs, and smaller.

    With --quantize the held-out part is scored before and after, if the corpus is still there.
    """
    from rnntui.core.completion.loading import sound_checkpoint

    found = store.find(run)
    folder = sound_checkpoint(found, checkpoint)
    if embeddings is not None:
        if form or output or quantize != "none":
            raise InputError("--embeddings: written alone; leave out --format, --output and --quantize")
        _refuse_to_replace(embeddings, "--embeddings")
        _write_embeddings(found, folder, embeddings)
        return
    if form is None:
        if output is None:
            raise InputError(
                "--format: name one, safetensors or onnx; or --embeddings FILE for the words alone"
            )
        form = "onnx" if output.suffix == ".onnx" else "safetensors"
    if output is None:
        output = Path(f"{found.name}.{form}")
    _refuse_to_replace(output, "--output")
    if quantize != "none":
        found = trusted(found, trust)  # the held-out part is scored
    _write_model(found, folder, form, output, quantize == "int8", as_json)


def _refuse_to_replace(path: Path, flag: str) -> None:
    """A mistyped name must not cost a text or a run."""
    if str(path) == "-":
        raise InputError(f"{flag}: '-' is not a file name; give one")
    if path.exists():
        raise InputError(f"{path}: exists already; delete it, or name another file with {flag}")


def _write_embeddings(run: Run, folder: Path, output: Path) -> None:
    """The words of a vocabulary with their vectors."""
    from rnntui.core.completion.embeddings import words_in
    from rnntui.core.text.vectors import as_text

    known = words_in(run, folder)
    content = "".join(as_text(known.words, known.vectors)).encode("utf-8", "replace")
    write_atomically(output, content, durable=False)
    write_line(str(output))


def _write_model(run: Run, folder: Path, form: str, output: Path, int8: bool, as_json: bool) -> None:
    """Write a model and print the table of its tensors, and with int8 the scores before and after."""
    from rnntui.core.export.writing import export as exported
    from rnntui.core.tasks.base import EventTime
    from rnntui.core.training.checkpoints import read_counters

    counters, weights = read_counters(folder), folder / "model.safetensors"
    found = exported(run, weights, form, int8, EventTime(counters.step, counters.train_s))
    write_atomically(output, found.content, durable=False)
    sizes = found.whole, len(found.content)
    if found.unscored:
        report(f"not scored: {visible_line(found.unscored)}")
    scored = {"before": found.before, "after": found.after}
    if as_json:
        tensors = [
            {"name": name, "shape": list(each.shape), "type": str(each.dtype), "bytes": each.nbytes}
            for name, each in found.tensors.items()
        ]
        answer = {"file": str(output), "bytes": sizes[1], "bytes_before": sizes[0], "tensors": tensors}
        answer |= {name: msgspec.to_builtins(event) for name, event in scored.items() if event}
        write_line(json.dumps(answer, ensure_ascii=False))
        return
    width = max(len(name) for name in found.tensors)
    for name, each in found.tensors.items():
        shape = " x ".join(f"{size:,}" for size in each.shape) or "1"
        report(f"{name:<{width}}  {each.dtype!s:<8}  {shape}")
    for (name, event), size in zip(scored.items(), sizes, strict=True):
        if event:
            report(f"{name:<6}  {size:>12,} bytes  {event.split} ({event.protocol}): {formats.scores(event)}")
    write_line(str(output))


@click.command()
@click.argument("run", type=RunName())
@click.argument("word")
@click.option("--count", type=click.IntRange(1, 1000), default=10, show_default=True, help="how many")
@checkpoint_option
@json_option
def nearest(run: str, word: str, count: int, checkpoint: str, as_json: bool) -> None:
    """The words that a model takes for most like WORD, with the cosine between their embeddings."""
    from rnntui.core.completion.embeddings import nearest_words, words_in
    from rnntui.core.completion.loading import sound_checkpoint

    found = store.find(run)
    folder = sound_checkpoint(found, checkpoint)
    close = nearest_words(words_in(found, folder), word, count)
    if as_json:
        answer = {"word": word, "nearest": [{"word": each, "cosine": cosine} for each, cosine in close]}
        write_line(json.dumps(answer, ensure_ascii=False))
        return
    for each, cosine in close:
        show_line(f"{cosine:6.3f}  {visible_line(each)}")


COMMANDS = (nearest, export)
