"""The training screen: the run folder, live."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Footer, ProgressBar, Static

from rnntui.core import events as ev
from rnntui.core import runs
from rnntui.tui.child import Child
from rnntui.tui.messages import NewRunRequested, PlayRequested
from rnntui.tui.widgets.curves import LearningCurves
from rnntui.tui.widgets.figures import Figures
from rnntui.visible import visible, visible_line

_POLL_S = 0.1
"""Ten looks at the run folder a second, however fast it trains."""


class TrainingScreen(Screen[None]):
    """Follows `events.jsonl` of a run that trains, has trained, or is about to.

    `child` is the training process, if this app started it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p,enter", "play", "Play", key_display="p"),
        Binding("space", "pause", "Pause"),
        Binding("e", "ask('evaluate')", "Evaluate"),
        Binding("w", "ask('sample')", "Sample"),
        Binding("s", "stop", "Stop"),
        Binding("escape,n", "back", "New run", key_display="n"),
        Binding("q", "app.leave", "Quit"),
    ]

    state: reactive[str] = reactive("preparing", bindings=True)
    """`preparing`, `running`, `paused`, or how it ended."""

    def __init__(self, path: Path, child: Child | None = None) -> None:
        super().__init__()
        self._path = path
        self._child = child
        self._tail = runs.EventTail(path / "events.jsonl")
        self._finished: ev.Finished | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="headline", markup=False)
        with Horizontal(id="learning"):
            with Vertical(id="plot-side"):
                yield LearningCurves(id="curves")
                yield Static(self._legend(), id="legend")
            with Vertical(id="number-side"):
                yield Figures(id="figures")
                yield ProgressBar(total=1.0, id="progress", show_eta=False)
                with VerticalScroll(id="sample-side"):
                    yield Static(
                        "The first sample comes with the first evaluation.", id="sample", markup=False
                    )
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#curves").border_title = "perplexity over steps"
        self.query_one("#sample-side").border_title = "what it writes"
        self.set_interval(_POLL_S, self._poll)
        self._poll()

    def _legend(self) -> Text:
        return Text.assemble(("━ training  ", "bold"), "⣀ each batch  ", "◆ held-out text")

    # --- reading the run ---

    def _poll(self) -> None:
        """Show what was told since the last look, in one go."""
        events = self._tail.poll()
        if events:
            with self.app.batch_update():
                for event in events:
                    self._show(event)
                self.query_one(LearningCurves).draw()
        self._find_state()

    def _show(self, event: ev.AnyEvent) -> None:
        curves, figures = self.query_one(LearningCurves), self.query_one(Figures)
        match event:
            case ev.Started():
                curves.forget_after(event.step)
                figures.started, self._finished = event, None
            case ev.Progress():
                curves.add_training(event.step, event.loss)
                figures.progress = event
                self.query_one(ProgressBar).update(progress=event.fraction)
            case ev.Evaluated():
                curves.add_evaluation(event.step, event.loss)
                if event.best:
                    figures.best = event
            case ev.Sampled():
                self._show_sample(event)
            case ev.Warned():
                self.notify(visible_line(event.message), severity="warning", markup=False)
            case ev.Paused():
                self.state = "paused"
            case ev.Resumed():
                self.state = "running"
            case ev.Finished():
                self._finished = event

    def _show_sample(self, event: ev.Sampled) -> None:
        text = Text(visible(event.prompt), style="bold").append(
            visible(event.text).lstrip("\n"), style="not bold"
        )
        self.query_one("#sample", Static).update(text)
        self.query_one("#sample-side").border_subtitle = f"step {event.step:,}"

    def _find_state(self) -> None:
        """What the run is doing, from its owner, its last event and its child process."""
        preparing = self._child is not None and self._child.poll() is None
        at_work = preparing or runs.owner_of(self._path) is not None
        if self._finished is not None:
            self.state = self._finished.reason
        elif not at_work:
            self.state = "crashed"
        elif self.state != "paused" and self.query_one(Figures).started:
            self.state = "running"

    # --- showing the state ---

    def watch_state(self) -> None:
        self.query_one("#headline", Static).update(self._headline())
        self.set_class(self.state == "paused", "-paused")

    def _headline(self) -> Text:
        words = {
            "preparing": "reading the text and building the model …",
            "running": "learning",
            "paused": "paused: space goes on",
            "crashed": f"died: {visible_line(runs.last_words(self._path), 200) or 'see stderr.log'}",
            "error": f"failed: {visible_line(runs.last_words(self._path), 200)}",
            "interrupted": f"stopped and saved: go on with rnntui train --resume --run {visible_line(str(self._path))}",
            "steps": "finished: all steps are taken",
            "epochs": "finished: all epochs are read",
            "time": "finished: the time is up",
            "target_loss": "finished: the target loss is reached",
            "early_stop": "finished: it gained nothing any more, the best is kept",
        }
        what = words[self.state]
        return Text.assemble(
            (visible_line(self._path.name), "bold"), "  ", what, no_wrap=True, overflow="ellipsis"
        )

    # --- keys ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show only the keys that can act now."""
        if action in ("pause", "ask", "stop"):
            return self.state in ("running", "paused") and (action != "ask" or self.state == "running")
        if action == "play":
            return self.state not in ("preparing",)
        return True

    def action_play(self) -> None:
        self.post_message(PlayRequested(self._path))

    def action_pause(self) -> None:
        runs.request(self._path, "resume" if self.state == "paused" else "pause")

    def action_ask(self, command: runs.Command) -> None:
        runs.request(self._path, command)
        self.notify({"evaluate": "Scoring the held-out text.", "sample": "Writing a sample."}[command])

    def action_stop(self) -> None:
        runs.request(self._path, "stop")
        self.notify("Saving and stopping.")

    def action_back(self) -> None:
        self.post_message(NewRunRequested())
