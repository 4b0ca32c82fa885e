"""The tasks as everyone sees them who does not train: their settings, what they are measured in, what they do.

What training has to know of a task is in `core/tasks`.
"""

from __future__ import annotations

from typing import NamedTuple

from rnntui.core.config.schema import TaskKind


class Kind(NamedTuple):
    """One task."""

    bits: str
    """What its runs are compared by."""
    protocol: str
    """By which its held-out part is scored in training."""
    sample: str
    """What a sample of it is called on the screen."""
    does: str
    """What a model of it does: it 'writes'."""
    serves: str
    """What a run of it is good for, for someone who asked it for something else."""
    settings: frozenset[str]
    """Those that it knows and another task does not."""


KINDS: dict[TaskKind, Kind] = {
    "lm": Kind(
        bits="bits/byte",
        protocol="stream",
        sample="sample",
        does="writes",
        serves="it writes; use `rnntui complete`, `generate` or `score`",
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
    ),
    "classify": Kind(
        bits="bits/text",
        protocol="texts",
        sample="example prediction",
        does="predicts labels",
        serves="it predicts labels; use `rnntui classify`",
        settings=frozenset(
            (
                "begin_from",
                "extend_vocabulary",
                "text_column",
                "label_column",
                "min_label_count",
                "weight_drop",
                "bidirectional",
                "pooling",
            )
        ),
    ),
    "translate": Kind(
        bits="bits/byte",
        protocol="pairs",
        sample="example prediction",
        does="translates",
        serves="it translates; use `rnntui translate`",
        settings=frozenset(
            (
                "source_column",
                "target_column",
                "target_corpus",
                "shared_vocabulary",
                "bidirectional",
                "tied",
                "attention",
                "input_feeding",
                "scheduled_sampling",
            )
        ),
    ),
}
SAMPLE_TASKS: dict[str, TaskKind] = {"reviews": "classify", "phrases": "translate"}
"""The samples that are no running text."""


def foreign(task: TaskKind) -> frozenset[str]:
    """The settings that other tasks know and this one does not."""
    return frozenset().union(*(kind.settings for kind in KINDS.values())) - KINDS[task].settings
