"""Processes that train one model together: each has its share of the sequences, and all have the same weights.

They are started by torch's own launcher (`torchrun`), meet through its store, and add up gradients by
`torch.distributed`: gloo on the CPU, nccl on GPUs.  Rank 0 writes the run folder and reads what is asked for there;
what takes long on rank 0 alone is waited for at the store, which has no time limit, as a collective has.
"""

from __future__ import annotations

import math
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from rnntui.core.config import Config
from rnntui.core.config.tasks import TASKS
from rnntui.core.errors import InputError, RnntuiError, oneline
from rnntui.core.nn.stack import StackState
from rnntui.core.processors import launched
from rnntui.core.runs.folder import Run
from rnntui.core.runs.safe_files import open_file
from rnntui.core.text.batches import Batch

_LIMIT = timedelta(minutes=5)
"""Time in which every rank comes to a collective: all take the same steps, so they are close together."""
_POLL_S = 0.02
_KEPT = 64
"""Messages of rank 0 that the store keeps."""
_LEAVE_S = 5.0
"""Seconds for which a rank that was asked to stop still waits for rank 0 to say what to do."""
_FAILED, _STOPS, _ASKED, _SECONDS, _PART = range(5)
"""Notes that go with the gradients: ranks out of memory, ranks with a signal to stop, 1 where rank 0 has requests, and
the training time in whole seconds and the rest, so that it is exact in fp32."""
_NOTES = 5


class RankGoneError(RnntuiError):
    """Another process of this training has ended: this one cannot go on."""


class BatchShare(NamedTuple):
    """A rank's part of a batch."""

    batch: Batch
    first: int
    """The first of its sequences in the whole batch."""
    share: float
    """Its share of the predictions."""


class Ranks:
    """The processes of a training, seen from one of them.  Without a store there is only this one."""

    def __init__(self, rank: int = 0, count: int = 1, store: dist.Store | None = None) -> None:
        self.rank, self.count = rank, count
        self._store = store
        self._said = 0
        self.signalled: Callable[[], bool] = lambda: False
        """Returns True if a signal has asked this rank to stop."""
        self.asks = False
        """On rank 0: true if there are requests that all have to hear of."""
        self.asked = False
        """True if there are requests since the last step."""
        self.stops = False
        """True if a signal has asked any rank to stop."""

    @property
    def first(self) -> bool:
        """True for the rank that writes the run folder."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """True if this is the only process."""
        return self.count == 1

    def check(self, config: Config) -> None:
        """Raise InputError where the streams of a running text are fewer than the processes."""
        if TASKS[config.text.task].running_text and config.training.batch_size < self.count:
            raise InputError(
                f"--batch-size: {config.training.batch_size} streams are too few for {self.count} processes; "
                f"take at least {self.count}, or fewer processes"
            )

    def part_of(self, batch: Batch) -> BatchShare:
        """Return this rank's sequences of a batch.

        A rank without any computes one of them for nothing, so that it draws the same random numbers as the others.
        """
        if self.alone:
            return BatchShare(batch, 0, 1.0)
        first, last = (batch.sequences * rank // self.count for rank in (self.rank, self.rank + 1))
        if first == last:
            return BatchShare(batch.some(slice(0, 1)), 0, 0.0)
        part = batch.some(slice(first, last))
        return BatchShare(part, first, part.predictions / batch.predictions)

    def add_up(
        self, weights: Sequence[Tensor], nats: Tensor | None, train_s: float
    ) -> tuple[Tensor, bool, float]:
        """Sum the gradients of `weights` over all ranks, in place.

        `nats` is this rank's part of the loss, or None where memory was short for its gradients.  Returns the loss of
        the whole batch, whether any rank's memory was short, and the training time of rank 0, `train_s` there.
        Raises RankGoneError where another rank is gone.
        """
        device = weights[0].device
        seconds = math.floor(train_s)
        own = [
            float(nats is None),
            float(self.signalled()),
            float(self.asks),
            float(seconds),
            train_s - seconds,
        ]
        if not self.first:
            own[_ASKED:] = [0.0] * (_NOTES - _ASKED)
        sums = [self._gradient(weight, nats is None).flatten() for weight in weights]
        loss = (torch.zeros(1, device=device) if nats is None else nats).to(sums[0].dtype).view(1)
        notes = torch.tensor(own, dtype=sums[0].dtype)
        on_cpu = device.type == "cpu"
        flat = torch.cat([*sums, loss, notes] if on_cpu else [*sums, loss])
        if not on_cpu:  # known on this side, so that nobody waits for the device
            self._together(lambda: dist.all_reduce(notes))
        self._together(lambda: dist.all_reduce(flat))
        if on_cpu:
            flat, notes = flat[:-_NOTES], flat[-_NOTES:]
        for weight, gradient in zip(weights, flat[:-1].split([w.numel() for w in weights]), strict=True):
            if weight.grad is not None or nats is None:
                weight.grad = gradient.view_as(weight)
        told = notes.tolist()
        self.stops, self.asked = self.stops or told[_STOPS] > 0, self.asked or told[_ASKED] > 0
        return flat[-1], told[_FAILED] > 0, told[_SECONDS] + told[_PART]

    def whole_state(self, state: StackState) -> StackState:
        """Return the state of all sequences, from the parts of the ranks.  Every rank has to call it."""
        if self.alone or not state:
            return state
        parts = self.gathered(tuple(tuple(part.cpu() for part in layer) for layer in state))
        return tuple(
            tuple(torch.cat([part[i][j] for part in parts]) for j in range(len(layer)))
            for i, layer in enumerate(state)
        )

    def part_of_state(self, state: StackState) -> StackState:
        """Return this rank's sequences of the state of all."""

        def own(part: Tensor) -> Tensor:
            first, last = (len(part) * rank // self.count for rank in (self.rank, self.rank + 1))
            return part[first:last].clone()

        return state if self.alone else tuple(tuple(own(part) for part in layer) for layer in state)

    def gathered(self, own: object) -> list[Any]:
        """Return the objects of all ranks, in their order.  Every rank has to call it, at about the same time."""
        if self.alone:
            return [own]
        found: list[Any] = [None] * self.count
        self._together(lambda: dist.all_gather_object(found, own))
        return found

    def from_first(self, make: Callable[[], bytes]) -> bytes:
        """Return on every rank what `make` returns on rank 0, however long that takes.

        Raises RankGoneError where this rank was asked to stop and rank 0 says nothing any more.
        """
        if self._store is None:
            return make()
        self._said += 1
        key = f"{self._said}"
        if self.first:
            content = make()
            self._lost(lambda: self._set(key, content))
            return content
        signalled: float | None = None
        while not self._lost(lambda: self._check(key)):
            now = time.monotonic()
            signalled = signalled or (now if self.signalled() else None)
            if signalled is not None and now > signalled + _LEAVE_S:
                raise RankGoneError(f"rank {self.rank} of {self.count}: stopped; go on with --resume")
            time.sleep(_POLL_S)
        found: bytes = self._lost(lambda: self._get(key))
        return found

    def files_from_first(self, read: Callable[[], dict[str, bytes]]) -> dict[str, bytes]:
        """Return on every rank the files that `read` returns on rank 0, by name."""
        if self.alone:
            return read()
        found: list[Any] = [read() if self.first else None]
        self._together(lambda: dist.broadcast_object_list(found))
        files: dict[str, bytes] = found[0]
        return files

    def end(self) -> None:
        """Leave the others, all of whom have come so far."""
        if not self.alone:
            dist.destroy_process_group()

    def _set(self, key: str, content: bytes) -> None:
        assert self._store is not None
        self._store.set(key, content)
        # Everyone has read what was said long before: the ranks meet at every step.
        self._store.delete_key(f"{self._said - _KEPT}")

    def _check(self, key: str) -> bool:
        assert self._store is not None
        return bool(self._store.check([key]))

    def _get(self, key: str) -> bytes:
        assert self._store is not None
        return bytes(self._store.get(key))

    def _lost(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except (RuntimeError, OSError) as error:
            raise self._gone(error) from None

    def _together(self, collective: Callable[[], object]) -> None:
        try:
            collective()
        except RuntimeError as error:
            raise self._gone(error) from None

    def _gone(self, error: Exception) -> RankGoneError:
        found = re.search(r"(?:\] )?([A-Z][a-z ]{8,60})", str(error))
        why = f" ({found[1].strip()})" if found else ""
        return RankGoneError(
            f"rank {self.rank} of {self.count}: another rank is gone{why}; go on with --resume"
        )

    @staticmethod
    def _gradient(weight: Tensor, failed: bool) -> Tensor:
        return torch.zeros_like(weight) if failed or weight.grad is None else weight.grad


ALONE = Ranks()


def joined_ranks() -> Ranks:
    """Join the processes that `torchrun` has started, or return `ALONE` where it has not.

    Raises InputError where they cannot be reached.
    """
    if not launched():
        return ALONE
    from torch.distributed.rendezvous import rendezvous

    try:
        store, rank, count = next(iter(rendezvous("env://")))
        backend = "gloo"
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
            backend = "cpu:gloo,cuda:nccl"
        group = dist.PrefixStore("group", store)
        dist.init_process_group(backend, store=group, rank=rank, world_size=count, timeout=_LIMIT)
    except (RuntimeError, ValueError, OSError) as error:
        where = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        raise InputError(
            f"torchrun: the processes cannot reach each other at {where} ({oneline(error)[:120]}); "
            "check --rdzv-endpoint and the firewall"
        ) from None
    return Ranks(rank, count, dist.PrefixStore("rnntui", store))


_RUN_FILES = re.compile(r"run\.toml|last|best|.*\.(json|safetensors)")
"""Files of a run folder that training reads, beside its checkpoints."""


@contextmanager
def copied_run(ranks: Ranks, run: Run | None) -> Iterator[Run]:
    """The run of rank 0; on other ranks, which may be on another machine, a copy of what training reads of it.

    The copy goes when the training is over.
    """
    ranks.from_first(lambda: b"the run is there")
    if run is not None and ranks.first:
        ranks.files_from_first(lambda: _files_in(run.path))
        yield run
        return
    with tempfile.TemporaryDirectory(prefix="rnntui-") as folder:
        _put(Path(folder), ranks.files_from_first(dict))
        yield Run.open(Path(folder))


@contextmanager
def on_all_ranks(ranks: Ranks, run: Run, checkpoint: str) -> Iterator[Path]:
    """The folder of a checkpoint of rank 0, on other ranks a copy of it.  Raises InputError where it is unusable."""
    if ranks.first:
        folder = run.checkpoint_path(checkpoint)
        ranks.files_from_first(lambda: _files_in(folder))
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="rnntui-") as copy:
        _put(Path(copy), ranks.files_from_first(dict))
        yield Path(copy)


def _files_in(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.iterdir() if _RUN_FILES.fullmatch(path.name) and path.is_file())
    contents = {}
    for path in found:
        with open_file(path) as file:
            contents[path.name] = file.read()
    return contents


def _put(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
