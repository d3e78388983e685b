"""Adaptive pooling: into a given number of windows, of whatever size that takes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygraph.ops.pool import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d, pooled_axes
from tinygraph.ops.shape import as_array
from tinygraph.ops.window import sizes

__all__ = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d"]


def adaptive_avg_pool1d(x: Any, output_size: Any) -> Any:
    """The average of each of `output_size` parts of the last axis; the parts are those of `adaptive_avg_pool2d`.

    Args:
        x: (N, C, L), with any number of axes before the last.
        output_size: a whole number.

    Raises:
        ValueError: an output size below 1.

    Example:
        >>> adaptive_avg_pool1d(np.array([[1.0, 3.0, 2.0, 0.0]]), 2)
        array([[2., 1.]])
    """
    return _adapted("adaptive_avg_pool1d", 1, x, output_size, np.mean, avg_pool1d)


def adaptive_avg_pool2d(x: Any, output_size: Any) -> Any:
    """The average of each of output_size parts of an image; with output_size 1, global average pooling.

    Part i of m of an axis of n elements goes from floor(i n / m) to ceil((i + 1) n / m), as in PyTorch.

    Args:
        x: (N, C, H, W), with any number of axes before the last two.
        output_size: (H', W'), a number for both; None keeps an axis.

    Returns:
        (N, C, H', W').

    Raises:
        ValueError: an output size below 1.

    Example:
        >>> adaptive_avg_pool2d(np.arange(6.0).reshape(1, 1, 2, 3), 1)
        array([[[[2.5]]]])
    """
    return _adapted("adaptive_avg_pool2d", 2, x, output_size, np.mean, avg_pool2d)


def adaptive_max_pool1d(x: Any, output_size: Any) -> Any:
    """The largest element of each of `output_size` parts of the last axis; the parts of `adaptive_avg_pool2d`.

    Args:
        x: (N, C, L), with any number of axes before the last.
        output_size: a whole number.

    Raises:
        ValueError: an output size below 1.

    Example:
        >>> adaptive_max_pool1d(np.array([[1.0, 3.0, 2.0, 0.0]]), 2)
        array([[3., 2.]])
    """
    return _adapted("adaptive_max_pool1d", 1, x, output_size, np.max, max_pool1d)


def adaptive_max_pool2d(x: Any, output_size: Any) -> Any:
    """The largest element of each of output_size parts of an image; the parts of `adaptive_avg_pool2d`.

    Args:
        x: (N, C, H, W), with any number of axes before the last two.
        output_size: (H', W'), a number for both; None keeps an axis.

    Returns:
        (N, C, H', W').

    Raises:
        ValueError: an output size below 1.

    Example:
        >>> adaptive_max_pool2d(np.arange(6.0).reshape(1, 1, 2, 3), (1, 2))
        array([[[[4., 5.]]]])
    """
    return _adapted("adaptive_max_pool2d", 2, x, output_size, np.max, max_pool2d)


def _adapted(
    name: str, axes: int, x: Any, output_size: Any, reduce: Callable[..., Any], pool: Callable[..., Any]
) -> Any:
    x = as_array(x)
    moved, over = pooled_axes(name, x.shape, axes), tuple(range(-axes, 0))
    asked = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * axes
    if len(asked) == axes:
        asked = tuple(n if m is None else m for m, n in zip(asked, moved, strict=True))
    out = sizes(name, "output_size", asked, axes, 1)
    if max(out) == 1:
        return reduce(x, axis=over, keepdims=True)
    if all(n % m == 0 for n, m in zip(moved, out, strict=True)):
        return pool(x, tuple(n // m for n, m in zip(moved, out, strict=True)))
    cuts = [[slice(i * n // m, -(-(i + 1) * n // m)) for i in range(m)] for n, m in zip(moved, out, strict=True)]
    cells = [reduce(x[(..., *cell)], axis=over) for cell in itertools.product(*cuts)]
    return np.reshape(np.stack(cells, axis=-1), (*x.shape[:-axes], *out))
