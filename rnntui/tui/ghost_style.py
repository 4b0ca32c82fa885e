"""The look of ghost text: told apart from typed text, and readable, in every theme."""

from __future__ import annotations

import os
from typing import NamedTuple

from textual.color import Color, ColorParseError

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
    return GhostStyle(_between(text, behind, wanted).hex, style)


def contrast(one: Color, other: Color) -> float:
    """Return the contrast ratio of two opaque colours (WCAG 2.2), from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Color) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized
    ]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _between(text: Color, behind: Color, wanted: float) -> Color:
    """Return the blend of two colours whose contrast with `behind` is `wanted`, found by halving."""
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        if contrast(behind.blend(text, middle), behind) < wanted:
            low = middle
        else:
            high = middle
    return behind.blend(text, high)
