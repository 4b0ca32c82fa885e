"""The base of screens with learning curves."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from rnntui.core.config.tasks import DEFAULT_TASK, TASKS, CurveFigure
from rnntui.core.runs.history import History
from rnntui.tui.screens.base import RnntuiScreen
from rnntui.tui.widgets.curves import Curves


class PlottingScreen(RnntuiScreen):
    """A screen with curves whose look is remembered as a preference."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "log_y", "Log scale", show=False, tooltip="Logarithmic or linear y axis"),
        Binding("x", "x_axis", "X axis", show=False, tooltip="Over steps, tokens or seconds"),
        Binding(
            "u",
            "unit",
            "Unit",
            show=False,
            tooltip="The other figure: bits, or of a classifier the loss",
        ),
        Binding("m", "marker", "Marker", show=False, tooltip="Draw curves in braille, blocks or ASCII"),
    ]

    spec = TASKS[DEFAULT_TASK]
    """The task of the runs shown."""
    other_tokens = False
    """True if runs with different tokens are drawn, whose perplexities do not compare."""

    @property
    def unit(self) -> CurveFigure:
        """What the curves show: the first of the task's figures, or after a key the second."""
        return self.spec.curves[self.preferences.unit == "bits/byte" or self.other_tokens]

    def take_task_of(self, history: History) -> None:
        """Show what the task of this run is about."""
        if self.spec is not history.spec:
            self.spec = history.spec
            self.apply_preferences()

    def apply_preferences(self) -> None:
        """Draw the curves as preferred."""
        curves, likes = self.query_one(Curves), self.preferences
        log_y = likes.log_y and self.unit != "accuracy"  # which ends at 100
        curves.log_y, curves.x_axis, curves.unit, curves.marker = (
            log_y,
            likes.x_axis,
            self.unit,
            likes.marker,
        )
        unit = "accuracy (%)" if self.unit == "accuracy" else self.unit
        curves.border_title = f"{unit} over {likes.x_axis} ({'logarithmic' if log_y else 'linear'})"

    def action_log_y(self) -> None:
        """Switch between a logarithmic and a linear y axis."""
        self._prefer("log_y", not self.preferences.log_y)

    def action_x_axis(self) -> None:
        """Draw over steps, tokens or seconds."""
        axes = ("steps", "tokens", "seconds")
        self._prefer("x_axis", axes[(axes.index(self.preferences.x_axis) + 1) % 3])

    def action_unit(self) -> None:
        """Switch between the two figures of the task."""
        self._prefer("unit", "bits/byte" if self.preferences.unit == "perplexity" else "perplexity")

    def action_marker(self) -> None:
        """Draw in braille, blocks or ASCII."""
        markers = ("braille", "block", "ascii")
        self._prefer("marker", markers[(markers.index(self.preferences.marker) + 1) % 3])

    def _prefer(self, name: str, value: object) -> None:
        self.app.prefer(name, value)
        self.apply_preferences()
