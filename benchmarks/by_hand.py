"""Layers and losses written by hand in NumPy, as a student would who derived them: forward, then backward.

A layer takes its parameters by name, its inputs, and the gradient of its output; it gives the output and the gradients
of its inputs and parameters. A loss takes predictions and targets; it gives the loss and the gradient of the first.
"""

import math
from typing import Any

import numpy as np

from benchmarks.conv import conv_backward, conv_forward

Params = dict[str, np.ndarray]
DROPPING = np.random.default_rng(0)


def linear(p: Params, x: np.ndarray, g: np.ndarray) -> list[Any]:
    return [x @ p["weight"].T + p["bias"], g @ p["weight"], g.T @ x, g.sum(axis=0)]


def conv1d(p: Params, x: np.ndarray, g: np.ndarray) -> list[Any]:
    """Without padding."""
    weight = p["weight"][:, :, None]
    y, rows = conv_forward(x[:, :, None], weight, 0)
    dx, dw = conv_backward(g[:, :, None], rows, weight, (*x.shape[:2], 1, x.shape[2]), 0)
    return [y[:, :, 0] + p["bias"][:, None], dx[:, :, 0], dw[:, :, 0], g.sum(axis=(0, 2))]


def conv2d(p: Params, x: np.ndarray, g: np.ndarray) -> list[Any]:
    """With a zero on each side."""
    y, rows = conv_forward(x, p["weight"], 1)
    return [y + p["bias"][:, None, None], *conv_backward(g, rows, p["weight"], x.shape, 1), g.sum(axis=(0, 2, 3))]


def conv_transpose2d(p: Params, x: np.ndarray, g: np.ndarray) -> list[Any]:
    """With a stride as long as the kernel: each number becomes a square, and squares do not overlap."""
    (n, c, height, width), (_, out, k, _) = x.shape, p["weight"].shape
    weight = p["weight"].reshape(c, -1)
    flat = x.transpose(0, 2, 3, 1).reshape(-1, c)
    squares = (flat @ weight).reshape(n, height, width, out, k, k)
    y = squares.transpose(0, 3, 1, 4, 2, 5).reshape(n, out, height * k, width * k)
    rows = g.reshape(n, out, height, k, width, k).transpose(0, 2, 4, 1, 3, 5).reshape(len(flat), -1)
    dx = (rows @ weight.T).reshape(n, height, width, c).transpose(0, 3, 1, 2)
    return [y + p["bias"][:, None, None], dx, (flat.T @ rows).reshape(p["weight"].shape), g.sum(axis=(0, 2, 3))]


def _squares(x: np.ndarray) -> np.ndarray:
    return x.reshape(*x.shape[:2], x.shape[2] // 2, 2, x.shape[3] // 2, 2)


def max_pool2d(p: Params, x: np.ndarray, g: np.ndarray) -> list[Any]:
    squares = _squares(x)
    y = squares.max(axis=(3, 5))
    return [y, ((squares == y[:, :, :, None, :, None]) * g[:, :, :, None, :, None]).reshape(x.shape)]


def avg_pool2d(p: Params, x: np.ndarray, g: np.ndarray) -> list[Any]:
    return [_squares(x).mean(axis=(3, 5)), np.repeat(np.repeat(g / 4, 2, axis=2), 2, axis=3)]


def _normalised(
    x: np.ndarray, weight: np.ndarray, g: np.ndarray, axis: Any, rest: Any, eps: float, center: bool = True
) -> list[Any]:
    """Output and gradients of input and weight; `rest` are the axes along which the weight is one number."""
    mean = x.mean(axis=axis, keepdims=True) if center else 0.0
    var = np.square(x - mean).mean(axis=axis, keepdims=True)
    scale = 1 / np.sqrt(var + eps)
    hat = (x - mean) * scale
    dhat = g * weight
    dx = dhat - hat * (dhat * hat).mean(axis=axis, keepdims=True)
    if center:
        dx -= dhat.mean(axis=axis, keepdims=True)
    return [hat * weight, dx * scale, (g * hat).sum(axis=rest), mean, var]


def batch_norm(p: Params, x: np.ndarray, g: np.ndarray) -> list[Any]:
    axis, along = (0, *range(2, x.ndim)), (-1, *(1,) * (x.ndim - 2))
    y, dx, dw, mean, var = _normalised(x, p["weight"].reshape(along), g, axis, axis, 1e-5)
    n = x.size // x.shape[1]
    p["running_mean"] += 0.1 * (mean.reshape(-1) - p["running_mean"])
    p["running_var"] += 0.1 * (var.reshape(-1) * (n / (n - 1)) - p["running_var"])
    return [y + p["bias"].reshape(along), dx, dw, g.sum(axis=axis)]


def layer_norm(p: Params, x: np.ndarray, g: np.ndarray) -> list[Any]:
    y, dx, dw, _, _ = _normalised(x, p["weight"], g, -1, 0, 1e-5)
    return [y + p["bias"], dx, dw, g.sum(axis=0)]


def rms_norm(p: Params, x: np.ndarray, g: np.ndarray) -> list[Any]:
    return _normalised(x, p["weight"], g, -1, 0, float(np.finfo(x.dtype).eps), center=False)[:3]


def dropout(p: Params, x: np.ndarray, g: np.ndarray) -> list[Any]:
    mask = (DROPPING.random(x.shape, dtype=np.float32) < 0.5) * x.dtype.type(2)
    return [x * mask, g * mask]


def embedding(p: Params, index: np.ndarray, g: np.ndarray) -> list[Any]:
    dw = np.zeros_like(p["weight"])
    np.add.at(dw, index, g)
    return [p["weight"][index], dw]


def rnn(p: Params, x: np.ndarray, g: np.ndarray) -> list[Any]:
    w, u, b, c = p.values()
    steps, samples, _ = x.shape
    h = np.zeros((steps + 1, samples, len(u)), x.dtype)
    z = x @ w.T + (b + c)
    for t in range(steps):
        h[t + 1] = np.tanh(z[t] + h[t] @ u.T)
    dz, dh = np.empty_like(z), np.zeros_like(h[0])
    for t in reversed(range(steps)):
        dz[t] = (g[t] + dh) * (1 - h[t + 1] ** 2)
        dh = dz[t] @ u
    flat, db = dz.reshape(-1, len(u)), dz.sum(axis=(0, 1))
    return [h[1:], dz @ w, flat.T @ x.reshape(-1, x.shape[2]), flat.T @ h[:-1].reshape(-1, len(u)), db, db]


def lstm(p: Params, x: np.ndarray, g: np.ndarray) -> list[Any]:
    w, u, b, d = p.values()
    steps, samples, n = *x.shape[:2], u.shape[1]
    h, c = (np.zeros((steps + 1, samples, n), x.dtype) for _ in range(2))
    z = x @ w.T + (b + d)
    for t in range(steps):
        z[t] += h[t] @ u.T
        gate = z[t].reshape(samples, 4, n)  # i, f, g, o
        new = np.tanh(gate[:, 2])
        gate[:] = 1 / (1 + np.exp(-gate))
        gate[:, 2] = new
        c[t + 1] = gate[:, 1] * c[t] + gate[:, 0] * new
        h[t + 1] = gate[:, 3] * np.tanh(c[t + 1])
    dz, dh, dc = np.empty_like(z), np.zeros_like(h[0]), np.zeros_like(c[0])
    for t in reversed(range(steps)):
        i, f, new, o = (z[t].reshape(samples, 4, n)[:, k] for k in range(4))
        dh = dh + g[t]
        tanh = np.tanh(c[t + 1])
        dc = dc + dh * o * (1 - tanh**2)
        parts = (dc * new * i * (1 - i), dc * c[t] * f * (1 - f), dc * i * (1 - new**2), dh * tanh * o * (1 - o))
        dz[t] = np.concatenate(parts, axis=1)
        dh, dc = dz[t] @ u, dc * f
    flat, db = dz.reshape(-1, 4 * n), dz.sum(axis=(0, 1))
    return [h[1:], dz @ w, flat.T @ x.reshape(-1, x.shape[2]), flat.T @ h[:-1].reshape(-1, n), db, db]


# --- losses, each the mean over its numbers or samples


def mse(x: np.ndarray, y: np.ndarray) -> list[Any]:
    d = x - y
    return [np.square(d).mean(), d * (2 / d.size)]


def l1(x: np.ndarray, y: np.ndarray) -> list[Any]:
    d = x - y
    return [np.abs(d).mean(), np.sign(d) / d.size]


def huber(x: np.ndarray, y: np.ndarray) -> list[Any]:
    d = x - y
    near = np.clip(d, -1, 1)
    return [(near * (d - near / 2)).mean(), near / d.size]


def bce(a: np.ndarray, y: np.ndarray) -> list[Any]:
    return [-(y * np.log(a) + (1 - y) * np.log(1 - a)).mean(), (a - y) / (a * (1 - a) * a.size)]


def bce_with_logits(z: np.ndarray, y: np.ndarray) -> list[Any]:
    loss = (np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))).mean()
    return [loss, (1 / (1 + np.exp(-z)) - y) / z.size]


def cross_entropy(z: np.ndarray, labels: np.ndarray) -> list[Any]:
    rows = np.arange(len(z))
    shifted = z - z.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    loss = (np.log(total[:, 0]) - shifted[rows, labels]).mean()
    e /= total
    e[rows, labels] -= 1
    e /= len(z)
    return [loss, e]


def nll(x: np.ndarray, labels: np.ndarray) -> list[Any]:
    rows, dx = np.arange(len(x)), np.zeros_like(x)
    dx[rows, labels] = -1 / len(x)
    return [-x[rows, labels].mean(), dx]


def kl_div(x: np.ndarray, y: np.ndarray) -> list[Any]:
    return [(y * (np.log(y) - x)).sum() / len(x), y / -len(x)]


def hinge(x: np.ndarray, y: np.ndarray) -> list[Any]:
    gap = 1 - y * x
    return [np.maximum(gap, 0).mean(), (gap > 0) * -y / x.size]


def multi_margin(x: np.ndarray, labels: np.ndarray) -> list[Any]:
    rows = np.arange(len(x))
    gap = 1 - x[rows, labels][:, None] + x
    gap[rows, labels] = 0
    over = (gap > 0) / math.prod(x.shape)
    over[rows, labels] = -over.sum(axis=1)
    return [np.maximum(gap, 0).mean(), over.astype(x.dtype)]
