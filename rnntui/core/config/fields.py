"""The settings one by one: what a flag, a form row or a line of documentation needs to know of each."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from rnntui.core.cells import CELLS
from rnntui.core.config.schema import SECTIONS
from rnntui.core.config.tasks import TASKS
from rnntui.core.config.tokenizers import TOKENIZERS

ADVANCED = frozenset((
    "min_label_count", "fold", "valid_target_corpus", "test_target_corpus", "extend_vocabulary", "input_dropout",
    "weight_decay", "encoding", "on_error", "min_count", "shared_vocabulary", "nonlinearity", "timescale",
    "frozen_embeddings", "embedding_dropout", "weight_drop", "softmax", "residual", "layer_norm", "pooling",
    "attention", "scheduled_sampling", "input_feeding", "shuffle", "vary_bptt", "warmup", "epsilon", "momentum",
    "clip", "average", "activation_penalty", "temporal_penalty", "label_smoothing", "save_every", "sample_every",
    "sample_prompt", "log_every", "precision", "processes",
))  # fmt: skip
"""Settings that `--help` leaves to `--help-all`: no table shows that another value helps, or few texts need them."""


class Field(NamedTuple):
    """One setting."""

    name: str
    section: str
    default: Any
    description: str
    kind: type
    """str, int, float or bool."""
    choices: tuple[str, ...]
    unit: str
    """'duration' (seconds), 'count' (1M) or ''."""

    @property
    def advanced(self) -> bool:
        """True if `--help` leaves it to `--help-all`."""
        return self.name in ADVANCED

    @property
    def flag(self) -> str:
        """The setting on the command line."""
        return _FLAGS.get(self.name) or "--" + self.name.replace("_", "-")


_REGISTRIES: dict[str, Collection[str]] = {"cell": CELLS, "task": TASKS, "tokenizer": TOKENIZERS}
"""Settings whose choices are the names in a registry."""
_FLAGS = {"corpus": "CORPUS", "begin_from": "--from"}
"""Settings that the command line calls otherwise."""


def fields() -> Iterator[Field]:
    """Every setting of the configuration, in the order of `run.toml`."""
    for section, struct in SECTIONS.items():
        hints = get_type_hints(struct, include_extras=True)
        for info in msgspec.structs.fields(struct):
            kind, choices, unit, description = _inspect(hints[info.name])
            choices = tuple(_REGISTRIES.get(info.name, choices))
            yield Field(info.name, section, info.default, description, kind, choices, unit)


def _inspect(hint: Any) -> tuple[type, tuple[str, ...], str, str]:
    """The plain type, the choices, the unit and the description that an annotation spells."""
    kind: type = str
    choices: tuple[str, ...] = ()
    unit = description = ""
    if hasattr(hint, "__metadata__"):
        kind, choices, unit, _ = _inspect(get_args(hint)[0])
        for meta in hint.__metadata__:
            description = meta.description or description
            unit = (meta.extra or {}).get("unit", unit)
        return kind, choices, unit, description
    if get_origin(hint) is Literal:
        return str, get_args(hint), "", ""
    arguments = [argument for argument in get_args(hint) if argument is not type(None)]
    if arguments:
        return _inspect(arguments[0])
    return hint, (), "", ""


FIELDS: dict[str, Field] = {field.name: field for field in fields()}


def default_of(name: str) -> Any:
    """Return the schema's default of a setting."""
    return FIELDS[name].default
