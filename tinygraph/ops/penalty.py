"""The sum of squares. Of any number of arrays as one operation: what a penalty of large weights is made of."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from tinygraph.op import Array, Each, op

__all__ = ["sum_of_squares"]


def _sum_of_squares(*arrays: Array) -> Array:
    return builtins.sum(np.vdot(x, x) for x in arrays)


def _square_vjp(i: int, g: Array, ans: Array, *arrays: Array) -> Array:
    return (2.0 * g).astype(arrays[i].dtype) * arrays[i]


_squares = op(_sum_of_squares, vjps=Each(_square_vjp), name="sum_of_squares", symbol="Σ²", latex=r"\sum {x}^2")


def sum_of_squares(*arrays: Any) -> Any:
    """The sum of the squares of all elements of all arrays: the squared Frobenius norm.

    Example:
        >>> float(sum_of_squares(np.array([1.0, 2.0]), np.array([[3.0]])))
        14.0
    """
    return _squares(*arrays)
