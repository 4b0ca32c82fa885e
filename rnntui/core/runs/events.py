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

EventCount = Annotated[int, Meta(ge=0, le=1 << 53)]
"""A whole number that a column of figures holds exactly."""
_BOUND = 1e200
Measure = Annotated[float, Meta(ge=-_BOUND, le=_BOUND)]
"""A measured number, far from where sums and squares of it would be infinite."""
ConfusionRow = Annotated[list[EventCount], Meta(max_length=1 << 12)]

Reason = Literal["steps", "epochs", "time", "target_loss", "early_stop", "interrupted", "error"]


class Event(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=lambda name: name.lower(), gc=False
):
    """Something that happened in a run."""

    step: EventCount
    """Optimiser steps taken when it happened."""


class Started(Event, frozen=True, kw_only=True):
    """Training began, or went on from a checkpoint: events of later steps told before are void."""

    run: str
    device: str
    precision: str
    parameters: EventCount
    corpus: str
    seed: Annotated[int, Meta(ge=-(1 << 62), le=1 << 62)]
    vocab_size: EventCount
    train_tokens: EventCount
    valid_tokens: EventCount
    """Tokens of the held-out split that `Evaluated` speaks of."""
    train_bytes: EventCount = 0
    """Bytes of the training part as UTF-8: they turn nats per token into bits per byte.  0 in an older run."""
    valid_bytes: EventCount = 0
    processes: EventCount | msgspec.UnsetType = msgspec.UNSET
    """Processes that train together; unset where one trains alone."""
    threads: EventCount | msgspec.UnsetType = msgspec.UNSET
    """Threads on the CPU; unset on other devices and in an older run."""
    task: str = DEFAULT_TASK
    """The task; the oldest runs do not name it."""
    labels: Annotated[list[str], Meta(max_length=1 << 16)] | msgspec.UnsetType = msgspec.UNSET
    """Labels of a classifier."""


class Baselined(Event, frozen=True, kw_only=True):
    """Something that is no network was measured on the held-out split: what the model has to beat."""

    name: str
    """`characters` (their frequencies alone), `gzip`, `bz2`, `xz`, `ppmd` on the held-out bytes alone, these with
    `+train` behind the training text, or `1-gram` to `6-gram`."""
    bits_per_byte: Measure
    perplexity: Measure
    """The same as perplexity a token of this run."""


class Progress(Event, frozen=True, kw_only=True):
    """Some steps were taken."""

    tokens: EventCount
    epoch: Measure
    loss: Measure | None
    """Mean over the steps since the last `Progress`."""
    lr: Measure
    grad_norm: Measure | None
    """Before clipping, of the last step."""
    tokens_per_s: Measure
    train_s: Measure
    wall_s: Measure
    fraction: Annotated[float, Meta(ge=0, le=1)]
    """Progress towards the nearest limit, from 0 to 1; 0 without a limit."""


class Evaluated(Event, frozen=True, kw_only=True):
    """A whole held-out split was scored."""

    split: str
    loss: Measure | None
    perplexity: Measure | None
    bits_per_byte: Measure | None
    """Over the raw UTF-8 text, so that every tokenizer compares."""
    bits_per_char: Measure | None
    accuracy: Measure
    """Share of tokens that were the likeliest one."""
    word_perplexity: Measure | msgspec.UnsetType | None = msgspec.UNSET
    """Perplexity per word of a language model, whatever its tokens: over words between white space, and line ends."""
    protocol: str
    """`stream`: read once, in order, state carried.  `windows`: 256 tokens each from a zero state.  `texts` and
    `pairs`: each by itself."""
    train_s: Measure
    unknown: Measure | msgspec.UnsetType = msgspec.UNSET
    """Share of the tokens that are `<unk>`; in bits they pay for their letters as well.  Unset where there are none."""
    best: bool = False
    """True if no evaluation of this run was better before."""
    metrics: Annotated[dict[str, Measure], Meta(max_length=100)] | msgspec.UnsetType = msgspec.UNSET
    """Other metrics of the task, by name."""
    confusion: Annotated[list[ConfusionRow], Meta(max_length=1 << 12)] | msgspec.UnsetType = msgspec.UNSET
    """Confusion matrix of the labels, in their order: rows are true labels, columns predictions."""

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

    lr: Measure
    factor: Measure
    """Factor of the scheduled learning rate from here on."""


class Retuned(Event, frozen=True, kw_only=True):
    """Another number of threads turned out faster, after the load of the machine had changed."""

    threads: EventCount
    others: Measure
    """Processors that other programs kept busy."""
    processors: EventCount
    """Processors that this training may use."""


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
    | Retuned
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
