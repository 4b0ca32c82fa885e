"""A disk that refuses a write, and one that loses power: what `core/files.py` asks of the system, watched."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rnntui.core import files
from rnntui.core.runs import folder, journal, safe_files
from rnntui.core.training import checkpoints

_USERS = (files, journal, folder, checkpoints)
FAULTS = {"no room": errno.ENOSPC, "quota": errno.EDQUOT, "read-only": errno.EROFS, "device": errno.EIO}


def _replace(monkeypatch: pytest.MonkeyPatch, name: str, function: Callable[..., Any]) -> None:
    for module in _USERS:
        if hasattr(module, name):
            monkeypatch.setattr(module, name, function)


class Refusing:
    """Refuses the writing operation with the number `at`, and all after it until `mend` is called."""

    OPERATIONS = ("put", "append", "rename", "sync_file", "sync_folder")

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, fault: int) -> None:
        self.done, self.refused, self._at, self._fault = 0, 0, at, fault
        for name in self.OPERATIONS:
            _replace(monkeypatch, name, self._watched(getattr(files, name)))

    def _watched(self, honest: Callable[..., None]) -> Callable[..., None]:
        def operation(*arguments: Any) -> None:
            self.done += 1
            if self._at <= self.done:
                self.refused += 1
                raise OSError(self._fault, os.strerror(self._fault))
            honest(*arguments)

        return operation

    def mend(self) -> None:
        """Let there be room again."""
        self._at = 10**9


@dataclass(frozen=True)
class Operation:
    """Something that was asked of the system, and whether a later sync has made it last."""

    kind: str
    path: Path
    data: bytes = b""
    old: Path = Path()


@dataclass
class Recorder:
    """Writes down what is asked of the disk below `root`, while it is done; lost lines of events cost no checkpoint."""

    root: Path
    operations: list[Operation] = field(default_factory=list)

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        put, rename = files.put, files.rename
        sync_file, sync_folder = files.sync_file, files.sync_folder

        def watched_put(path: Path, data: bytes, *mode: int) -> None:
            self.operations.append(Operation("put", path, data))
            put(path, data, *mode)

        def watched_rename(old: Path, new: Path) -> None:
            self.operations.append(Operation("rename", new, old=old))
            rename(old, new)

        def watched_sync_file(path: Path) -> None:
            self.operations.append(Operation("sync_file", path))
            sync_file(path)

        def watched_sync_folder(path: Path) -> None:
            self.operations.append(Operation("sync_folder", path))
            sync_folder(path)

        _replace(monkeypatch, "put", watched_put)
        _replace(monkeypatch, "rename", watched_rename)
        _replace(monkeypatch, "sync_file", watched_sync_file)
        _replace(monkeypatch, "sync_folder", watched_sync_folder)
        removed = shutil.rmtree

        def watched_rmtree(path: Path, ignore_errors: bool = False) -> None:
            if Path(path).exists():
                self.operations.append(Operation("remove", Path(path)))
            removed(path, ignore_errors=ignore_errors)

        monkeypatch.setattr(shutil, "rmtree", watched_rmtree)
        deleted = safe_files.delete_checkpoint

        def watched_delete(folder: Path) -> None:
            self.operations.append(Operation("remove", folder))
            deleted(folder)

        monkeypatch.setattr(checkpoints, "delete_checkpoint", watched_delete)

    def after_power_loss(self, before: Path, into: Path, rng: random.Random) -> Iterator[str]:
        """For every moment, the folder as it may be found afterwards: `before` with what has lasted, in `into`.

        What a sync forced is there.  Of the rest, all is lost, or all is kept, or any part in any order; a file
        whose content was not forced is empty, cut or whole.
        """
        for moment in range(len(self.operations) + 1):
            done = self.operations[:moment]
            lasting = [self._lasts(i, done) for i in range(moment)]
            choices = [("all lost", lasting), ("all kept", [True] * moment)]
            choices += [(f"part {n}", [last or rng.random() < 0.5 for last in lasting]) for n in range(3)]
            for name, kept in choices:
                shutil.rmtree(into, ignore_errors=True)
                shutil.copytree(before, into)
                self._apply(done, kept, lasting, into, rng)
                yield f"after {moment} operations, {name}"

    @staticmethod
    def _lasts(index: int, done: list[Operation]) -> bool:
        operation = done[index]
        later = done[index + 1 :]
        if operation.kind == "put":
            return any(each.kind == "sync_file" and each.path == operation.path for each in later)
        if operation.kind in ("rename", "remove"):
            folder = operation.path.parent
            return any(each.kind == "sync_folder" and each.path == folder for each in later)
        return True

    def _apply(
        self, done: list[Operation], kept: list[bool], lasting: list[bool], into: Path, rng: random.Random
    ) -> None:
        def place(path: Path) -> Path:
            return into / path.relative_to(self.root)

        for operation, keep, lasts in zip(done, kept, lasting, strict=True):
            target = place(operation.path)
            if operation.kind == "put":
                # Its name is in the folder already, or comes there with the folder; of its content, who knows.
                whole = len(operation.data)
                size = whole if lasts or keep else rng.choice([0, whole // 2])
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(operation.data[:size])
            elif operation.kind == "rename" and keep and place(operation.old).exists():
                if target.is_dir():
                    shutil.rmtree(target)
                place(operation.old).replace(target)
            elif operation.kind == "remove" and keep and target.exists():
                shutil.rmtree(target)
