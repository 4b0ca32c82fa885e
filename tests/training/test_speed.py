"""What a configuration costs here, measured before it is trained."""

from __future__ import annotations

import pytest

from rnntui.core import config
from rnntui.core.errors import InputError
from rnntui.core.training.speed import answers, measure
from tests.conftest import TINY


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
