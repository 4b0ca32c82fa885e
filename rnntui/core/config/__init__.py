"""The configuration of a run: one frozen, validated tree.

schema     every setting: its section, type, bounds and meaning
fields     the settings one by one: flags, form, `run.toml` and docs come from them
tasks      what differs between the tasks
given      what a person chose
defaults   ordered, named rules for the rest
resolve    the whole configuration, with the reason for every value
parse      a setting as a person types it
toml       the configuration as a file
splits     how a corpus is divided
"""

from rnntui.core.config.defaults import DEFAULT_PRESET, PRESETS, Facts
from rnntui.core.config.fields import FIELDS, Field
from rnntui.core.config.given import Given, as_flags
from rnntui.core.config.resolve import (
    CONFIG_FORMAT,
    Config,
    build,
    changed,
    check_value,
    chosen_anew,
    command_of,
    completed,
    converted,
    differences,
    given_of,
    reason_for,
    resolve,
    value_of,
)
from rnntui.core.config.schema import (
    CORPORA,
    INHERITED,
    LIMITS,
    PLACES,
    RESUMABLE,
    SECTIONS,
    ModelConfig,
    TextConfig,
    TrainingConfig,
)

__all__ = [
    "CONFIG_FORMAT",
    "CORPORA",
    "DEFAULT_PRESET",
    "FIELDS",
    "INHERITED",
    "LIMITS",
    "PLACES",
    "PRESETS",
    "RESUMABLE",
    "SECTIONS",
    "Config",
    "Facts",
    "Field",
    "Given",
    "ModelConfig",
    "TextConfig",
    "TrainingConfig",
    "as_flags",
    "build",
    "changed",
    "check_value",
    "chosen_anew",
    "command_of",
    "completed",
    "converted",
    "differences",
    "given_of",
    "reason_for",
    "resolve",
    "value_of",
]
