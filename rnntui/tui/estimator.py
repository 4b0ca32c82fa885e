"""Size and speed of a configuration, measured in a process of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

from rnntui.core.config import Config
from rnntui.core.config.defaults import NOTHING_KNOWN, Facts
from rnntui.core.config.splits import split_fractions, split_in_figures
from rnntui.tui.process import module_command
from rnntui.ui import formats


class Estimator:
    """Asks `rnntui.core.training.speed`; torch is loaded there, and once."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._asked = 0

    async def estimate(
        self, settings: Mapping[str, Any], preset: str, vocab_size: int
    ) -> AsyncIterator[dict[str, Any]]:
        """Size and speed of a configuration, as they come."""
        async for answer in self._answers(settings, preset, vocab_size):
            yield answer
            if "tokens_per_s" in answer:
                return

    async def fault_of(self, settings: Mapping[str, Any], preset: str) -> str:
        """Why a run could not read its corpus; '' where it can, or where the process was ended before it knew."""
        async for answer in self._answers(settings, preset, None):
            return str(answer.get("fault", ""))
        return ""

    async def _answers(
        self, settings: Mapping[str, Any], preset: str, vocab_size: int | None
    ) -> AsyncIterator[dict[str, Any]]:
        """The answers of `speed`, up to a fault.  Answers to what was asked before are passed over."""
        process = await self._running()
        assert process.stdin is not None and process.stdout is not None
        self._asked += 1
        request = {
            "id": self._asked,
            "settings": dict(settings),
            "preset": preset,
            "vocab_size": vocab_size,
        }
        with suppress(ConnectionError):
            process.stdin.write(json.dumps(request).encode() + b"\n")
            await process.stdin.drain()
        while line := await process.stdout.readline():
            answer = json.loads(line)
            if answer["id"] != request["id"]:
                continue
            yield answer
            if "fault" in answer:
                return

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *module_command("rnntui.core.training.speed"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        return self._process

    async def close(self) -> None:
        """End the process: what trains next needs the processor."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()


def train_tokens(setting: Config, tokens: float) -> float:
    """Tokens of the training part of a text of so many tokens."""
    train, *_ = split_fractions(split_in_figures(setting.text.split, round(tokens), setting.text.apart))
    return train * tokens


def facts_of(setting: Config, tokens: float | None) -> Facts:
    """Facts for the defaults of a run on a text with about this many tokens."""
    return Facts(round(train_tokens(setting, tokens))) if tokens else NOTHING_KNOWN


def expected(setting: Config, tokens: float, tokens_per_s: float) -> str:
    """Expected epochs of a run at a speed, and its time, for a text of so many tokens."""
    epoch_s = train_tokens(setting, tokens) / tokens_per_s
    training = setting.training
    times = [training.max_time] if training.max_time else []
    times += [training.max_epochs * epoch_s] if training.max_epochs else []
    if training.max_steps:
        times.append(training.max_steps * training.batch_size * training.bptt / tokens_per_s)
    if not times:
        return f"{formats.duration(epoch_s)} a pass over the text, no limit"
    seconds = min(times)
    passes = seconds / epoch_s
    return f"{passes:,.{0 if passes >= 10 else 1}f} epochs in {formats.duration(seconds)}"


def limit(setting: Config) -> str:
    """Limits of a run, in a few words."""
    training = setting.training
    limits = [
        f"{training.max_time / 60:g} min at most" if training.max_time else "",
        f"{training.max_epochs:g} epochs" if training.max_epochs else "",
        f"{training.max_steps:,} steps" if training.max_steps else "",
        "stops early at a plateau" if training.patience else "",
    ]
    return ", ".join(limit for limit in limits if limit) or "until you stop it"
