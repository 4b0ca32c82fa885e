"""Sampling settings: the one source of the flags, the sliders and the preferences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple, get_type_hints

import msgspec
from msgspec import Meta

from rnntui.core.errors import InputError

_MOST = 1e6


def _shown(expected: str, low: float, high: float, step: float) -> dict[str, Any]:
    """Return how the bounds of a setting read, and its slider."""
    return {"expected": expected, "slider": (low, high, step)}


class SamplingSettings(msgspec.Struct, kw_only=True):
    """The settings of sampling that flags, sliders and preferences share."""

    temperature: Annotated[
        float,
        Meta(
            ge=0,
            le=_MOST,
            description="0 takes the likeliest token",
            extra=_shown("a number, 0 or more", 0.0, 2.0, 0.05),
        ),
    ] = 0.8
    """Divides the logits."""
    top_k: Annotated[
        int,
        Meta(ge=0, description="draw among the k likeliest; 0 for all", extra=_shown("0 or more", 0, 100, 1)),
    ] = 0
    """Fan et al. (2018)."""
    top_p: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="draw among the likeliest with this sum; 1 for all",
            extra=_shown("above 0 and at most 1", 0.05, 1.0, 0.05),
        ),
    ] = 1.0
    """Holtzman et al. (2020)."""
    min_p: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="drop tokens below this share of the best; 0 for none",
            extra=_shown("from 0 to 1", 0.0, 1.0, 0.01),
        ),
    ] = 0.0
    """Nguyen et al. (2024)."""
    repetition_penalty: Annotated[
        float,
        Meta(
            gt=0,
            le=_MOST,
            title="repetition",
            description="above 1 repeats less",
            extra=_shown("a number above 0", 1.0, 2.0, 0.05),
        ),
    ] = 1.0
    """Divides the positive logits of recent tokens and multiplies negative ones (Keskar et al. 2019)."""


class Sampling(SamplingSettings, kw_only=True):
    """Distribution of the next token.  Raises InputError, naming the flag, for a value out of range."""

    seed: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="draw the same text every time", extra={"expected": "0 or more"}),
    ] = None

    def __post_init__(self) -> None:
        for field in sampling_fields():
            try:
                msgspec.convert(getattr(self, field.name), field.hint)
            except msgspec.ValidationError:
                raise InputError(f"{field.flag}: must be {field.expected}") from None


class SamplingField(NamedTuple):
    """One setting of sampling: what a flag or a slider needs to know of it."""

    name: str
    kind: type
    default: Any
    description: str
    expected: str
    label: str
    slider: tuple[float, float, float] | None
    """Lowest, highest and step; None where there is none."""
    hint: Any

    @property
    def flag(self) -> str:
        """The setting on the command line."""
        return "--" + self.name.replace("_", "-")


def sampling_fields() -> Iterator[SamplingField]:
    """Yield every setting of sampling."""
    hints = get_type_hints(Sampling, include_extras=True)
    for field in msgspec.structs.fields(Sampling):
        hint = hints[field.name]
        meta, kind = hint.__metadata__[0], hint.__origin__
        extra = meta.extra or {}
        yield SamplingField(
            name=field.name,
            kind=kind if kind in (int, float) else int,
            default=field.default,
            description=meta.description or "",
            expected=extra["expected"],
            label=meta.title or field.name.replace("_", "-"),
            slider=extra.get("slider"),
            hint=hint,
        )
