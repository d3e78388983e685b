"""Recurrent layers: PyTorch in the same state, a loop of cells, lengths, the verification kit, edges and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.check import compare_grads
from tinygraph.op import bare

KINDS = ("RNN", "LSTM", "GRU")
CELLS = {"RNN": nn.RNNCell, "LSTM": nn.LSTMCell, "GRU": nn.GRUCell}
SEEDS = range(6)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def plain(kind: str, p: dict[str, np.ndarray], x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[Any, ...]:
    """One sequence (T, F) through one layer by the formulas alone; p's names are without their suffix."""
    outs = []
    for step in x:
        a = p["weight_ih"] @ step + p.get("bias_ih", 0.0)
        b = p["weight_hh"] @ h + p.get("bias_hh", 0.0)
        if kind == "RNN":
            h = np.tanh(a + b)
        elif kind == "LSTM":
            i, f, g, o = np.split(a + b, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            (ar, az, an), (br, bz, bn) = np.split(a, 3), np.split(b, 3)
            z = sigmoid(az + bz)
            h = (1 - z) * np.tanh(an + sigmoid(ar + br) * bn) + z * h
        outs.append(h)
    return np.array(outs).reshape(len(x), len(h)), h, c


def defined(model: Any, x: np.ndarray, h0: np.ndarray, c0: np.ndarray, lengths: Any) -> tuple[Any, ...]:
    """Every sequence by itself and as long as it is, through all layers and directions: x is (T, N, F)."""
    kind, size, state = type(model).__name__, model.hidden_size, model.state_dict()
    finals = [np.zeros_like(h0), np.zeros_like(c0)]
    out = np.zeros((*x.shape[:2], size * (2 if model.bidirectional else 1)))
    for n, length in enumerate(lengths):
        sequence = x[:length, n]
        for layer in range(model.num_layers):
            parts = []
            for d, suffix in enumerate([f"_l{layer}", f"_l{layer}_reverse"][: 2 if model.bidirectional else 1]):
                p = {name[: -len(suffix)]: a for name, a in state.items() if name.endswith(suffix)}
                k = layer * (2 if model.bidirectional else 1) + d
                way = slice(None, None, -1 if d else 1)
                hs, finals[0][k, n], finals[1][k, n] = plain(kind, p, sequence[way], h0[k, n], c0[k, n])
                parts.append(hs[way])
            sequence = np.concatenate(parts, axis=1)
        out[:length, n] = sequence
    return out, *finals


def drawn(kind: str, seed: int) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
    rng = np.random.default_rng([len(kind), seed])
    t, n, f, h, layers = (int(k) for k in rng.integers(1, 5, 5))
    asked = {"num_layers": min(layers, 3), "bidirectional": bool(seed % 2), "bias": seed % 3 != 2}
    model = getattr(nn, kind)(f, h, **asked, rng=rng)
    shape = (asked["num_layers"] * (2 if asked["bidirectional"] else 1), n, h)
    return model, rng.normal(size=(t, n, f)), rng.normal(size=shape), rng.normal(size=shape), asked


def state_of(kind: str, h: Any, c: Any) -> Any:
    return (h, c) if kind == "LSTM" else h


def states(given: Any) -> list[Any]:
    return list(given) if isinstance(given, tuple) else [given]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_what_the_formulas_say_whatever_the_lengths(kind: str, seed: int) -> None:
    model, x, h0, c0, _ = drawn(kind, seed)
    t, n, _ = x.shape
    lengths = np.random.default_rng(seed).integers(0, t + 1, n)
    for given in (None, lengths):
        each = [t] * n if given is None else given
        want = defined(model, x, h0, c0, each)
        out, final = model(x, state_of(kind, h0, c0), given)
        for found, right in zip([out, *states(final)], want, strict=False):
            np.testing.assert_allclose(bare(found), right, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_those_of_pytorch(kind: str, seed: int) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    model, x, h0, c0, asked = drawn(kind, seed)
    theirs = getattr(torch.nn, kind)(model.input_size, model.hidden_size, **asked).double()
    theirs.load_state_dict({k: torch.tensor(v) for k, v in model.state_dict().items()})  # the same names, and all
    lengths = np.random.default_rng(seed).integers(1, len(x) + 1, x.shape[1]) if seed % 2 else None
    inputs = [torch.tensor(a, requires_grad=True) for a in (x, h0, c0)]
    packed = inputs[0]
    if lengths is not None:
        packed = torch.nn.utils.rnn.pack_padded_sequence(packed, torch.tensor(lengths), enforce_sorted=False)
    out, final = theirs(packed, state_of(kind, *inputs[1:]))
    if lengths is not None:
        out, _ = torch.nn.utils.rnn.pad_packed_sequence(out, total_length=len(x))
    mine = [tg.Tensor(a) for a in (x, h0, c0)]
    found, last = model(mine[0], state_of(kind, *mine[1:]), lengths)
    outs, wants = [found, *states(last)], [out, *states(final)]
    for a, b in zip(outs, wants, strict=True):
        np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-12, atol=1e-15)
    cotangents = [np.random.default_rng(k).normal(size=a.shape) for k, a in enumerate(outs)]
    sum((a * g).sum() for a, g in zip(outs, cotangents, strict=True)).backward()
    sum((b * torch.tensor(g)).sum() for b, g in zip(wants, cotangents, strict=True)).backward()
    right = dict(theirs.named_parameters())
    pairs = [(p.grad, right[name].grad) for name, p in model.named_parameters()]
    pairs += [(a.grad, b.grad) for a, b in zip(mine, inputs, strict=True) if b.grad is not None]
    for a, b in pairs:
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_initial_parameters_are_uniform_as_in_pytorch(kind: str) -> None:
    for p in getattr(nn, kind)(3, 16, 2, rng=0).parameters():
        assert np.abs(p.data).max() <= 0.25
        assert np.abs(p.data).max() > 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_is_one_step(kind: str) -> None:
    rng = np.random.default_rng(0)
    cell = CELLS[kind](3, 4, rng=rng)
    layer = getattr(nn, kind)(3, 4)
    layer.load_state_dict({f"{name}_l0": a for name, a in cell.state_dict().items()})
    xs, state = rng.normal(size=(5, 2, 3)), None
    for x in xs:
        state = cell(tg.Tensor(x), state)
    out, final = layer(xs)
    for a, b in zip(states(state), states(final), strict=True):
        np.testing.assert_allclose(a.data, b.data[0], rtol=1e-13)
    states(state)[0].sum().backward()
    out[-1].sum().backward()
    for name, p in cell.named_parameters():
        np.testing.assert_allclose(p.grad, getattr(layer, name + "_l0").grad, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_cells_are_pytorchs(kind: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    rng = np.random.default_rng(1)
    cell, theirs = CELLS[kind](3, 4, rng=rng), getattr(torch.nn, f"{kind}Cell")(3, 4).double()
    theirs.load_state_dict({k: torch.tensor(v) for k, v in cell.state_dict().items()})
    x, h, c = rng.normal(size=(2, 3)), rng.normal(size=(2, 4)), rng.normal(size=(2, 4))
    want = theirs(torch.tensor(x), state_of(kind, torch.tensor(h), torch.tensor(c)))
    for a, b in zip(states(cell(x, state_of(kind, h, c))), states(want), strict=True):
        np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-13)


def function_of(kind: str, seed: int, lengths: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """A layer as a function of its parameters, its input and its states."""
    rng = np.random.default_rng(seed)
    model = getattr(nn, kind)(2, 2, bidirectional=bool(seed), rng=rng)
    names = [name for name, _ in model.named_parameters()]
    directions = 1 + bool(seed)
    x, h, c = rng.normal(size=(3, 2, 2)), rng.normal(size=(directions, 2, 2)), rng.normal(size=(directions, 2, 2))

    def f(p: dict[str, Any], x: Any, h: Any, c: Any) -> Any:
        for name in names:
            object.__setattr__(model, name, p[name])
        out, final = model(x, state_of(kind, h, c), lengths)
        rest = 0.0 if kind == "LSTM" else (c * c).sum()
        return out.sum() + sum((s * s).sum() for s in states(final)) + (out * out).sum() + rest

    return f, ({name: p.data for name, p in model.named_parameters()}, x, h, c)


@pytest.mark.parametrize("lengths", [None, [3, 1]])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_what_differences_say_at_both_orders(kind: str, seed: int, lengths: Any) -> None:
    f, args = function_of(kind, seed, lengths)
    for order in (1, 2):
        report = compare_grads(f, *args, order=order, directions=None if order == 1 else 6)
        assert report.ok, str(report)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_flows_from_the_padding_and_it_may_be_anything(kind: str) -> None:
    rng = np.random.default_rng(0)
    model = getattr(nn, kind)(2, 3, 2, bidirectional=True, rng=rng)
    x, lengths = rng.normal(size=(4, 3, 2)), np.array([4, 2, 0])
    wild = x.copy()
    wild[2:, 1] = np.nan
    wild[:, 2] = np.inf
    mine = tg.Tensor(wild)
    out, final = model(mine, lengths=lengths)
    calm, same = model(x, lengths=lengths)
    np.testing.assert_array_equal(out.data, calm.data)
    for a, b in zip(states(final), states(same), strict=True):
        np.testing.assert_array_equal(a.data, b.data)
        assert not a.data[:, 2].any(), "a sequence of length 0 keeps its initial state"
    assert not out.data[2:, 1].any()
    assert not out.data[:, 2].any()
    (out.sum() + sum(s.sum() for s in states(final))).backward()
    assert not mine.grad[2:, 1].any()
    assert not mine.grad[:, 2].any()
    assert mine.grad[:2, 1].all()
    assert all(np.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_samples_may_come_first_or_alone(kind: str) -> None:
    rng = np.random.default_rng(0)
    model = getattr(nn, kind)(2, 3, 2, rng=0)
    rows = getattr(nn, kind)(2, 3, 2, batch_first=True, rng=0)
    x, lengths = rng.normal(size=(4, 3, 2)), [4, 3, 2]
    out, final = model(x, lengths=lengths)
    flipped, same = rows(x.swapaxes(0, 1), lengths=lengths)
    np.testing.assert_array_equal(flipped.data.swapaxes(0, 1), out.data)
    np.testing.assert_array_equal(states(same)[0].data, states(final)[0].data)
    for one in (model, rows):
        alone, last = one(x[:, 0])
        np.testing.assert_allclose(alone.data, out.data[:, 0], rtol=1e-13)
        np.testing.assert_allclose(states(last)[0].data, states(final)[0].data[:, 0], rtol=1e-13)
        again, _ = one(x[2:, 0], one(x[:2, 0])[1])  # the final state goes on where the sequence was cut
        np.testing.assert_allclose(again.data, alone.data[2:], rtol=1e-12)


def test_relu_in_place_of_tanh() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    model = nn.RNN(2, 3, nonlinearity="relu", rng=0)
    theirs = torch.nn.RNN(2, 3, nonlinearity="relu").double()
    theirs.load_state_dict({k: torch.tensor(v) for k, v in model.state_dict().items()})
    x = np.random.default_rng(0).normal(size=(4, 2, 2))
    out, _ = model(x)
    want, _ = theirs(torch.tensor(x))
    np.testing.assert_allclose(out.data, want.detach().numpy(), rtol=1e-13)
    out.sum().backward()
    want.sum().backward()
    np.testing.assert_allclose(model.weight_hh_l0.grad, theirs.weight_hh_l0.grad.numpy(), rtol=1e-12)
    cell = nn.RNNCell(2, 3, nonlinearity="relu", rng=0)
    assert (cell(-10 * np.ones((1, 2))).data >= 0).all()


def test_dropout_between_layers_while_training_alone() -> None:
    model = nn.LSTM(2, 8, 2, dropout=0.5, rng=0)
    x = np.ones((3, 2, 2))
    first, second = model(x)[0].data, model(x)[0].data
    assert not np.array_equal(first, second)
    model.eval()
    assert np.array_equal(model(x)[0].data, model(x)[0].data)
    one = nn.LSTM(2, 8, 1, dropout=0.5, rng=0)
    assert np.array_equal(one(x)[0].data, one(x)[0].data)
    assert [name for name, _ in model.named_children()] == []


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_stays_single(kind: str) -> None:
    model = getattr(nn, kind)(2, 3, 2, bidirectional=True, dtype=np.float32, rng=0)
    for lengths in (None, [3, 1]):
        out, final = model(np.ones((3, 2, 2), np.float32), lengths=lengths)
        assert {out.dtype, *(s.dtype for s in states(final))} == {np.dtype(np.float32)}
        (out.sum() + states(final)[-1].sum()).backward()
    assert {p.grad.dtype for p in model.parameters()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("shape", [(0, 2, 3), (2, 0, 3), (0, 0, 3)])
@pytest.mark.parametrize("kind", KINDS)
def test_no_steps_and_no_samples(kind: str, shape: tuple[int, ...]) -> None:
    model = getattr(nn, kind)(3, 4, 2, bidirectional=True, rng=0)
    for lengths in (None, [0] * shape[1]):
        x = tg.Tensor(np.ones(shape))
        out, final = model(x, lengths=lengths)
        assert out.shape == (*shape[:2], 8)
        assert all(s.shape == (4, shape[1], 4) and not bare(s).any() for s in states(final))
        (out.sum() + sum(s.sum() for s in states(final))).backward()
        assert x.grad is None or x.grad.shape == shape


@pytest.mark.parametrize("kind", KINDS)
def test_huge_inputs_saturate_and_nothing_overflows(kind: str) -> None:
    model = getattr(nn, kind)(2, 3, rng=0)
    with np.errstate(all="raise", under="ignore"):
        x = tg.Tensor(np.array([1e4, -1e4, 1e300]).reshape(3, 1, 1) * np.ones((3, 2, 2)))
        out, _ = model(x)
        out.sum().backward()
    assert np.isfinite(out.data).all()
    assert np.isfinite(x.grad).all()


def test_the_layer_on_arrays_under_no_grad_is_the_same() -> None:
    model, x = nn.GRU(2, 3, rng=0), np.ones((4, 2, 2))
    recorded, _ = model(x)
    with tg.no_grad():
        out, _ = model(x)
    assert not out.requires_grad
    np.testing.assert_array_equal(out.data, recorded.data)


def test_the_summary_counts_parameters() -> None:
    assert nn.LSTM(3, 5).summary().parameters == 4 * 5 * (3 + 5 + 2)
    assert repr(nn.GRU(3, 5, 2, bidirectional=True, dropout=0.1)) == (
        "GRU(3 → 5, num_layers=2, bidirectional, dropout=0.1)"
    )


X = np.ones((4, 2, 3))
ERRORS: list[tuple[Callable[[], Any], str]] = [
    (lambda: nn.LSTM(3, 0), "LSTM: input_size=3, hidden_size=0 and num_layers=1 must be at least 1"),
    (lambda: nn.LSTM(4, 5)(X), r"LSTM: takes x of shape \(T, N, input_size\).*input_size = 4; got shape \(4, 2, 3\)"),
    (lambda: nn.GRU(4, 5, batch_first=True)(X), r"GRU: takes x of shape \(N, T, input_size\)"),
    (
        lambda: nn.LSTM(3, 5)(X, np.zeros((1, 2, 5))),
        r"LSTM: .*a pair \(h0, c0\), each of shape \(1, 2, 5\); got \(1, 2, 5\) alone",
    ),
    (lambda: nn.RNN(3, 5)(X, np.zeros((1, 4, 5))), r"RNN: .*is h0 of shape \(1, 2, 5\); got \(1, 4, 5\)"),
    (lambda: nn.RNN(3, 5)(X, lengths=[5, 1]), "RNN: lengths are whole numbers from 0 to 4, one for each of 2"),
    (lambda: nn.RNN(3, 5)(X, lengths=np.array([1.0, 2.0])), "RNN: lengths are whole numbers"),
    (lambda: nn.RNN(3, 5)(X, lengths=[1.5, 2]), r"RNN: lengths are whole numbers.* got \[1.5"),
    (lambda: nn.RNN(3, 5)(X, lengths=[1, 2, 3]), "one for each of 2 sequences"),
    (lambda: nn.RNN(3, 5, nonlinearity="sin"), "RNN: nonlinearity 'sin' is not 'tanh' or 'relu'"),
    (lambda: nn.RNNCell(3, 5, nonlinearity="sin"), "RNNCell: nonlinearity 'sin'"),
    (lambda: nn.GRUCell(3, 5)(np.ones((2, 4))), r"GRUCell: takes x of shape \(\.\.\., 3\), got shape \(2, 4\)"),
    (lambda: nn.LSTMCell(3, 5)(X[0], (np.ones(5), np.ones(5))), r"LSTMCell: .*a pair \(h, c\), each of shape \(2, 5\)"),
]


@pytest.mark.parametrize(("use", "message"), ERRORS)
def test_bad_use_is_told(use: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        use()


# --- wrong layers are caught by the formulas


def gates_rolled(model: Any) -> None:
    n = model.hidden_size
    for p in model.parameters():
        p.data = np.roll(p.data, n, axis=0)


def biases_forgotten(model: Any) -> None:
    for name, p in model.named_parameters():
        if "bias_hh" in name:
            p.data = np.zeros_like(p.data)


def weights_exchanged(model: Any) -> None:
    model.weight_hh_l0.data = model.weight_hh_l0.data[:, ::-1].copy()


FAULTS = [gates_rolled, biases_forgotten, weights_exchanged]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_layer_with_a_fault_differs_from_the_formulas(kind: str, fault: Callable[[Any], None]) -> None:
    rng = np.random.default_rng(0)
    model = getattr(nn, kind)(2, 3, rng=rng)
    x, h, c = rng.normal(size=(3, 2, 2)), rng.normal(size=(1, 2, 3)), rng.normal(size=(1, 2, 3))
    want = defined(model, x, h, c, [3, 3])[0]
    fault(model)
    assert not np.allclose(model(x, state_of(kind, h, c))[0].data, want, rtol=1e-6)


STEPS = {
    tg.rnn_steps: ((2, 2, 1), (2, 2), (2, 1), (2, 2), (2,)),
    tg.lstm_steps: ((2, 2, 1), (2, 2), (2, 2), (8, 1), (8, 2), (8,)),
    tg.gru_steps: ((2, 2, 1), (2, 2), (6, 1), (6, 2), (6,), (6,)),
}
EACH = [(steps, i) for steps, shapes in STEPS.items() for i in range(len(shapes))]


@pytest.mark.parametrize(("steps", "i"), EACH, ids=lambda v: getattr(v, "__name__", v))
def test_any_one_argument_may_be_differentiated_twice_or_differ_between_examples(steps: Any, i: int) -> None:
    rng = np.random.default_rng(i)
    arrays = [rng.normal(size=shape) for shape in STEPS[steps]]

    def of(v: Any) -> Any:
        return steps(*(v if j == i else a for j, a in enumerate(arrays)))

    def slope(v: Any) -> Any:
        return tg.grad(lambda v: (of(v) ** 2).sum())(v)

    way = rng.normal(size=arrays[i].shape)
    _, along = tg.jvp(slope, (arrays[i],), (way,))
    ahead, behind = (slope(arrays[i] + s * 1e-5 * way) for s in (1, -1))
    np.testing.assert_allclose(along, (ahead - behind) / 2e-5, rtol=1e-6, atol=1e-8)
    many = rng.normal(size=(3, *arrays[i].shape))
    for f in (of, slope):
        np.testing.assert_allclose(tg.vmap(f)(many), [f(v) for v in many], rtol=1e-12, atol=1e-13)
    pulled = tg.vmap(tg.vjp(of, arrays[i])[1])(rng.normal(size=(3, *np.shape(of(arrays[i])))))
    assert np.shape(pulled if not isinstance(pulled, tuple) else pulled[0]) == many.shape
