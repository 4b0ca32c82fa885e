"""The neural cache (Grave et al. 2017): what followed when the model last felt as it does now.

Every token read is kept with the output that stood before it.  The next token is likely one that followed
outputs like the present one, and gets a share of the probability by how much they are alike:

    P(w) = (1 - share) P_model(w) + share sum_i [w_i = w] softmax_i(sharpness * h . h_i)

Nothing is trained; names and turns of a text are found again as soon as they were read once.
"""

from __future__ import annotations

import numpy as np

from rnntui.core.completion.arrays import Array

SIZE = 2000
"""Tokens that are looked back at."""
_SHARE = 0.1
_SHARPNESS = 0.3


def with_cache(log_p: Array, y: Array, outputs: Array, tokens: Array, seen: int | None = None) -> Array:
    """The log-probabilities (n, V) with the cache's share in them.

    `log_p` (n, V) and `y` (n, H) are the model's at n places; `outputs` (N, H) stood before `tokens` (N,),
    earlier in the text.  With `seen`, place k follows on the token `seen` + k of these and sees the `SIZE`
    before that; without, all places see all of them.
    """
    if not len(tokens):
        return log_p
    alike = _SHARPNESS * (y @ outputs.T)
    mixed = np.empty_like(log_p)
    for k in range(len(y)):
        last = len(tokens) if seen is None else seen + k
        window = slice(max(last - SIZE, 0), last)
        if window.start == window.stop:
            mixed[k] = log_p[k]
            continue
        weights = np.exp(alike[k, window] - alike[k, window].max())
        shares = np.bincount(tokens[window], weights / weights.sum(), minlength=log_p.shape[1])
        with np.errstate(divide="ignore"):
            mixed[k] = np.logaddexp(np.log1p(-_SHARE) + log_p[k], np.log(_SHARE * shares))
    return mixed
