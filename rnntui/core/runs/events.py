"""Every event that a run tells, once.

Training is a generator of these.  `events.jsonl`, the console line and the screen are three renderings
of the same event.  Times are in seconds, losses in nats per token, and a number that is not finite is
`None` (`null` in JSON) with a `Warned` beside it.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from rnntui.core.config.tasks import DEFAULT_TASK, TASKS

Count = Annotated[int, Meta(ge=0, le=1 << 53)]
"""A whole number that a column of figures holds exactly."""
_BOUND = 1e200
Figure = Annotated[float, Meta(ge=-_BOUND, le=_BOUND)]
"""A measured number, far from where sums and squares of it would be infinite."""
Row = Annotated[list[Count], Meta(max_length=1 << 12)]

Reason = Literal["steps", "epochs", "time", "target_loss", "early_stop", "interrupted", "error"]


class Event(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=lambda name: name.lower(), gc=False
):
    """Something that happened in a run."""

    step: Count
    """Optimiser steps taken when it happened."""


class Started(Event, frozen=True, kw_only=True):
    """Training began, or went on from a checkpoint: events of later steps told before are void."""

    run: str
    device: str
    precision: str
    parameters: Count
    corpus: str
    seed: Annotated[int, Meta(ge=-(1 << 62), le=1 << 62)]
    vocab_size: Count
    train_tokens: Count
    valid_tokens: Count
    """Tokens of the held-out split that `Evaluated` speaks of."""
    train_bytes: Count = 0
    """Of the training part as UTF-8: turns nats a token into bits a byte.  0 where an older run did not say."""
    valid_bytes: Count = 0
    task: str = DEFAULT_TASK
    """What is learned; before there was more than one task, nobody said."""
    labels: Annotated[list[str], Meta(max_length=1 << 16)] | msgspec.UnsetType = msgspec.UNSET
    """What a text may be, where texts are classified."""


class Baselined(Event, frozen=True, kw_only=True):
    """Something that is no network was measured on the held-out split: what the model has to beat."""

    name: str
    """`characters` (their frequencies alone), `gzip`, `bz2`, `xz` on the held-out bytes alone, these with `+train`
    behind the training text, or `1-gram` to `6-gram`."""
    bits_per_byte: Figure
    perplexity: Figure
    """The same as perplexity a token of this run."""


class Progress(Event, frozen=True, kw_only=True):
    """Some steps were taken."""

    tokens: Count
    epoch: Figure
    loss: Figure | None
    """Mean over the steps since the last `Progress`."""
    lr: Figure
    grad_norm: Figure | None
    """Before clipping, of the last step."""
    tokens_per_s: Figure
    train_s: Figure
    wall_s: Figure
    fraction: Annotated[float, Meta(ge=0, le=1)]
    """How much of the nearest limit is used up, 0 to 1; 0 where there is no limit."""


class Evaluated(Event, frozen=True, kw_only=True):
    """A whole held-out split was scored."""

    split: str
    loss: Figure | None
    perplexity: Figure | None
    bits_per_byte: Figure | None
    """Over the raw UTF-8 text, so that every tokenizer compares."""
    bits_per_char: Figure | None
    accuracy: Figure
    """Share of tokens that were the likeliest one."""
    protocol: str
    """`stream`: read once, in order, state carried.  `windows`: 256 tokens each from a zero state.  `texts` and
    `pairs`: each by itself."""
    train_s: Figure
    unknown: Figure | msgspec.UnsetType = msgspec.UNSET
    """Share of the tokens that are `<unk>`; in bits they pay for their letters as well.  Unset where there are none."""
    best: bool = False
    """Whether no evaluation of this run was better before."""
    metrics: Annotated[dict[str, Figure], Meta(max_length=100)] | msgspec.UnsetType = msgspec.UNSET
    """What else the task counts, by name."""
    confusion: Annotated[list[Row], Meta(max_length=1 << 12)] | msgspec.UnsetType = msgspec.UNSET
    """Of the labels, in their order: how often the one of the row was taken for the one of the column."""

    @property
    def bits(self) -> float | None:
        """The metric that ranks runs of a task: bits per byte, or bits per text."""
        per_text = {spec.protocol for spec in TASKS.values() if spec.unit == "bits/text"}
        if self.protocol not in per_text:
            return self.bits_per_byte
        return None if self.loss is None else self.loss / math.log(2)


class Sampled(Event, frozen=True, kw_only=True):
    """The model wrote something."""

    prompt: str
    text: str


LONGEST_SAMPLE = 20_000
"""Characters of a sample, and of its prompt: events are lines that people and screens read."""


def sampled(step: int, prompt: str, text: str) -> Sampled:
    """A sample, cut where it is longer than anybody reads."""
    return Sampled(step=step, prompt=_cut(prompt), text=_cut(text))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_SAMPLE else text[: LONGEST_SAMPLE - 1] + "…"


class Saved(Event, frozen=True, kw_only=True):
    """A checkpoint is complete on disk."""

    path: str


class Warned(Event, frozen=True, kw_only=True):
    """Something a person should know, though training goes on."""

    message: str


class Paused(Event, frozen=True, kw_only=True):
    """Training waits."""


class Resumed(Event, frozen=True, kw_only=True):
    """Training goes on after a pause."""


class Adjusted(Event, frozen=True, kw_only=True):
    """A person raised or lowered the learning rate."""

    lr: Figure
    factor: Figure
    """What the schedule's rate is multiplied by from here on."""


class Finished(Event, frozen=True, kw_only=True):
    """Training ended."""

    reason: Reason


AnyEvent = (
    Started
    | Baselined
    | Progress
    | Evaluated
    | Sampled
    | Saved
    | Warned
    | Paused
    | Resumed
    | Adjusted
    | Finished
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode(event: AnyEvent) -> bytes:
    """The event as one JSON line without its line end; half characters, as in names that are no UTF-8, are replaced."""
    try:
        return _encoder.encode(event)
    except UnicodeEncodeError:
        return _encoder.encode(encodable(msgspec.to_builtins(event)))


def encodable(content: Any) -> Any:
    """`content` of JSON with every half character in its texts replaced."""
    match content:
        case str():
            return content.encode("utf-8", "replace").decode()
        case dict():
            return {encodable(key): encodable(value) for key, value in content.items()}
        case list():
            return [encodable(each) for each in content]
        case _:
            return content


def decode(line: bytes) -> AnyEvent | None:
    """The event in a complete line; None for a line that this version cannot read."""
    try:
        return _decoder.decode(line)
    except (ValueError, RecursionError):
        return None


def decode_lines(lines: bytes) -> list[AnyEvent]:
    """The events in whole lines; a line that this version cannot read is passed over."""
    try:
        return _decoder.decode_lines(lines)
    except (ValueError, RecursionError):
        return [event for line in lines.splitlines() if (event := decode(line)) is not None]


def finite(value: float) -> float | None:
    """`value`, or None where it is not a number, infinite, or as good as that."""
    return value if abs(value) <= _BOUND else None
