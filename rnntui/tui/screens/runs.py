"""All runs: what they reached, how they compare, and what can be done with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.coordinate import Coordinate
from textual.reactive import reactive
from textual.widgets import DataTable, Input, Static
from textual.worker import get_current_worker

from rnntui.core import config
from rnntui.core.errors import InputError, RnntuiError, oneline
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run, log_end
from rnntui.core.runs.history import History
from rnntui.core.runs.index import RunIndex
from rnntui.core.runs.summaries import RunSummary
from rnntui.plots.chart import LETTERS
from rnntui.tui.messages import ForkRequested, PlayRequested, Tab, WatchRequested
from rnntui.tui.run_follower import RunFollower
from rnntui.tui.screens.base import RnntuiScreen, is_left
from rnntui.tui.screens.dialogs import Ask, Confirm, Fault
from rnntui.tui.widgets.curves import Curves, DrawnRun
from rnntui.tui.widgets.differences import differences
from rnntui.tui.widgets.run_table import COLUMNS, RunTable, figures_of, searched, unit_of
from rnntui.ui.explanations import ShownFigure, token_name
from rnntui.ui.terminal_safety import visible_line

_LOOK_S = 2.0
_DRAWN = 6
"""Runs whose curves are drawn at most: more cannot be told apart."""


class RunsScreen(RnntuiScreen):
    """A table of all runs; below it the curves of those marked, and what differs between them."""

    TAB: ClassVar[Tab] = "runs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", tooltip="Mark this run, to compare it"),
        Binding("slash", "filter", "Filter", tooltip="Type what to look for", key_display="/"),
        Binding("g", "resume", "Resume", tooltip="Resume training this run"),
        Binding("f", "fork", "Fork", tooltip="A new run from this one, with other settings"),
        Binding("d", "delete", "Delete", tooltip="Delete this run"),
        Binding("p", "play", "Play", show=False, tooltip="Write with this model"),
        Binding("s", "sort", "Sort", show=False, tooltip="Sort by the next column"),
        Binding("r", "rename", "Rename", show=False, tooltip="Rename this run"),
        Binding("l", "log", "Log", show=False, tooltip="Show what the training said when it died"),
        Binding("y", "log_y", "Log scale", show=False, tooltip="Logarithmic or linear y axis"),
        Binding("escape", "clear", "Clear", show=False, tooltip="Clear filter and marks"),
        Binding("q", "app.leave", "Quit", show=False, tooltip="Quit"),
    ]
    AUTO_FOCUS = "#table"

    summaries: reactive[tuple[RunSummary, ...]] = reactive(())
    order: reactive[int | None] = reactive(None)
    """The column sorted by; None keeps the newest first."""

    def __init__(self) -> None:
        super().__init__()
        self._index: RunIndex | None = None
        self._marked: list[str] = []
        self._renamed: dict[str, str] = {}
        """By their old paths, runs that were renamed here."""
        self._followers: dict[str, RunFollower] = {}
        """Of the runs whose curves were drawn last."""
        self._widths: list[int] = []

    def compose_body(self) -> ComposeResult:
        """The filter, the table, the curves and the details."""
        yield Input(
            placeholder="type to filter: a name, a corpus, a cell, a state", id="filter", compact=True
        )
        yield RunTable(id="table", cursor_type="row", cell_padding=0, zebra_stripes=True)
        with Horizontal(id="comparison"):
            yield Curves(id="curves")
            with VerticalScroll(id="difference-side", can_focus=False):
                yield Static(id="differences", markup=False)

    def on_mount(self) -> None:
        curves = self.query_one(Curves)
        curves.log_y, curves.marker = self.preferences.log_y, self.preferences.marker
        self.query_one("#difference-side").border_title = "details"
        self.app.theme_changed_signal.subscribe(self, lambda _: self._fill())
        self.set_interval(_LOOK_S, self._look)
        self._look()

    def on_resize(self) -> None:
        """Names and corpora get what room there is."""
        room = max(self.size.width - 80, 0)
        widths = [column.width + room // 3 * (column.heading in ("run", "corpus")) for column in COLUMNS]
        if widths != self._widths:
            self._widths = widths
            table = self.query_one(RunTable)
            table.clear(columns=True)
            table.add_column("", width=2, key="mark")
            for column, width in zip(COLUMNS, widths, strict=True):
                table.add_column(Text(column.heading), width=width + 1, key=column.heading)
            self._fill()

    # --- reading the runs ---

    @work(thread=True, exclusive=True, group="look")
    def _look(self) -> None:
        """Read what has changed, away from the keys."""
        worker = get_current_worker()
        self._index = self._index or RunIndex()
        found = self._index.look(lambda: worker.is_cancelled)
        if not worker.is_cancelled:
            self.app.call_from_thread(self._take, tuple(reversed(found)))

    def _take(self, found: tuple[RunSummary, ...]) -> None:
        if is_left(self):
            return
        changed = {new.path for new in found} - {old.path for old in self.summaries if old in found}
        for path in changed:  # read anew: what is drawn must not change under the pen
            self._followers.pop(path, None)
        self.summaries = found
        if changed.intersection(self._shown()):
            self._compare()

    # --- the table ---

    def watch_summaries(self) -> None:
        self._fill()

    def watch_order(self) -> None:
        self._fill()

    def on_input_changed(self) -> None:
        self._fill()

    def _fill(self) -> None:
        """Show the runs that the filter lets through, in order, the cursor staying on its run."""
        if not self._widths:
            return  # not laid out yet
        table = self.query_one(RunTable)
        here = self._here()
        here = self._renamed.get(here or "", here)
        words = self.query_one("#filter", Input).value.lower().split()
        rows = [run for run in self.summaries if all(word in searched(run) for word in words)]
        if self.order is not None:
            rows.sort(key=COLUMNS[self.order].order)
        table.clear()
        for run in rows:
            cells = (
                Text(visible_line(column.shown(run), width))
                for column, width in zip(COLUMNS, self._widths, strict=True)
            )
            table.add_row(self._letter(run.path), *cells, key=run.path)
        paths = [run.path for run in rows]
        if here in paths:
            table.cursor_coordinate = Coordinate(paths.index(here), 0)
        sorting = f", by {COLUMNS[self.order].heading}" if self.order is not None else ", newest first"
        table.border_title = f"{len(rows)} of {len(self.summaries)} runs{sorting}"
        if not self.summaries:
            self.query_one("#differences", Static).update("No run yet: press 1, choose a text, press Enter.")
        self.refresh_bindings()

    def _letter(self, path: str) -> Text:
        """Letter of a run that is marked, in its colour."""
        if path not in self._marked:
            return Text()
        color = self.app.run_colors.number_of(path, self._marked)
        return Text(LETTERS[self._marked.index(path) % 26], self.query_one(Curves).mark_style(color))

    def _here(self) -> str | None:
        """The run under the cursor."""
        table = self.query_one(RunTable)
        if not table.row_count or not table.is_valid_coordinate(table.cursor_coordinate):
            return None
        return table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value

    def _summary(self) -> RunSummary | None:
        here = self._here()
        return next((run for run in self.summaries if run.path == here), None)

    def on_data_table_row_highlighted(self) -> None:
        self.refresh_bindings()
        if not self._marked:
            self._compare()

    def on_data_table_row_selected(self) -> None:
        self.action_watch()

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        headings = [column.heading for column in COLUMNS]
        key = str(event.column_key.value)
        self.order = headings.index(key) if key in headings and headings.index(key) != self.order else None

    # --- comparing ---

    def _shown(self) -> list[str]:
        """The runs whose curves are drawn: those marked, or the one under the cursor."""
        if self._marked:
            return self._marked[:_DRAWN]
        here = self._here()
        return [here] if here else []

    def _compare(self) -> None:
        self._read(self._shown())

    @work(thread=True, exclusive=True, group="compare")
    def _read(self, shown: list[str]) -> None:
        """Read the histories of runs, and show them."""
        worker, found = get_current_worker(), []
        followers: dict[str, RunFollower] = {}
        for path in shown:
            try:
                run = Run.open(Path(path))
            except RnntuiError:
                continue
            if (follower := self._followers.get(path)) is None:
                follower = RunFollower(run.path)
                follower.poll_all()
            followers[path] = follower
            found.append((run, follower.history))
        if not worker.is_cancelled:
            self._followers = followers
            self.app.call_from_thread(self._show_comparison, found)

    def _show_comparison(self, found: list[tuple[Run, History]]) -> None:
        if is_left(self):
            return
        curves = self.query_one(Curves)
        curves.unit, title = unit_of([history.spec for _, history in found])
        curves.log_y = self.preferences.log_y and curves.unit != "accuracy"
        beside = [run.path for run, _ in found]
        color = partial(self.app.run_colors.number_of, beside=beside, keep=bool(self._marked))
        curves.show([DrawnRun(run.name, history, color(run.path)) for run, history in found])
        here, summary = "", self._summary()
        if len(found) == 1:
            here = f"{visible_line(found[0][0].name, 40)}: "
            summary = next((each for each in self.summaries if each.path == str(found[0][0].path)), summary)
        curves.border_title = f"{here}{title} over steps"
        self.query_one("#differences", Static).update(differences([run for run, _ in found], summary))

    def figures(self) -> list[ShownFigure]:
        return figures_of(run) if (run := self._summary()) else []

    @property
    def token(self) -> str:
        return token_name(run.tokenizer, run.task) if (run := self._summary()) else super().token

    # --- keys ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action not in ("watch", "mark", "resume", "fork", "delete", "play", "rename", "log"):
            return True
        run = self._summary() if self.shows else None
        if run is None:
            return False
        if action == "resume":
            return run.state not in ("running", "paused", "unreadable")
        if action == "delete":
            return run.state not in ("running", "paused")
        if action == "rename":
            return run.state not in ("running", "paused", "unreadable")
        if action == "log":
            return run.state in ("crashed", "unreadable")
        return run.state != "unreadable" or action == "mark"

    def action_watch(self) -> None:
        """Open the training screen of a run, or say why it cannot be read."""
        run = self._summary()
        if run is not None and run.state == "unreadable":
            self.action_log()
        elif run is not None:
            self.post_message(WatchRequested(Path(run.path)))

    def action_play(self) -> None:
        """Open the playground of a run."""
        if here := self._here():
            self.post_message(PlayRequested(Path(here)))

    def action_mark(self) -> None:
        """Mark a run for comparison, or no more."""
        here = self._here()
        if here is None:
            return
        if here in self._marked:
            self._marked.remove(here)
        else:
            self._marked.append(here)
        self._fill()
        self._compare()

    def action_filter(self) -> None:
        """Go to the filter."""
        self.query_one("#filter").focus()

    def on_input_submitted(self) -> None:
        self.query_one(RunTable).focus()

    def action_clear(self) -> None:
        """Clear the filter and all marks."""
        self._marked = []
        self.query_one("#filter", Input).value = ""
        self.query_one(RunTable).focus()
        self._fill()
        self._compare()

    def action_sort(self) -> None:
        """Sort by the next column."""
        last = len(COLUMNS) - 1
        self.order = 0 if self.order is None else None if self.order == last else self.order + 1

    def action_log_y(self) -> None:
        """Switch between a logarithmic and a linear y axis."""
        self.app.prefer("log_y", not self.preferences.log_y)
        self.query_one(Curves).log_y = self.preferences.log_y

    def action_resume(self) -> None:
        """Resume the training of a run."""
        if run := self._summary():
            self.go_on(Path(run.path), run.state == "finished", run.train_s)

    def action_fork(self) -> None:
        """Open the form of a new run with the settings of this one."""
        from rnntui.tui.screens.settings import SettingsScreen

        run = self._summary()
        if run is None:
            return
        try:
            given = config.given_of(Run.open(Path(run.path)).config)
        except InputError as error:
            self.say(oneline(error), fault=True)
            return

        def take(answer: dict[str, Any] | None) -> None:
            if answer is not None:
                self.post_message(ForkRequested(Path(run.path), answer, given.preset))

        title = f"A new run from {run.name}: change what it should do differently"
        self.app.push_screen(SettingsScreen(given.settings, given.preset, title), take)

    def action_rename(self) -> None:
        """Ask for another name of a run."""
        run = self._summary()
        if run is None:
            return

        def take(name: str | None) -> None:
            if name and name != run.name:
                self._attempt(lambda: self._rename(run.path, name))

        self.app.push_screen(Ask(f"Rename {run.name}", run.name), take)

    def _rename(self, path: str, name: str) -> None:
        """Rename a run; the cursor and the marks stay on it."""
        new = str(store.rename(Run.open(Path(path)), name))
        self._renamed[path] = new
        self.app.run_colors.rename(path, new)
        self._marked = [new if marked == path else marked for marked in self._marked]

    def action_delete(self) -> None:
        """Ask whether to delete a run, or all that are marked."""
        doomed = [path for path in self._marked if any(run.path == path for run in self.summaries)]
        here = self._here()
        paths = doomed or ([here] if here else [])
        if not paths:
            return
        names = ", ".join(Path(path).name for path in paths)

        def take(answer: bool | None) -> None:
            for path in paths if answer else []:
                self._attempt(partial(self._remove, Path(path)))
            if answer:
                self._marked = []

        self.app.push_screen(Confirm(f"Delete {names} with all checkpoints?", "Delete"), take)

    def _attempt(self, change: Callable[[], object]) -> None:
        """Change something on the disk; a fault is said."""
        try:
            change()
        except (RnntuiError, OSError) as error:
            self.say(oneline(error), fault=True)
        self._look()

    def action_log(self) -> None:
        """Show the last lines of a run's log."""
        if run := self._summary():
            title = f"{run.name}: last lines of the log"
            if run.reason is not None:
                title = f"{run.name}: why it cannot be read"
            self.app.push_screen(Fault(title, run.reason or log_end(Path(run.path))))

    def _remove(self, path: Path) -> None:
        if left := store.remove(path):
            self.say(f"{path.name}: the run is deleted; not part of it, and left: {store.names_of(left)}")
