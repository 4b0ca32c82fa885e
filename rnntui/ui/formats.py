"""Formats of numbers, the same in every command and screen."""

from __future__ import annotations

import math

from rnntui.core.config.tasks import TASKS, Figure
from rnntui.core.runs.events import Evaluated

_YEARS = 1e9
"""Seconds; what takes longer is not told as a time."""


_BEYOND_WORDS = 1e6
"""Perplexity per word of a text without spaces, or of a model that knows nothing yet: it says nothing."""


def number(value: float | None, digits: int = 3) -> str:
    """A measured number; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    if abs(value) >= 1e12:
        return f"{value:.1e}"
    if abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.{digits}f}"


def count(value: float) -> str:
    """A large count in three figures: 1.22M."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * limit:  # in three figures that is the limit
            return f"{value / limit:.3g}{letter}"
    return f"{value:,.0f}"


def duration(seconds: float) -> str:
    """A length of time as 0:42, 12:05 or 3:20:00."""
    if not seconds < _YEARS:
        return "–"
    whole = max(round(seconds), 0)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def threads(count: int) -> str:
    """A number of threads in words."""
    return "1 thread" if count == 1 else f"{count} threads"


def share(probability: float) -> str:
    """A probability in six columns."""
    return f"{probability:6.1%}" if probability >= 0.0005 else "<0.05%"


def perplexity(loss: float | None) -> float | None:
    """exp(loss); None where that is not a number."""
    return math.exp(loss) if loss is not None and loss < 700 else None


def time_left(fraction: float, seconds: float) -> str:
    """Training time to go when `fraction` of the run took `seconds`."""
    return duration(seconds / fraction - seconds) if fraction > 0 else "–"


def unknown(event: Evaluated) -> str:
    """The share of unknown tokens, behind other figures; '' where there are none."""
    return f", {event.unknown:.1%} of the tokens unknown" if event.unknown else ""


def figure(row: Figure, event: Evaluated | None) -> str:
    """A figure of an evaluation; a dash where it was not measured."""
    return styled(row, None if event is None else measured(row, event))


def measured(row: Figure, event: Evaluated) -> float | None:
    """The value of a figure in an evaluation; None where it was not measured."""
    metrics = event.metrics if isinstance(event.metrics, dict) else {}
    value: float | None = metrics.get(row.key, getattr(event, row.key, None))
    return value


def styled(row: Figure, value: float | None) -> str:
    """A value in the style of a figure."""
    match row.style:
        case "share":
            return "–" if value is None else f"{value:.1%}"
        case "ratio":
            return number(value, 2)
        case "points":
            return number(value, 1)
        case "number":
            return number(value)


def per_word(event: Evaluated) -> str:
    """Perplexity per word, behind other figures; '' where nobody has counted words, or the text has too few spaces."""
    found = event.word_perplexity
    return f", {number(found, 1)} per word" if isinstance(found, float) and found < _BEYOND_WORDS else ""


def scores(event: Evaluated) -> str:
    """Scores of an evaluation: of text, in nats per token and bits per byte; of labels, in nats per text."""
    metrics = event.metrics if isinstance(event.metrics, dict) else {}
    if any(spec.protocol == event.protocol and spec.unit == "bits/text" for spec in TASKS.values()):
        counted = "".join(f", {name.replace('_', ' ')} {value:.3f}" for name, value in metrics.items())
        return f"loss {number(event.loss, 4)} nats/text, accuracy {event.accuracy:.1%}{counted}"
    counted = "".join(f", {name} {value:.1f}" for name, value in metrics.items())
    return (
        f"loss {number(event.loss, 4)} nats/token, perplexity {number(event.perplexity)}{per_word(event)}, "
        f"{number(event.bits_per_byte)} bits/byte{counted}{unknown(event)}"
    )
