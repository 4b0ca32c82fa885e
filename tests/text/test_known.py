"""The tasks whose answer is known, as the script writes them."""

from __future__ import annotations

import importlib.util
import math
from types import ModuleType

import pytest

from rnntui.core.text.catalogue import folder


@pytest.fixture(scope="module")
def known() -> ModuleType:
    spec = importlib.util.spec_from_file_location("known", folder() / "known.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("lag", [10, 500])
def test_adding_has_two_marked_digits_so_far_apart(known: ModuleType, lag: int) -> None:
    """Protects the table: the label is the sum, one digit stands in the first tenth, the other at the end."""
    header, *rows = known.adding(lag, 200, seed=1)
    assert header == "label\ttext" and len(set(rows)) == 200
    sums = set()
    for row in rows:
        label, text = row.split("\t")
        places = [place for place, letter in enumerate(text) if letter.isalpha()]
        assert len(text) == lag + 1 and len(places) == 2
        assert places[0] < max(1, lag // 10) and places[1] == lag
        assert int(label) == sum(ord(text[place]) - ord("A") for place in places)
        sums.add(int(label))
    assert len(sums) > 15


def test_copying_says_the_same_letters_again(known: ModuleType) -> None:
    """Protects the bits: five of eight letters, the lag, a colon, the same letters."""
    lines = list(known.copying(30, 400, seed=1))
    for line in lines:
        first, dots, last = line[:5], line[5:35], line[36:]
        assert first == last and dots == "." * 30 and line[35] == ":" and set(first) <= set(known.LETTERS)
    assert 5 * math.log2(8) == known.BITS and len(set(lines)) > 390
