"""`rnntui translate`, and `evaluate` of what translates."""

from __future__ import annotations

import json
from typing import Any

import rich_click as click

from rnntui.cli.evaluation import Evaluation, evaluated_part, open_checkpoint, print_evaluation
from rnntui.cli.options import (
    Number,
    RunName,
    checkpoint_option,
    device_option,
    json_option,
    named,
    text_argument,
)
from rnntui.cli.output import report, show_line, write, write_line
from rnntui.core.errors import InputError
from rnntui.core.runs import store
from rnntui.core.runs.events import finite
from rnntui.core.runs.folder import Run
from rnntui.ui.attention_map import heat, shaded
from rnntui.ui.terminal_safety import visible_line

_WIDTH = 100
_AT_ONCE = 32
"""Lines that are translated before the first is written."""


@click.command()
@click.argument("run", type=RunName())
@click.argument("text", default="-")
@click.option(
    "--beam", type=click.IntRange(1, 64), default=5, show_default=True, help="targets followed side by side"
)
@click.option(
    "--length-penalty",
    type=Number(0, 2),
    default=0.6,
    show_default=True,
    help="0 prefers short targets",
)
@click.option(
    "--count",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="translations shown, up to --beam",
)
@click.option("--attention", is_flag=True, help="also show where each word of the target looked")
@checkpoint_option
@device_option
@json_option
def translate(
    run: str,
    text: str,
    beam: int,
    length_penalty: float,
    count: int,
    attention: bool,
    checkpoint: str,
    device: str,
    as_json: bool,
) -> None:
    """Translate TEXT; - reads standard input, a text a line, and writes a line for each."""
    from rnntui.core.completion.loading import sound_checkpoint
    from rnntui.core.tasks.translation.beam import Search
    from rnntui.core.tasks.translation.predict import Translation, check_length
    from rnntui.core.tasks.translation.predict import translate as translated
    from rnntui.core.tasks.translation.reader import in_one_line
    from rnntui.core.tasks.translation.task import load_translator
    from rnntui.core.training.devices import choose_device

    if count > beam:
        raise InputError(f"--count: {count} of the {beam} that --beam follows; raise it as well")
    found = store.find(run, "translate")
    if attention and found.config.model.attention == "none":
        raise InputError(f"--attention: {run} was trained with --attention none; leave it out")
    folder = sound_checkpoint(found, checkpoint)
    device = choose_device(device)
    model, vocabularies = load_translator(found, folder / "model.safetensors", device)
    given = text_argument(text)
    texts = given.removesuffix("\n").split("\n") if text == "-" else [in_one_line(given)]
    if not any(each.strip() for each in texts):
        raise InputError(f"{named(text)}: empty; give a text to translate")
    check_length(texts, vocabularies)

    def tell(source: str, targets: list[Translation]) -> None:
        if not targets and not as_json:
            write("\n")
        if as_json:
            write_line(json.dumps(_as_json(source, targets, attention), ensure_ascii=False))
            return
        for each in targets:
            if not each.finished:
                report(f"cut after {len(each.target):,} tokens: {visible_line(source, 60)}")
            score = f"{each.score:7.2f}  " if count > 1 else ""
            write_line(f"{score}{each.text}")
            if attention:
                for line in shaded(heat(each.source, each.target, each.looked.tolist(), _WIDTH)):
                    show_line(visible_line(line, _WIDTH))

    search = Search(beam, length_penalty)
    for at in range(0, len(texts), _AT_ONCE):
        some = texts[at : at + _AT_ONCE]
        lines = [each.strip() for each in some if each.strip()]
        answers = iter(translated(model, vocabularies, lines, search, count, device))
        for each in some:
            if each.strip():
                tell(each.strip(), next(answers))
            else:
                tell("", [])


def _as_json(source: str, targets: list[Any], attention: bool) -> dict[str, Any]:
    """The targets of a source."""
    found = []
    for each in targets:
        answer = {
            "text": each.text,
            "log_probability": finite(each.log_p),
            "score": finite(each.score),
            "finished": each.finished,
        }
        if attention:
            answer |= {"source": each.source, "target": each.target, "attention": each.looked.tolist()}
        found.append(answer)
    return {"source": source, "translations": found}


def evaluate_pairs(run: Run, asked: Evaluation) -> None:
    """Score a part of a translator's own pairs, or all of others; with sacrebleu, translate them as well.

    Others are a table, or the lines of one corpus and of their target corpus.
    """
    from rnntui.core.tasks.translation.beam import BEAM
    from rnntui.core.tasks.translation.overlap import available
    from rnntui.core.tasks.translation.task import (
        TranslationTask,
        as_event,
        compared,
        load_translator,
        others,
        score,
    )

    at = open_checkpoint(run, asked)
    model, vocabularies = load_translator(run, at.weights, at.device)
    if asked.corpus:
        sides = asked.corpus, asked.target_corpus or ""
        part = others(run, sides, (asked.encoding, asked.on_error), vocabularies)
    else:
        part = evaluated_part(TranslationTask.reopen(run), asked.split)
    event = as_event(score(model, part, at.device), part.name, at.now)
    extra: dict[str, Any] = {}
    lines = [f"accuracy {event.accuracy:.1%} of the tokens, {len(part.pairs):,} pairs"]
    if available():
        found = compared(model, vocabularies, part.pairs, BEAM, at.device)
        extra = found._asdict()
        lines += [
            f"BLEU {found.bleu:.1f}  {found.bleu_signature}",
            f"chrF {found.chrf:.1f}  {found.chrf_signature}",
        ]
    else:
        lines.append("BLEU and chrF: pip install 'rnntui[translate]'")
    print_evaluation(run, event, at.best_step, asked.corpus, extra, lines, asked.as_json)


COMMANDS = (translate,)
