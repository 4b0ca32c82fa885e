"""What can be done with a run that has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button

from rnntui.core import config
from rnntui.core.config import Config

_WIDER = 1.5
"""Units per layer of a bigger model, as a multiple: about twice the parameters."""
_EVEN = 8
"""Units per layer are a multiple of this: so that kernels have no remainder."""


class WhatNow(Horizontal):
    """A row of buttons; each does what a key of the screen does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def compose(self) -> ComposeResult:
        yield Button("Play", action="screen.play", variant="primary", compact=True)
        yield Button("Train longer", action="screen.resume", compact=True)
        yield Button("Bigger model", action="screen.bigger", compact=True)
        yield Button("Compare", action="screen.overlay", compact=True)


def bigger(run: Config) -> tuple[Mapping[str, Any], str, str]:
    """Settings and preset of a run like this one with a bigger model, and the change in words."""
    given = config.given_of(run)
    if budget := given.settings.get("parameters"):
        changed, told = {"parameters": 2 * budget}, f"{2 * budget:,} parameters instead of {budget:,}"
    else:
        units = run.model.hidden_size
        wider = _EVEN * -(-round(_WIDER * units) // _EVEN)
        changed, told = {"hidden_size": wider}, f"{wider:,} units per layer instead of {units:,}"
    return {**given.settings, **changed}, given.preset, told
