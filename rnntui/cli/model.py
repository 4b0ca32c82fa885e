"""The trained model as a tool that writes: `generate` and `complete`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import rich_click as click

from rnntui.cli.options import (
    RunName,
    checkpoint_option,
    helping_options,
    json_option,
    quantize_option,
    text_argument,
    writing_device_option,
)
from rnntui.cli.output import report, show_line, write, write_line
from rnntui.core.config.sampling import Sampling, sampling_fields
from rnntui.core.runs import store
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line

if TYPE_CHECKING:
    from rnntui.core.completion.counts import CountedModel
    from rnntui.core.completion.session import Session
    from rnntui.core.runs.folder import Run
    from rnntui.core.text.tokenizers import Tokenizer


def sampling_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A flag for every setting of sampling."""
    for field in reversed(list(sampling_fields())):
        command = click.option(
            field.flag,
            type=field.kind,
            default=field.default,
            show_default=field.default is not None,
            help=field.description,
        )(command)
    return command


@click.command()
@click.argument("run", type=RunName())
@click.option("--prompt", default="", help="how the text begins; - reads standard input")
@click.option("--length", type=click.IntRange(min=1), default=500, show_default=True, help="tokens to write")
@sampling_options
@checkpoint_option
@quantize_option
@writing_device_option
def generate(run: str, prompt: str, length: int, checkpoint: str, quantize: str, **sampling: Any) -> None:
    """Write a text, streamed to standard output, the prompt kept exactly as typed."""
    from rnntui.core.completion.sampling import generate as writing

    chosen = Sampling(**sampling)
    prompt = text_argument(prompt)
    session = _session(run, checkpoint, quantize)
    session.set_text(session.tokenizer.as_read(prompt))
    write(prompt)
    last = prompt
    for piece in writing(session, length, chosen):
        write(piece)
        last = piece
    if not last.endswith("\n"):
        write("\n")


@click.command()
@click.argument("run", type=RunName())
@click.argument("prefix")
@click.option("--count", type=click.IntRange(1, 100), default=5, show_default=True, help="alternatives")
@click.option(
    "--words", type=click.IntRange(1, 100), default=1, show_default=True, help="words each, at most"
)
@click.option(
    "--length", type=click.IntRange(1, 1000), default=24, show_default=True, help="tokens each, at most"
)
@checkpoint_option
@quantize_option
@helping_options
@writing_device_option
@json_option
def complete(
    run: str,
    prefix: str,
    count: int,
    words: int,
    length: int,
    checkpoint: str,
    quantize: str,
    dynamic: bool,
    cache: bool,
    counts: bool,
    as_json: bool,
) -> None:
    """The likeliest ways in which PREFIX goes on, each with its probability; - reads standard input.

    A probability is that of the text, its last word ending there, of all tokens that can be written: what the model
    gives to <unk> is shared out among them.
    """
    from rnntui.core.completion import completion

    prefix = text_argument(prefix)
    session = _session(run, checkpoint, quantize, cache, counts)
    began = time.perf_counter()
    session.set_text(session.tokenizer.as_read(prefix))
    if dynamic:
        from rnntui.core.inference.online_adaptation import LearningAlong

        LearningAlong(session).follow()
    found = completion.complete(session, count, words, length)
    elapsed = 1000 * (time.perf_counter() - began)
    if as_json:
        completions = [{"text": c.text, "probability": c.probability} for c in found]
        answer = {"prefix": prefix, "completions": completions, "ms": round(elapsed, 3)}
        write_line(json.dumps(answer, ensure_ascii=False))
        return
    for each in found:
        show_line(f"{formats.share(each.probability)}  {visible_line(each.text)}")


def _session(run: str, checkpoint: str, quantize: str, cache: bool = False, counts: bool = False) -> Session:
    """A session on a run's model.  Raises InputError where the run or the checkpoint is unusable."""
    from rnntui.core.completion.loading import open_engine, sound_checkpoint
    from rnntui.core.completion.session import Session

    found = store.find(run, "lm")
    folder = sound_checkpoint(found, checkpoint)
    engine, tokenizer = open_engine(found, folder / "model.safetensors", quantize == "int8")
    counted = counts_of(found, tokenizer) if counts else None
    return Session(engine, tokenizer, cache=cache, counts=counted)


def counts_of(run: Run, tokenizer: Tokenizer) -> CountedModel:
    """The counted model of a run; standard error says what is done where that takes a while.  Raises InputError."""
    from rnntui.core.completion.count_tables import open_counts
    from rnntui.core.kernels.kernel_cache import report_compiling

    report_compiling(lambda line: report(visible_line(line)))
    return open_counts(run, tokenizer, lambda line, _: report(visible_line(line)))


COMMANDS = (generate, complete)
