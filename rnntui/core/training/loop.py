"""The training loop: one generator of events."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import msgspec

from rnntui.core.errors import NumericalError, RnntuiError
from rnntui.core.files import write_atomically
from rnntui.core.kernels.kernel_cache import cache_report
from rnntui.core.nn.base import count_parameters
from rnntui.core.nn.weights import model_bytes
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Command, Run
from rnntui.core.runs.folder_handle import FolderHandle
from rnntui.core.tasks import corpus_change, reopen
from rnntui.core.training import divergence
from rnntui.core.training.autotuning import agreed_plan
from rnntui.core.training.averaging import PATIENCE
from rnntui.core.training.checkpoints import load_checkpoint, roll_back, save_checkpoint, settle
from rnntui.core.training.control import Control
from rnntui.core.training.devices import choose_device
from rnntui.core.training.evaluation_interval import affordable_every
from rnntui.core.training.learner import Learner
from rnntui.core.training.looks import InterruptedWorkError, sampled, scored
from rnntui.core.training.micro_batches import memory_remark
from rnntui.core.training.needs import check_memory
from rnntui.core.training.optimisation import peak_rate
from rnntui.core.training.progress import ProgressMeter
from rnntui.core.training.ranks import ALONE, Ranks, on_all_ranks
from rnntui.core.training.requests import Requests
from rnntui.core.training.retry import patiently
from rnntui.core.training.threads import ThreadTuner, kept_remark

_NEAR = 0.1
"""Evaluate more often once the training loss is this close to the target (nats)."""
_LATER = 1.1
"""Factor of the steps between these evaluations."""
_RATE_STEP = 1.25
"""Factor of the learning rate when a person raises or lowers it."""
_SAMPLE_EVERY = 200
"""A sample costs little, so it need not wait for a rare evaluation."""


def train(
    run: Run, control: Control, checkpoint: str = "last", ranks: Ranks = ALONE
) -> Iterator[ev.AnyEvent]:
    """Train `run`, from its last checkpoint if there is one, telling each thing as it happens.

    Of several processes each calls this, all but rank 0 with a copy of the run folder (`copied_run`); the events of all
    are alike, those of rank 0 count.

    Another `checkpoint` becomes the last one once everything else has turned out usable: those of later steps are
    deleted then.  Ends with `Finished`.  Raises NumericalError when the numbers go bad again and again, InputError
    where the run folder or its corpus cannot be used, RnntuiError where the folder is deleted meanwhile, and WriteError
    where it is stopped while it waits for room.
    """
    if ranks.first:
        settle(run)
    with FolderHandle(run.path) as folder:
        loop = Loop(run, control, folder, ranks)
        yield from loop.begin(checkpoint)
        while (reason := loop.over()) is None:
            yield from loop.obey()
            if loop.stopped:
                break
            yield from loop.step()
            yield from loop.look()
        yield from loop.end(reason or "interrupted")


class Loop:
    """The parts of one training, each a generator of its events."""

    def __init__(self, run: Run, control: Control, folder: FolderHandle, ranks: Ranks = ALONE) -> None:
        self.run, self.control, self.folder, self.ranks = run, control, folder, ranks
        self.requests = Requests(control, ranks)
        ranks.check(run.config)
        self.task = reopen(run)
        self.config = run.config.training
        device = choose_device(self.config.device)
        check_memory([run.config], device, self.task.widths, run=run.path / "run.toml")
        self._has_checkpoint = bool(run.named("last"))
        """True on every rank once rank 0 has one."""
        fresh = not self._has_checkpoint
        # Counted before there is a learner, which keeps for its steps whatever memory was used before.
        self._baselines = self.task.baselines() if fresh and ranks.first else []
        self.learner = self._new_learner(device)
        self.stopped = False
        affordable = affordable_every(self.learner.batches.predictions, self.task.held_out)
        self.eval_every = self.config.eval_every or affordable
        self.save_every = self.config.save_every or self.eval_every
        self.sample_every = self.config.sample_every or min(self.eval_every, _SAMPLE_EVERY)
        self._last_evaluation: ev.Evaluated | None = None
        self._last_saved = -1
        self._bad_steps = 0
        self._micro_batches, self._diverged = 1, False
        self._meter = ProgressMeter()
        self._tuner: ThreadTuner | None = None

    def begin(self, checkpoint: str = "last") -> Iterator[ev.AnyEvent]:
        """Go on from a checkpoint, or where there is none choose how to compute and start."""
        fresh = not self._has_checkpoint
        remarks = []
        if not fresh:
            remarks = [self._load(checkpoint, back=checkpoint != "last"), corpus_change(self.run)]
        else:
            self.learner.use(*agreed_plan(self.config.precision, self.learner))
        self._tuner = ThreadTuner(self.learner)
        if self._tuner.keeps:
            remarks.append(kept_remark(self.learner.threads))
        if not fresh:
            self._tuner.begin(self.learner)
        yield self._started()
        yield from (self._warned(remark) for remark in remarks if remark)
        for each in self._baselines:
            yield ev.Baselined(step=0, **each._asdict())
        if self.learner.counters.looked < self.learner.counters.step:
            yield from self.look()
        yield from (self._warned(remark) for remark in self.task.remarks())

    def _new_learner(self, device: str) -> Learner:
        return Learner(self.run.config, self.task.subject(self.run.config), device, self.ranks)

    def _load(self, checkpoint: str, back: bool) -> str:
        """Go on from a checkpoint, which rank 0 hands to the others; with `back`, delete later ones."""
        with on_all_ranks(self.ranks, self.run, checkpoint) as folder:
            remark = load_checkpoint(folder, self.learner)
        if back and self.ranks.first:
            roll_back(self.run, folder)
        return remark

    def _started(self) -> ev.Started:
        """Tell where training stands, and count from here."""
        learner, counters = self.learner, self.learner.counters
        self._last_saved = counters.step if counters.step else -1
        self._meter.begin(learner)
        self._bad_steps, self._last_evaluation = 0, None
        return ev.Started(
            step=counters.step,
            run=self.run.name,
            device=learner.device,
            precision=learner.precision,
            threads=learner.threads if learner.device == "cpu" else msgspec.UNSET,
            parameters=count_parameters(learner.model),
            corpus=self.run.config.text.corpus,
            seed=self.config.seed,
            processes=msgspec.UNSET if self.ranks.alone else self.ranks.count,
            **self.task.sizes._asdict(),
            task=self.run.config.text.task,
            labels=list(self.task.labels) or msgspec.UNSET,
        )

    def over(self) -> ev.Reason | None:
        """The limit that is reached, if any is."""
        limits, counters = self.config, self.learner.counters
        if limits.max_steps is not None and counters.step >= limits.max_steps:
            return "steps"
        if limits.max_epochs is not None and self.learner.epoch >= limits.max_epochs:
            return "epochs"
        if limits.max_time is not None and counters.train_s >= limits.max_time:
            return "time"
        if limits.target_loss is not None and (counters.best_loss or math.inf) <= limits.target_loss:
            return "target_loss"
        if limits.patience is not None and counters.stale >= limits.patience:
            return "early_stop"
        return None

    def step(self) -> Iterator[ev.AnyEvent]:
        """Take one step; tell of progress every so often."""
        learner, counters = self.learner, self.learner.counters
        lr = learner.lr
        self.requests.before_step()
        self._meter.add(learner.step())
        if self._tuner and (retuned := self._tuner.after_step(learner)):
            yield retuned
        yield from self._troubled_kernels()
        due = counters.step % self.config.log_every == 0 or counters.step == 1
        if not due and learner.device != "cpu":
            return  # reading would wait for the device, and the device then for the next step
        for loss, grad_norm in self._meter.read(learner):
            if not math.isfinite(loss) or not math.isfinite(grad_norm):
                yield from self._bad_step()
                if not self._bad_steps:
                    return  # at another step now
            else:
                self._bad_steps = 0
                self._meter.take(loss)
                divergence.take_in(counters, loss, learner.batches.predictions, learner.frequencies)
        if learner.micro_batches != self._micro_batches:
            self._micro_batches = learner.micro_batches
            yield self._warned(memory_remark(self._micro_batches))
        if not due:
            return
        yield self._meter.report(learner, lr)

    def _bad_step(self) -> Iterator[ev.AnyEvent]:
        self._bad_steps += 1
        yield self._warned("loss or gradient was not finite: the step was not taken, the state starts anew")
        # A scaled fp16 loss overflows now and then until its scale has settled; that is no divergence.
        if self._bad_steps >= divergence.BAD_STEPS and not self.learner.scaler.is_enabled():
            yield from self._roll_back(
                f"numbers were not finite {divergence.BAD_STEPS} steps in a row", "last"
            )

    def _roll_back(self, reason: str, checkpoint: str) -> Iterator[ev.AnyEvent]:
        """Go on from a good checkpoint with half the learning rate, or from the beginning where there is none."""
        learner, before = self.learner, self.learner.counters
        returns, factor, train_s = before.returns + 1, before.lr_factor / 2, before.train_s
        if returns > divergence.ROLLBACKS:
            peak = peak_rate(self.config)
            raise NumericalError(
                f"{self.run.name}: {reason}, also with a learning rate of {peak * 2 * factor:g}; "
                f"resume with a smaller --lr (now {peak:g})"
            )
        if self._has_checkpoint:
            self._load(checkpoint, back=True)
        else:
            self.learner = self._new_learner(learner.device)
            self.learner.use(learner.precision, learner.threads)
        counters = self.learner.counters
        # What is undone has taken its time all the same: a limit holds.
        counters.lr_factor, counters.returns, counters.train_s = factor, returns, train_s
        yield self._started()
        yield self._warned(f"{reason}: back at step {counters.step:,}, with half the learning rate")

    def look(self) -> Iterator[ev.AnyEvent]:
        """Evaluate, sample and save when it is time."""
        step = self.learner.counters.step
        best = False
        try:
            if step % self.eval_every == 0 or self._near_target() or self._strayed():
                evaluated = self._evaluate(counts=True)
                best = evaluated.best
                yield from self._told(evaluated)
                if self._diverged:
                    yield from self._roll_back("training has diverged", "best")
                    return
            if step % self.sample_every == 0:
                yield from self._sampled()
        except InterruptedWorkError:
            return  # what is due waits in the checkpoint that follows
        self.learner.counters.looked = step
        if best or step % self.save_every == 0:
            yield from self._save(best)

    def _near_target(self) -> bool:
        """Return True if the training loss suggests that the target is reached since the last evaluation."""
        target, counters = self.config.target_loss, self.learner.counters
        if target is None or counters.train_loss is None or counters.train_loss > target + _NEAR:
            return False
        return counters.step >= _LATER * counters.evaluated

    def _strayed(self) -> bool:
        """Return True if the training loss has risen for an epoch since anyone looked: more must not be wasted."""
        counters, frequencies = self.learner.counters, self.learner.frequencies
        return divergence.suspicious(counters, frequencies) and counters.step >= counters.evaluated + len(
            self.learner.batches
        )

    def obey(self) -> Iterator[ev.AnyEvent]:
        """Do what was asked since the last step; wait here while paused."""
        paused = False
        while True:
            yield from self._follow()
            for command in self.requests.take(paused):
                if command == "pause" and not paused:
                    paused = True
                    yield ev.Paused(step=self.learner.counters.step)
                elif command in ("resume", "stop") and paused:
                    paused = False
                    yield ev.Resumed(step=self.learner.counters.step)
                with suppress(InterruptedWorkError):
                    yield from self._act(command)
            if not paused:
                return

    def _act(self, command: Command) -> Iterator[ev.AnyEvent]:
        match command:
            case "stop":
                self.stopped = True
            case "evaluate":
                # Out of turn, so it moves neither patience nor the best: the run stays reproducible.
                yield from self._told(self._evaluate(counts=False))
            case "sample":
                yield from self._sampled()
            case "live":
                self._hand_out_weights()
            case "faster":
                yield self._adjust(_RATE_STEP)
            case "slower":
                yield self._adjust(1 / _RATE_STEP)

    def _adjust(self, factor: float) -> ev.Adjusted:
        self.learner.counters.lr_factor *= factor
        return ev.Adjusted(
            step=self.learner.counters.step, lr=self.learner.lr, factor=self.learner.counters.lr_factor
        )

    def _hand_out_weights(self) -> None:
        # Where a reader still holds the file open (Windows), or there is no room, it will ask again.
        if not self.ranks.first:
            return
        with suppress(RnntuiError):
            weights = model_bytes(self.learner.evaluated_model)
            write_atomically(self.run.path / "live.safetensors", weights, durable=False)

    def end(self, reason: ev.Reason) -> Iterator[ev.AnyEvent]:
        """Evaluate once more, unless a person stopped the run, and save."""
        step = self.learner.counters.step
        best = False
        if reason != "interrupted" and self.learner.counters.evaluated != step:
            try:
                evaluated = self._evaluate(counts=True)
                best = evaluated.best
                yield from self._told(evaluated)
                yield from self._sampled()
            except InterruptedWorkError:
                reason = "interrupted"
        if remark := divergence.overfitted(self.learner.counters, self._last_evaluation):
            yield self._warned(remark)
        if best or self._last_saved != step:
            yield from self._save(best)
        if self.ranks.first:
            (self.run.path / "live.safetensors").unlink(missing_ok=True)
        yield ev.Finished(step=self.learner.counters.step, reason=reason)

    def _evaluate(self, counts: bool) -> ev.Evaluated:
        """Score the held-out part; with `counts`, note whether it is the best so far."""
        learner, counters = self.learner, self.learner.counters
        evaluated = scored(self.task, learner, self.control)
        loss = evaluated.loss
        self._diverged = counts and divergence.diverged(counters, loss, learner.frequencies)
        best = counts and divergence.take_score(counters, loss, self._diverged, self.task.holds_out)
        if self.config.average == "nt-asgd" and counters.stalled is None and counters.stale >= PATIENCE:
            counters.stalled, counters.stale = counters.step, 0
        evaluated = msgspec.structs.replace(evaluated, best=best)
        if counts:
            self._last_evaluation, counters.evaluated = evaluated, counters.step
        return evaluated

    def _told(self, evaluated: ev.Evaluated) -> Iterator[ev.AnyEvent]:
        """An evaluation, and a warning where it has no number."""
        yield from self._troubled_kernels()
        yield evaluated
        if evaluated.loss is None:
            yield self._warned(
                f"the held-out loss ({evaluated.protocol}) was not finite, so this was no candidate for the best; "
                f"a smaller --lr helps"
            )

    def _troubled_kernels(self) -> Iterator[ev.Warned]:
        """Warn of kernels that could not be loaded or kept; one is loaded only when it is first called."""
        if report := cache_report():
            yield self._warned(report)

    def _sampled(self) -> Iterator[ev.Sampled]:
        return sampled(self.task, self.learner, self.run.config, self.control)

    def _save(self, best: bool) -> Iterator[ev.AnyEvent]:
        """Save, where there is something to be saved; wait for room where there is none."""
        if not self.learner.sound():
            yield from self._roll_back("weights were not finite or beyond any use", "last")
            return
        yield from self._follow()
        step = self.learner.counters.step
        if best:  # and sound
            self.learner.counters.returns = 0
        self._last_saved, self._has_checkpoint = step, True
        state = self.ranks.whole_state(self.learner.state)
        if self.ranks.first:
            folder = yield from patiently(
                lambda: save_checkpoint(self.run, self.learner, best, state), self.control, step
            )
            yield ev.Saved(step=step, path=folder.relative_to(self.run.path).as_posix())
        self.ranks.from_first(lambda: b"saved")

    def _follow(self) -> Iterator[ev.Warned]:
        """Go on in the run folder wherever somebody has moved it.  Raises RnntuiError where it was deleted."""
        if self.folder.follow():
            self.run = replace(self.run, path=self.folder.path)
            self.control.follow(self.run.path)
            yield self._warned(f"the run folder was moved; training goes on in {self.run.path}")

    def _warned(self, message: str) -> ev.Warned:
        return ev.Warned(step=self.learner.counters.step, message=message)
