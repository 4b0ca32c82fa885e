"""What a configuration costs here, measured before it is trained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnntui.core import config
from rnntui.core.errors import InputError
from rnntui.core.training.speed import answers, measure
from tests.conftest import TINY


def test_kernels_are_named_while_they_are_compiled(tmp_path: Path) -> None:
    """Protects the first minute on a machine: what takes seconds has a name, and only what is needed is compiled."""
    request = {"id": 7, "settings": TINY | {"cell": "mingru"}, "preset": "quick", "vocab_size": 30}
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    found = subprocess.run(
        [sys.executable, "-m", "rnntui.core.training.speed"],
        input=json.dumps(request) + "\n", env=environment, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    answers = [json.loads(line) for line in found.stdout.splitlines()]
    named = [answer["compiling"] for answer in answers if "compiling" in answer]
    assert named and all("once per machine" in line for line in named)
    assert any("mingru forward" in line for line in named) and not any("lstm" in line for line in named)
    assert "parameters" in answers[0] and "tokens_per_s" in answers[-1]


def test_size_and_speed_are_told_for_any_configuration() -> None:
    """Protects the first screen: size at once, then speed, also for a budget of parameters."""
    request = {"settings": TINY | {"corpus": "tales"}, "preset": "quick", "vocab_size": 30}
    first, second = answers(request)
    assert first == {"parameters": second["parameters"], "device": "cpu"}
    assert second["precision"] == "fp32" and second["tokens_per_s"] > 100
    budget = {key: value for key, value in TINY.items() if key != "hidden_size"} | {"parameters": 20_000}
    assert 15_000 < measure(config.build(budget), 30).parameters <= 20_000
    with pytest.raises(InputError, match="--hidden-size"):
        next(answers(request | {"settings": {"hidden_size": 0}}))
