"""The look of ghost text: told apart from typed text, and readable, in every theme."""

from __future__ import annotations

import os
from typing import NamedTuple

from textual.color import Color, ColorParseError

from rnntui.tui.contrast import between, contrast

_FROM_TEXT, _FROM_BACKGROUND = 1.8, 3.0
"""Contrasts (WCAG 2) of ghost text with typed text and with the background, at least."""
_DIM_FROM_TEXT = 1.4
"""The first of them where a theme has no room for both: there the ghost is in italics as well."""


class GhostStyle(NamedTuple):
    """Colour and text style, as Textual's CSS writes them."""

    color: str
    text_style: str


def ghost_style(foreground: str, background: str) -> GhostStyle:
    """Return the look of ghost text beside text of these colours, as a theme names them.

    Its contrast with both is the same, as far as its bounds allow.  In the terminal's own colours, which nobody knows,
    and without colours it is dim and in italics.
    """
    try:
        text, behind = Color.parse(foreground), Color.parse(background)
    except ColorParseError:
        return GhostStyle(foreground, "dim italic")
    if text.ansi is not None or behind.ansi is not None or os.environ.get("NO_COLOR"):
        return GhostStyle(foreground, "dim italic")
    room = contrast(text, behind)
    if room >= _FROM_TEXT * _FROM_BACKGROUND:
        wanted, style = max(_FROM_BACKGROUND, room**0.5), "none"
    else:
        wanted, style = room / (1.02 * _DIM_FROM_TEXT), "italic"  # colours are rounded
    return GhostStyle(between(text, behind, wanted).hex, style)
