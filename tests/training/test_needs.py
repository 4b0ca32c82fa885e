"""What cannot fit into memory is refused before anything is allocated; what fits is never refused."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from rnntui.core import tasks
from rnntui.core.config import build, changed
from rnntui.core.errors import InputError
from rnntui.core.nn.memory import available_memory, group_limits
from rnntui.core.nn.tensor_files import check_shapes
from rnntui.core.runs.folder import Run
from rnntui.core.training.learner import Learner
from rnntui.core.training.needs import check_memory, needs
from rnntui.core.training.optimisation import make_optimizer
from tests.cli.test_commands import assert_one_line, rnntui
from tests.conftest import CLASSIFIER, TRANSLATOR, MakeRun

KINDS: list[dict[str, Any]] = [
    {},
    {"optimizer": "adamw", "average": "none", "num_layers": 2},
    {"optimizer": "sgd", "tied": True},
    {"optimizer": "sgd", "momentum": 0.0, "cell": "elman"},
    {"tokenizer": "word", "softmax": "full"},
    CLASSIFIER,
    TRANSLATOR,
]


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_a_need_is_what_a_training_holds(
    settings: dict[str, Any], make_run: MakeRun, examples: Path, pairs_file: Path
) -> None:
    """Protects the estimate: weights, gradients, moments, their average and the state, to the last byte."""
    corpora = {"classify": {"corpus": str(examples)}, "translate": {"corpus": str(pairs_file)}}
    run = make_run(**settings | corpora.get(settings.get("task", ""), {}))
    task = tasks.reopen(run)
    learner = Learner(run.config, task.subject(run.config), "cpu")
    learner.step()
    held = list(learner.model.parameters())
    held += [p.grad for p in learner.model.parameters() if p.grad is not None]
    held += [part for kept in learner.optimizer.state.values() for part in kept.values()]
    held += list(learner.average.model.parameters()) if learner.average else []
    held += [part for layer in learner.state for part in layer]
    found, config = needs(run.config, task.widths), run.config
    outputs = 2 * config.training.bptt * config.model.num_layers * config.model.hidden_size
    assert found.kept - outputs * (config.text.task == "lm") == sum(each.nbytes for each in held)


@pytest.mark.parametrize("optimizer", ["adamw", "shampoo", "sgd"])
def test_what_an_optimiser_says_it_keeps_is_what_it_keeps(optimizer: str, make_run: MakeRun) -> None:
    """Protects the estimate: a new optimiser, or one that keeps more, has to say so."""
    run = make_run(optimizer=optimizer)
    made = make_optimizer(tasks.reopen(run).subject(run.config).model(), run.config.training)
    for rows, columns in ((3, 5), (3, 600), (5000, 2)):
        for weight in (torch.zeros(rows, columns), torch.zeros(rows)):
            assert made.numbers_kept(weight) == sum(each.numel() for each in made.begun(weight).values())


UNITS = ("--hidden-size", "65536", "--num-layers", "8")
BUDGET = ("--parameters", "900G", "--num-layers", "4")


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (("train", "reber", "--headless", *UNITS), "--hidden-size"),
        (("train", "reber", "--headless", *BUDGET), "--parameters"),
        (("train", "reber", "--find-lr", *UNITS), "--hidden-size"),
        (("train", "phrases", "--headless", *UNITS), "--hidden-size"),
        (("train", "reviews", "--headless", *UNITS), "--hidden-size"),
        (("duel", "reber", "--headless", *BUDGET), "--parameters"),
        (("sweep", "reber", *UNITS, "--lr", "1e-3,1e-2"), "--hidden-size"),
        (("sweep", "reber", "--hidden-size", "8..65536", "--num-layers", "8"), "--hidden-size"),
        (("sweep", "reber", "--parameters", "1M,900G", "--num-layers", "4"), "--parameters"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_sizes_beyond_all_memory_are_one_line(arguments: tuple[str, ...], flag: str, home: Path) -> None:
    """Protects the machine: nothing is allocated and no folder made; what is needed and what is there is told."""
    result = rnntui(*arguments)
    assert_one_line(
        result, 2, flag, "needs at least" if arguments[0] != "duel" else "", "GB", f"a smaller {flag}"
    )
    assert not [path for path in home.rglob("*") if "cache" not in path.parts], "a folder was made"


def test_an_existing_run_is_refused_by_its_file(trained: Run) -> None:
    """Protects against a run.toml from anywhere: resumed, evaluated or used, it is one line, and asks for nothing."""
    toml = trained.path / "run.toml"
    content = toml.read_text().replace("hidden_size = 24", "hidden_size = 65536")
    toml.write_text(content.replace("num_layers = 1 ", "num_layers = 8 "))
    result = rnntui("train", "--run", trained.path, "--resume", "--max-steps", "90", "--headless")
    assert (result.returncode, result.stdout) == (2, "")
    line = result.stderr.strip().splitlines()[-1]
    assert f"{toml}: model.hidden_size: training needs at least" in line and "train a new run" in line
    for command in (("evaluate",), ("generate",), ("complete", "the")):
        assert_one_line(rnntui(command[0], trained.path, *command[1:]), 2, "run.toml")


@pytest.mark.skipif(sys.platform == "win32", reason="a file with holes would fill the disk")
def test_weights_beyond_all_memory_are_not_read(tmp_path: Path) -> None:
    """Protects the machine: a file that claims more than there is, and is as long, is refused by its header."""
    rows = 2 * available_memory().total // 4 if available_memory().total < 1 << 42 else 1 << 40
    entry = {"w": {"dtype": "F32", "shape": [rows, 1], "data_offsets": [0, 4 * rows]}}
    header = json.dumps(entry).encode()
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + 4 * rows)
    with pytest.raises(
        InputError, match=r"model.safetensors: (takes .* GB of memory|not a regular file with content)"
    ):
        check_shapes(path, {"w": (rows, 1)})


def test_what_is_certain_decides_alone(make_run: MakeRun) -> None:
    """Protects whoever has little memory: a model at the edge is trained, and the same one twice is refused."""
    memory = available_memory()
    config = build({"average": "none", "optimizer": "sgd", "momentum": 0.0, "num_layers": 8})
    widths = (100, 0)
    size = 64
    while needs(made := changed(config, {"hidden_size": size}), widths).kept < memory.fast // 2:
        size = size * 6 // 5
    assert needs(made, widths).kept < memory.fast, "the step was small enough"
    check_memory([made], "cpu", widths, saves=False)
    with pytest.raises(InputError, match="2 trainings side by side need at least"):
        check_memory([made, made], "cpu", widths, saves=False)


@pytest.mark.skipif(sys.platform != "linux", reason="as Linux limits it")
def test_a_limit_of_the_shell_is_the_memory_there_is() -> None:
    """Protects a shared machine: `ulimit -v` says what a process may have, whatever the machine has."""
    script = (
        "import resource as r; r.setrlimit(r.RLIMIT_AS, (1 << 30, r.getrlimit(r.RLIMIT_AS)[1]));"
        "from rnntui.core.nn.memory import available_memory; print(*available_memory())"
    )
    found = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert found.stdout.split() == [str(1 << 30)] * 2


def test_the_limits_of_a_container_are_found(tmp_path: Path) -> None:
    """Protects containers: the limits of both versions of control groups, of each group up to the root."""
    groups = tmp_path / "cgroup"
    groups.write_text("5:cpu:/x\n4:memory,hugetlb:/old/inner\n0::/new/inner\n")
    limits = {
        "memory/old/memory.limit_in_bytes": "4096\n",
        "new/memory.max": "2048\n",
        "new/inner/memory.max": "max\n",
        "cpu/x/memory.max": "1\n",
    }
    for name, content in limits.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert sorted(group_limits(groups, tmp_path)) == [2048, 4096]
    assert group_limits(tmp_path / "none", tmp_path) == []
