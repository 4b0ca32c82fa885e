"""Training under a limit on address space: batches in micro-batches, with the same result.

python benchmarks/soak/memory.py
"""

from __future__ import annotations

import os
import resource
import tempfile
from pathlib import Path

import numpy as np
import psutil
import torch
from common import forked, make_run, tell

from rnntui.core.tasks.language.task import subject
from rnntui.core.text.dataset import reopen
from rnntui.core.training.learner import Learner

_STEPS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["RNNTUI_HOME"] = str(folder / "home")
        run = make_run(
            folder, "run", tokenizer="byte", hidden_size=256, embedding_size=64, batch_size=64, bptt=96, max_steps=3,
            split="90/10", num_layers=2,
        )  # fmt: skip
        from rnntui.core.text import tokenizers

        tokenizer = tokenizers.load(run.path / "tokenizer.json")
        tokens = reopen(run, tokenizer)["train"].tokens

        def train(room: int | None, name: str) -> None:
            learner = Learner(run.config, subject(run.config, tokenizer.vocab_size, tokens), "cpu")
            learner.trial()  # what compiles and loads libraries comes before the limit
            if room is not None:
                now = psutil.Process().memory_info().vms
                resource.setrlimit(resource.RLIMIT_AS, (now + room, now + room))
            losses = [float(learner.step()[0]) for _ in range(_STEPS)]
            weights = torch.cat([p.detach().flatten() for p in learner.model.parameters()])
            np.savez(
                folder / name, losses=losses, weights=weights.numpy(), micro_batches=learner.micro_batches
            )

        rows, whole = [], None
        for room in (None, *(n << 20 for n in (96, 64, 48, 40, 32, 24))):
            child = forked(lambda room=room: train(room, f"{room}"))
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            file = folder / f"{room}.npz"
            if code or not file.exists():
                rows.append(
                    f"| {(room or 0) >> 20} MB | not even one stream: ends with the line that says so | | |"
                )
                continue
            with np.load(file) as found:
                losses, weights, micro_batches = (
                    found["losses"],
                    found["weights"],
                    int(found["micro_batches"]),
                )
            whole = (losses, weights) if whole is None else whole
            shown = "no limit" if room is None else f"{room >> 20} MB"
            loss, weight = abs(losses - whole[0]).max(), abs(weights - whole[1]).max()
            assert loss < 1e-6
            rows.append(f"| {shown} | {micro_batches} | {loss:.1e} | {weight:.1e} |")
    tell(
        "memory",
        "python benchmarks/soak/memory.py",
        [
            f"{_STEPS} steps of 2x256, batch 64x96, with a limit on the address space above what the "
            f"process has when it begins.",
            "",
            "| room | micro-batches | largest difference of a loss, nats (1e-6) | of a weight |",
            "|---|---|---|---|",
            *rows,
        ],
    )


if __name__ == "__main__":
    main()
