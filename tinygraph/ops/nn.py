"""Activations, normalised exponentials and losses from logits, each in its numerically stable form."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import Array, Kink, bare, op
from tinygraph.ops.elementwise import elementwise
from tinygraph.ops.index import getitem, scatter_add
from tinygraph.ops.reduce import kept_shape

__all__ = """
    binary_cross_entropy_with_logits cross_entropy leaky_relu log_softmax logsumexp relu sigmoid softmax softplus
""".split()


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
    vjps=[lambda g, ans, x: g * (ans > 0)],
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

# --- losses from logits

REDUCTIONS = ("mean", "sum", "none")


def _reduce(losses: Any, reduction: str) -> Any:
    if reduction == "mean":
        return np.mean(losses)
    if reduction == "sum":
        return np.sum(losses)
    if reduction == "none":
        return losses
    raise ValueError(f"reduction {reduction!r} is not one of {', '.join(REDUCTIONS)}")


_bce = elementwise(
    lambda x, y: np.maximum(x, 0.0) - x * y + np.log1p(np.exp(-np.abs(x))),
    vjps=[lambda g, ans, x, y: g * (sigmoid(x) - y), lambda g, ans, x, y: -g * x],
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
    if np.shape(logits) != np.shape(labels):
        raise ValueError(
            f"binary_cross_entropy_with_logits: logits of shape {np.shape(logits)} and labels of shape "
            f"{np.shape(labels)} must be alike; reshape one of them"
        )
    return _reduce(_bce(logits, labels), reduction)


def _picked(x: Array, labels: Array) -> tuple[Array, Array]:
    return np.arange(labels.shape[0], like=labels), labels


def _cross_entropy(x: Array, labels: Array) -> Array:
    shifted = x - x.max(axis=1, keepdims=True)
    return np.log(np.add.reduce(np.exp(shifted), axis=1)) - shifted[_picked(x, labels)]


def _cross_entropy_vjp(g: Array, ans: Array, x: Array, labels: Array) -> Array:
    """g (softmax(x) - one-hot), with the softmax read off the loss: ln sum exp(x) = loss + x[label]."""
    index = _picked(x, labels)
    total = ans + getitem(x, index=index)
    probabilities = np.exp(x - total[:, None])
    return g[:, None] * probabilities - scatter_add(g, index=index, shape=x.shape)


_rows = op(
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
        ValueError: shapes that do not fit each other, labels out of range, an unknown reduction.

    Example:
        >>> float(cross_entropy(np.zeros((1, 4)), np.array([2])).round(4))
        1.3863
    """
    shape, wanted = np.shape(labels), np.shape(logits)
    kind = np.result_type(labels).kind
    if kind == "f" and shape == wanted:
        return _reduce(-np.sum(np.multiply(labels, log_softmax(logits)), axis=-1), reduction)
    if kind not in "iu" or shape != wanted[:-1]:
        raise ValueError(
            f"cross_entropy: logits of shape {wanted} take integer labels of shape {wanted[:-1]}, or probabilities of "
            f"shape {wanted}; got {np.result_type(labels)} labels of shape {shape}"
        )
    labels = np.reshape(bare(labels), -1)
    if labels.size and not (0 <= labels.min() and labels.max() < wanted[-1]):
        raise ValueError(
            f"cross_entropy: labels must lie in 0 ... {wanted[-1] - 1}, got {labels.min()} ... {labels.max()}"
        )
    losses = _rows(logits if len(wanted) == 2 else np.reshape(logits, (-1, wanted[-1])), labels)
    return _reduce(losses if len(wanted) == 2 else np.reshape(losses, shape), reduction)
