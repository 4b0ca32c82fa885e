"""How numbers are written for people."""

from __future__ import annotations

import pytest

from rnntui.ui import formats


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (999, "999"),
        (12_345, "12.3k"),
        (999_499, "999k"),
        (999_993, "1M"),
        (1_221_826, "1.22M"),
        (3e9, "3G"),
    ],
)
def test_a_large_count_has_three_figures(value: float, written: str) -> None:
    assert formats.count(value) == written
