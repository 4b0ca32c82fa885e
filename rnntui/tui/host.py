"""What the screens need of the app that shows them."""

from __future__ import annotations

from textual.app import App

from rnntui import preferences
from rnntui.core.errors import InputError, RnntuiError, oneline
from rnntui.preferences import Preferences
from rnntui.visible import visible_line


class Host(App[int]):
    """An app that remembers what a person likes and what they write."""

    def __init__(self) -> None:
        super().__init__()
        self.fault = ""
        """Why the file of preferences could not be read."""
        try:
            self.preferences = preferences.load()
        except InputError as error:
            self.preferences, self.fault = Preferences(), oneline(error)
        self.draft = ""
        """What was written in the playground, on whichever model."""

    def prefer(self, name: str, value: object) -> None:
        """Remember what a person likes, in this session and the next."""
        if getattr(self.preferences, name) == value:
            return
        setattr(self.preferences, name, value)
        if self.fault:
            return  # a file that cannot be read is not written over
        try:
            preferences.save(self.preferences)
        except RnntuiError as error:
            self.say_fault(oneline(error))

    def say_fault(self, message: str) -> None:
        self.notify(visible_line(message), severity="error", markup=False)
