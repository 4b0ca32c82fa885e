"""What a configuration costs on this machine, measured in a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any


class Estimator:
    """Asks `rnntui.core.training.speed`; torch is loaded there, and once."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._asked = 0

    async def estimate(
        self, settings: Mapping[str, Any], preset: str, vocab_size: int
    ) -> AsyncIterator[dict[str, Any]]:
        """The answers of `speed`, as they come.  Answers to what was asked before are passed over."""
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
            if "tokens_per_s" in answer or "fault" in answer:
                return

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "rnntui.core.training.speed",
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
