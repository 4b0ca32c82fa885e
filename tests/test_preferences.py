"""What a person likes, kept in a file."""

from __future__ import annotations

import pytest

from rnntui.core.errors import InputError
from rnntui.ui import preferences
from rnntui.ui.preferences import Preferences


def test_preferences_survive_the_file() -> None:
    """Protects the file: what is saved is what is loaded, and it is readable TOML with meanings."""
    liked = Preferences(theme="nord", marker="ascii", log_y=False, top_k=40, min_p=0.05)
    preferences.save(liked)
    assert preferences.load() == liked
    assert "# of the app" in preferences.path().read_text(encoding="utf-8")


@pytest.mark.parametrize("content", ["marker = 'dots'", "colour = 1", "theme =", "temperature = -9"])
def test_a_file_that_cannot_be_read_is_named(content: str) -> None:
    preferences.save(Preferences())
    preferences.path().write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"config\.toml: .*mend it or delete it"):
        preferences.load()
