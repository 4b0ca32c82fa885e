"""Preferences: theme, plots, sampling.  Kept between sessions; `rnntui config` shows them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, get_type_hints

import msgspec
import platformdirs
from msgspec import Meta

from rnntui.core.config.sampling import SamplingSettings
from rnntui.core.config.toml import toml_tree
from rnntui.core.errors import InputError, RnntuiError, plain
from rnntui.core.files import expanded, open_named, write_atomically

_LARGEST = 1 << 20
"""Bytes of the file that are read."""


class Preferences(SamplingSettings, kw_only=True, forbid_unknown_fields=True):
    """The content of `config.toml`: how the playground samples, and what the app looks like."""

    theme: Annotated[
        str, Meta(description="of the app; ansi-dark and ansi-light keep the terminal's colours")
    ] = "tokyo-night"
    marker: Annotated[
        Literal["braille", "block", "ascii"], Meta(description="what curves are drawn with")
    ] = "braille"
    log_y: Annotated[bool, Meta(description="curves on a logarithmic scale")] = True
    x_axis: Annotated[Literal["steps", "tokens", "seconds"], Meta(description="what curves run along")] = (
        "steps"
    )
    unit: Annotated[Literal["perplexity", "bits/byte"], Meta(description="what curves show")] = "perplexity"
    surprise: Annotated[bool, Meta(description="mark what surprises the model in the playground")] = False
    likeliest: Annotated[bool, Meta(description="show the likeliest next tokens in the playground")] = False
    remember: Annotated[
        bool, Meta(description="let what you wrote have a say in what follows (the neural cache)")
    ] = False
    counts: Annotated[
        bool, Meta(description="mix what was counted, in training and in your text, with the network")
    ] = True
    keep_draft: Annotated[
        bool, Meta(description="keep what you write in the playground on disk, for the next start")
    ] = True


def path() -> Path:
    """File of preferences: beside `$RNNTUI_HOME`'s runs, or in the user's configuration folder."""
    chosen = os.environ.get("RNNTUI_HOME")
    folder = expanded(chosen) if chosen else Path(platformdirs.user_config_dir("rnntui", appauthor=False))
    return folder / "config.toml"


def load() -> Preferences:
    """The preferences kept, or the defaults.  Raises InputError that names the file and the key."""
    try:
        with open_named(path()) as file:
            text = file.read(_LARGEST).decode()
        return msgspec.convert(toml_tree(text, str(path())), Preferences)
    except FileNotFoundError:
        return Preferences()
    except InputError as error:
        raise InputError(f"{error}; mend it or delete it") from None
    except OSError as error:
        advice = (
            "mend it or delete it" if os.path.lexists(path()) else "set RNNTUI_HOME to a folder of your own"
        )
        raise InputError(f"{path()}: cannot be read: {error.strerror}; {advice}") from None
    except (UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InputError(f"{path()}: {plain(str(error))}; mend it or delete it") from None


def save(preferences: Preferences) -> None:
    """Keep the preferences.  Raises RnntuiError where the file cannot be written."""
    try:
        path().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RnntuiError(f"{path()}: cannot be written: {error.strerror}") from None
    write_atomically(path(), to_toml(preferences).encode(), durable=False)


def to_toml(preferences: Preferences) -> str:
    """The preferences as text, each with its meaning."""
    hints = get_type_hints(Preferences, include_extras=True)
    lines = []
    for name, value in msgspec.to_builtins(preferences).items():
        entry = f"{name} = {msgspec.json.encode(value).decode()}"
        lines.append(f"{entry:<24}  # {hints[name].__metadata__[0].description}")
    return "\n".join(lines) + "\n"
