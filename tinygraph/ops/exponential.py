"""Normalised exponentials and their logarithms, without overflow."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import Array, op
from tinygraph.ops.reduce import MANY, kept_shape, row_sums

__all__ = ["log_softmax", "logsumexp", "softmax"]


def _peak(x: Array, axis: Any) -> Array:
    """The largest element, finite so that rows of -inf give no NaN."""
    top = x.max(axis=axis, keepdims=True)
    return np.where(np.isfinite(top), top, 0.0)


def _largest(x: Array, axis: Any) -> Array:
    """Of many short rows it is found by columns, in a copy: NumPy compares columns whole, a row number by number."""
    if x.size > MANY and axis == -1 and x.shape[-1] <= 64:
        return np.moveaxis(x, -1, 0).copy().max(axis=0)[..., None]
    return x.max(axis=axis, keepdims=True)


def _sums(x: Array, axis: Any) -> Array:
    return row_sums(x) if axis == -1 else np.add.reduce(x, axis=axis, keepdims=True)


def _softmax(x: Array, axis: Any = -1) -> Array:
    if not x.size:  # there is no largest element
        return +x
    e = np.exp(x - _largest(x, axis))
    return e / _sums(e, axis)


def _softmax_vjp(g: Array, ans: Array, x: Array, axis: Any) -> Array:
    weighted = g * ans
    return weighted - ans * _sums(weighted, axis)


softmax = op(
    _softmax,
    vjps=[_softmax_vjp],
    complex=True,
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
    complex=True,
    name="logsumexp",
    latex=r"\ln \sum e^{{{x}}}",
    doc="""ln(sum(exp(x))) along an axis, without overflow: a smooth maximum.

    Example:
        >>> float(logsumexp(np.array([1000.0, 1000.0])).round(4))
        1000.6931
    """,
)


def _log_softmax(x: Array, axis: Any = -1) -> Array:
    if not x.size:
        return +x
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))


log_softmax = op(
    _log_softmax,
    vjps=[lambda g, ans, x, axis: g - np.exp(ans) * np.sum(g, axis=axis, keepdims=True)],
    complex=True,
    name="log_softmax",
    latex=r"\ln \operatorname{{softmax}}({x})",
    doc="""The logarithm of softmax, without loss of digits.

    Example:
        >>> log_softmax(np.array([0.0, 1000.0]))
        array([-1000.,     0.])
    """,
)
