"""The contract that every registered cell keeps; a new line in the registry is tested by itself."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from rnntui.core.cells import CELLS, equations, fused
from rnntui.core.cells.base import Cell, Lookup, State, new_cell
from rnntui.core.cells.fused import FusedCell
from rnntui.core.cells.scan import ScanCell
from rnntui.core.kernels import fused_sequence

T, B, I, H = 7, 3, 5, 4
VARIANTS = [(name, {}) for name in CELLS] + [("elman", {"nonlinearity": "relu"})]


@pytest.fixture(params=VARIANTS, ids=lambda variant: "-".join([variant[0], *variant[1].values()]))
def cell(request: pytest.FixtureRequest) -> Cell:
    torch.manual_seed(0)
    name, options = request.param
    cell = new_cell(name, I, H, **options).double()
    for weight in cell.parameters():  # also those that begin at 0 or 1
        weight.data += 0.1 * torch.randn_like(weight)
    return cell


def random_state(cell: Cell) -> State:
    return tuple(torch.randn_like(part) for part in cell.initial_state(B))


def test_step_by_step_equals_the_whole_sequence(cell: Cell) -> None:
    """Protects completion: one token at a time gives what training's kernel gives, to 1e-5."""
    cell.float()
    x, state = torch.randn(T, B, I), random_state(cell)
    whole, last = cell(x, state)
    steps = []
    for t in range(T):
        y, state = cell.step(x[t], state)
        steps.append(y)
    torch.testing.assert_close(torch.stack(steps), whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(state, last, atol=1e-5, rtol=1e-5)


def test_a_carried_state_is_one_long_sequence(cell: Cell) -> None:
    """Protects truncated backpropagation: two pieces with the state handed on are the whole."""
    x, state = torch.randn(T, B, I).double(), random_state(cell)
    whole, last = cell(x, state)
    first, middle = cell(x[:3], state)
    second, end = cell(x[3:], middle)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(end, last)


def test_the_future_is_not_seen(cell: Cell) -> None:
    """Protects every loss: what comes later changes nothing before it."""
    x, state = torch.randn(T, B, I).double(), random_state(cell)
    changed = x.clone()
    changed[4:] += 1
    torch.testing.assert_close(cell(x, state)[0][:4], cell(changed, state)[0][:4], atol=0, rtol=0)
    assert not torch.equal(cell(x, state)[0][4:], cell(changed, state)[0][4:])


def test_gradients_are_those_of_the_function(cell: Cell) -> None:
    """Protects learning: gradcheck in fp64 over input, state and weights, for both ways to run."""
    x = torch.randn(3, 2, I).double().requires_grad_()
    state = tuple(torch.randn_like(part).requires_grad_() for part in cell.initial_state(2))

    def whole(x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        y, last = cell(x, state)
        return (y, *last)

    def ours(x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        assert isinstance(cell, FusedCell)
        y, last = cell.forward_by_ours(x, state)
        return (y, *last)

    def one(x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        y, last = cell.step(x[0], state)
        return (y, *last)

    names, weights = zip(*cell.named_parameters(), strict=True)

    def by_weights(x: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        parts, changed = given[: len(state)], dict(zip(names, given[len(state) :], strict=True))
        y, last = torch.func.functional_call(cell, changed, (x, parts))
        return (y, *last)

    inputs = (x, *state)
    assert torch.autograd.gradcheck(by_weights, (*inputs, *weights))
    assert torch.autograd.gradcheck(whole, inputs)
    if isinstance(cell, FusedCell):
        assert torch.autograd.gradcheck(ours, inputs)
    assert torch.autograd.gradcheck(one, inputs)


def test_an_input_of_few_rows_is_that_input(cell: Cell) -> None:
    """Protects training on characters: what is done to each row once is what is done to every place."""
    tokens, rows = torch.randint(4, (T, B)), torch.randn(4, I).double().requires_grad_()
    state = tuple(part.requires_grad_() for part in random_state(cell))
    given = [rows, *state, *cell.parameters()]

    def outcome(y: Tensor, last: State) -> tuple[Tensor, ...]:
        parts = [(part * torch.arange(1.0, part.shape[-1] + 1)).square().sum() for part in (y, *last)]
        return (y, *last, *torch.autograd.grad(torch.stack(parts).sum(), given))

    expected = outcome(*cell(rows[tokens], state))
    torch.testing.assert_close(outcome(*cell.forward_lookup(Lookup(tokens, rows), state)), expected)
    if isinstance(cell, FusedCell):
        torch.testing.assert_close(outcome(*cell.forward_by_ours(Lookup(tokens, rows), state)), expected)


def test_shapes_and_the_zero_state(cell: Cell) -> None:
    state = cell.initial_state(B)
    assert [part.shape for part in state] == [(B, *shape) for shape in cell.spec.state_shapes(I, H)]
    assert all(not part.any() for part in state)
    y, last = cell(torch.randn(T, B, I).double(), state)
    assert y.shape == (T, B, H) and [part.shape for part in last] == [
        (B, *shape) for shape in cell.spec.state_shapes(I, H)
    ]
    if isinstance(
        cell, FusedCell | ScanCell
    ):  # whose kernels take the output for the first part of the state
        torch.testing.assert_close(y[-1], last[0])


TORCH = {"elman": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


@pytest.mark.parametrize(("name", "options"), [variant for variant in VARIANTS if variant[0] in TORCH])
def test_equations_equal_torchs_own_module(name: str, options: dict[str, str]) -> None:
    """Protects the docstrings: the written equations are torch's module on the same weights, to 1e-5."""
    cell = new_cell(name, I, H, **options)
    module = TORCH[name](I, H, **options)
    module.load_state_dict({key.removeprefix("rnn."): value for key, value in cell.state_dict().items()})
    x, state = torch.randn(T, B, I), cell.initial_state(B)
    expected, _ = module(x)
    for t in range(T):
        y, state = cell.step(x[t], state)
        torch.testing.assert_close(y, expected[t], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("products", ["a sweep's, where one serves", "torch's"])
@pytest.mark.parametrize("sizes", [(24, 40, 5), (16, 70, 21), (3, 33, 1)], ids=str)
@pytest.mark.parametrize(("name", "options"), [variant for variant in VARIANTS if variant[0] in TORCH])
def test_gradients_equal_autograds(
    name: str,
    options: dict[str, str],
    sizes: tuple[int, int, int],
    products: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Protects learning in fp32, at sizes whose loops are vector instructions: torch's own, to 1e-5.

    Of them some fill tiles of a product exactly, in rows or columns, and some do not.
    """
    if products == "torch's":
        monkeypatch.setattr(fused_sequence, "serves", lambda dtype, U: False)
    torch.manual_seed(0)
    inputs, units, rows = sizes
    cell = new_cell(name, inputs, units, **options)
    assert isinstance(cell, FusedCell)
    module = TORCH[name](inputs, units, **options)
    module.load_state_dict({key.removeprefix("rnn."): value for key, value in cell.state_dict().items()})
    lookup = Lookup(torch.randint(6, (T, rows)), torch.randn(6, inputs).requires_grad_())
    x = lookup.rows[lookup.tokens].detach().requires_grad_()
    weight = torch.randn(T, rows, units)
    state = cell.initial_state(rows)

    def gradients(y: Tensor, over: Tensor, network: nn.Module) -> tuple[Tensor, ...]:
        return torch.autograd.grad((y * weight).sum(), [over, *network.parameters()])

    dx, *expected = gradients(module(x)[0], x, module)
    d_rows = torch.zeros_like(lookup.rows).index_add_(0, lookup.tokens.flatten(), dx.flatten(0, 1))
    close = partial(torch.testing.assert_close, atol=1e-5, rtol=1e-5)
    close(gradients(cell.forward_by_ours(x, state)[0], x, cell), (dx, *expected))
    close(gradients(cell.forward_by_ours(lookup, state)[0], lookup.rows, cell), (d_rows, *expected))


@pytest.mark.parametrize("instructions", ["this processor's", "none for bf16"])
@pytest.mark.parametrize("sizes", [(T, B, I, H), (6, 21, 16, 70)], ids=str)
@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_half_precision_is_close(
    name: str,
    options: dict[str, str],
    sizes: tuple[int, ...],
    instructions: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Protects training in bf16: its outputs and gradients are fp32's but for the rounding.

    The second size fills no tile of a product exactly, in rows or columns.
    """
    if instructions == "none for bf16":
        monkeypatch.setattr(fused, "torch_knows_bf16", lambda: False)
        monkeypatch.setattr(fused_sequence, "serves", lambda dtype, U: False)
    torch.manual_seed(0)
    steps, rows, inputs, units = sizes
    cell = new_cell(name, inputs, units, **options)
    x = torch.randn(steps, rows, inputs).requires_grad_()
    state = tuple(torch.randn_like(part).requires_grad_() for part in cell.initial_state(rows))
    results = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            y, last = cell(x, state)
        loss = y.float().square().sum() + sum(part.float().sum() for part in last)
        gradients = torch.autograd.grad(loss, [x, *state, *cell.parameters()])
        results.append([y, *last, *gradients])
    if isinstance(cell, FusedCell | ScanCell):
        assert results[1][0].dtype == torch.bfloat16
    assert results[1][-1].dtype == torch.float32
    for exact, half in zip(*results, strict=True):
        assert (half.float() - exact).norm() < 0.03 * exact.norm()


@pytest.mark.parametrize("name", ["mingru", "minlstm"])
def test_a_long_scan_is_safe(name: str) -> None:
    """Protects long pieces: 4096 steps with gates wide open and shut are finite, and equal the steps."""
    torch.manual_seed(0)
    cell = new_cell(name, 4, 32)
    x = 30 * torch.randn(4096, 2, 4)
    state = cell.initial_state(2)
    y, last = cell(x.requires_grad_(), state)
    with torch.no_grad():
        for t in range(len(x)):
            _, state = cell.step(x[t], state)
    torch.testing.assert_close(last, state, atol=1e-4, rtol=1e-5)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert y.isfinite().all() and gradient.isfinite().all()


def test_a_fault_is_not_hidden(cell: Cell) -> None:
    """Protects the watch over divergence: a NaN in the input reaches every later output of its stream."""
    cell.float()
    x = torch.randn(T, B, I)
    x[2, 1] = float("nan")
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            y, _ = cell(x, cell.initial_state(B))
        assert y[2:, 1].isnan().all() and y[:2].isfinite().all() and y[:, 0].isfinite().all()


def test_the_forget_gate_starts_open() -> None:
    bias = new_cell("lstm", I, H).state_dict()
    assert torch.equal((bias["rnn.bias_ih_l0"] + bias["rnn.bias_hh_l0"])[H : 2 * H], torch.ones(H))


@pytest.mark.parametrize("name", [name for name, spec in CELLS.items() if spec.timescale])
def test_gates_remember_as_long_as_they_are_told(name: str) -> None:
    """Protects `--timescale`: with nothing read, a unit keeps u / (1 + u) of what it has, u between 1 and the steps."""
    torch.manual_seed(0)
    cell = new_cell(name, I, 50).double()
    cell.remember(100)
    with torch.no_grad():
        for label, weight in cell.named_parameters():
            if "weight" in label:
                weight.zero_()
    before = tuple(part.requires_grad_() for part in cell.initial_state(1))
    _, after = cell.step(torch.zeros(1, I).double(), before)
    (kept,) = torch.autograd.grad(after[-1].sum(), before[-1])
    u = kept / (1 - kept)
    assert u.min() >= 1 - 1e-6 and u.max() <= 99 + 1e-6 and u.max() > 50 and u.min() < 20


@pytest.mark.parametrize("name", CELLS)
def test_its_words_fit_the_first_screen(name: str) -> None:
    """Protects the first screen: equations within their panel, and the summary in one line at 80 columns."""
    lines = equations(name)
    assert 1 <= len(lines) <= 6 and max(map(len, lines)) <= 66
    assert len(f"{name}: {CELLS[name].summary}") <= 76
