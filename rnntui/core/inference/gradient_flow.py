"""Gradient flow: the gradient of a loss with respect to the states before it.

What a recurrent network can learn from a token k steps back goes through the gradient with respect to the state
there.  Where its norm falls geometrically with k, the gradient vanishes, and where it grows it explodes (Bengio et al.
1994; Pascanu et al. 2013).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from rnntui.core.completion.loading import sound_checkpoint
from rnntui.core.errors import InputError
from rnntui.core.nn.base import evaluating
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.nn.weights import load_model
from rnntui.core.runs.folder import Run
from rnntui.core.text.dataset import reopen
from rnntui.core.text.tokenizers import Ids

_PLACES = 32
"""Places of the text whose losses are looked back from."""
_LEAST = 1e-45

Norms = npt.NDArray[np.float64]


def gradient_flow(model: LanguageModel, tokens: Ids, steps: int) -> Norms:
    """The norm of the gradient of a token's loss with respect to the state k steps before it is told, k = 1 to `steps`.

    At each of 32 places spread over `tokens` (N,) the model reads `steps` + 1 tokens from a zero state, and tells
    the next one; the state is that of all layers.  The norms are averaged geometrically over the places, as they
    differ by powers of ten.  Raises InputError where the text is too short for that.
    """
    if len(tokens) < steps + 2:
        raise InputError(
            f"--steps: {steps:,} is further back than the {len(tokens):,} held-out tokens; take fewer"
        )
    first = np.linspace(0, len(tokens) - steps - 2, _PLACES).astype(int)
    places = np.stack([np.asarray(tokens[at : at + steps + 2], dtype=np.int64) for at in first], axis=1)
    read = torch.from_numpy(places)
    with evaluating(model):
        return _norms(model, read)


def flows_of(run: Run, checkpoint: str, steps: int, fresh: bool) -> tuple[Norms, Norms | None]:
    """The gradient flow of a run's model on its held-out text, and with `fresh` of the same network untrained.

    Raises InputError where the run or the checkpoint is unusable, or its held-out part too short.
    """
    # A second thread gains little here, and beside a training every product would wait for it.
    torch.set_num_threads(1)
    folder = sound_checkpoint(run, checkpoint)
    model, tokenizer = load_model(run, folder / "model.safetensors")
    tokens = reopen(run, tokenizer).scored.tokens
    trained = gradient_flow(model, tokens, steps)
    if not fresh:
        return trained, None
    torch.manual_seed(run.config.training.seed)
    untrained = LanguageModel(run.config.model, tokenizer.vocab_size).requires_grad_(False)
    return trained, gradient_flow(untrained, tokens, steps)


@torch.enable_grad()
def _norms(model: LanguageModel, read: Tensor) -> Norms:
    """(K,) from K + 1 tokens and one that is told, (K + 2, P)."""
    state = model.initial_state(read.shape[1])
    states: list[list[Tensor]] = []
    for row in read[:-1]:
        features, state = model.features(row.unsqueeze(0), state)
        state = tuple(tuple(part.requires_grad_() for part in layer) for layer in state)
        states.append([part for layer in state for part in layer])
    loss = cross_entropy(model.logits(features)[0].float(), read[-1], reduction="sum")
    before = [part for parts in states[:-1] for part in parts]
    gradients = torch.autograd.grad(loss, before)
    size = len(states[0])
    norms = []
    for at in range(0, len(gradients), size):
        squares = [gradient.double().square().sum(dim=1) for gradient in gradients[at : at + size]]
        norms.append(torch.stack(squares).sum(0).sqrt())
    mean: Norms = torch.stack(norms).clamp(min=_LEAST).log().mean(dim=1).exp().numpy()
    return mean[::-1]
