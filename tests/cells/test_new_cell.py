"""Cells from outside the package: nothing but equations and a specification."""

from __future__ import annotations

import json
import re
import runpy
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnntui.core.cells import CELLS, equations
from rnntui.core.cells import spec as vocabulary
from rnntui.core.cells.base import new_cell
from rnntui.core.cells.spec import HIDDEN, INPUT, Affine, CellSpec, Vector
from rnntui.core.completion.loading import open_engine
from rnntui.core.export.writing import export
from rnntui.core.nn.weights import load_model
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.tasks.base import EventTime
from tests.cells import test_contract as contract
from tests.cli.test_commands import rnntui
from tests.conftest import MakeRun, train_all
from tests.test_docs import ROOT, read


def two_memories(m: Any, w: Any, x: Any, state: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """A fast and a slow memory, read together.

    k_t = sigmoid(W_k x_t + b_k + U h_{t-1} + c)
    c_t = k_t * c_{t-1} + (1 - k_t) * tanh(W_c x_t + b_c)        twice H
    h_t = tanh(V c_t + d + p * h_{t-1})
    """
    h, c = state
    keep = m.sigmoid(w.keep(x) + w.state(h))
    c = keep * c + (1 - keep) * m.tanh(w.write(x))
    h = m.tanh(w.read(c) + w.peep * h)
    return h, (h, c)


SPEC = CellSpec(
    step=two_memories,
    title="Two memories",
    summary="a fast and a slow memory",
    weights={
        "keep": Affine(INPUT, 2 * HIDDEN, biases={1: 2.0}),
        "state": Affine(HIDDEN, 2 * HIDDEN),
        "write": Affine(INPUT, 2 * HIDDEN),
        "read": Affine(2 * HIDDEN, HIDDEN),
        "peep": Vector(HIDDEN, 0.1),
    },
    state=((HIDDEN,), (2 * HIDDEN,)),
)


def of_the_recipe() -> CellSpec:
    """The cell that CONTRIBUTING.md writes down."""
    found = re.search(r"   ```python\n(   def leaky.*?)   ```", read("CONTRIBUTING.md"), re.DOTALL)
    assert found is not None
    names = dict(vars(vocabulary))
    exec(textwrap.dedent(found[1]), names)
    spec: CellSpec = names["SPEC"]
    return spec


@pytest.fixture(params=["two-memories", "mogrifier", "normed-lstm", "leaky"])
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A cell that is registered for one test: that above, that of the recipe, or one of the experiments'."""
    before = dict(CELLS)
    runpy.run_path(str(ROOT / "benchmarks" / "cells.py"))
    own = {"two-memories": SPEC, "leaky": of_the_recipe()}
    found = own.get(request.param) or CELLS[request.param]
    for each in CELLS.keys() - before.keys():
        del CELLS[each]
    monkeypatch.setitem(CELLS, request.param, found)
    return str(request.param)


def test_it_keeps_the_contract(name: str) -> None:
    """Protects the extension point: every promise of the contract, with nothing but equations."""
    for check in (
        contract.test_step_by_step_equals_the_whole_sequence,
        contract.test_a_carried_state_is_one_long_sequence,
        contract.test_the_future_is_not_seen,
        contract.test_gradients_are_those_of_the_function,
        contract.test_an_input_of_few_rows_is_that_input,
        contract.test_shapes_and_the_zero_state,
    ):
        torch.manual_seed(0)
        check(new_cell(name, contract.I, contract.H).double())
    assert len(equations(name)) == (2 if name == "leaky" else 3)
    assert CELLS[name].hoisted == (name == "leaky") and CELLS[name].recurrent


def test_it_trains_completes_and_exports(name: str, make_run: MakeRun) -> None:
    """Protects the extension point: training, completion without torch and the ONNX graph ask the specification."""
    run = make_run(cell=name, num_layers=2, weight_drop=0.1, layer_norm=True, residual=True)
    told = train_all(run)
    scores = [event.loss for event in told if isinstance(event, ev.Evaluated)]
    assert scores[-1] is not None and scores[0] is not None and scores[-1] < scores[0] < np.log(60)

    weights = run.checkpoint_path("best") / "model.safetensors"
    engine, tokenizer = open_engine(run, weights)
    model, _ = load_model(run, weights)
    tokens = tokenizer.encode("the cat sees").astype(np.int64)
    with torch.inference_mode():
        expected, _ = model.eval()(torch.from_numpy(tokens)[:, None], model.initial_state(1))
    state = engine.initial_state()
    for token, logits in zip(tokens, expected.numpy(), strict=True):
        y, state = engine.step(np.array([token]), state)
        np.testing.assert_allclose(engine.logits(y), logits, atol=2e-5)

    completed = rnntui("complete", run.path, "the cat ", "--json")
    assert completed.returncode == 0 and json.loads(completed.stdout)
    exported = export(run, weights, "onnx", False, EventTime(0, 0.0))  # compares with torch, or raises
    assert exported.content


def test_its_defaults_ask_the_specification(name: str, make_run: MakeRun) -> None:
    """Protects the resolver: what a rule says of gates and state holds for a cell it has never heard of."""
    run: Run = make_run(cell=name, hidden_size=None, num_layers=None, optimizer=None, lr=None)
    assert run.config.model.num_layers == 1 and run.config.training.lr == 0.01
    refused = rnntui("train", "--headless", "--cell", "elman", "--timescale", "9", Path("nowhere.txt"))
    assert refused.returncode == 2 and "--timescale: elman has no gates for it" in refused.stderr
