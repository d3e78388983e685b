"""Losses of probabilities. Binary cross entropy, also of the logits behind them, and the divergence of two of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import Array, bare, op
from tinygraph.ops.activation import sigmoid, softplus
from tinygraph.ops.elementwise import elementwise
from tinygraph.ops.loss import REDUCTIONS, checked, checked_mask, covered, pair, reduced, share, total, weights

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div"]


def _bce_with_logits(x: Array, y: Array, reduction: str = "mean") -> Array:
    return total(np.maximum(x, 0.0) - x * y + np.log1p(np.exp(-np.abs(x))), reduction)


_from_logits = op(
    _bce_with_logits,
    vjps=[
        lambda g, ans, x, y, reduction: share(g, x.size, reduction) * (sigmoid(x) - y),
        lambda g, ans, x, y, reduction: -share(g, x.size, reduction) * x,
    ],
    name="binary_cross_entropy_with_logits",
    symbol="BCE",
    latex=r"-{y} \ln \sigma({x}) - (1 - {y}) \ln(1 - \sigma({x}))",
)


def binary_cross_entropy_with_logits(
    logits: Any,
    labels: Any,
    *,
    weight: Any = None,
    pos_weight: Any = None,
    mask: Any = None,
    reduction: str = "mean",
) -> Any:
    """-y ln σ(x) - (1 - y) ln(1 - σ(x)) for logits x and labels y of one shape, averaged over all of them.

    Stable for logits of any size: it is computed as max(x, 0) - x y + ln(1 + exp(-|x|)).

    Args:
        logits: real numbers x, before the sigmoid.
        labels: 0, 1, or any real number.
        weight: a factor of each loss. The mean is over their number, as in PyTorch, not over the weights' sum.
        pos_weight: a factor of the first term, that of the positive class.
        mask: booleans, False leaves a loss out of the sum and of the count.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: shapes that differ, or an unknown reduction.
        TypeError: a mask that is not of booleans.

    Example:
        >>> float(binary_cross_entropy_with_logits(np.array([0.0]), np.array([1.0])).round(4))
        0.6931
    """
    name = _from_logits.name
    logits, labels = pair(name, logits, labels)
    checked(reduction)
    if weight is None and pos_weight is None and mask is None:
        return _from_logits(logits, labels, reduction=reduction)
    weight = weights(name, weight, logits)
    if mask is not None:
        mask = checked_mask(name, mask, logits.shape)
        logits, labels = covered(mask, logits, labels)
    if pos_weight is None:
        losses = _from_logits(logits, labels, reduction="none")
    else:
        positive = weights(name, pos_weight, logits) * labels
        losses = (1.0 - labels) * logits + (1.0 - labels + positive) * softplus(-logits)
    return reduced(losses, reduction, weight, mask)


def _least(a: Array) -> float:
    """The smallest number whose logarithm is taken: e^-100, where PyTorch stops too, or the least of a's precision."""
    return max(3.720075976020836e-44, float(np.finfo(a.dtype).tiny))


def _positive(a: Array) -> Array:
    """A probability that is too small for a logarithm made large enough; a negative number stays, and has none."""
    least = _least(a)
    return np.where((a >= 0.0) & (a < least), least, a)


def _ln(a: Array, ans: Array) -> Array:
    """A logarithm that stays finite at 0, in the precision of the result, not of a."""
    return np.log(_positive(a) * np.ones_like(ans))


def _bce(x: Array, y: Array) -> Array:
    rest = _positive(1.0 - x)
    ln_rest = np.where(rest > 0.5, np.log1p(-np.minimum(x, 0.5)), np.log(rest))  # log1p keeps the digits of a small x
    return -(y * np.log(_positive(x)) + (1.0 - y) * ln_rest)


_from_probabilities = elementwise(
    _bce,
    vjps=[
        lambda g, ans, x, y: g * ((1.0 - y) / _positive(1.0 - x) - y / _positive(x)),
        lambda g, ans, x, y: g * (_ln(1.0 - x, ans) - _ln(x, ans)),
    ],
    domain=[(0.0, 1.0), (-float("inf"), float("inf"))],
    name="binary_cross_entropy",
    symbol="BCE",
    latex=r"-{y} \ln {x} - (1 - {y}) \ln(1 - {x})",
)


def binary_cross_entropy(
    probabilities: Any, labels: Any, *, weight: Any = None, mask: Any = None, reduction: str = "mean"
) -> Any:
    """-y ln a - (1 - y) ln(1 - a) for probabilities a and labels y of one shape, averaged over all of them.

    The course's loss of logistic regression; da = -y/a + (1 - y)/(1 - a). At a = 0 and 1 it is finite, and so is its
    slope: -ln a is at most 100, as in PyTorch, in single precision 87. From logits it is faster and keeps more digits:
    `binary_cross_entropy_with_logits`.

    Args:
        probabilities: a, from 0 to 1.
        labels: 0, 1, or any real number.
        weight: a factor of each loss. The mean is over their number, as in PyTorch, not over the weights' sum.
        mask: booleans, False leaves a loss out of the sum and of the count.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: probabilities that are none, shapes that differ, or an unknown reduction.
        TypeError: a mask that is not of booleans.

    Example:
        >>> binary_cross_entropy(np.array([0.5, 0.0]), np.array([1.0, 1.0]), reduction="none").round(4)
        array([  0.6931, 100.    ])
    """
    name = _from_probabilities.name
    a, labels = pair(name, probabilities, labels)
    checked(reduction)
    weight = weights(name, weight, a)
    if mask is not None:
        mask = checked_mask(name, mask, a.shape)
        a, labels = *covered(mask, a, by=0.5), *covered(mask, labels)
    values = bare(a)
    if values.size and (values.min() < 0.0 or values.max() > 1.0):
        raise ValueError(
            f"{name}: probabilities lie from 0 to 1, got {values.min():g} to {values.max():g}; for logits, before the "
            "sigmoid, take binary_cross_entropy_with_logits"
        )
    return reduced(_from_probabilities(a, labels), reduction, weight, mask)


_divergence = elementwise(
    lambda x, y: y * (np.log(np.where(y == 0.0, 1.0, y)) - x),
    vjps=[
        lambda g, ans, x, y: -g * y,
        lambda g, ans, x, y: g * (np.log(_positive(y)) + 1.0 - x),
    ],
    domain=[(-float("inf"), float("inf")), (0.0, float("inf"))],
    name="kl_div",
    symbol="KL",
    latex=r"{y} (\ln {y} - {x})",
)


def kl_div(
    log_probabilities: Any,
    target: Any,
    *,
    log_target: bool = False,
    weight: Any = None,
    mask: Any = None,
    reduction: str = "mean",
) -> Any:
    """p (ln p - ln q), the Kullback-Leibler divergence of ln q, the first argument, from p, by elements as in PyTorch.

    Args:
        log_probabilities: ln q.
        target: p, of the same shape; 0 ln 0 is 0.
        log_target: the target is ln p.
        weight, mask: a factor of each element, and booleans of those that count.
        reduction: "mean" is over all elements, as in PyTorch; "batchmean" divides their sum by the length of the first
            axis, which is the divergence of the samples; "sum" or "none".

    Raises:
        ValueError: shapes that differ, or an unknown reduction.
        TypeError: a mask that is not of booleans.

    Example:
        >>> q, p = np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])
        >>> float(kl_div(np.log(q), p, reduction="batchmean").round(4))
        0.6931
    """
    x, y = pair("kl_div", log_probabilities, target)
    checked(reduction, (*REDUCTIONS, "batchmean"))
    weight = weights("kl_div", weight, x)
    if mask is not None:
        mask = checked_mask("kl_div", mask, x.shape)
        x, y = covered(mask, x, y)
    losses = np.exp(y) * (y - x) if log_target else _divergence(x, y)
    if reduction == "batchmean":
        return reduced(losses, "sum", weight, mask) / ((x.shape[0] if x.ndim else 1) or 1)
    return reduced(losses, reduction, weight, mask)
