"""Training speed of a configuration on this machine: a second of real steps.

    python -m rnntui.core.training.speed

reads lines of JSON, `{"id": ..., "settings": {...}, "preset": ..., "vocab_size": ...}`, from standard
input and answers each with lines of its own, which bear its id: the number of parameters at once, then the
measured speed; before it kernels that have to be compiled, one a line.  Without a `vocab_size` it reads the corpus as a
run would, and answers that it was read.  Either may end with a `fault`.  The first screen asks it, so that torch is
loaded in another process than the screen's, and kernels are compiled while a person still chooses.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from rnntui.core import config as configuration
from rnntui.core import tasks
from rnntui.core.config import Config, completed
from rnntui.core.errors import RnntuiError, oneline
from rnntui.core.kernels.kernel_cache import report_compiling
from rnntui.core.tasks import task_class
from rnntui.core.tasks.budget import parameters_of, within_budget
from rnntui.core.training.autotuning import choose_plan
from rnntui.core.training.devices import choose_device, facts_for
from rnntui.core.training.learner import Learner
from rnntui.core.training.needs import check_memory

_SECONDS = 0.6
_STEPS = 40
_TOKENS = 1_000_000
"""Tokens of a text that nobody has read yet: the speed hardly depends on it."""
_LABELS = 2
"""Of labelled texts, where nobody has counted them yet: a few more are a few weights more."""


class Speed(NamedTuple):
    """Size and speed of a configuration."""

    parameters: int
    device: str
    precision: str
    tokens_per_s: float


def measure(config: Config, vocab_size: int) -> Speed:
    """Train on random tokens for a moment.

    Raises InputError for a device that is not there, and where memory is too small for the model.
    """
    task = task_class(config.text.task)
    widths = task.assumed_widths(vocab_size)
    training = config.training
    device = choose_device(training.device)
    check_memory([config], device, widths, saves=False)
    config = completed(within_budget(config, *widths), facts_for(_TOKENS))
    learner = Learner(config, task.random_subject(config, vocab_size), device)
    learner.use(*choose_plan(training.precision, learner))
    float(learner.step()[0])  # the first step also builds the kernels; a number is there when it is over
    began, taken, tokens = time.perf_counter(), 0, learner.counters.tokens
    while taken < _STEPS and (not taken or time.perf_counter() - began < _SECONDS):
        loss, _ = learner.step()
        taken += 1
    float(loss)
    seconds = time.perf_counter() - began
    return Speed(
        parameters=sum(parameter.numel() for parameter in learner.model.parameters()),
        device=device,
        precision=learner.precision,
        tokens_per_s=(learner.counters.tokens - tokens) / seconds,
    )


def main() -> None:
    """Answer requests until standard input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        report_compiling(partial(_tell_compiling, request["id"]))
        try:
            for answer in answers(request):
                _tell(answer | {"id": request["id"]})
        except RnntuiError as error:
            _tell({"fault": oneline(error), "id": request["id"]})


def answers(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the size of a configuration, then its measured speed; or that its corpus was read.  Raises InputError."""
    config = configuration.build(request["settings"], request["preset"])
    if request["vocab_size"] is None:
        tasks.prepare(config)
        yield {"read": True}
        return
    vocab_size = request["vocab_size"]
    widths = task_class(config.text.task).assumed_widths(vocab_size)
    fitted = within_budget(config, *widths)
    yield {
        "parameters": parameters_of(fitted, *widths),
        "device": choose_device(config.training.device),
    }
    yield measure(config, vocab_size)._asdict()


def _tell_compiling(asked: int, line: str) -> None:
    _tell({"compiling": line, "id": asked})


def _tell(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
