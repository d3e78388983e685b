"""Recurrent layers over a whole sequence, each as one operation: time is the first axis, the samples are the second.

The result holds all that the steps have computed, side by side along the last axis, and the state before the first
step as its first row. So nothing is computed again in the reverse pass, back-propagation through time, which is one
loop for all arguments.
"""

from __future__ import annotations

import numpy as np

from tinygraph.op import Array, Joint, Op, op

__all__ = ["gru_steps", "lstm_steps", "reverse_sequence", "rnn_steps"]


def _parts(row: Array, n: int, count: int) -> list[Array]:
    return [row[:, k * n : (k + 1) * n] for k in range(count)]


def _states(x: Array, *others: Array, columns: int) -> Array:
    """Room for the rows of all steps, and one for the state before them."""
    steps, samples, _ = x.shape
    return np.empty_like(x, dtype=np.result_type(x, *others), shape=(steps + 1, samples, columns))


def _to_sigmoid(z: Array) -> None:
    """In place: 1 / (1 + exp(-z)); where the exponential overflows, 0."""
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1.0
    np.reciprocal(z, out=z)


def _columns(steps: Array, n: int, count: int) -> list[Array]:
    """The parts of the rows of all steps, without the row before the first."""
    return [steps[1:, :, k * n : (k + 1) * n] for k in range(count)]


def _sigmoid_slope(s: Array) -> Array:
    return s * (1.0 - s)


def _tanh_slope(t: Array) -> Array:
    return (1.0 - t) * (1.0 + t)


def _in_order(last_first: list[Array], like: Array) -> Array:
    return np.stack(last_first[::-1]) if last_first else np.zeros_like(like)


def _rows(x: Array) -> Array:
    return x.reshape(x.shape[0] * x.shape[1], x.shape[2])


# --- the simple network


def _rnn(x: Array, h0: Array, weight: Array, relu: bool = False) -> Array:
    states = _states(x, h0, weight, columns=weight.shape[0])
    turned = weight.T.copy()
    states[0] = h0
    for t in range(len(x)):
        z = states[t] @ turned
        z += x[t]
        states[t + 1] = np.maximum(z, 0.0) if relu else np.tanh(z)
    return states


def _rnn_vjp(g: Array, ans: Array, x: Array, h0: Array, weight: Array, relu: bool) -> tuple[Array, ...]:
    dh, dzs = g[-1], []
    slope = np.sign(ans[1:]) if relu else _tanh_slope(ans[1:])
    for t in range(len(x) - 1, -1, -1):
        dz = dh * slope[t]
        dh = g[t] + dz @ weight
        dzs.append(dz)
    dx = _in_order(dzs, x)
    return dx, dh, _rows(dx).T @ _rows(ans[:-1])


rnn_steps = op(
    _rnn,
    vjps=Joint(_rnn_vjp, 3),
    name="rnn_steps",
    symbol="RNN",
    latex=r"h_t = \tanh(x_t + {z} h_{{t-1}})",
    doc="""h[t] = tanh(x[t] + W h[t-1]) for all steps; with relu=True max(0, ...) in place of tanh.

    x is (T, N, H), projected already and with its biases; h0 (N, H), W (H, H). The result, (T + 1, N, H), begins with
    h0.

    Example:
        >>> rnn_steps(np.ones((2, 1, 1)), np.zeros((1, 1)), np.zeros((1, 1))).ravel().round(4)
        array([0.    , 0.7616, 0.7616])
    """,
)

# --- long short-term memory


def _lstm(x: Array, h0: Array, c0: Array, weight: Array) -> Array:
    n = weight.shape[1]
    states = _states(x, h0, c0, weight, columns=7 * n)
    turned = weight.T.copy()
    states[0] = 0.0
    *_, c, _, h = _parts(states[0], n, 7)
    c[...], h[...] = c0, h0
    with np.errstate(over="ignore"):
        for t in range(len(x)):
            row = states[t + 1]
            i, f, a, o, new, tanh, out = _parts(row, n, 7)
            z = h @ turned
            np.add(z, x[t], out=row[:, : 4 * n])
            _to_sigmoid(row[:, : 2 * n])
            np.tanh(a, out=a)
            _to_sigmoid(o)
            np.multiply(f, c, out=new)
            new += i * a
            np.tanh(new, out=tanh)
            np.multiply(o, tanh, out=out)
            h, c = out, new
    return states


def _lstm_vjp(g: Array, ans: Array, x: Array, h0: Array, c0: Array, weight: Array) -> tuple[Array, ...]:
    n, dzs = weight.shape[1], []
    i, f, a, o, _, tanh, _ = _columns(ans, n, 7)
    before, gc, gtanh, gh = ans[:-1, :, 4 * n : 5 * n], *(g[:, :, k * n : (k + 1) * n] for k in (4, 5, 6))
    slopes = np.concatenate([_sigmoid_slope(i), _sigmoid_slope(f), _tanh_slope(a), _sigmoid_slope(o)], axis=2)
    slope = _tanh_slope(tanh)
    dc, dh = gc[-1], gh[-1]
    for t in range(len(x) - 1, -1, -1):
        dc = dc + (dh * o[t] + gtanh[t + 1]) * slope[t]
        dz = np.concatenate([dc * a[t], dc * before[t], dc * i[t], dh * tanh[t]], axis=1)
        dz += g[t + 1][:, : 4 * n]
        dz *= slopes[t]
        dc = dc * f[t] + gc[t]
        dh = dz @ weight + gh[t]
        dzs.append(dz)
    dx = _in_order(dzs, x)
    return dx, dh, dc, _rows(dx).T @ _rows(ans[:-1, :, 6 * n :])


lstm_steps = op(
    _lstm,
    vjps=Joint(_lstm_vjp, 4),
    name="lstm_steps",
    symbol="LSTM",
    latex=r"h_t = o_t \tanh c_t, \; c_t = f_t c_{{t-1}} + i_t g_t",
    doc="""c[t] = f c[t-1] + i g and h[t] = o tanh(c[t]) for all steps; i, f, o are sigmoids and g is the tanh of
    the parts of x[t] + W h[t-1], in the order i, f, g, o.

    x is (T, N, 4H), projected already and with its biases; h0 and c0 (N, H), W (4H, H). The result, (T + 1, N, 7H), has
    the columns i, f, g, o, c, tanh(c), h; its first row has c0 and h0. S. Hochreiter and J. Schmidhuber (1997), with
    the forget gate of F. Gers et al. (2000).

    Example:
        >>> steps = lstm_steps(np.zeros((1, 1, 4)), np.zeros((1, 1)), np.ones((1, 1)), np.zeros((4, 1)))
        >>> steps[1].round(4)
        array([[0.5   , 0.5   , 0.    , 0.5   , 0.5   , 0.4621, 0.2311]])
    """,
)

# --- gated recurrent unit


def _gru(x: Array, h0: Array, weight: Array, bias: Array) -> Array:
    n = weight.shape[1]
    states = _states(x, h0, weight, bias, columns=5 * n)
    turned = weight.T.copy()
    states[0] = 0.0
    h = states[0][:, 4 * n :]
    h[...] = h0
    with np.errstate(over="ignore"):
        for t in range(len(x)):
            row = states[t + 1]
            r, u, new, inner, out = _parts(row, n, 5)
            z = h @ turned
            z += bias
            np.add(z[:, : 2 * n], x[t, :, : 2 * n], out=row[:, : 2 * n])
            _to_sigmoid(row[:, : 2 * n])
            inner[...] = z[:, 2 * n :]
            np.multiply(r, inner, out=new)
            new += x[t, :, 2 * n :]
            np.tanh(new, out=new)
            np.subtract(h, new, out=out)
            out *= u
            out += new
            h = out
    return states


def _gru_vjp(g: Array, ans: Array, x: Array, h0: Array, weight: Array, bias: Array) -> tuple[Array, ...]:
    n, outer, within = weight.shape[1], [], []
    r, u, new, inner, _ = _columns(ans, n, 5)
    before = ans[:-1, :, 4 * n :]
    gates = _sigmoid_slope(ans[1:, :, : 2 * n])
    kept, slope, apart = 1.0 - u, _tanh_slope(new), before - new
    dh = g[-1][:, 4 * n :]
    for t in range(len(x) - 1, -1, -1):
        _, _, gnew, ginner, _ = _parts(g[t + 1], n, 5)
        dnew = (dh * kept[t] + gnew) * slope[t]
        dgates = np.concatenate([dnew * inner[t], dh * apart[t]], axis=1)
        dgates += g[t + 1][:, : 2 * n]
        dgates *= gates[t]
        dz = np.concatenate([dgates, dnew * r[t] + ginner], axis=1)
        outer.append(np.concatenate([dgates, dnew], axis=1))
        within.append(dz)
        dh = dh * u[t] + dz @ weight + g[t][:, 4 * n :]
    dz = _rows(_in_order(within, x))
    return _in_order(outer, x), dh, dz.T @ _rows(ans[:-1, :, 4 * n :]), np.add.reduce(dz, axis=0)


gru_steps = op(
    _gru,
    vjps=Joint(_gru_vjp, 4),
    name="gru_steps",
    symbol="GRU",
    latex=r"h_t = (1 - z_t) n_t + z_t h_{{t-1}}",
    doc="""h[t] = (1 - z) n + z h[t-1] for all steps, with n = tanh(x_n + r (W_n h[t-1] + b_n)); r and z are sigmoids
    of the first parts of x[t] + W h[t-1] + b, in the order r, z, n.

    x is (T, N, 3H), projected already and with its own biases; h0 (N, H), W (3H, H), b (3H,). The result, (T + 1, N,
    5H), has the columns r, z, n, W_n h[t-1] + b_n, h; its first row has h0. K. Cho et al. (2014), with the reset after
    the product, as in PyTorch.

    Example:
        >>> gru_steps(np.zeros((1, 1, 3)), np.ones((1, 1)), np.zeros((3, 1)), np.zeros(3))[1]
        array([[0.5, 0.5, 0. , 0. , 0.5]])
    """,
)


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
