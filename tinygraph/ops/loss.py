"""Losses from logits, each in its numerically stable form."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import Array, bare, op
from tinygraph.ops.activation import sigmoid
from tinygraph.ops.exponential import log_softmax, softmax
from tinygraph.ops.shape import as_array

__all__ = ["binary_cross_entropy_with_logits", "cross_entropy"]

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
    logits, labels = as_array(logits), as_array(labels)
    if logits.shape != labels.shape:
        raise ValueError(
            f"binary_cross_entropy_with_logits: logits of shape {logits.shape} and labels of shape {labels.shape} "
            "must be alike; reshape one of them"
        )
    return _bce_with_logits(logits, labels, reduction=_checked(reduction))


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
    logits, labels = as_array(logits), as_array(labels)
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
