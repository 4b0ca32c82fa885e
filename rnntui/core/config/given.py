"""The choice of a person: a preset and settings, apart from what rules and the text made of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from rnntui.core.config.defaults import DEFAULT_PRESET
from rnntui.core.config.fields import FIELDS


class Given(msgspec.Struct, frozen=True):
    """The settings that a person chose, by name, and the preset below them.  None as a value is not chosen."""

    settings: dict[str, Any] = {}
    preset: str = DEFAULT_PRESET

    def with_settings(self, settings: Mapping[str, Any]) -> Given:
        """Return this with some settings chosen otherwise, or (None) left open."""
        chosen = {**self.settings, **settings}
        return Given({name: value for name, value in chosen.items() if value is not None}, self.preset)


def as_flags(settings: Mapping[str, Any]) -> list[str]:
    """Return settings as a command line writes them, the corpus last."""
    flags = []
    for name, value in settings.items():
        if value is None or name == "corpus":
            continue
        flag = FIELDS[name].flag
        if isinstance(value, bool):
            flags.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            flags.append(f"{flag}={value}")
    corpus = settings.get("corpus")
    return flags if corpus is None else [*flags, "--", str(corpus)]
