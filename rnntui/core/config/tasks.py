"""Task specifications: facts about each task that need neither its code nor torch.

A task is one entry of `TASKS` and one subclass of `rnntui.core.tasks.base.Task`, named in the entry and imported when
it is first used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple


class Figure(NamedTuple):
    """A row of the figures of a run: a number of its best evaluation."""

    label: str
    key: str
    """An attribute of `Evaluated`, or a key of its `metrics`."""
    style: Literal["share", "ratio", "points", "number"]
    """A share in percent, a ratio with two decimals, points with one, or a number with three."""


CurveFigure = Literal["perplexity", "bits/byte", "bits/text", "accuracy"]
"""Metric on the y axis of a chart; bits are per byte of the text, or per predicted text."""
PERPLEXITY = Figure("val. perplexity", "perplexity", "ratio")


class TaskSpec(NamedTuple):
    """Specification of a task: its settings, defaults, metric, and the names of its code."""

    implementation: str
    """`module:class` of its `Task`."""
    does: str
    """Verb for its models: 'writes'."""
    advice: str
    """Its commands, for somebody who used the command of another task."""
    protocol: str
    """Protocol of the evaluations during training; see `Evaluated.protocol`."""
    unit: Literal["bits/byte", "bits/text"] = "bits/byte"
    """Metric that ranks its runs: bits per byte of the text, or per predicted text where there are no bytes to tell."""
    headline: Literal["bits", "accuracy"] = "bits"
    """Figure of a run in the table of runs."""
    curves: tuple[CurveFigure, CurveFigure] = ("perplexity", "bits/byte")
    """Figures that its curves show: first, and after a key."""
    figures: tuple[Figure, ...] = (PERPLEXITY,)
    sample: str = "example prediction"
    """Title of its samples."""
    settings: frozenset[str] = frozenset()
    """Its settings that not every task has."""
    implied_by: tuple[str, ...] = ()
    """Settings that only it has, so that they choose the task."""
    defaults: Mapping[str, Any] = {}
    """Values of settings where the schema's do not suit it."""
    hidden_size: int | None = None
    """Units per layer; None where preset and tokenizer choose them."""
    label_smoothing: float = 0.0
    learning_rate: float | None = None
    """Peak learning rate of AdamW where the general one does not suit."""
    fields: tuple[str, ...] = ()
    """Settings that name the columns of its tables; the first one's is the text that is read."""
    columns: frozenset[str] = frozenset()
    """Columns that mark a table as meant for it."""
    opening: str = ""
    """Characters with which a file opens that is meant for it."""
    samples: frozenset[str] = frozenset()
    """Sample corpora that are meant for it."""
    files: Mapping[str, str] = {}
    """Files of its run folders beside the tokenizer, by their names in an exported file."""
    running_text: bool = False
    """True if it reads one text in segments that carry the state, False if it reads separate texts."""
    lends_weights: bool = False
    """True if other runs can be initialised from its runs."""
    onnx: bool = True
    """True if its model is one graph."""
    playground: str = ""
    """`module:class` of its screen; '' where it has none."""
    evaluation: str = "rnntui.cli.evaluation:evaluate_task"
    """`module:function` of `rnntui evaluate`."""


TASKS: dict[str, TaskSpec] = {
    "lm": TaskSpec(
        implementation="rnntui.core.tasks.language.task:LanguageTask",
        does="writes",
        advice="it writes; use `rnntui complete`, `generate` or `score`",
        protocol="stream",
        figures=(PERPLEXITY, Figure("val. bits/byte", "bits_per_byte", "number")),
        sample="sample",
        settings=frozenset(
            (
                "begin_from",
                "extend_vocabulary",
                "text_column",
                "bptt",
                "shuffle",
                "vary_bptt",
                "weight_drop",
                "tied",
                "softmax",
                "activation_penalty",
                "temporal_penalty",
                "sample_prompt",
            )
        ),
        running_text=True,
        lends_weights=True,
        playground="rnntui.tui.screens.playground:PlaygroundScreen",
        evaluation="rnntui.cli.measure:evaluate_text",
    ),
    "classify": TaskSpec(
        implementation="rnntui.core.tasks.classification.task:ClassificationTask",
        does="predicts labels",
        advice="it predicts labels; use `rnntui classify`",
        protocol="texts",
        unit="bits/text",
        headline="accuracy",
        curves=("accuracy", "bits/text"),
        figures=(Figure("accuracy", "accuracy", "share"), Figure("macro F1", "macro_f1", "number")),
        settings=frozenset(
            (
                "begin_from",
                "extend_vocabulary",
                "text_column",
                "label_column",
                "min_label_count",
                "fold",
                "weight_drop",
                "bidirectional",
                "pooling",
            )
        ),
        implied_by=("label_column",),
        defaults={"tokenizer": "word", "batch_size": 32, "bidirectional": True},
        hidden_size=128,
        fields=("text_column", "label_column"),
        columns=frozenset(("text", "label")),
        opening="__label__",
        samples=frozenset(("reviews",)),
        files={"labels": "labels.json"},
        playground="rnntui.tui.screens.classifying:ClassifyingScreen",
        evaluation="rnntui.cli.classify:evaluate_texts",
    ),
    "translate": TaskSpec(
        implementation="rnntui.core.tasks.translation.task:TranslationTask",
        does="translates",
        advice="it translates; use `rnntui translate`",
        protocol="pairs",
        figures=(PERPLEXITY, Figure("BLEU", "bleu", "points")),
        settings=frozenset(
            (
                "source_column",
                "target_column",
                "target_corpus",
                "valid_target_corpus",
                "test_target_corpus",
                "shared_vocabulary",
                "bidirectional",
                "tied",
                "attention",
                "input_feeding",
                "scheduled_sampling",
            )
        ),
        implied_by=(
            "target_corpus",
            "valid_target_corpus",
            "test_target_corpus",
            "source_column",
            "target_column",
        ),
        defaults={
            "tokenizer": "word",
            "embedding_size": 128,
            "batch_size": 64,
            "bidirectional": True,
        },
        hidden_size=256,
        label_smoothing=0.1,
        learning_rate=3e-3,
        fields=("source_column", "target_column"),
        columns=frozenset(("source", "target")),
        samples=frozenset(("phrases",)),
        files={"target_tokenizer": "target-tokenizer.json"},
        onnx=False,
        playground="rnntui.tui.screens.translating:TranslatingScreen",
        evaluation="rnntui.cli.translate:evaluate_pairs",
    ),
}
"""Every task by its name, as `--task` has it."""
DEFAULT_TASK = "lm"


def task_of_sample(corpus: str) -> str:
    """Return the task of a sample corpus; the default one for any other corpus."""
    return next((name for name, spec in TASKS.items() if corpus in spec.samples), DEFAULT_TASK)


def foreign(task: str) -> frozenset[str]:
    """Return the settings of other tasks that this one does not have."""
    return frozenset().union(*(spec.settings for spec in TASKS.values())) - TASKS[task].settings
