"""`evaluate` on a held-out part or another text, and `score` token by token."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import msgspec
import rich_click as click

from rnntui.cli.display import beside
from rnntui.cli.evaluation import Evaluation, evaluated_part
from rnntui.cli.model import counts_of
from rnntui.cli.options import (
    CorpusName,
    RunName,
    checkpoint_option,
    device_option,
    encoding_options,
    helping_options,
    json_option,
)
from rnntui.cli.output import report, show_line, write_line
from rnntui.cli.trust import trust_option, trusted
from rnntui.core.config.tasks import TASKS
from rnntui.core.errors import InputError, oneline
from rnntui.core.runs import events as ev
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.core.text.decoding import OnError
from rnntui.core.text.segmentation import form_of
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line

if TYPE_CHECKING:
    from rnntui.core.completion.engine import Engine
    from rnntui.core.completion.metrics import Usefulness
    from rnntui.core.text.corpus import Source
    from rnntui.core.text.encoded import Split
    from rnntui.core.text.tokenizers import Tokenizer

_TYPED = 2000
"""Characters that are typed to measure completion: about half a minute."""
_COUNTED = 1 << 23
"""Characters of a training text whose words are counted."""
_FORMS = {"NFC": "composed", "NFD": "decomposed"}
_READ = 1_000_000
"""Tokens of a part that the places to type are chosen from."""


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
@click.option(
    "--corpus",
    type=CorpusName(),
    help="score the whole of another text in the place of a part of the run's own",
)
@click.option("--target-corpus", type=CorpusName(), help="where the lines that those of --corpus become are")
@encoding_options
@helping_options
@click.option(
    "--baselines",
    "compared",
    is_flag=True,
    help="also what needs no network: n-grams; gzip, bz2, xz, ppmd alone and behind the training text",
)
@click.option(
    "--completion",
    "completing",
    is_flag=True,
    help="how well it completes: keystrokes saved, exact words, what to offer, how fast",
)
@checkpoint_option
@device_option
@trust_option
@json_option
def evaluate(
    run: str,
    split: str,
    protocol: Any,
    corpus: str | None,
    target_corpus: str | None,
    encoding: str,
    on_error: OnError,
    dynamic: bool,
    cache: bool,
    counts: bool,
    compared: bool,
    completing: bool,
    checkpoint: str,
    device: str,
    trust: bool,
    as_json: bool,
) -> None:
    """Score a held-out part of the run's own corpus, or another text."""
    found = store.find(run)
    asked = Evaluation(
        split, corpus, target_corpus, encoding, on_error, checkpoint, device, as_json,
        protocol, dynamic, cache, counts, compared, completing,
    )  # fmt: skip
    if (encoding, on_error) != ("auto", "stop") and not corpus:
        raise InputError("--encoding, --on-error: of another text; name it with --corpus")
    spec = TASKS[found.config.text.task]
    if target_corpus and not ("target_corpus" in spec.settings and corpus):
        raise InputError(
            "--target-corpus: the other side of --corpus, for a run of --task translate; leave it out"
        )
    if not spec.running_text:
        switches = {
            "--protocol": protocol != "stream",
            "--dynamic": dynamic,
            "--cache": cache,
            "--counts": counts,
            "--baselines": compared,
            "--completion": completing,
        }
        if given := [flag for flag, is_set in switches.items() if is_set]:
            raise InputError(f"{', '.join(given)}: of models that write; this one {spec.does}; leave it out")
    if not corpus or compared:
        found = trusted(found, trust)
    resolve_name(spec.evaluation)(found, asked)


def evaluate_text(run: Run, asked: Evaluation) -> None:
    """Score a part of a language model's own text, or all of another one."""
    from rnntui.core.completion.loading import sound_checkpoint
    from rnntui.core.inference.scoring import Helped
    from rnntui.core.nn.weights import load_model
    from rnntui.core.tasks.base import EventTime
    from rnntui.core.tasks.language.evaluation import evaluate as score
    from rnntui.core.text.baselines import baselines
    from rnntui.core.text.columns import another_of
    from rnntui.core.text.corpus import canonical
    from rnntui.core.text.dataset import reopen
    from rnntui.core.training.checkpoints import read_counters
    from rnntui.core.training.devices import choose_device

    folder = sound_checkpoint(run, asked.checkpoint)
    device = choose_device(asked.device)
    model, tokenizer = load_model(run, folder / "model.safetensors", device)
    counters = read_counters(folder)
    if asked.corpus:
        other = another_of(run.config.text, canonical(asked.corpus), asked.encoding, asked.on_error)
        data = _another(run, other, tokenizer, asked.compared)
    else:
        other, data = None, evaluated_part(reopen(run, tokenizer), asked.split)
    if asked.completing and asked.dynamic:
        raise InputError("--completion: measured without --dynamic; leave one of the two out")
    if asked.compared and data.name == "train":
        raise InputError(
            "--baselines: what was counted on the training part says nothing of it; use --split valid"
        )
    counted = counts_of(run, tokenizer) if asked.counts else None
    event = score(
        model, data, tokenizer.start, asked.protocol, device,
        EventTime(counters.step, counters.train_s), helped=Helped(asked.dynamic, asked.cache, counted),
    )  # fmt: skip
    event = msgspec.structs.replace(event, best=counters.step == counters.best_step)
    rivals = []
    if asked.compared:
        train = reopen(run, tokenizer)["train"].tokens
        rivals = [
            ev.Baselined(step=0, **each._asdict()) for each in baselines(train, data, tokenizer.vocab_size)
        ]
    helps = {"dynamic": asked.dynamic, "cache": asked.cache, "counts": asked.counts}
    useful: Usefulness | None = None
    without: Mapping[str, Usefulness] = {}
    if asked.completing:
        from rnntui.core.completion.loading import open_engine
        from rnntui.core.completion.metrics import offers_of, usefulness
        from rnntui.core.completion.session import Session

        if counted:
            counted.forget()
        text = _text_to_type(run, data, tokenizer, other.beginning if other else "")
        engine, _ = open_engine(run, folder / "model.safetensors")
        useful = usefulness(
            offers_of(Session(engine, tokenizer, cache=asked.cache, counts=counted)), text, _TYPED
        )
        without = _without_network(run, engine, tokenizer, text)
    if asked.as_json:
        extra: dict[str, Any] = {"corpus": asked.corpus, "own": False} if asked.corpus else {}
        extra |= {"skipped": other.skipped, "damaged": other.damaged} if other else {}
        extra |= {name: True for name, on in helps.items() if on}
        extra |= {"baselines": msgspec.to_builtins(rivals)} if rivals else {}
        if useful:
            thresholds = [each._asdict() for each in useful.thresholds]
            rest = {"thresholds": thresholds, "offered_from": useful.ghost.threshold}
            rest["ghost"] = useful.ghost._asdict()
            rest["without_network"] = {
                name: {"ghost": each.ghost.saved, "five": each.five} for name, each in without.items()
            }
            extra["completion"] = useful._asdict() | rest
        write_line(json.dumps(msgspec.to_builtins(event) | extra, ensure_ascii=False))
        return
    help_given = "".join(f", {name}" for name, on in helps.items() if on)
    show_line(
        f"{data.name} ({asked.protocol}{help_given}), step {event.step:,}: "
        f"loss {formats.number(event.loss, 4)} nats/token, "
        f"perplexity {formats.number(event.perplexity)}{formats.per_word(event)}, "
        f"{formats.number(event.bits_per_char)} bits/char, "
        f"{formats.number(event.bits_per_byte)} bits/byte, accuracy {event.accuracy:.1%}{formats.unknown(event)}"
    )
    for line in beside(rivals, event.bits_per_byte):
        show_line(line)
    if useful:
        _tell_useful(useful, without)


def _text_to_type(run: Run, data: Split, tokenizer: Tokenizer, another: str) -> str:
    """The beginning of a part, or of `another` text."""
    from rnntui.core.text.dataset import beginning

    tokens = data.tokens[:_READ]
    if tokenizer.unknown is None or not (tokens == tokenizer.unknown).any():
        return tokenizer.decode(tokens.tolist())
    # What <unk> stands for has to be typed as well.
    return another or beginning(run, data.name, _READ)


def _without_network(run: Run, engine: Engine, tokenizer: Tokenizer, text: str) -> dict[str, Usefulness]:
    """The same text typed with offers that need no network; none where the training text is gone."""
    from rnntui.core.completion.metrics import frequent_words, offers_of, usefulness
    from rnntui.core.completion.session import Session
    from rnntui.core.text.dataset import beginning

    try:
        counts, read = counts_of(run, tokenizer), beginning(run, "train", _COUNTED)
    except InputError as error:
        report(visible_line(oneline(error)))
        return {}
    counts.speak_alone()
    offerings = {
        "n-gram": offers_of(Session(engine, tokenizer, counts=counts)),
        "frequent words": frequent_words([read]),
    }
    return {name: usefulness(offering, text, _TYPED) for name, offering in offerings.items()}


def _tell_useful(useful: Usefulness, without: Mapping[str, Usefulness]) -> None:
    exact = ", ".join(f"{n} {share:.0%}" for n, share in enumerate(useful.exact, start=1))
    show_line(
        f"completion, {useful.characters:,} characters typed: {useful.ghost.saved:.0%} of keystrokes saved by ghost "
        f"text alone, {useful.five:.0%} by five offers; {useful.ms:.1f} ms per key (p99 {useful.ms_p99:.1f})"
    )
    for name, other in without.items():
        show_line(f"  without a network, {name}: {other.ghost.saved:.0%} and {other.five:.0%}")
    right = "–" if useful.ghost.right is None else f"{useful.ghost.right:.0%}"
    show_line(
        f"ghost text where it saves {useful.ghost.threshold:g} keystrokes on average or more: at "
        f"{useful.ghost.shown:.0%} of places, {right} correct\n"
        f"exact match, next n words: {exact}\n"
        f"from a probability on: shown, correct, keystrokes saved"
    )
    for each in useful.thresholds:
        right = "–" if each.right is None else f"{each.right:.0%}"
        show_line(f"  {each.threshold:.1f}  {each.shown:>5.0%}  {right:>5}  {each.saved:>5.0%}")


def _another(run: Run, source: Source, tokenizer: Tokenizer, compared: bool) -> Split:
    """The whole of another text than the run's own, which standard error says it is.

    Raises InputError where it is the run's own: most of that was trained on.
    """
    from rnntui.core.text.corpus import canonical
    from rnntui.core.text.dataset import whole

    corpus = source.source
    found, sha256 = whole(source, tokenizer, run if compared else None)
    trained = run.config.text
    if sha256 == trained.sha256 or (trained.apart and canonical(corpus) == trained.corpus):
        raise InputError(
            f"--corpus: {corpus}: the text that {run.name} was trained on; leave it out to score its held-out part"
        )
    own = store.short_corpus(run.config.text.corpus)
    for remark in (*source.remarks(), *_another_form(source.beginning, tokenizer)):
        report(visible_line(remark))
    report(
        f"{visible_line(corpus)}: not the text that {visible_line(run.name)} was trained on ({visible_line(own)}): "
        f"sha256 {sha256[:12]}, not {run.config.text.sha256[:12]}; all of it is scored"
    )
    return found


def _another_form(text: str, tokenizer: Tokenizer) -> Iterator[str]:
    """A line where the accents of a text are written in another way than those that a model has learned."""
    found = form_of(text)
    if found and tokenizer.form and found != tokenizer.form:
        yield (
            f"its accents are {_FORMS[found]} ({found}), those of the model {_FORMS[tokenizer.form]}, which knows few "
            f"words with accents then; bring the text to {tokenizer.form}"
        )


@click.command()
@click.argument("run", type=RunName())
@click.argument("file")
@encoding_options
@helping_options
@checkpoint_option
@device_option
@json_option
def score(
    run: str,
    file: str,
    encoding: str,
    on_error: OnError,
    dynamic: bool,
    cache: bool,
    counts: bool,
    checkpoint: str,
    device: str,
    as_json: bool,
) -> None:
    """Score FILE token by token, in bits per character; - reads standard input.

    With --json, also each token with its surprise in bits.
    """
    from rnntui.core.completion.loading import sound_checkpoint
    from rnntui.core.inference.scoring import Helped, StreamScores, score_tokens
    from rnntui.core.nn.weights import load_model
    from rnntui.core.text import corpus
    from rnntui.core.text.spelling import spelled
    from rnntui.core.text.statistics import WordCount
    from rnntui.core.training.devices import choose_device

    place = file if file == "-" or "://" in file else str(Path(file).absolute())
    source = corpus.Source(place, encoding, on_error)
    text = "".join(source.blocks())
    found = store.find(run, "lm")
    folder = sound_checkpoint(found, checkpoint)
    device = choose_device(device)
    model, tokenizer = load_model(found, folder / "model.safetensors", device)
    remarks = [*source.remarks(), *_another_form(source.beginning, tokenizer)]
    tokens = tokenizer.encode(text)
    helped = Helped(dynamic, cache, counts_of(found, tokenizer) if counts else None)
    nats, hits = score_tokens(model, tokens, tokenizer.start, device=device, helped=helped)
    words = WordCount()
    words.add(text)
    scores = StreamScores(
        "stream",
        len(tokens),
        float(nats.double().sum()),
        int(hits.sum()),
        len(text),
        len(text.encode("utf-8", "replace")),
        spelled(tokenizer, [text]).spelling,
        words.total,
    )
    unknown = int((tokens == tokenizer.unknown).sum()) if tokenizer.unknown is not None else 0
    for remark in remarks:
        report(visible_line(remark))
    if as_json:
        answer = {
            "file": file,
            "protocol": "stream",
            "tokens": len(tokens),
            "loss": scores.loss,
            "perplexity": ev.finite(scores.perplexity),
            "bits_per_char": scores.bits_per_char,
            "bits_per_byte": scores.bits_per_byte,
            "word_perplexity": ev.finite(scores.word_perplexity),
            "accuracy": scores.accuracy,
            "unknown": unknown,
            "skipped": source.skipped,
            "damaged": source.damaged,
            "scores": [
                {"text": tokenizer.decode([token]), "bits": nat / math.log(2)}
                for token, nat in zip(tokens.tolist(), nats.tolist(), strict=True)
            ],
        }
        write_line(json.dumps(answer, ensure_ascii=False))
        return
    show_line(
        f"{visible_line(file)} (stream): {scores.bits_per_char:.4f} bits/char, {scores.bits_per_byte:.4f} bits/byte, "
        f"perplexity {formats.number(scores.perplexity)}, {formats.number(scores.word_perplexity, 1)} per word, "
        f"{len(tokens):,} tokens" + (f", {unknown / len(tokens):.1%} of them unknown" if unknown else "")
    )


COMMANDS = (evaluate, score)
