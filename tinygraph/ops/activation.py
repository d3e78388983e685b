"""Activations and normalised exponentials, each in its numerically stable form."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import Array, Kink, op
from tinygraph.ops.elementwise import elementwise
from tinygraph.ops.reduce import kept_shape

__all__ = ["leaky_relu", "log_softmax", "logsumexp", "relu", "sigmoid", "softmax", "softplus"]


def _sigmoid(x: Array) -> Array:
    small = np.exp(-np.abs(x))  # never overflows, and keeps the digits of both tails
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


sigmoid = elementwise(
    _sigmoid,
    vjps=[lambda g, ans, x: g * (ans * (1.0 - ans))],
    name="sigmoid",
    symbol="σ",
    latex=r"\sigma({x})",
    doc="""The logistic function 1 / (1 + exp(-x)), without overflow.

    Example:
        >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
        array([0. , 0.5, 1. ])
    """,
)
softplus = elementwise(
    lambda x: np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x))),
    vjps=[lambda g, ans, x: g * sigmoid(x)],
    name="softplus",
    latex=r"\ln(1 + e^{{{x}}})",
    doc="""ln(1 + exp(x)), without overflow; a smooth relu.

    Example:
        >>> softplus(np.array([0.0, 1000.0]))
        array([6.93147181e-01, 1.00000000e+03])
    """,
)
relu = elementwise(
    lambda x: np.maximum(x, 0.0),
    vjps=[lambda g, ans, x: g * np.sign(ans)],  # 1 or 0, in the dtype of x
    kinks=[Kink("x = 0", lambda x: x, "0, at the minimum")],
    name="relu",
    latex=r"\max(0, {x})",
    doc="""max(0, x); its slope at 0 is taken as 0.

    Example:
        >>> relu(np.array([-1.0, 2.0]))
        array([0., 2.])
    """,
)


def _leaky_relu(x: Array, negative_slope: float = 0.01) -> Array:
    return x * np.where(x > 0, np.ones_like(x), negative_slope)


leaky_relu = elementwise(
    _leaky_relu,
    vjps=[lambda g, ans, x, negative_slope: np.where(x > 0, g, negative_slope * g)],
    kinks=[Kink("x = 0", lambda x, negative_slope=0.01: x, "negative_slope")],
    name="leaky_relu",
    latex=r"\operatorname{{leaky}}({x})",
    doc="""x where x > 0, else negative_slope * x.

    Example:
        >>> leaky_relu(np.array([-1.0, 2.0]))
        array([-0.01,  2.  ])
    """,
)


def _peak(x: Array, axis: Any) -> Array:
    """The largest element, finite so that rows of -inf give no NaN."""
    top = x.max(axis=axis, keepdims=True)
    return np.where(np.isfinite(top), top, 0.0)


def _softmax(x: Array, axis: Any = -1) -> Array:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / np.add.reduce(e, axis=axis, keepdims=True)


def _softmax_vjp(g: Array, ans: Array, x: Array, axis: Any) -> Array:
    weighted = g * ans
    return weighted - ans * np.sum(weighted, axis=axis, keepdims=True)


softmax = op(
    _softmax,
    vjps=[_softmax_vjp],
    name="softmax",
    latex=r"\operatorname{{softmax}}({x})",
    doc="""exp(x) / sum(exp(x)) along an axis, the last by default.

    Example:
        >>> softmax(np.array([0.0, 0.0]))
        array([0.5, 0.5])
    """,
)


def _logsumexp(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    top = _peak(x, axis)
    total = np.log(np.add.reduce(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis=axis)


def _logsumexp_vjp(g: Array, ans: Array, x: Array, axis: Any, keepdims: bool) -> Array:
    if not keepdims:
        kept = kept_shape(x, axis)
        g, ans = g.reshape(kept), ans.reshape(kept)
    return g * np.exp(x - ans)


logsumexp = op(
    _logsumexp,
    vjps=[_logsumexp_vjp],
    name="logsumexp",
    latex=r"\ln \sum e^{{{x}}}",
    doc="""ln(sum(exp(x))) along an axis, without overflow: a smooth maximum.

    Example:
        >>> float(logsumexp(np.array([1000.0, 1000.0])).round(4))
        1000.6931
    """,
)


def _log_softmax(x: Array, axis: Any = -1) -> Array:
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))


log_softmax = op(
    _log_softmax,
    vjps=[lambda g, ans, x, axis: g - np.exp(ans) * np.sum(g, axis=axis, keepdims=True)],
    name="log_softmax",
    latex=r"\ln \operatorname{{softmax}}({x})",
    doc="""The logarithm of softmax, without loss of digits.

    Example:
        >>> log_softmax(np.array([0.0, 1000.0]))
        array([-1000.,     0.])
    """,
)
