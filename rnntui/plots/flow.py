"""The plot of gradients over steps back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnntui.plots.scales import Numbers, Scale
from rnntui.plots.series import Series

X_NAME, Y_NAME = "steps back", "norm of the loss's gradient with respect to the state"
_DEEP = 1e-12
"""Share of the greatest norm below which nothing is drawn: it is lost."""


def flow_series(flows: Mapping[str, Numbers]) -> tuple[list[Series], Scale, Scale]:
    """A curve for each name, whose norms begin one step back, and the scales that show them."""
    series = [
        Series(name, "training", np.arange(1.0, len(norms) + 1), norms, run)
        for run, (name, norms) in enumerate(flows.items())
    ]
    every = np.concatenate([each.y for each in series])
    x = Scale(0.0, max(float(each.x[-1]) for each in series))
    return series, x, Scale.around(np.maximum(every, _DEEP * every.max()), log=True)
