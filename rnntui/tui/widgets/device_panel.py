"""Processor, memory and GPU, in a row or two."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from rnntui.tui.machine import Load

_BAR = 8


class DevicePanel(Widget):
    """A bar and a figure for each."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"device--name", "device--bar"}

    load: reactive[Load | None] = reactive(None)

    def render(self) -> Text:
        if self.load is None:
            return Text("")
        load = self.load
        text = Text(no_wrap=True)
        self._meter(text, "cpu", load.cpu, f"{load.cpu:4.0%}")
        total = load.memory_bytes / 2**30
        self._meter(text, "memory", load.memory, f"{load.memory * total:.1f}/{total:.0f} GiB")
        name = self.get_component_rich_style("device--name")
        if load.training_bytes is not None:
            shared = f" in {load.processes} processes" if load.processes > 1 else ""
            text.append("training ", name).append(f"{load.training_bytes / 2**20:,.0f} MiB{shared}  ")
        if load.gpu:
            text.append("gpu ", name).append(load.gpu)
        return text

    def _meter(self, text: Text, name: str, share: float, figure: str) -> None:
        filled = round(_BAR * min(share, 1))
        text.append(f"{name} ", self.get_component_rich_style("device--name"))
        text.append("■" * filled + "·" * (_BAR - filled), self.get_component_rich_style("device--bar"))
        text.append(f" {figure}  ")
