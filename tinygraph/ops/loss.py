"""Losses of predicted numbers. How all losses are weighted, masked and reduced stands here too."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import Array, Traced, bare
from tinygraph.ops.elementwise import elementwise
from tinygraph.ops.shape import as_array

__all__ = ["huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss"]

REDUCTIONS = ("mean", "sum", "none")


def checked(reduction: str, allowed: tuple[str, ...] = REDUCTIONS) -> str:
    if reduction not in allowed:
        raise ValueError(f"reduction {reduction!r} is not one of {', '.join(allowed)}")
    return reduction


def total(losses: Array, reduction: str) -> Array:
    """The reduction of bare losses, within an op."""
    if reduction == "none":
        return losses
    added = np.add.reduce(losses, axis=None)
    return added / losses.size if reduction == "mean" else added


def share(g: Array, count: int, reduction: str) -> Array:
    """What one of `count` losses gets of the gradient of their reduction."""
    return g / (count or 1) if reduction == "mean" else g


def pair(name: str, x: Any, y: Any) -> tuple[Any, Any]:
    """Predictions and targets of one shape; constant targets take the predictions' precision.

    Raises:
        ValueError: shapes that differ: broadcasting (m,) against (m, 1) would compare each with each.
    """
    x, y = as_array(x), as_array(y)
    if x.shape != y.shape:
        raise ValueError(
            f"{name}: predictions of shape {x.shape} and targets of shape {y.shape} must be alike; reshape one of them"
        )
    return x, in_precision_of(x, y)


def in_precision_of(x: Any, y: Any) -> Any:
    """A constant in the dtype of x, if that is a real one."""
    return y if isinstance(y, Traced) or y.dtype is x.dtype or x.dtype.kind != "f" else y.astype(x.dtype)


def weights(name: str, weight: Any, x: Any) -> Any:
    """Weights as an array that fits losses like x, or None."""
    if weight is None:
        return None
    return _fitting(name, "weight", in_precision_of(x, as_array(weight)), x.shape)


def checked_mask(name: str, mask: Any, shape: tuple[int, ...]) -> Array:
    """A mask of booleans that fits losses of this shape."""
    mask = bare(as_array(mask))
    if mask.dtype.kind != "b":
        raise TypeError(f"{name}: mask is of booleans, True where a loss counts; got {mask.dtype}; numbers are weight=")
    return _fitting(name, "mask", mask, shape)


def _fitting(name: str, what: str, array: Any, shape: tuple[int, ...]) -> Any:
    own = array.shape
    padded = (1,) * (len(shape) - len(own)) + own
    if len(own) > len(shape) or any(n not in (1, m) for n, m in zip(padded, shape, strict=True)):
        raise ValueError(f"{name}: {what} of shape {own} for losses of shape {shape}; they must be alike, or broadcast")
    return array


def covered(mask: Array | None, *arrays: Any, by: float = 0.0) -> tuple[Any, ...]:
    """The arrays with a harmless number where the mask leaves them out, for there may be anything, NaN too."""
    return arrays if mask is None else tuple(np.where(mask, a, by) for a in arrays)


def reduced(losses: Any, reduction: str, weight: Any = None, mask: Array | None = None, shares: Any = None) -> Any:
    """The losses weighted, masked and reduced.

    The mean divides by the sum of `shares`, each loss's part in the count, over what the mask leaves; without shares
    by the number of losses. Where the mask leaves nothing the mean is 0.
    """
    if weight is not None:
        losses = losses * weight
    if mask is not None:
        losses = np.where(mask, losses, 0.0)
    if reduction == "none":
        return losses
    if reduction == "sum":
        return np.sum(losses)
    if mask is None and shares is None:
        return np.mean(losses)
    parts = np.broadcast_to(np.ones_like(losses) if shares is None else shares, losses.shape)
    count = np.sum(parts if mask is None else np.where(mask, parts, 0.0))
    return np.sum(losses) / (count if bare(count) != 0.0 else 1.0)


def _regression(name: str, x: Any, y: Any, each: Any, weight: Any, mask: Any, reduction: str) -> Any:
    x, y = pair(name, x, y)
    checked(reduction)
    weight = weights(name, weight, x)
    if mask is not None:
        mask = checked_mask(name, mask, x.shape)
        x, y = covered(mask, x, y)
    return reduced(each(x, y), reduction, weight, mask, weight)


squared_error = elementwise(
    lambda x, y: np.square(x - y),
    vjps=[lambda g, ans, x, y: g * (2.0 * (x - y)), lambda g, ans, x, y: g * (2.0 * (y - x))],
    name="squared_error",
    latex=r"({x} - {y})^2",
)


def mse_loss(
    predicted: Any, target: Any, *, half: bool = False, weight: Any = None, mask: Any = None, reduction: str = "mean"
) -> Any:
    """(a - y)^2, averaged over all elements: the squared error; with `half` the course's (a - y)^2 / 2.

    Args:
        predicted: a, real numbers.
        target: y, of the same shape.
        half: halve it, so that its derivative is a - y (course 1, week 2).
        weight: of each element; the mean is then the weighted one, sum(w loss) / sum(w), as in PyTorch.
        mask: booleans, False leaves an element out of the sum and of the count; whatever stands there, NaN too, has no
            part and no gradient.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: shapes that differ, or an unknown reduction.
        TypeError: a mask that is not of booleans.

    Example:
        >>> float(mse_loss(np.array([1.0, 3.0]), np.array([0.0, 1.0])))
        2.5
        >>> float(mse_loss(np.array([1.0, 3.0]), np.array([0.0, np.nan]), half=True, mask=[True, False]))
        0.5
    """
    error = _regression("mse_loss", predicted, target, squared_error, weight, mask, reduction)
    return 0.5 * error if half else error


def l1_loss(predicted: Any, target: Any, *, weight: Any = None, mask: Any = None, reduction: str = "mean") -> Any:
    """|a - y|, averaged over all elements: the absolute error. Its slope at a = y is taken as 0.

    Arguments and errors are those of `mse_loss`.

    Example:
        >>> float(l1_loss(np.array([1.0, 3.0]), np.array([0.0, 1.0])))
        1.5
    """
    return _regression("l1_loss", predicted, target, lambda x, y: np.abs(x - y), weight, mask, reduction)


def _huber(x: Any, delta: float) -> Any:
    near = np.clip(x, -delta, delta)
    return near * (x - 0.5 * near)


def huber_loss(
    predicted: Any,
    target: Any,
    *,
    delta: float = 1.0,
    weight: Any = None,
    mask: Any = None,
    reduction: str = "mean",
) -> Any:
    """d^2 / 2 for errors d = a - y up to delta, beyond it delta (|d| - delta / 2): outliers pull no harder than delta.

    P. J. Huber, Robust estimation of a location parameter (1964). Other arguments and errors are those of `mse_loss`.

    Raises:
        ValueError: a delta that is not positive.

    Example:
        >>> huber_loss(np.array([0.5, 10.0]), np.zeros(2), reduction="none")
        array([0.125, 9.5  ])
    """
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be positive, got {delta}")
    return _regression("huber_loss", predicted, target, lambda x, y: _huber(x - y, delta), weight, mask, reduction)


def smooth_l1_loss(
    predicted: Any,
    target: Any,
    *,
    beta: float = 1.0,
    weight: Any = None,
    mask: Any = None,
    reduction: str = "mean",
) -> Any:
    """d^2 / (2 beta) for errors d = a - y up to beta, beyond it |d| - beta / 2: `huber_loss` over beta.

    beta = 0 is `l1_loss`. Other arguments and errors are those of `mse_loss`.

    Example:
        >>> smooth_l1_loss(np.array([0.5, 10.0]), np.zeros(2), beta=2.0, reduction="none")
        array([0.0625, 9.    ])
    """
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, got {beta}; 0 is l1_loss")
    if beta == 0:
        return l1_loss(predicted, target, weight=weight, mask=mask, reduction=reduction)

    def each(x: Any, y: Any) -> Any:
        return _huber(x - y, beta) / beta

    return _regression("smooth_l1_loss", predicted, target, each, weight, mask, reduction)
