"""The text of the playground on disk, so that neither a fault nor a closed terminal loses it."""

from __future__ import annotations

from pathlib import Path

from rnntui.core.files import make_private, open_named, write_atomically
from rnntui.core.runs import store

_LARGEST = 1 << 22
"""Bytes that are read."""


def path() -> Path:
    """The file of the draft, for its owner's eyes alone."""
    return store.home() / "draft.txt"


def load() -> str:
    """The draft of the last session, or ''."""
    try:
        with open_named(path()) as file:
            return file.read(_LARGEST).decode("utf-8", "replace")
    except OSError:
        return ""


def save(text: str) -> None:
    """Keep a draft; an empty one is deleted.  Raises OSError, RnntuiError where the system refuses."""
    if text:
        make_private(path().parent)
        write_atomically(path(), text.encode("utf-8", "replace"), durable=False, private=True)
    else:
        path().unlink(missing_ok=True)
