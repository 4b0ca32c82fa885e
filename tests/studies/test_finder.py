"""A learning rate found by trying."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rnntui.core import config
from rnntui.core.errors import InputError
from rnntui.core.runs import store
from rnntui.core.studies.finder import find_lr
from rnntui.core.text.spool import silent
from tests.cli.test_commands import rnntui
from tests.conftest import TINY


@pytest.mark.parametrize("optimizer", ["adamw", "shampoo", "sgd"])
def test_a_rate_that_learns_is_found(optimizer: str, corpus_file: Path) -> None:
    """Protects the advice: it lies where the loss falls, well below where it explodes, and no run is made."""
    found = find_lr(config.build(TINY | {"corpus": str(corpus_file), "optimizer": optimizer}), silent)
    assert (np.diff(found.rates) > 0).all() and len(found.rates) == len(found.losses)
    least = found.rates[found.losses.argmin()]
    assert found.rates[0] < found.suggestion < least
    at = np.searchsorted(found.rates, found.suggestion)
    assert found.losses[-1] > found.losses.min() and found.losses[at] < found.losses[0]
    assert not list(store.newest_runs())


def test_the_command_names_the_rate_as_a_flag(corpus_file: Path) -> None:
    """Protects `rnntui train --find-lr`: the flag on standard output, the curve on standard error."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
    result = rnntui("train", corpus_file, "--find-lr", *flags)
    flag, rate = result.stdout.split()
    assert flag == "--lr" and 1e-4 < float(rate) < 1 and "training loss over" in result.stderr
    told = json.loads(rnntui("train", corpus_file, "--find-lr", "--json", *flags).stdout)
    assert set(told) == {"lr", "rates", "losses"} and len(told["rates"]) == len(told["losses"])


def test_a_text_that_is_too_short_is_named(corpus_file: Path) -> None:
    corpus_file.write_text("a")
    with pytest.raises(InputError, match="too short"):
        find_lr(config.build({"corpus": str(corpus_file)}), silent)
