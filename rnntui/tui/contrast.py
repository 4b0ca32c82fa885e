"""Contrast of colours (WCAG 2.2)."""

from __future__ import annotations

from textual.color import Color


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


def between(text: Color, behind: Color, wanted: float) -> Color:
    """Return the blend of two colours whose contrast with `behind` is `wanted`, found by halving."""
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        if contrast(behind.blend(text, middle), behind) < wanted:
            low = middle
        else:
            high = middle
    return behind.blend(text, high)
