"""Everything that changes while a model learns, and how one step changes it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from rnntui.core.config import Config
from rnntui.core.errors import RnntuiError
from rnntui.core.kernels.waiting import share_processors
from rnntui.core.nn.base import Loss, Model, Penalties
from rnntui.core.nn.dropouts import WholeBatch, part_of
from rnntui.core.nn.stack import StackState, detached
from rnntui.core.nn.tensor_files import LARGEST_WEIGHT
from rnntui.core.tasks.base import Subject
from rnntui.core.text.batches import Batch
from rnntui.core.text.tokenizers import Ids
from rnntui.core.training.averaging import WeightAverage
from rnntui.core.training.clock import running_seconds
from rnntui.core.training.devices import Precision, autocast, keep_memory
from rnntui.core.training.micro_batches import joined, micro_batches, out_of_memory
from rnntui.core.training.optimisation import depth_factor, lr_factor, make_optimizer, peak_rate
from rnntui.core.training.optimisers import Optimiser
from rnntui.core.training.ranks import ALONE, BatchShare, Ranks

_TRIED = 32
"""Tokens of each sequence in a trial."""


@dataclass
class Counters:
    """Counters of a run, as in a checkpoint's `state.json`."""

    step: int = 0
    """Steps taken; also the position in the data, one batch a step."""
    tokens: int = 0
    train_s: float = 0.0
    """Seconds of training steps and their data, without evaluation, sampling, saving and pauses of the process."""
    best_loss: float | None = None
    best_step: int = 0
    stale: int = 0
    """Evaluations in a row without gain."""
    drops: int = 0
    """Evaluations without gain in all."""
    evaluated: int = 0
    """The step of the last evaluation that counted."""
    looked: int = 0
    """The step after which everything that was due had been done: evaluation, sample."""
    train_loss: float | None = None
    """Moving average of the training loss."""
    lowest_train_loss: float | None = None
    """The lowest that it was."""
    returns: int = 0
    """Times in a row that training went back to a checkpoint, without a gain since."""
    stalled: int | None = None
    """The step at which learning stood still and `nt-asgd` began."""
    lr_factor: float = 1.0
    """Factor by which a person changed the scheduled learning rate."""


class Learner:
    """A model, its optimiser, its place in the data, and the state carried from batch to batch."""

    def __init__(self, config: Config, subject: Subject[Any], device: str, ranks: Ranks = ALONE) -> None:
        training = config.training
        self.ranks = ranks
        torch.manual_seed(training.seed)
        self.config = config
        self.device = device
        self.precision: Precision = "fp32"
        self.threads = torch.get_num_threads()
        self.batches = subject.batches
        self.model: Model = subject.model().to(device).train()
        counts = subject.counts
        if not subject.begun:
            self.model.begin_at(torch.from_numpy(counts))
        shares = counts[counts > 0] / counts.sum()
        self.frequencies = -float(shares @ np.log(shares))
        """Nats of one who knows how often each outcome comes, and nothing else: where a new model begins."""
        self.average = None if training.average == "none" else WeightAverage(self.model, training.average)
        self.weights = list(self.model.parameters())
        """The numbers that learn: looked for once, not at every step."""
        self.penalties = Penalties(
            training.activation_penalty, training.temporal_penalty, training.label_smoothing or 0.0
        )
        self.gradual = self.model.head_is_new and bool(config.model.begin_from)
        """True if the layers that another run has taught join one after the other."""
        self.optimizer = make_optimizer(self.model, training, self.gradual)
        self.scaler = torch.amp.GradScaler(device, enabled=False)
        self.state = ranks.part_of_state(self.model.initial_state(training.batch_size))
        """Carried state of the sequences that this process computes."""
        self.counters = Counters()
        self.micro_batches = 1
        """Groups of sequences that a batch is computed in; more than one where memory is short."""
        self._unshared_s = 0.0
        keep_memory()
        share_processors()

    @property
    def evaluated_model(self) -> Model:
        """The model that is evaluated, kept and written with: the mean of the weights where one is taken."""
        return self.average.model if self.average else self.model

    def use(self, precision: Precision, threads: int) -> None:
        """Compute in `precision`, on the CPU with so many `threads`, from here on.

        fp16 scales the loss so that gradients do not vanish.
        """
        self.precision, self.threads = precision, threads
        self.scaler = torch.amp.GradScaler(self.device, enabled=precision == "fp16")
        # A gradient may be too small for fp16, never for bf16.
        self.optimizer.coarse = torch.bfloat16 if precision == "bf16" else None
        self._take_threads()

    def _take_threads(self) -> None:
        """Another learner of this process may have taken more or fewer."""
        if self.device == "cpu" and torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)

    @property
    def epoch(self) -> float:
        return self.counters.step / len(self.batches)

    @property
    def fraction(self) -> float:
        """Progress towards the nearest limit, from 0 to 1; 0 without a limit."""
        limits = self.config.training
        used = [
            done / limit
            for done, limit in (
                (self.counters.step, limits.max_steps),
                (self.epoch, limits.max_epochs),
                (self.counters.train_s, limits.max_time),
            )
            if limit is not None
        ]
        return min(1.0, max(used, default=0.0))

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        training, counters = self.config.training, self.counters
        factor = lr_factor(training, counters.step, self.fraction, counters.drops)
        return peak_rate(training) * factor * counters.lr_factor

    def step(self) -> tuple[Tensor, Tensor]:
        """One step of truncated backpropagation through time (Williams and Peng 1990).

        Returns the mean loss of the batch in nats a token and the gradient's norm before clipping, as
        numbers on the device: nothing here waits for a GPU, so that it is never without work.  A gradient
        that is not finite leaves the weights as they are and clears the carried state.
        """
        began = running_seconds()
        training = self.config.training
        self._take_threads()

        # 1. The streams go on where the last batch ended, and so does the state: the gradient stops at
        #    the cut, the memory does not.  A new epoch is a new text.
        batch = self.batches[self.counters.step]
        part = self.ranks.part_of(batch)
        if batch.first:
            self.state = self.model.initial_state(part.batch.sequences)

        # 2. Products in the chosen precision; the loss always in fp32, where small differences count.
        nats, state = self._gradients(batch, part, began)

        # 3. Recurrent gradients can explode, so their norm is clipped (Pascanu et al. 2013).  One number
        #    that is not finite would poison every weight: such a step is not taken.
        self.scaler.unscale_(_as_torchs(self.optimizer))
        norm = torch.nn.utils.get_total_norm([p.grad for p in self.weights if p.grad is not None])
        sound = torch.isfinite(norm) & torch.isfinite(nats)
        # A longer piece is a surer gradient, where the lengths vary (Merity et al. 2018).
        share = batch.predictions / self.batches.predictions if training.vary_bptt else 1.0
        for group in self.optimizer.param_groups:
            deep = depth_factor(group["depth"], self.epoch) if self.gradual else 1.0
            group["lr"] = self.lr * share * deep
        self._update(norm, sound)
        self.state = _carried(state, sound)

        self.counters.step += 1
        if self.average:
            self.average.add(self.counters.step, self.counters.stalled)
        self.counters.tokens += batch.tokens
        self.spend(running_seconds() - began)
        return nats, norm

    def spend(self, seconds: float) -> None:
        """Count time of training; several processes agree on it at each step."""
        if self.ranks.alone:
            self.counters.train_s += seconds
        else:
            self._unshared_s += seconds

    def _gradients(self, batch: Batch, part: BatchShare, began: float) -> tuple[Tensor, StackState]:
        """The gradients of a batch; its mean loss in nats a token and the state after this process's part of it.

        Where memory is short for the whole batch, on any rank, it is taken in halves, their gradients added up, and
        so on down to single sequences; from then on at once.
        """
        while True:
            self.optimizer.zero_grad()
            shortage: Exception | None = None
            nats: Tensor | None = None
            try:
                nats, state = self._accumulated(batch, part)
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                shortage = error
            failed = shortage is not None
            if not self.ranks.alone:
                # What it took since the last step is part of the time that all agree on.
                train_s = self.counters.train_s + self._unshared_s + running_seconds() - began
                self._unshared_s = began - running_seconds()
                weights = [weight for weight in self.weights if weight.requires_grad]
                nats, failed, self.counters.train_s = self.ranks.add_up(weights, nats, train_s)
            if not failed:
                assert nats is not None
                return nats, state
            if self.micro_batches >= self.config.training.batch_size:
                raise shortage or RnntuiError("memory is short for a single sequence on another process")
            # Here what the failed try held is free again.
            self.micro_batches = min(2 * self.micro_batches, self.config.training.batch_size)

    def _accumulated(self, batch: Batch, part: BatchShare) -> tuple[Tensor, StackState]:
        """Gradients of this process's part of a batch, in micro-batches; its share of the loss, and the state."""
        if self.micro_batches == 1:
            loss = self._loss(part.batch, self.state, batch, part.first)
            self.scaler.scale(loss.objective * part.share if part.share != 1 else loss.objective).backward()
            return loss.nats.detach() * part.share, detached(loss.state)
        losses, states, first = [], [], part.first
        for group, state, share in micro_batches(part.batch, self.state, self.micro_batches):
            loss = self._loss(group, state, batch, first)
            first += group.sequences
            self.scaler.scale(loss.objective * (share * part.share)).backward()
            losses.append(loss.nats.detach() * (share * part.share))
            states.append(loss.state)
        return torch.stack(losses).sum(), joined(states)

    def sound(self) -> bool:
        """True if all weights, and their mean, are numbers that a reader of the checkpoint takes."""
        models = (self.model, self.evaluated_model) if self.average else (self.model,)
        weights = (weight for model in models for weight in model.parameters() if weight.numel())
        return all(bool(weight.abs().max() <= LARGEST_WEIGHT) for weight in weights)

    def _update(self, norm: Tensor, sound: Tensor) -> None:
        """Move the weights by the gradient, brought down to the largest norm allowed."""
        if self.scaler.is_enabled():  # it looks for what is not finite itself
            torch.nn.utils.clip_grads_with_norm_(self.weights, self.config.training.clip, norm)
            self.scaler.step(_as_torchs(self.optimizer))
            self.scaler.update()
            return
        # The optimiser divides by the one and does nothing where the other is 1, in the pass that it makes
        # over the gradients anyway: the same way in which a scaler speaks to it.
        scale = (norm / self.config.training.clip).clamp(min=1).float()
        self.optimizer.grad_scale, self.optimizer.found_inf = scale, 1 - sound.float()
        self.optimizer.step()

    def trial(self, length: int = _TRIED) -> list[Tensor]:
        """The work of a step that changes nothing: the beginning of a batch forward and backward, waited for.

        Every token of a sequence costs the same, so a few tell which way is the fastest.  Returns the gradients
        of the first `length` tokens of the epoch's first batch.
        """
        self._take_threads()
        step = self.counters.step
        whole = self.batches[step - step % len(self.batches)].beginning(length)
        part = self.ranks.part_of(whole)
        with torch.random.fork_rng():
            state = self.model.initial_state(part.batch.sequences)
            loss = self._loss(part.batch, state, whole, part.first)
            self.scaler.scale(loss.objective).backward()
        gradients = [weight.grad for weight in self.weights if weight.grad is not None]
        self.model.zero_grad(set_to_none=True)
        if self.device == "cuda":
            torch.cuda.synchronize()
        return gradients

    def _loss(self, part: Batch, state: StackState, whole: Batch, first: int) -> Loss:
        """Loss of the model on the part of a batch that begins at its sequence `first`."""
        arrays = [self._moved(array) for array in part.arrays]
        context: AbstractContextManager[None] = nullcontext()
        if not self.ranks.alone:
            context = part_of(WholeBatch(first, whole.sequences, torch.from_numpy(whole.arrays[1])))
        with context, autocast(self.device, self.precision):
            return self.model.loss(arrays, state, self.penalties)

    def _moved(self, tokens: Ids) -> Tensor:
        """Tokens on the device, without waiting for their way there."""
        tensor = torch.from_numpy(tokens)
        return (
            tensor.pin_memory().to(self.device, non_blocking=True)
            if self.device == "cuda"
            else tensor.to(self.device)
        )


def _as_torchs(optimizer: Optimiser) -> torch.optim.Optimizer:
    """The optimizer as a scaler takes it: `param_groups` and `step` alone."""
    return cast("torch.optim.Optimizer", optimizer)


def _carried(state: StackState, sound: Tensor) -> StackState:
    """The state as numbers without history, in fp32 at least; zero where it is not `sound`."""

    def wide(part: Tensor) -> Tensor:
        return part.to(torch.promote_types(part.dtype, torch.float32))

    return tuple(tuple(torch.where(sound, wide(part), 0.0) for part in layer) for layer in detached(state))


def flat_state(state: StackState) -> dict[str, Tensor]:
    """A state as named tensors, `state.LAYER.PART`, each (B, H)."""
    return {f"state.{i}.{j}": part for i, layer in enumerate(state) for j, part in enumerate(layer)}
