"""Scales, thinning, characters and pictures."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from rnntui.core.runs.history import History
from rnntui.plots.raster import Marker, Raster
from rnntui.plots.scales import Scale, label
from rnntui.plots.series import fitted, series_of, thinned
from rnntui.plots.spark import spark
from rnntui.plots.svg import picture
from tests.test_history import STARTED, evaluated, progress


def test_ticks_are_few_and_short_over_every_range() -> None:
    """Protects the axes: at most so many labels, inside the range, five characters or so."""
    for low, high in ((1.0, 1e6), (1.0, 1.2), (4.1, 4.2), (0.01, 30.0)):
        for log in (True, False):
            ticks = Scale(low, high, log).ticks(8)
            assert 1 <= len(ticks) <= 9 and all(low <= tick <= high * 1.0001 for tick in ticks), (
                low,
                high,
                log,
            )
            assert all(len(label(tick)) <= 5 for tick in ticks)


def test_places_run_from_zero_to_one() -> None:
    scale = Scale(1.0, 100.0, log=True)
    assert scale.place(np.array([1.0, 10.0, 100.0])).tolist() == pytest.approx([0, 0.5, 1])
    assert np.isnan(scale.place(np.array([0.0, np.nan]))).all()
    assert scale.at(0.5) == pytest.approx(10)
    nearer = scale.zoomed(0.5, 0.0)
    assert (nearer.low, nearer.high) == pytest.approx((1, 10))
    assert Scale.around(np.array([np.nan])).low < Scale.around(np.array([np.nan])).high


def test_thinning_keeps_spikes_and_gaps() -> None:
    """Protects what must be seen: a single spike in a long run, and a step that was not finite."""
    x, y = np.arange(100_000.0), np.ones(100_000)
    y[77_777], y[50_000] = 9.0, np.nan
    thin_x, thin_y = thinned(x, y, 100)
    assert len(thin_x) <= 300 and np.nanmax(thin_y) == 9.0
    assert np.isnan(thin_y).sum() == 1 and (np.diff(thin_x) >= 0).all()


@pytest.mark.parametrize(("marker", "dots"), [("braille", "⠒⠂⠐⠤⠄⠠"), ("block", "▄▖▗▀▘▝"), ("ascii", "*")])
def test_a_line_is_drawn_in_every_marker_and_a_gap_stays_open(marker: Marker, dots: str) -> None:
    raster = Raster(12, 3, marker)
    x, y = np.linspace(0, 1, 13), np.full(13, 0.5)
    y[5:8] = np.nan
    raster.curve(x, y, "line")
    (row,) = [row for row in raster.rows() if any(layer == "line" for _, layer in row)]
    gaps = [text for text, layer in row if layer == ""]
    assert len(gaps) == 1 and gaps[0].isspace() and len(gaps[0]) >= 2
    assert {character for text, layer in row if layer == "line" for character in text} <= set(dots)


def test_points_and_levels_say_what_they_are() -> None:
    raster = Raster(20, 4, "ascii")
    raster.points(np.array([0.5, 2.0]), np.array([0.9, 0.5]), "heldout", "o")
    raster.level(0.1, "gzip", "level")
    text = ["".join(piece for piece, _ in row) for row in raster.rows()]
    assert text[0].strip() == "o" and text[3] == "------------- gzip -" and text[1].strip() == ""
    raster.level(0.1, "xz", "level")
    *_, last = ("".join(piece for piece, _ in row) for row in raster.rows())
    assert last == "-------- xz - gzip -"


def test_sparks_follow_the_figures() -> None:
    assert spark(np.array([1.0, 2.0, 3.0]), 3) == "▁▄▇"
    assert spark(np.array([1.0, np.nan, 1.0]), 3, "ascii")[1] == " "
    assert len(spark(np.arange(1000.0), 20)) == 20 and spark(np.array([]), 5) == ""


def history() -> History:
    found = History()
    found.add([STARTED, *(progress(step, 5.0 / step if step != 50 else None) for step in range(1, 101))])
    found.add([evaluated(60), evaluated(100)])
    return found


def test_bits_a_byte_are_counted_over_the_training_bytes() -> None:
    """Protects the unit: nats a token times tokens a byte, 100 tokens of 200 bytes here."""
    training = series_of(history(), "steps", "bits/byte", 1000)[1]
    assert training.y[0] == pytest.approx(5.0 * 100 / 200 / np.log(2))
    x, y = fitted(series_of(history(), "seconds", "perplexity", 1000), log=True)
    assert (x.low, x.high) == (0, 100) and y.log


def test_a_window_shows_what_lies_in_it() -> None:
    training = series_of(history(), "steps", "perplexity", 1000, window=(40, 60))[1]
    assert (training.x[0], training.x[-1]) == (39, 61)


def test_a_picture_is_sound_and_harmless() -> None:
    """Protects the SVG: well-formed, one path a run, a gap where the loss was not finite, names as text."""
    drawn = picture([("one <script>&\x1b", history()), ("two", history())])
    root = ET.fromstring(drawn)
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "one <script>&␛" in texts and "two" in texts
    curves = [e.attrib["d"] for e in root.iter() if e.tag.endswith("path") and "L" in e.attrib["d"]]
    assert len(curves) == 2 and all(curve.count("M") == 2 for curve in curves)
