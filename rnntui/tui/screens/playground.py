"""The playground: write, and the model writes along."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.reactive import reactive
from textual.widgets import Static

from rnntui.core.config.sampling import sampling_fields
from rnntui.tui.messages import Tab
from rnntui.tui.screens.base import is_left
from rnntui.tui.screens.editor import BACK
from rnntui.tui.screens.generating import GeneratingPlayground
from rnntui.tui.services.completer import Completer, Insight, Suggestions
from rnntui.tui.widgets.alternatives import Alternatives
from rnntui.tui.widgets.bars import Bars
from rnntui.tui.widgets.ghost_text import GhostText
from rnntui.tui.widgets.slider import Slider
from rnntui.ui import formats
from rnntui.ui.explanations import ShownFigure
from rnntui.ui.terminal_safety import visible_line

_EMPTY = "Start typing; Tab takes the suggestion, → a word of it. ^g lets the model write."
_FIELDS = {field.name: field for field in sampling_fields()}
_SLIDERS = {name: field.slider for name, field in _FIELDS.items() if field.slider is not None}


class PlaygroundScreen(GeneratingPlayground):
    """A text area with ghost text from the run's newest weights, also while it trains."""

    TAB: ClassVar[Tab] = "playground"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "next_alternative", "Other", tooltip="Offer the next alternative as ghost text"),
        Binding("ctrl+g", "write_on", "Generate", tooltip="Let the model continue from here; again to stop"),
        Binding("alt+g", "write_line", "Line", show=False, tooltip="Let the model finish this line"),
        Binding("ctrl+t", "surprise", "Surprise", tooltip="Mark the tokens that surprise the model"),
        Binding(
            "ctrl+l", "likeliest", "Next tokens", show=False, tooltip="The ten likeliest next tokens as bars"
        ),
        Binding("alt+l", "learn", "Adaptation", show=False, tooltip="Let the model adapt to what you write"),
        Binding("alt+x", "forget", "Forget", show=False, tooltip="Back to the trained weights"),
        Binding(
            "alt+k", "counts", "Counts", show=False, tooltip="Count what you write, mixed with the network"
        ),
        Binding("alt+m", "remember", "Cache", show=False, tooltip="Let your text have a say in what follows"),
        Binding(
            "f8",
            "sampling",
            "Sampling",
            show=False,
            tooltip="Set temperature, top-k, top-p, min-p, repetition",
        ),
        BACK,
        *(
            Binding(
                f"alt+{key}",
                f"accept({n})",
                f"Alternative {n + 1}",
                show=False,
                tooltip="Take a suggestion whole",
            )
            for n, key in enumerate("qwert")
        ),
    ]
    AUTO_FOCUS = "#text"

    ms: reactive[float | None] = reactive(None)
    learning: reactive[bool] = reactive(False)
    """True if the model learns from what is written."""
    learned: reactive[int] = reactive(0)
    """Steps it has taken since the trained weights."""

    def __init__(self, path: Path, checkpoint: str | None = None) -> None:
        remembers, counts = (lambda: self.preferences.remember), (lambda: self.preferences.counts)
        super().__init__(path, Completer(path, checkpoint, remembers, counts))
        self._before = ""
        self._chose = False
        """True if the ghost text was asked for: newer weights do not take it away."""
        self._shown: str | None = None
        """The text that the screen shows an answer to."""
        self._insight: Insight | None = None
        self._asked: list[Callable[[], None]] = []
        """What is to be done to the model before the next answer."""

    def compose_body(self) -> ComposeResult:
        """The text, the suggestions, the next tokens and the sampling."""
        yield Static(id="headline", markup=False)
        with Horizontal(id="writing"):
            yield GhostText(id="text", placeholder=_EMPTY)
            with Vertical(id="aside"):
                yield Alternatives(id="alternatives")
                yield Bars(id="likeliest")
                with Vertical(id="sampling"):
                    for name, range_ in _SLIDERS.items():
                        yield Slider(_FIELDS[name].label, *range_, id=name)

    def on_mount(self) -> None:
        self.take_up("alt+l: online adaptation")
        if self.app.model_words is not None:
            self.query_one(GhostText).take_over(self.app.model_words)
        self.query_one("#alternatives").border_title = "suggestions"
        self.query_one("#likeliest").border_title = "next token"
        self.query_one("#sampling").border_title = "sampling"
        for name in _SLIDERS:
            self.query_one(f"#{name}", Slider).value = getattr(self.preferences, name)
        self.query_one(Alternatives).message = "loading the model …"
        self._apply_preferences()
        self.follow()
        self.answer_along()

    def _apply_preferences(self) -> None:
        self.set_class(self.preferences.likeliest, "-likeliest")
        if not self.preferences.surprise:
            self.query_one(GhostText).mark_surprises([])
        self._insight = None
        self._wanted.set()

    # --- the model ---

    def on_ghost_text_written(self, event: GhostText.Written) -> None:
        self._before, self._chose = event.before, False
        area = self.query_one(GhostText)
        self.app.draft, self.app.model_words = area.text, area.model_words
        self._completer.generated = tuple(area.model_words.spans)
        self._wanted.set()

    async def answer(self, fresh: bool) -> None:
        """Offer what may follow the text; then learn from it and show how it is read, while nobody types."""
        offered = self._chose and self._shown == self._before and self.query_one(GhostText).ghost
        if (fresh and not offered) or self._asked:
            self._shown = self._insight = (
                None  # what is shown was thought by a model that thinks otherwise now
            )
        while self._asked:
            await self.in_thread(self._asked.pop(0))
            self.learned = self._completer.steps
        if self._shown != self._before:
            suggestions = await self.in_thread(self._completer.answer, self._before)
            if is_left(self):
                return
            self._show(suggestions)
            self._shown = suggestions.text
            self._mark_stale()
        if not is_left(self) and self.learning and not self._wanted.is_set():
            await self._learn()
        if not is_left(self) and self._wants_insight() and not self._wanted.is_set():
            self._show_insight(await self.in_thread(self._completer.look_at, self._before))

    async def _learn(self) -> None:
        """Let the model learn what was written, some steps at a time, so that keys are answered between."""
        before = self.learned
        await self.in_thread(self._completer.learn, self._before)
        self.learned = self._completer.steps
        if not is_left(self) and self.learned > before and not self._asked:
            self._ask(lambda: None)  # but to answer anew

    def _wants_insight(self) -> bool:
        """Return True if something that is in view asks how the model reads the text."""
        if not self._completer.ready or not (self.preferences.surprise or self.preferences.likeliest):
            return False
        return self._insight is None or self._insight.text != self._before

    def _show(self, suggestions: Suggestions) -> None:
        if suggestions.text != self._before:
            return  # typed on meanwhile: the answer to that is on its way
        self.ms = suggestions.ms
        self.query_one(Alternatives).suggestions = suggestions
        offered = suggestions.offered
        if offered is None:
            offered = suggestions.like(self.query_one(GhostText).ghost)
        if offered is not None:
            self._offer(offered)
        else:  # nothing is sure enough to be read by somebody who types; ^n asks for it all the same
            self.query_one(GhostText).ghost = ""
            self.query_one(Alternatives).index = -1
            self.refresh_bindings()

    def _offer(self, index: int) -> None:
        """Make one of the alternatives the ghost text."""
        table = self.query_one(Alternatives)
        assert table.suggestions is not None
        table.index = index
        ghost = table.suggestions.completions[index].text.partition("\n")[0]
        self.query_one(GhostText).offer(table.suggestions.text, ghost)

    def _show_insight(self, insight: Insight) -> None:
        if is_left(self):
            return
        self._insight = insight
        self.query_one(Bars).rows = tuple(
            (token.replace(" ", "␣"), share) for token, share in insight.next_tokens
        )
        if self.preferences.surprise and insight.text == self._before:
            self.query_one(GhostText).mark_surprises(insight.surprises)
        self._headline()

    def show_fault(self, text: str) -> None:
        """Show a fault in the panel of suggestions."""
        self._shown = None  # the next answer takes the fault away
        self.query_one(Alternatives).message = text

    def _mark_stale(self) -> None:
        """Dim what was thought of another text, or by a model that thinks otherwise now."""
        self.set_class(self.writing or bool(self._asked), "-stale")

    # --- the headline ---

    def watch_weights(self) -> None:
        self._headline()

    def watch_ms(self) -> None:
        self._headline()

    def watch_writing(self) -> None:
        self._headline()
        self._mark_stale()

    def watch_learning(self) -> None:
        self._headline()

    def watch_learned(self) -> None:
        self._headline()

    def _headline(self) -> None:
        if not self.shows:
            return
        area = self.query_one(GhostText)
        parts = [self.weights] if self.weights else []
        if self.writing:
            parts.append("writing: Escape or ^g stops")
        elif self.ms is not None:
            parts.append(f"{self.ms:.0f} ms per key")
        if self.learning or self.learned:
            steps = f"{self.learned} step{'' if self.learned == 1 else 's'}"
            parts.append(
                f"adapted: {steps}" if self.learning else f"adapted {steps}, adaptation off: alt+x forgets"
            )
        if self.preferences.remember:
            parts.append("cache on")
        if not self.preferences.counts:
            parts.append("counts off")
        if self.preferences.surprise and self._insight and self._insight.bits_per_char is not None:
            parts.append(f"{self._insight.bits_per_char:.2f} bits/char")
            piece, bits = self._insight.surprises[-1]
            parts.append(f"'{visible_line(piece, 12)}' {bits:.1f} bits")
        if area.saved > 0:
            parts.append(f"{area.saved / area.grown:.0%} of keystrokes saved")
        self.show_headline(parts)

    def figures(self) -> list[ShownFigure]:
        found, area = list[ShownFigure](), self.query_one(GhostText)
        if self.ms is not None:
            found.append(ShownFigure("ms per key", f"{self.ms:.0f}", "ms per key"))
        if self._insight and self._insight.bits_per_char is not None:
            found.append(ShownFigure("bits/char", f"{self._insight.bits_per_char:.2f}", "bits/char"))
        if area.saved > 0:
            found.append(
                ShownFigure("keystrokes saved", f"{area.saved / area.grown:.0%}", "keystrokes saved")
            )
        offered = self.query_one(Alternatives).suggestions
        found += [
            ShownFigure(each.word.strip() or "␣", formats.share(each.word_probability).strip(), "suggestion")
            for each in (offered.completions if offered else [])
        ]
        found += [
            ShownFigure(token, formats.share(p).strip(), "next token")
            for token, p in self.query_one(Bars).rows
        ]
        shown = ((name, f"{getattr(self.preferences, name):g}") for name in _SLIDERS)
        return found + [ShownFigure(_FIELDS[name].label, value, _about(name, value)) for name, value in shown]

    # --- keys ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("next_alternative", "accept"):
            table = self.query(Alternatives)
            offered = table.first().suggestions if table else None
            return bool(offered and offered.completions)
        return True

    def action_next_alternative(self) -> None:
        """Offer the next suggestion as ghost text."""
        table = self.query_one(Alternatives)
        self._chose = True
        if table.suggestions and table.suggestions.completions:
            self._offer((table.index + 1) % len(table.suggestions.completions))

    def action_accept(self, index: int) -> None:
        """Take one of the alternatives whole."""
        table, area = self.query_one(Alternatives), self.query_one(GhostText)
        if table.suggestions and index < len(table.suggestions.completions):
            self._offer(index)
            area.action_accept()
        area.focus()

    def on_alternatives_chosen(self, event: Alternatives.Chosen) -> None:
        self.action_accept(event.index)

    def action_surprise(self) -> None:
        """Mark surprising tokens, or no more."""
        self.app.prefer("surprise", not self.preferences.surprise)
        self._apply_preferences()

    def action_learn(self) -> None:
        """Let the model learn from what is written from here on, or no more."""
        if not self._completer.ready:
            return
        self.learning = not self.learning
        self._ask(partial(self._completer.learn_along, self.learning))
        self.say(
            "Adapting to this text as it grows. alt+x forgets all of it."
            if self.learning
            else "Adaptation off. What was learned stays until alt+x, or until you leave."
        )

    def action_forget(self) -> None:
        """Back to the trained weights."""
        if self._completer.ready:
            self._ask(self._completer.forget)
            self.say("Forgotten: these are the trained weights again.")

    def action_remember(self) -> None:
        """Turn the neural cache on or off."""
        self._prefer_anew("remember")

    def action_counts(self) -> None:
        """Mix the counted model with the network, or no more."""
        self._prefer_anew("counts")

    def _prefer_anew(self, name: str) -> None:
        """Turn a preference on or off by which the model reads the text otherwise."""
        self.app.prefer(name, not getattr(self.preferences, name))
        self._headline()
        if self._completer.ready:
            self._ask(self._completer.start_anew)

    def _ask(self, change: Callable[[], None]) -> None:
        self._asked.append(change)
        self._mark_stale()
        self._wanted.set()

    def action_likeliest(self) -> None:
        """Show the likeliest next tokens, or no more."""
        self.app.prefer("likeliest", not self.preferences.likeliest)
        self._apply_preferences()

    def label_of(self, binding: Binding) -> str:
        has_ghost = bool(self.query(GhostText)) and bool(self.query_one(GhostText).ghost)
        return "" if binding.action == "cursor_right" and not has_ghost else super().label_of(binding)

    def action_to_text(self) -> None:
        """Go back to the text."""
        self.query_one(GhostText).focus()

    def action_sampling(self) -> None:
        """Go to the sliders, or back."""
        if isinstance(self.focused, Slider):
            self.action_to_text()
            return
        if not self.query_one("#sampling").display:
            self.action_likeliest()  # which has its place where the screen is narrow
        self.call_after_refresh(self.query_one("#temperature").focus)

    def on_slider_changed(self, event: Slider.Changed) -> None:
        name = event.slider.id or ""
        value = event.slider.value
        kept = _FIELDS[name].kind(value)
        if kept != getattr(self.preferences, name):
            self.app.prefer(name, kept)


def _about(slider: str, value: str) -> str:
    """Name of the explanation of a setting of sampling."""
    return "top-k of 0" if (slider, value) == ("top_k", "0") else _FIELDS[slider].label
