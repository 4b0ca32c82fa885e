"""The trained model as a tool: `evaluate`, `generate`, `complete`, `score`."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import rich_click as click

from rnntui import formats
from rnntui.cli.options import (
    RunName,
    checkpoint_option,
    device_option,
    json_option,
    quantize_option,
    text_argument,
    writing_device_option,
)
from rnntui.core import events as ev
from rnntui.core import runs
from rnntui.visible import visible, visible_line

if TYPE_CHECKING:
    from rnntui.core.inference.session import Session


@click.command()
@click.argument("run", type=RunName())
@click.option(
    "--split",
    default="valid",
    show_default=True,
    type=click.Choice(["train", "valid", "test"]),
    help="the part of the corpus to score",
)
@click.option(
    "--protocol",
    default="stream",
    show_default=True,
    type=click.Choice(["stream", "windows"]),
    help="stream: read once, in order, state carried; windows: 256 tokens each from a zero state",
)
@checkpoint_option
@device_option
@json_option
def evaluate(run: str, split: str, protocol: Any, checkpoint: str, device: str, as_json: bool) -> None:
    """Score a split of the run's own corpus."""
    from rnntui.core.inference.opening import verify
    from rnntui.core.models.weights import load_model
    from rnntui.core.text.dataset import reopen
    from rnntui.core.training.checkpoints import read_counters
    from rnntui.core.training.devices import choose_device
    from rnntui.core.training.evaluation import evaluate as score

    found = runs.find(run)
    folder = found.checkpoint_path(checkpoint)
    verify(folder)
    device = choose_device(device)
    model, tokenizer = load_model(found, folder / "model.safetensors", device)
    counters = read_counters(folder)
    data = reopen(found, tokenizer)[split]
    event = score(
        model, data, tokenizer.start, protocol, device, step=counters.step, train_s=counters.train_s
    )
    event = msgspec.structs.replace(event, best=counters.step == counters.best_step)
    if as_json:
        click.echo(ev.encode(event).decode())
        return
    click.echo(
        f"{split} ({protocol}), step {event.step:,}: loss {formats.number(event.loss, 4)} nats/token, "
        f"perplexity {formats.number(event.perplexity)}, {formats.number(event.bits_per_char)} bits/char, "
        f"{formats.number(event.bits_per_byte)} bits/byte, accuracy {event.accuracy:.1%}"
    )


@click.command()
@click.argument("run", type=RunName())
@click.option("--prompt", default="", help="how the text begins; - reads standard input")
@click.option("--length", type=click.IntRange(min=1), default=500, show_default=True, help="tokens to write")
@click.option("--temperature", type=float, default=0.8, show_default=True, help="0 takes the likeliest token")
@click.option("--top-k", type=int, default=0, show_default=True, help="draw among the k likeliest; 0 for all")
@click.option(
    "--top-p", type=float, default=1.0, show_default=True, help="draw among the likeliest with this sum"
)
@click.option(
    "--min-p", type=float, default=0.0, show_default=True, help="drop tokens below this share of the best"
)
@click.option("--repetition-penalty", type=float, default=1.0, show_default=True, help="above 1 repeats less")
@click.option("--seed", type=int, default=None, help="draw the same text every time")
@checkpoint_option
@quantize_option
@writing_device_option
def generate(run: str, prompt: str, length: int, checkpoint: str, quantize: str, **sampling: Any) -> None:
    """Write a text, streamed to standard output, the prompt kept exactly as typed."""
    from rnntui.core.inference import sampling as drawing

    chosen = drawing.Sampling(**sampling)
    prompt = text_argument(prompt)
    session = _session(run, checkpoint, quantize)
    session.set_text(prompt)
    _write(prompt)
    for piece in drawing.generate(session, length, chosen):
        _write(piece)
    if sys.stdout.isatty():
        click.echo()


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
@writing_device_option
@json_option
def complete(
    run: str, prefix: str, count: int, words: int, length: int, checkpoint: str, quantize: str, as_json: bool
) -> None:
    """The likeliest ways in which PREFIX goes on, each with its probability; - reads standard input."""
    from rnntui.core.inference import completion

    prefix = text_argument(prefix)
    session = _session(run, checkpoint, quantize)
    began = time.perf_counter()
    session.set_text(prefix)
    found = completion.complete(session, count, words, length)
    elapsed = 1000 * (time.perf_counter() - began)
    if as_json:
        completions = [{"text": c.text, "probability": c.probability} for c in found]
        answer = {"prefix": prefix, "completions": completions, "ms": round(elapsed, 3)}
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    for each in found:
        click.echo(f"{formats.share(each.probability)}  {visible_line(each.text)}")


@click.command()
@click.argument("run", type=RunName())
@click.argument("file")
@click.option("--encoding", default="auto", show_default=True, help="of FILE")
@checkpoint_option
@device_option
@json_option
def score(run: str, file: str, encoding: str, checkpoint: str, device: str, as_json: bool) -> None:
    """How surprising FILE is to the model, in bits per character; - reads standard input.

    With --json, also each token with its surprise in bits.
    """
    from rnntui.core.inference.opening import verify
    from rnntui.core.inference.scoring import score_tokens
    from rnntui.core.models.weights import load_model
    from rnntui.core.text import corpus
    from rnntui.core.training.devices import choose_device

    text = corpus.load(file if file == "-" or "://" in file else str(Path(file).absolute()), encoding).text
    found = runs.find(run)
    folder = found.checkpoint_path(checkpoint)
    verify(folder)
    device = choose_device(device)
    model, tokenizer = load_model(found, folder / "model.safetensors", device)
    tokens = tokenizer.encode(text)
    nats, hits = score_tokens(model, tokens, tokenizer.start, device=device)
    total = float(nats.double().sum()) / math.log(2)
    raw = len(text.encode("utf-8", "replace"))
    if as_json:
        answer = {
            "file": file,
            "protocol": "stream",
            "tokens": len(tokens),
            "loss": float(nats.double().mean()),
            "perplexity": ev.finite(math.exp(min(float(nats.double().mean()), 700))),
            "bits_per_char": total / len(text),
            "bits_per_byte": total / raw,
            "accuracy": float(hits.double().mean()),
            "unknown": int((tokens == tokenizer.unknown).sum()) if tokenizer.unknown is not None else 0,
            "scores": [
                {"text": tokenizer.decode([token]), "bits": nat / math.log(2)}
                for token, nat in zip(tokens.tolist(), nats.tolist(), strict=True)
            ],
        }
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    click.echo(
        f"{visible_line(file)} (stream): {total / len(text):.4f} bits/char, {total / raw:.4f} bits/byte, "
        f"perplexity {formats.number(formats.perplexity(float(nats.double().mean())))}, {len(tokens):,} tokens"
    )


def _session(run: str, checkpoint: str, quantize: str) -> Session:
    """A session on a run's model.  Raises InputError where the run or the checkpoint is unusable."""
    from rnntui.core.inference.opening import open_engine, verify
    from rnntui.core.inference.session import Session

    found = runs.find(run)
    folder = found.checkpoint_path(checkpoint)
    verify(folder)
    return Session(*open_engine(found, folder / "model.safetensors", quantize == "int8"))


def _write(text: str) -> None:
    """Model text to standard output: untouched in a pipe, harmless on a terminal."""
    click.echo(visible(text) if sys.stdout.isatty() else text, nl=False)
    sys.stdout.flush()


COMMANDS = (evaluate, generate, complete, score)
