"""`rnntui gradients`: how far back a model learns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import rich_click as click

from rnntui.cli.options import RunName, checkpoint_option, json_option, output_option
from rnntui.cli.output import show_line, write_line
from rnntui.cli.trust import trust_option, trusted
from rnntui.core.runs import store
from rnntui.ui.terminal_safety import visible_line

_WIDTH, _HEIGHT = 80, 18
_FRESH = "untrained"
_LOST = 1000
"""Times smaller than one step back."""


@click.command()
@click.argument("run", type=RunName())
@click.option(
    "--steps", type=click.IntRange(2, 10_000), default=100, show_default=True, help="how far to look back"
)
@click.option("--fresh", is_flag=True, help="also of the same network before it learned anything")
@output_option("also draw it into an SVG file")
@checkpoint_option
@trust_option
@json_option
def gradients(
    run: str, steps: int, fresh: bool, output: Path | None, checkpoint: str, trust: bool, as_json: bool
) -> None:
    """The norm of the loss's gradient with respect to the state, by how many steps back that is.

    Where it vanishes, the model cannot learn from text that far back.
    """
    from rnntui.cli.pictures import check_picture, write_picture
    from rnntui.core.inference.gradient_flow import flows_of
    from rnntui.plots.chart import LETTERS, MARGIN, chart, plain
    from rnntui.plots.flow import X_NAME, Y_NAME, flow_series
    from rnntui.plots.svg import drawing

    if output is not None:
        check_picture(output)
    found = trusted(store.find(run, "lm"), trust)
    trained, untrained = flows_of(found, checkpoint, steps, fresh)
    flows = {found.name: trained} | ({} if untrained is None else {_FRESH: untrained})
    series, x, y = flow_series(flows)
    if output is not None:
        write_picture(output, drawing(series, x, y, X_NAME, Y_NAME, list(flows)))
    if as_json:
        answer: dict[str, Any] = {"run": found.name, "steps": steps, "norms": trained.tolist()}
        answer |= {} if untrained is None else {"untrained": untrained.tolist()}
        write_line(json.dumps(answer, ensure_ascii=False))
        return
    show_line(f"{Y_NAME} over {X_NAME}")
    for row in plain(chart(series, x, y, _WIDTH - MARGIN, _HEIGHT, "braille")):
        show_line(row)
    for letter, (name, norms) in zip(LETTERS, flows.items(), strict=False):
        mark = f"{letter} " if len(flows) > 1 else ""
        half, lost = (int((norms >= norms[0] / times).sum()) for times in (2, _LOST))
        show_line(f"{mark}{visible_line(name, 40)}: halved after {half} steps, a thousandth after {lost}")
    if output is not None:
        write_line(str(output))


COMMANDS = (gradients,)
