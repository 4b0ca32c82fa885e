"""The base of screens with learning curves."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from rnntui.core.runs.history import History
from rnntui.tui.screens.base import RnntuiScreen
from rnntui.tui.widgets.curves import Curves


class PlottingScreen(RnntuiScreen):
    """A screen with curves whose look is remembered as a preference."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "log_y", "Log scale", show=False, tooltip="Logarithmic or linear y axis"),
        Binding("x", "x_axis", "X axis", show=False, tooltip="Over steps, tokens or seconds"),
        Binding("u", "unit", "Unit", show=False, tooltip="Perplexity or bits per byte"),
        Binding("m", "marker", "Marker", show=False, tooltip="Draw curves in braille, blocks or ASCII"),
    ]

    bits_unit = "bits/byte"
    """Unit of the bits of the runs shown."""

    @property
    def unit(self) -> str:
        """Unit of the curves."""
        return self.bits_unit if self.preferences.unit == "bits/byte" else self.preferences.unit

    def count_bits_as(self, history: History) -> None:
        """Call the unit as it is for this run."""
        if self.bits_unit != history.spec.unit:
            self.bits_unit = history.spec.unit
            self.apply_preferences()

    def apply_preferences(self) -> None:
        """Draw the curves as preferred."""
        curves, likes = self.query_one(Curves), self.preferences
        curves.log_y, curves.x_axis, curves.unit, curves.marker = (
            likes.log_y,
            likes.x_axis,
            likes.unit,
            likes.marker,
        )
        scale = "logarithmic" if likes.log_y else "linear"
        curves.border_title = f"{self.unit} over {likes.x_axis} ({scale})"

    def action_log_y(self) -> None:
        """Switch between a logarithmic and a linear y axis."""
        self._prefer("log_y", not self.preferences.log_y)

    def action_x_axis(self) -> None:
        """Draw over steps, tokens or seconds."""
        axes = ("steps", "tokens", "seconds")
        self._prefer("x_axis", axes[(axes.index(self.preferences.x_axis) + 1) % 3])

    def action_unit(self) -> None:
        """Switch between perplexity and bits."""
        self._prefer("unit", "bits/byte" if self.preferences.unit == "perplexity" else "perplexity")

    def action_marker(self) -> None:
        """Draw in braille, blocks or ASCII."""
        markers = ("braille", "block", "ascii")
        self._prefer("marker", markers[(markers.index(self.preferences.marker) + 1) % 3])

    def _prefer(self, name: str, value: object) -> None:
        self.app.prefer(name, value)
        self.apply_preferences()
