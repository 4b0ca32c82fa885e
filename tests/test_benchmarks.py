"""The benchmarks of load and of several processes, in their quickest form: that they measure, not how much."""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import posix

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def benchmark(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module(request.param)


@posix
@pytest.mark.parametrize("benchmark", ["under_load"], indirect=True)
def test_a_training_goes_on_beside_another_program(benchmark: ModuleType, tmp_path: Path) -> None:
    """Protects whoever trains beside a browser: tokens are counted while another program computes."""
    command = benchmark.training(tmp_path, "--hidden-size=32", "--precision=fp32")
    assert benchmark.speed(command, load=1, seconds=0.5, settled=0.2) > 1000


@posix
@pytest.mark.parametrize("benchmark", ["ranks"], indirect=True)
@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="network namespaces are root's")
@pytest.mark.skipif(shutil.which("ip") is None, reason="needs iproute2")
def test_two_machines_train_over_their_network(
    benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects training on several machines: four ranks on two, the second without a run folder or a shared disk."""
    steps = ("--eval-every", "20", "--hidden-size", "16")
    monkeypatch.setattr(benchmark, "_TRAIN", (*benchmark._TRAIN[:3], *steps))
    line = benchmark.over_a_network(tmp_path, steps=20)
    assert "exit codes [0, 0], 20 steps" in line and "wrote no run folder" in line
