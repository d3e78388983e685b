"""Recurrent layers over a whole sequence, each as one operation: time is the first axis, the samples are the second.

What the steps have found is kept for the reverse pass, back-propagation through time, which is one loop for all
arguments.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import Array, Joint, Op, op
from tinygraph.ops.activation import sigmoid
from tinygraph.ops.gates import (
    Steps,
    affine,
    all_steps,
    bias_gradient,
    by_gate,
    input_gradient,
    multiplied,
    parts,
    project,
    recalled,
    room_for,
    sigmoid_slope,
    steps_of,
    tanh_slope,
    to_sigmoid,
    turned_by_gate,
    weight_gradient,
)
from tinygraph.ops.shape import as_array

__all__ = ["gru_steps", "lstm_steps", "reverse_sequence", "rnn_steps"]


# --- the simple network


def _rnn(x: Array, h0: Array, w: Array, u: Array, b: Array, relu: bool = False) -> Array:
    projected = affine(x, w, b, 1, h0, u)[0]
    steps, *one = projected.shape
    states, turned = np.empty_like(projected, shape=(steps + 1, *one)), u.T.copy()
    states[0] = h0
    for t in range(steps):
        z = states[t + 1]
        np.matmul(states[t], turned, out=z)
        z += projected[t]
        if relu:
            np.maximum(z, 0.0, out=z)
        else:
            np.tanh(z, out=z)
    return states


def _rnn_vjp(g: Array, ans: Array, x: Array, h0: Array, w: Array, u: Array, b: Array, relu: bool) -> tuple[Any, ...]:
    shape = (1, len(x), *h0.shape)
    room = room_for(g, ans, shape)
    slope = np.sign(ans[1:]) if relu else tanh_slope(ans[1:], room[0])
    dh, dzs = g[-1], []
    for t in range(len(x) - 1, -1, -1):
        dzs.append(multiplied([slope], [dh], room, t))
        dh = dzs[-1][0] @ u
        dh += g[t]
    dz = all_steps(room, dzs, shape, g)
    dw, du = weight_gradient(dz, x), weight_gradient(dz, ans[:-1])
    return lambda: input_gradient(dz, w, x.shape), dh, dw, du, bias_gradient(dz)


rnn_steps = op(
    _rnn,
    vjps=Joint(_rnn_vjp, 5),
    name="rnn_steps",
    symbol="RNN",
    latex=r"h_t = \tanh({z} {x}_t + U h_{{t-1}} + b)",
    doc="""h[t] = tanh(W x[t] + U h[t-1] + b) for all steps; with relu=True max(0, ...) in place of tanh.

    x is (T, N, F); h0 (N, H), W (H, F), U (H, H), b (H,). The result, (T + 1, N, H), begins with h0.

    Example:
        >>> one = np.ones((1, 1))
        >>> rnn_steps(np.ones((2, 1, 1)), 0 * one, one, 0 * one, np.zeros(1)).ravel().round(4)
        array([0.    , 0.7616, 0.7616])
    """,
)

# --- long short-term memory


def _lstm_run(x: Array, h0: Array, c0: Array, w: Array, u: Array, b: Array) -> tuple[Array, ...]:
    """The states, (2, T + 1, N, H); the gates, (4, T, N, H); tanh(c), (T, N, H)."""
    gates = affine(x, w, b, 4, h0, c0, u)
    _, steps, *one = gates.shape
    states = np.empty_like(gates, shape=(2, steps + 1, *one))
    tanhs = np.empty_like(gates, shape=(steps, *one))
    turned, product = turned_by_gate(u, 4).copy(), np.empty_like(gates, shape=(4, *one))
    hs, cs = parts(states)
    hs[0], cs[0] = h0, c0
    with np.errstate(over="ignore"):
        for t in range(steps):
            z, new, tanh = gates[:, t], cs[t + 1], tanhs[t]
            np.matmul(hs[t], turned, out=product)
            z += product
            i, f, a, o = parts(z)
            to_sigmoid(z[:2])
            np.tanh(a, out=a)
            to_sigmoid(o)
            np.multiply(f, cs[t], out=new)
            new += i * a
            np.tanh(new, out=tanh)
            np.multiply(o, tanh, out=hs[t + 1])
    return states, gates, tanhs


def _lstm_again(states: Array, x: Array, w: Array, u: Array, b: Array) -> tuple[Any, ...]:
    """What `_lstm_run` has found, from the states, for all steps at once."""
    i, f, a, o = parts(
        project(x, w, 4, states.dtype) + states[0, :-1] @ turned_by_gate(u, 4)[:, None] + b.reshape(4, 1, 1, -1)
    )
    return states, (sigmoid(i), sigmoid(f), np.tanh(a), sigmoid(o)), np.tanh(states[1, 1:])


def _lstm(x: Array, h0: Array, c0: Array, w: Array, u: Array, b: Array, known: Steps | None = None) -> Array:
    return (recalled(known, x, h0, c0, w, u, b) or _lstm_run(x, h0, c0, w, u, b))[0]


def _lstm_vjp(
    g: Array, ans: Array, x: Array, h0: Array, c0: Array, w: Array, u: Array, b: Array, known: Steps | None
) -> tuple[Any, ...]:
    states, gates, tanh = recalled(known, x, h0, c0, w, u, b) or _lstm_again(ans, x, w, u, b)
    (hs, cs), (gh, gc), (i, f, a, o), apart = parts(states), parts(g), parts(gates), by_gate(u, 4)
    shape = (4, len(x), *h0.shape)
    room = room_for(g, ans, shape)
    di, df, do = (sigmoid_slope(gate, room[k]) for k, gate in ((0, i), (1, f), (3, o)))
    da, through = tanh_slope(a, room[2]), tanh_slope(tanh)
    di *= a
    df *= cs[:-1]
    da *= i
    do *= tanh
    through *= o
    dc, dh, dzs = gc[-1], gh[-1], []
    for t in range(len(x) - 1, -1, -1):
        dc = dc + dh * through[t]
        dzs.append(multiplied((di, df, da, do), (dc, dc, dc, dh), room, t))
        dc = dc * f[t]
        dc += gc[t]
        dh = np.add.reduce(dzs[-1] @ apart, axis=0)
        dh += gh[t]
    dz = all_steps(room, dzs, shape, g)
    dw, du = weight_gradient(dz, x), weight_gradient(dz, hs[:-1])
    return lambda: input_gradient(dz, w, x.shape), dh, dc, dw, du, bias_gradient(dz)


_lstm_steps = op(
    _lstm,
    vjps=Joint(_lstm_vjp, 6),
    name="lstm_steps",
    symbol="LSTM",
    latex=r"h_t = o_t \tanh c_t, \; c_t = f_t c_{{t-1}} + i_t g_t",
)


def lstm_steps(x: Any, h0: Any, c0: Any, w: Any, u: Any, b: Any) -> Any:
    """c[t] = f c[t-1] + i g and h[t] = o tanh(c[t]) for all steps; i, f, o are sigmoids and g is the tanh of the
    parts of W x[t] + U h[t-1] + b, in the order i, f, g, o.

    x is (T, N, F); h0 and c0 (N, H), W (4H, F), U (4H, H), b (4H,). The result, (2, T + 1, N, H), is h and c, which
    begin with h0 and c0. S. Hochreiter and J. Schmidhuber (1997), with the forget gate of F. Gers et al. (2000).

    Example:
        >>> x, h0, c0, w = np.zeros((1, 1, 1)), np.zeros((1, 1)), np.ones((1, 1)), np.zeros((4, 1))
        >>> lstm_steps(x, h0, c0, w, w, np.zeros(4))[:, 1].ravel().round(4)
        array([0.2311, 0.5   ])
    """
    x, h0, c0, w, u, b = map(as_array, (x, h0, c0, w, u, b))
    return _lstm_steps(x, h0, c0, w, u, b, known=steps_of(_lstm_run, x, h0, c0, w, u, b))


# --- gated recurrent unit


def _gru_run(x: Array, h0: Array, w: Array, u: Array, b: Array, d: Array) -> tuple[Array, ...]:
    """The states, (T + 1, N, H); the gates, (3, T, N, H); U_n h[t-1] + d_n, (T, N, H)."""
    gates = affine(x, w, b, 3, h0, u, d)
    _, steps, *one = gates.shape
    states = np.empty_like(gates, shape=(steps + 1, *one))
    inners = np.empty_like(gates, shape=(steps, *one))
    turned, product, d = turned_by_gate(u, 3).copy(), np.empty_like(gates, shape=(3, *one)), d.reshape(3, 1, -1)
    states[0] = h0
    with np.errstate(over="ignore"):
        for t in range(steps):
            z, h, out = gates[:, t], states[t], states[t + 1]
            np.matmul(h, turned, out=product)
            product += d
            both, new = z[:2], z[2]
            both += product[:2]
            to_sigmoid(both)
            inners[t] = product[2]
            new += z[0] * product[2]
            np.tanh(new, out=new)
            np.subtract(h, new, out=out)
            out *= z[1]
            out += new
    return states, gates, inners


def _gru_again(states: Array, x: Array, w: Array, u: Array, b: Array, d: Array) -> tuple[Any, ...]:
    """What `_gru_run` has found, from the states, for all steps at once."""
    r, z, new = parts(project(x, w, 3, states.dtype) + b.reshape(3, 1, 1, -1))
    to_r, to_z, inner = parts(states[:-1] @ turned_by_gate(u, 3)[:, None] + d.reshape(3, 1, 1, -1))
    r = sigmoid(r + to_r)
    return states, (r, sigmoid(z + to_z), np.tanh(new + r * inner)), inner


def _gru(x: Array, h0: Array, w: Array, u: Array, b: Array, d: Array, known: Steps | None = None) -> Array:
    return (recalled(known, x, h0, w, u, b, d) or _gru_run(x, h0, w, u, b, d))[0]


def _gru_vjp(
    g: Array, ans: Array, x: Array, h0: Array, w: Array, u: Array, b: Array, d: Array, known: Steps | None
) -> tuple[Any, ...]:
    """Gradients lie side by side in the order n inside, r, z, n: the last three are W x's, the first three U h's."""
    hs, gates, inner = recalled(known, x, h0, w, u, b, d) or _gru_again(ans, x, w, u, b, d)
    r, z, new = parts(gates)
    shape = (4, len(x), *h0.shape)
    room = room_for(g, ans, shape)
    dnew = tanh_slope(new, room[3])
    dnew *= 1.0 - z
    within = np.multiply(dnew, r, out=room[0])
    dr, dz = sigmoid_slope(r, room[1]), sigmoid_slope(z, room[2])
    dr *= dnew
    dr *= inner
    dz *= hs[:-1] - new
    apart, dh, dzs = np.roll(by_gate(u, 3), 1, axis=0), g[-1], []
    for t in range(len(x) - 1, -1, -1):
        dzs.append(multiplied((within, dr, dz, dnew), (dh,) * 4, room, t))
        dh = dh * z[t]
        dh += np.add.reduce(dzs[-1][:3] @ apart, axis=0)
        dh += g[t]
    found = all_steps(room, dzs, shape, g)
    inside, outside, n = found[:3], found[1:], u.shape[1]
    du, dd = (np.roll(part, -n, axis=0) for part in (weight_gradient(inside, hs[:-1]), bias_gradient(inside)))
    return lambda: input_gradient(outside, w, x.shape), dh, weight_gradient(outside, x), du, bias_gradient(outside), dd


_gru_steps = op(
    _gru,
    vjps=Joint(_gru_vjp, 6),
    name="gru_steps",
    symbol="GRU",
    latex=r"h_t = (1 - z_t) n_t + z_t h_{{t-1}}",
)


def gru_steps(x: Any, h0: Any, w: Any, u: Any, b: Any, d: Any) -> Any:
    """h[t] = (1 - z) n + z h[t-1] for all steps, with n = tanh(W_n x[t] + b_n + r (U_n h[t-1] + d_n)); r and z are
    sigmoids of the first parts of W x[t] + b + U h[t-1] + d, in the order r, z, n.

    x is (T, N, F); h0 (N, H), W (3H, F), U (3H, H), b and d (3H,). The result, (T + 1, N, H), begins with h0. K. Cho
    et al. (2014), with the reset after the product, as in PyTorch.

    Example:
        >>> x, h0, w, b = np.zeros((1, 1, 1)), np.ones((1, 1)), np.zeros((3, 1)), np.zeros(3)
        >>> gru_steps(x, h0, w, w, b, b).ravel()
        array([1. , 0.5])
    """
    x, h0, w, u, b, d = map(as_array, (x, h0, w, u, b, d))
    return _gru_steps(x, h0, w, u, b, d, known=steps_of(_gru_run, x, h0, w, u, b, d))


def _reversed(x: Array, lengths: Array) -> Array:
    steps, samples = x.shape[:2]
    t = np.arange(steps, like=lengths)[:, None]
    return x[np.where(t < lengths, lengths - 1 - t, t), np.arange(samples, like=lengths)]


reverse_sequence: Op = op(
    _reversed,
    kind="linear",
    vjps=[lambda g, ans, x, lengths: reverse_sequence(g, lengths=lengths)],
    name="reverse_sequence",
    doc="""The first lengths[n] steps of each sequence x[:, n] in the opposite order, the rest in its place.

    Example:
        >>> reverse_sequence(np.array([[1.0], [2.0], [3.0]]), lengths=np.array([2])).ravel()
        array([2., 1., 3.])
    """,
)
