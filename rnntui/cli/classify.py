"""`rnntui classify`, and `evaluate` of what classifies."""

from __future__ import annotations

import json
from collections.abc import Sequence

import rich_click as click

from rnntui.cli.evaluation import Evaluation, evaluated_part, open_checkpoint, print_evaluation
from rnntui.cli.options import RunName, checkpoint_option, json_option, named, text_argument
from rnntui.cli.output import show_line, write_line
from rnntui.core.errors import InputError
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line

_NAMES = 12
"""Columns of a label's name in the table of confusions."""


@click.command()
@click.argument("run", type=RunName())
@click.argument("text")
@checkpoint_option
@json_option
def classify(run: str, text: str, checkpoint: str, as_json: bool) -> None:
    """The probability of each label of TEXT; - reads standard input, a text a line, and writes a line for each."""
    from rnntui.core.completion.loading import sound_checkpoint
    from rnntui.core.tasks.classification.predict import likeliest, predict
    from rnntui.core.tasks.classification.task import load_classifier

    found = store.find(run, "classify")
    folder = sound_checkpoint(found, checkpoint)
    model, tokenizer, labels = load_classifier(found, folder / "model.safetensors")
    many = text == "-"
    given = text_argument(text)
    texts = [line.removesuffix("\r") for line in given.removesuffix("\n").split("\n")] if many else [given]
    if not any(each.strip() for each in texts):
        raise InputError(f"{named(text)}: empty; give a text to classify")
    for each in texts:
        if not each.strip():  # a line for each, so that texts and answers can be put side by side
            write_line(json.dumps({"text": each, "label": None}) if as_json else "")
            continue
        prediction = predict(model, tokenizer, each)
        order = likeliest(prediction.probabilities)
        if as_json:
            answer = {
                "text": each,
                "label": labels[order[0]],
                "probabilities": {labels[place]: prediction.probabilities[place] for place in order},
                "influence": list(zip(prediction.pieces, prediction.influence, strict=True)),
            }
            write_line(json.dumps(answer, ensure_ascii=False))
        elif many:
            best = order[0]
            shown = f"{formats.share(prediction.probabilities[best])}  {visible_line(labels[best])}"
            show_line(f"{shown}  {visible_line(each, 100)}")
        else:
            for place in order:
                show_line(f"{formats.share(prediction.probabilities[place])}  {visible_line(labels[place])}")


def evaluate_texts(run: Run, asked: Evaluation) -> None:
    """Score a part of a classifier's own examples, or all of others."""
    from rnntui.core.tasks.classification.task import (
        ClassificationTask,
        as_event,
        load_classifier,
        others,
        score,
    )

    at = open_checkpoint(run, asked)
    model, tokenizer, labels = load_classifier(run, at.weights, at.device)
    if asked.corpus:
        part = others(run, asked.corpus, (asked.encoding, asked.on_error), tokenizer, labels)
    else:
        part = evaluated_part(ClassificationTask.reopen(run), asked.split)
    event = as_event(score(model, part, at.device), part.name, at.now)
    table = (
        confusions(labels, event.confusion)
        if event.confusion
        else ["too many labels for a table of confusions"]
    )
    lines = [f"{len(part.labels):,} texts", *table]
    print_evaluation(run, event, at.best_step, asked.corpus, {"labels": labels}, lines, asked.as_json)


def confusions(labels: Sequence[str], table: Sequence[Sequence[int]]) -> list[str]:
    """The table of confusions in lines: a row for each label, a column for what it was taken for."""
    names = [visible_line(label, _NAMES) for label in labels]
    widths = [max(len(name), *(len(str(row[i])) for row in table)) for i, name in enumerate(names)]
    first = max(len("true ╲ predicted"), *(len(name) for name in names))
    rows = [
        f"{'true ╲ predicted':<{first}}  "
        + "  ".join(f"{n:>{w}}" for n, w in zip(names, widths, strict=True))
    ]
    for name, row in zip(names, table, strict=True):
        rows.append(f"{name:<{first}}  " + "  ".join(f"{n:>{w}}" for n, w in zip(row, widths, strict=True)))
    return rows


COMMANDS = (classify,)
