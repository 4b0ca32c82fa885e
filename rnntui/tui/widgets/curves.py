"""The learning curves: perplexity or bits a byte over steps, tokens or seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from rnntui.core.runs.history import History
from rnntui.plots.chart import MARGIN, chart
from rnntui.plots.raster import Marker
from rnntui.plots.scales import Scale
from rnntui.plots.series import XAxis, YUnit, fitted, series_of
from rnntui.tui.run_colors import COLORS

_NEARER, _FURTHER = 0.7, 1 / 0.7
_PAN = 0.2


class DrawnRun(NamedTuple):
    """A run as it is drawn: its name, its events and the number of its colour."""

    name: str
    history: History
    color: int


class Curves(Widget, can_focus=True):
    """Curves of one run, or of several one above the other.

    Follows the run until it is zoomed; `0` follows again.  The y axis fits what is in view until it is
    moved itself.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "curves--raw",
        "curves--heldout",
        "curves--best",
        "curves--overfit",
        "curves--level",
        "curves--axis",
        *(f"curves--run{i}" for i in range(COLORS)),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "zoom(1)", "Zoom in", show=False, key_display="+"),
        Binding("minus", "zoom(-1)", "Zoom out", show=False),
        Binding("left", "pan(-1, 0)", "Pan left", show=False),
        Binding("right", "pan(1, 0)", "Pan right", show=False),
        Binding("up", "pan(0, 1)", "Pan up", show=False),
        Binding("down", "pan(0, -1)", "Pan down", show=False),
        Binding("shift+up", "zoom_y(1)", "Zoom in on the y axis", show=False),
        Binding("shift+down", "zoom_y(-1)", "Zoom out on the y axis", show=False),
        Binding("0", "follow", "Whole curve, and follow", show=False),
    ]

    log_y: reactive[bool] = reactive(True)
    x_axis: reactive[XAxis] = reactive("steps")
    unit: reactive[YUnit] = reactive("perplexity")
    marker: reactive[Marker] = reactive("braille")
    window: reactive[tuple[float, float] | None] = reactive(None)
    """The stretch of the x axis in view; None follows the whole run."""
    y_window: reactive[Scale | None] = reactive(None)
    """The stretch of the y axis in view; None fits the curves."""

    class Pointed(Message):
        """The mouse stands at a place of the x axis, or (None) has left."""

        def __init__(self, x: float | None) -> None:
            super().__init__()
            self.x = x

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._runs: list[DrawnRun] = []
        self._x, self._y = Scale(0, 1), Scale(1, 2)
        self._rows: list[list[tuple[str, str]]] = []
        self._dragged: tuple[int, int] | None = None

    # --- what is drawn ---

    def show(self, runs: Sequence[DrawnRun]) -> None:
        """Draw these runs; the first one's baselines are drawn as well."""
        self._runs = list(runs)
        self._draw()

    def run_style(self, color: int) -> Style:
        """Style of the run with this number of a colour."""
        return self.get_component_rich_style(f"curves--run{color}")

    def mark_style(self, color: int) -> Style:
        """The same for a mark that stands elsewhere, on a background of its own."""
        return Style(color=self.run_style(color).color, bold=True)

    def _draw(self) -> None:
        width, height = self.size.width - MARGIN, self.size.height - 1
        if width < 8 or height < 3:
            self._rows = []
            self.refresh()
            return
        found = [
            series_of(run.history, self.x_axis, self.unit, width, self.window, number, run.name, run.color)
            for number, run in enumerate(self._runs)
        ]
        series = [each for run in found for each in run if len(found) == 1 or each.role != "raw"]
        self._x, fitting = fitted(series, self.log_y, self.window)
        self._y = self.y_window or fitting
        before, self._rows = self._rows, chart(series, self._x, self._y, width, height, self.marker)
        if len(before) != len(self._rows):
            self.refresh()
            return
        changed = [y for y, row in enumerate(self._rows) if row != before[y]]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        if y >= len(self._rows):
            return Strip.blank(self.size.width, base)
        styles: dict[str, Style] = {"": base}
        segments = []
        for text, layer in self._rows[y]:
            if layer not in styles:
                styles[layer] = base + self.get_component_rich_style(f"curves--{layer}")
            segments.append(Segment(text, styles[layer]))
        return Strip(segments).adjust_cell_length(self.size.width, base)

    # --- zooming and panning ---

    def action_zoom(self, nearer: int, place: float = 0.5) -> None:
        """Zoom the x axis."""
        self._look_at(self._x.zoomed(_NEARER if nearer > 0 else _FURTHER, place))

    def action_zoom_y(self, nearer: int) -> None:
        """Zoom the y axis."""
        self.y_window = self._y.zoomed(_NEARER if nearer > 0 else _FURTHER)

    def action_pan(self, right: int, up: int) -> None:
        """Move along the x axis."""
        if right:
            self._look_at(self._x.moved(_PAN * right))
        if up:
            self.y_window = self._y.moved(_PAN * up)

    def _look_at(self, view: Scale) -> None:
        self.window = (max(view.low, 0.0), view.high)

    def action_follow(self) -> None:
        """Show the whole run again."""
        self.window = self.y_window = None

    def watch_log_y(self) -> None:
        self.y_window = None
        self._draw()

    def watch_x_axis(self) -> None:
        self.window = None
        self._draw()

    def watch_unit(self) -> None:
        self.y_window = None
        self._draw()

    def watch_marker(self) -> None:
        self._draw()

    def watch_window(self) -> None:
        self._draw()

    def watch_y_window(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    # --- the mouse ---

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, -1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, 1)

    def _wheel(self, event: events.MouseEvent, nearer: int) -> None:
        event.stop()
        if event.shift or event.ctrl:
            self.action_zoom_y(nearer)
        else:
            self.action_zoom(nearer, self._place(event))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._dragged = (event.screen_x, event.screen_y)
        self.capture_mouse()

    def on_mouse_up(self) -> None:
        self._dragged = None
        self.release_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.post_message(self.Pointed(self._x.at(self._place(event))))
        if self._dragged is None:
            return
        across, down = event.screen_x - self._dragged[0], event.screen_y - self._dragged[1]
        self._dragged = (event.screen_x, event.screen_y)
        if across:
            self._look_at(self._x.moved(-across / max(self.size.width - MARGIN, 1)))
        if down:
            self.y_window = self._y.moved(down / max(self.size.height - 1, 1))

    def on_leave(self) -> None:
        self.post_message(self.Pointed(None))

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2:
            self.action_follow()

    def _place(self, event: events.MouseEvent) -> float:
        inside = event.x - self.gutter.left - MARGIN
        return min(max(inside / max(self.size.width - MARGIN, 1), 0.0), 1.0)
