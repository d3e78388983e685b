"""Sums of shifted products, and averages: convolve, correlate, average, cov."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygraph.op import spells
from tinygraph.ops.complexes import conjugate
from tinygraph.ops.elementwise import clip, multiply
from tinygraph.ops.padding import pad
from tinygraph.ops.shape import as_array, broadcast_to, concatenate, flip, in_dtype, moveaxis, reshape
from tinygraph.ops.window import sliding_window_view

__all__ = [
    "average",
    "convolve",
    "corrcoef",
    "correlate",
    "cov",
    "ptp",
]

# --- convolution of two sequences


def _vectors(name: str, x: Any, y: Any, mode: str) -> tuple[Any, Any]:
    x, y = as_array(x), as_array(y)
    if x.ndim > 1 or y.ndim > 1 or not x.size or not y.size:
        raise ValueError(f"{name}: takes two vectors that are not empty, got shapes {x.shape} and {y.shape}")
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"{name}: mode {mode!r} is not 'full', 'same' or 'valid'")
    return reshape(x, -1), reshape(y, -1)


def _products(x: Any, y: Any, mode: str) -> Any:
    """The products of y with the windows of x, which is no shorter."""
    n = y.shape[0]
    before, after = {"full": (n - 1, n - 1), "same": (n // 2, n - 1 - n // 2), "valid": (0, 0)}[mode]
    return sliding_window_view(pad(x, (before, after)) if before + after else x, n) @ y


@spells(np.convolve)
def convolve(x: Any, y: Any, mode: str = "full") -> Any:
    """Σⱼ x[i - j] y[j]: `np.convolve`.

    Example:
        >>> convolve(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0]))
        array([ 1., 12., 23., 30.])
    """
    x, y = _vectors("convolve", x, y, mode)
    x, y = (x, y) if x.shape[0] >= y.shape[0] else (y, x)
    return _products(x, flip(y), mode)


@spells(np.correlate)
def correlate(x: Any, y: Any, mode: str = "valid") -> Any:
    """Σⱼ x[i + j] y[j], y conjugated: `np.correlate`.

    Example:
        >>> correlate(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0]))
        array([21., 32.])
    """
    x, y = _vectors("correlate", x, y, mode)
    y = conjugate(y)
    return _products(x, y, mode) if x.shape[0] >= y.shape[0] else flip(_products(y, x, mode))


# --- averages


@spells(np.ptp)
def ptp(x: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Any:
    """The largest less the smallest: `np.ptp`. Ties share equally.

    Example:
        >>> float(ptp(np.array([3.0, 1.0, 2.0])))
        2.0
    """
    x = as_array(x)
    return np.max(x, axis=axis, keepdims=keepdims) - np.min(x, axis=axis, keepdims=keepdims)


@spells(np.average)
def average(x: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    """Σ w x / Σ w, differentiable in the weights too: `np.average`.

    Example:
        >>> float(average(np.array([1.0, 2.0]), weights=np.array([1.0, 3.0])))
        1.75
    """
    x = as_array(x)
    weights = np.ones_like(x) if weights is None else _spread(as_array(weights), x.shape, axis)
    total = np.sum(weights, axis=axis, keepdims=keepdims)
    found = np.sum(multiply(x, weights), axis=axis, keepdims=keepdims) / total
    return (found, total) if returned else found


def _spread(weights: Any, shape: Sequence[int], axis: Any) -> Any:
    """Weights of an axis, or of several, for every element."""
    if weights.shape == tuple(shape):
        return weights
    if axis is None:
        raise TypeError(f"average: weights of shape {weights.shape} for an array of {tuple(shape)} need axis=")
    axes = [a % len(shape) for a in (axis if isinstance(axis, tuple | list) else (axis,))]
    if weights.shape != tuple(shape[a] for a in axes):
        raise ValueError(f"average: weights of shape {weights.shape} do not fit the axes {axes} of {tuple(shape)}")
    order = sorted(range(len(axes)), key=lambda i: axes[i])
    weights = moveaxis(weights, order, range(len(order))) if order != list(range(len(order))) else weights
    return broadcast_to(reshape(weights, tuple(n if i in axes else 1 for i, n in enumerate(shape))), shape)


@spells(np.cov)
def cov(
    x: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    """The covariances of the rows of x, and of y: `np.cov`. Differentiable in x, y and aweights.

    Example:
        >>> cov(np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
        array([[ 1., -1.],
               [-1.,  1.]])
    """
    x = _variables(in_dtype(x, dtype), rowvar)
    if y is not None:
        x = concatenate([x, _variables(in_dtype(y, dtype), rowvar)], 0)
    ddof = (0 if bias else 1) if ddof is None else ddof
    weights = None
    for given in (fweights, aweights):
        if given is not None:
            weights = as_array(given) if weights is None else multiply(weights, given)
    mean, total = average(x, 1, weights, returned=True, keepdims=True)
    total = total[0, 0] if total.size else total.size
    if weights is None:
        freedom = x.shape[1] - ddof
    elif aweights is None or not ddof:
        freedom = total - ddof
    else:
        freedom = total - ddof * np.sum(multiply(weights, aweights)) / total
    deviation = x - mean
    found = (deviation if weights is None else deviation * weights) @ conjugate(deviation).T
    return np.squeeze(found / freedom)


def _variables(x: Any, rowvar: bool) -> Any:
    x = reshape(x, (1, -1)) if x.ndim < 2 else x
    return x if rowvar or x.shape[0] == 1 else x.T


@spells(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    """The correlations of the rows of x, and of y: `np.corrcoef`.

    Example:
        >>> corrcoef(np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])).round(6)
        array([[ 1., -1.],
               [-1.,  1.]])
    """
    c = cov(x, y, rowvar)
    if not np.ndim(c):
        return c / c
    spread = np.sqrt(np.diagonal(c))
    return clip(c / spread[:, None] / spread[None, :], -1.0, 1.0)
