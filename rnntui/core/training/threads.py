"""Threads of a run, chosen anew where the machine's load has changed."""

from __future__ import annotations

from rnntui.core.config.schema import TrainingConfig
from rnntui.core.processors import BUSY, OtherPrograms, processor_count
from rnntui.core.runs import events as ev
from rnntui.core.training.autotuning import depends_on_threads, fastest_threads, thread_counts
from rnntui.core.training.learner import Learner

_WINDOW_S = 1.0
_LASTING = 3
"""Consecutive windows that must differ before the threads are timed again."""
_SLOWER = 1.5
"""Factor of the time of a token that calls for another look, up or down."""


class ThreadTuner:
    """Watches the time of a token and the load of the machine, and times the numbers of threads when they change.

    A run that stops after a number of steps or epochs is one that somebody may want to repeat.  Where its results
    depend on the number of threads, it keeps the one that it began with.
    """

    def __init__(self, learner: Learner) -> None:
        self._others = OtherPrograms()
        self._train_s, self._tokens = 0.0, 0
        self._usual: tuple[float, float] | None = None
        """Seconds a token, and processors in use by others, since the number was chosen."""
        self._lasting = 0
        self._settle(learner)
        several = len(thread_counts(learner.device)) > 1
        self.keeps = several and _is_repeatable(learner.config.training) and depends_on_threads(learner)
        """True if the number must stay as it is."""
        self._tunes = several and not self.keeps

    def begin(self, learner: Learner) -> None:
        """Choose the number of threads of a learner that a checkpoint has filled."""
        if self._tunes:
            fastest_threads(learner.precision, learner)
        self._settle(learner)

    def after_step(self, learner: Learner) -> ev.Retuned | None:
        """Choose anew if the load has changed for some seconds; return what was chosen if that is another number."""
        seconds = learner.counters.train_s - self._train_s
        # Where memory is short, a trial of the whole batch would not find room.
        if not self._tunes or seconds < _WINDOW_S or learner.micro_batches > 1:
            return None
        token_s, busy = seconds / max(1, learner.counters.tokens - self._tokens), self._others.look()
        self._train_s, self._tokens = learner.counters.train_s, learner.counters.tokens
        if self._usual is None:
            self._usual = token_s, busy
            return None
        slower, busier = token_s / self._usual[0], abs(busy - self._usual[1])
        self._lasting = self._lasting + 1 if busier > BUSY or not 1 / _SLOWER < slower < _SLOWER else 0
        if self._lasting < _LASTING:
            return None
        before = learner.threads
        threads = fastest_threads(learner.precision, learner)
        self._settle(learner)
        if threads == before:
            return None
        return ev.Retuned(
            step=learner.counters.step, threads=threads, others=busy, processors=processor_count()
        )

    def _settle(self, learner: Learner) -> None:
        """Count from here."""
        self._train_s, self._tokens = learner.counters.train_s, learner.counters.tokens
        self._usual, self._lasting = None, 0
        self._others.look()


def _is_repeatable(config: TrainingConfig) -> bool:
    return config.max_steps is not None or config.max_epochs is not None


def kept_remark(threads: int) -> str:
    """Remark on a run whose number of threads cannot change."""
    return (
        f"computes with {threads} {'thread' if threads == 1 else 'threads'} to the end, also beside other programs: "
        "with another number the products of this processor's library have other last bits, and a run limited by steps "
        "or epochs can be repeated"
    )
