"""Curves as a picture: an SVG file for a page or a paper."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from rnntui.core.runs.history import History
from rnntui.plots.scales import Scale, label
from rnntui.plots.series import EVALUATED, Series, XAxis, YUnit, fitted, series_of
from rnntui.ui.terminal_safety import visible_line

MARK = "<desc>Drawn by rnntui.</desc>"
"""By which a picture is known that may be drawn again."""
_WIDTH, _HEIGHT = 860, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 24, 48
_POINTS = 600
"""Columns that curves are thinned to: finer than the picture is wide."""
# Okabe and Ito's colours, which people with every kind of colour vision can tell apart; dashes tell as well.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_DASHES = ("none", "6 3", "2 2", "8 3 2 3", "12 4", "1 3")


def picture(
    runs: Sequence[tuple[str, History]], x_axis: XAxis = "steps", unit: YUnit = "bits/byte", log: bool = True
) -> str:
    """The curves of `runs`, each with its name, as the text of an SVG file.

    Training is a line, held-out scores are marked points, the best one larger, those of overfitting hollow; what must
    be beaten is drawn for a lone run.
    """
    series = [
        each
        for number, (_, history) in enumerate(runs)
        for each in series_of(history, x_axis, unit, _POINTS, run=number)
        if each.role in ("training", *EVALUATED) or (each.role == "level" and len(runs) == 1)
    ]
    return drawing(series, *fitted(series, log), x_axis, unit, [name for name, _ in runs])


def drawing(
    series: Sequence[Series], x: Scale, y: Scale, x_name: str, y_name: str, names: Sequence[str]
) -> str:
    """Any series on their scales, with the `names` of the runs that they are of, as the text of an SVG file."""
    parts = [*_axes(x, y, x_name, y_name), '<g clip-path="url(#field)">']
    for each in series:
        parts += _drawn(each, x, y)
    parts += ["</g>", *_legend(names)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            'font-family="system-ui, sans-serif" font-size="12">',
            MARK,
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
            f'<clipPath id="field"><rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH - _LEFT - _RIGHT}" '
            f'height="{_HEIGHT - _TOP - _BOTTOM}"/></clipPath>',
            *parts,
            "</svg>\n",
        ]
    )


def _place(x: float, y: float) -> tuple[float, float]:
    """Places from 0 to 1 as points of the picture."""
    return (
        round(_LEFT + x * (_WIDTH - _LEFT - _RIGHT), 1),
        round(_TOP + (1 - y) * (_HEIGHT - _TOP - _BOTTOM), 1),
    )


def _axes(x: Scale, y: Scale, x_name: str, y_name: str) -> list[str]:
    parts = []
    for tick in y.ticks(8):
        left, height = _place(0, float(y.place(np.array([tick]))[0]))
        parts.append(f'<path d="M{left} {height}H{_WIDTH - _RIGHT}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{left - 8}" y="{height + 4}" text-anchor="end">{label(tick)}</text>')
    for tick in x.ticks(8):
        across, bottom = _place(float(x.place(np.array([tick]))[0]), 0)
        parts.append(f'<text x="{across}" y="{bottom + 18}" text-anchor="middle">{label(tick)}</text>')
    left, bottom = _place(0, 0)
    parts.append(f'<path d="M{left} {_TOP}V{bottom}H{_WIDTH - _RIGHT}" fill="none" stroke="#444"/>')
    middle = _place(0.5, 0)[0]
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(x_name)}</text>')
    parts.append(f'<text x="{_LEFT}" y="16">{escape(y_name)}</text>')
    return parts


def _drawn(series: Series, x: Scale, y: Scale) -> list[str]:
    """A curve as a path with gaps, points as circles, a level as a dotted line with its name."""
    colour, dash = _COLOURS[series.run % 6], _DASHES[series.run % 6]
    places = [
        _place(float(a), float(b)) if np.isfinite(a) and np.isfinite(b) else None
        for a, b in zip(x.place(series.x), y.place(series.y), strict=True)
    ]
    points = [place for place in places if place is not None]
    if series.role == "level":
        if not points:
            return []
        height = points[0][1]
        name = f"{escape(series.name)} {label(float(series.y[0]))}"
        return [
            f'<path d="M{_LEFT} {height}H{_WIDTH - _RIGHT}" stroke="#888" stroke-dasharray="2 4"/>',
            f'<text x="{_WIDTH - _RIGHT - 6}" y="{height - 5}" text-anchor="end" fill="#666">{name}</text>',
        ]
    if series.role in EVALUATED:
        radius, fill = (
            (5 if series.role == "best" else 3.2),
            ("white" if series.role == "overfit" else colour),
        )
        look = f'r="{radius}" fill="{fill}" stroke="{colour}"'
        return [f'<circle cx="{a}" cy="{b}" {look}/>' for a, b in points]
    steps, pen = [], "M"
    for place in places:
        if place is None:
            pen = "M"
        else:
            steps.append(f"{pen}{place[0]} {place[1]}")
            pen = "L"
    style = f'fill="none" stroke="{colour}" stroke-width="1.6" stroke-dasharray="{dash}"'
    return [f'<path d="{"".join(steps)}" {style}/>'] if steps else []


def _legend(names: Sequence[str]) -> list[str]:
    parts = []
    for number, name in enumerate(names):
        colour, dash = _COLOURS[number % 6], _DASHES[number % 6]
        across, height = _WIDTH - _RIGHT - 220, _TOP + 12 + 18 * number
        parts.append(
            f'<path d="M{across} {height}h28" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
        )
        parts.append(f'<circle cx="{across + 14}" cy="{height}" r="3.2" fill="{colour}"/>')
        parts.append(f'<text x="{across + 36}" y="{height + 4}">{escape(visible_line(name, 40))}</text>')
    return parts
