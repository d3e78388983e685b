"""Activations, normalised exponentials and losses from logits, each in its numerically stable form."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tinygraph.op import Array, Kink, bare, op
from tinygraph.ops.elementwise import elementwise
from tinygraph.ops.reduce import kept_shape

__all__ = [
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsumexp",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
]


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


def _rows(x: Array) -> Array:
    """The samples, whatever stands before the last axis, as the rows of a matrix."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


def _linear_jvp(ts: Any, ans: Array, x: Array, weight: Array, bias: Array) -> Array:
    tx, tw, tb = ts
    parts = [None if tx is None else tx @ weight.T, None if tw is None else x @ tw.T, tb]
    return functools.reduce(np.add, [part for part in parts if part is not None])


_affine = op(
    lambda x, weight, bias: x @ weight.T + bias,
    vjps=[
        lambda g, ans, x, weight, bias: g @ weight,
        lambda g, ans, x, weight, bias: _rows(g).T @ _rows(x),
        lambda g, ans, x, weight, bias: np.add.reduce(_rows(g), axis=0),
    ],
    jvp=_linear_jvp,
    name="linear",
    latex=r"{x} {y}^\top + {z}",
)


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """x Wᵀ + b: each row of x is a sample, each row of W an output.

    Args:
        x: (..., n_in).
        weight: (n_out, n_in).
        bias: (n_out,), or None.

    Returns:
        (..., n_out).

    Raises:
        ValueError: shapes that do not fit.

    Example:
        >>> linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([0.5]))
        array([[11.5]])
    """
    x, weight = _array(x), _array(weight)
    if weight.ndim != 2 or not x.ndim or x.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"linear: x of shape {x.shape} and weight of shape {weight.shape} do not fit: the last axis of x must be "
            "as long as a row of weight, (n_out, n_in)"
        )
    if bias is None:
        return x @ weight.T
    bias = _array(bias)
    if bias.shape != weight.shape[:1]:
        raise ValueError(f"linear: bias of shape {bias.shape} for weight of shape {weight.shape} must be (n_out,)")
    return _affine(x, weight, bias)


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

# --- losses from logits

REDUCTIONS = ("mean", "sum", "none")


def _reduced(losses: Array, reduction: str) -> Array:
    if reduction == "none":
        return losses
    total = np.add.reduce(losses, axis=None)
    return total / losses.size if reduction == "mean" else total


def _share(g: Array, count: int, reduction: str) -> Array:
    """What one of `count` losses gets of the gradient of their reduction."""
    return g / count if reduction == "mean" else g


def _checked(reduction: str) -> str:
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction {reduction!r} is not one of {', '.join(REDUCTIONS)}")
    return reduction


def _bce(x: Array, y: Array, reduction: str = "mean") -> Array:
    return _reduced(np.maximum(x, 0.0) - x * y + np.log1p(np.exp(-np.abs(x))), reduction)


_bce_with_logits = op(
    _bce,
    vjps=[
        lambda g, ans, x, y, reduction: _share(g, x.size, reduction) * (sigmoid(x) - y),
        lambda g, ans, x, y, reduction: -_share(g, x.size, reduction) * x,
    ],
    name="binary_cross_entropy_with_logits",
    symbol="BCE",
    latex=r"-{y} \ln \sigma({x}) - (1 - {y}) \ln(1 - \sigma({x}))",
)


def binary_cross_entropy_with_logits(logits: Any, labels: Any, *, reduction: str = "mean") -> Any:
    """-y ln σ(x) - (1 - y) ln(1 - σ(x)) for logits x and labels y of one shape, averaged over all of them.

    Stable for logits of any size: it is computed as max(x, 0) - x y + ln(1 + exp(-|x|)).

    Args:
        logits: real numbers x, before the sigmoid.
        labels: 0, 1, or anything between.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: shapes that differ, or an unknown reduction.

    Example:
        >>> float(binary_cross_entropy_with_logits(np.array([0.0]), np.array([1.0])).round(4))
        0.6931
    """
    logits, labels = _array(logits), _array(labels)
    if logits.shape != labels.shape:
        raise ValueError(
            f"binary_cross_entropy_with_logits: logits of shape {logits.shape} and labels of shape {labels.shape} "
            "must be alike; reshape one of them"
        )
    return _bce_with_logits(logits, labels, reduction=_checked(reduction))


def _array(x: Any) -> Any:
    """Lists and numbers as arrays."""
    return x if hasattr(x, "shape") else np.reshape(x, np.shape(x))


def _cross_entropy(x: Array, labels: Array, reduction: str = "mean") -> Array:
    shifted = x - x.max(axis=1, keepdims=True)
    picked = shifted[np.arange(labels.size, like=labels), labels]
    return _reduced(np.log(np.add.reduce(np.exp(shifted), axis=1)) - picked, reduction)


def _cross_entropy_vjp(g: Array, ans: Array, x: Array, labels: Array, reduction: str) -> Array:
    """The course's dZ = A - Y, for the softmax A and the labels Y, one-hot."""
    one_hot = labels[:, None] == np.arange(x.shape[1], like=labels)
    share = g[:, None] if reduction == "none" else _share(g, labels.size, reduction)
    return share * (softmax(x) - one_hot)


_by_rows = op(
    _cross_entropy,
    vjps=[_cross_entropy_vjp, None],
    name="cross_entropy",
    symbol="CE",
    latex=r"-\ln \operatorname{{softmax}}({x})_{{{y}}}",
)


def cross_entropy(logits: Any, labels: Any, *, reduction: str = "mean") -> Any:
    """-ln softmax(logits)[label] for each row of logits, averaged over the rows.

    Args:
        logits: real numbers, classes along the last axis: shape (..., C).
        labels: integers 0 ... C-1 of shape (...), or probabilities of shape (..., C).
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: shapes that do not fit each other, or an unknown reduction.
        IndexError: a label out of range.

    Example:
        >>> float(cross_entropy(np.zeros((1, 4)), np.array([2])).round(4))
        1.3863
    """
    logits, labels = _array(logits), _array(labels)
    shape, wanted, kind = labels.shape, logits.shape, labels.dtype.kind
    _checked(reduction)
    if kind == "f" and shape == wanted:
        losses = -np.sum(labels * log_softmax(logits), axis=-1)
        return losses if reduction == "none" else np.mean(losses) if reduction == "mean" else np.sum(losses)
    if kind not in "iu" or shape != wanted[:-1]:
        raise ValueError(
            f"cross_entropy: logits of shape {wanted} take integer labels of shape {wanted[:-1]}, or probabilities of "
            f"shape {wanted} and a real dtype; got {labels.dtype} labels of shape {shape}"
        )
    labels = bare(labels)
    if labels.size and labels.min() < 0:  # NumPy itself refuses those that are too large
        raise IndexError(f"cross_entropy: labels must lie in 0 ... {wanted[-1] - 1}, got {labels.min()}")
    if len(wanted) == 2:
        return _by_rows(logits, labels, reduction=reduction)
    losses = _by_rows(np.reshape(logits, (-1, wanted[-1])), labels.reshape(-1), reduction=reduction)
    return np.reshape(losses, shape) if reduction == "none" else losses
