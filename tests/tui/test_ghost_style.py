"""Ghost text in every theme."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from rnntui.tui.app import RnntuiApp
from rnntui.tui.contrast import contrast
from rnntui.tui.screens.playground import PlaygroundScreen
from rnntui.tui.widgets.ghost_text import GhostText
from rnntui.ui import preferences


@pytest.mark.parametrize("theme", BUILTIN_THEMES)
@pytest.mark.parametrize("colors", ["colours", "NO_COLOR"])
async def test_ghost_text_is_seen_and_told_apart(
    theme: str, colors: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects who writes: what the model offers is readable, and never taken for what was typed."""
    if colors == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    preferences.save(preferences.Preferences(theme=theme))
    app = RnntuiApp(PlaygroundScreen(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        area = app.screen.query_one(GhostText)
        area.insert("typed")
        area.ghost = " ghost"
        await pilot.pause()
        segments = [segment for strip in area.render_lines(area.region.reset_offset) for segment in strip]
        looks = {segment.text.strip(): segment.style for segment in segments if segment.style}
        typed, ghost = looks["typed"], next(looks[text] for text in looks if text in ("ghost", "host"))
        if theme.startswith("ansi") or colors == "NO_COLOR":
            assert ghost.dim or ghost.italic
            return
        assert typed.color and ghost.color and ghost.bgcolor
        text, offered, behind = (
            Color.from_rich_color(each) for each in (typed.color, ghost.color, ghost.bgcolor)
        )
        if contrast(text, behind) >= 5.4:
            assert contrast(offered, text) >= 1.8 and contrast(offered, behind) >= 3
        else:
            assert contrast(offered, text) >= 1.4 and contrast(offered, behind) >= 2.5 and ghost.italic
