"""Mirror images, quarter turns and axes in another order; arrays like others."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygraph.op import Traced, bare, spells, whole
from tinygraph.ops.index import diag
from tinygraph.ops.shape import as_array, axis_in, broadcast_to, expand_dims, flip, in_dtype, moveaxis, ravel, swapaxes

__all__ = ["diagflat", "fliplr", "flipud", "full_like", "geomspace", "linspace", "logspace", "rollaxis", "rot90"]


@spells(np.fliplr)
def fliplr(x: Any) -> Any:
    """x with its columns in reverse order: `np.fliplr`.

    Example:
        >>> fliplr(np.array([[1.0, 2.0]]))
        array([[2., 1.]])
    """
    return flip(as_array(x), axis=1)


@spells(np.flipud)
def flipud(x: Any) -> Any:
    """x with its rows in reverse order: `np.flipud`.

    Example:
        >>> flipud(np.array([1.0, 2.0]))
        array([2., 1.])
    """
    return flip(as_array(x), axis=0)


@spells(np.rot90)
def rot90(x: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> Any:
    """x turned k times by a quarter, from the first of two axes towards the second: `np.rot90`.

    Example:
        >>> rot90(np.array([[1.0, 2.0], [3.0, 4.0]]))
        array([[2., 4.],
               [1., 3.]])
    """
    x = as_array(x)
    if len(axes) != 2 or len({axis_in(a, x.ndim) for a in axes}) != 2:
        raise ValueError(f"rot90: two different axes make a plane, got {tuple(axes)}")
    first, second = axes
    if k % 4 == 0:
        return x
    if k % 4 == 2:
        return flip(x, axis=(first, second))
    if k % 4 == 1:
        return swapaxes(flip(x, axis=second), axis1=first, axis2=second)
    return flip(swapaxes(x, axis1=first, axis2=second), axis=second)


@spells(np.rollaxis)
def rollaxis(x: Any, axis: int, start: int = 0) -> Any:
    """x with one axis moved before another: `np.rollaxis`.

    Example:
        >>> rollaxis(np.ones((2, 3, 4)), 2).shape
        (4, 2, 3)
    """
    x = as_array(x)
    axis = axis_in(axis, x.ndim)
    start = start + x.ndim if start < 0 else start
    if not 0 <= start <= x.ndim:
        raise np.exceptions.AxisError(start, x.ndim + 1)
    return moveaxis(x, source=axis, destination=start - (start > axis))


@spells(np.diagflat)
def diagflat(x: Any, k: int = 0) -> Any:
    """The matrix with the elements of x on a diagonal: `np.diagflat`.

    Example:
        >>> diagflat(np.array([[1.0, 2.0]]))
        array([[1., 0.],
               [0., 2.]])
    """
    return diag(ravel(as_array(x)), k)


@spells(*filter(None, [getattr(np, "astype", None)]))
def _astype(x: Any, dtype: Any, /, *, copy: bool = True) -> Any:
    return x.astype(dtype)


@spells(np.linspace)
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    *,
    axis: int = 0,
) -> Any:
    """Numbers at equal distances, differentiable in both ends: `np.linspace`.

    Example:
        >>> linspace(0.0, 1.0, 3)
        array([0. , 0.5, 1. ])
    """
    start, stop = as_array(start) * 1.0, as_array(stop) * 1.0
    gaps = num - 1 if endpoint else num
    share = np.arange(float(num), like=np.zeros_like(bare(start))).astype(np.result_type(start, stop)) / (gaps or 1)
    share = np.reshape(share, (-1, *(1,) * builtins.max(start.ndim, stop.ndim)))
    points = in_dtype(moveaxis(start * (1.0 - share) + stop * share, source=0, destination=axis), dtype)
    return (points, (stop - start) / gaps if gaps else np.nan) if retstep else points


@spells(np.logspace)
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, *, axis: int = 0
) -> Any:
    """Powers of a base, their exponents at equal distances: `np.logspace`, differentiable in the base and both ends.

    Example:
        >>> logspace(0.0, 2.0, 3)
        array([  1.,  10., 100.])
    """
    if np.ndim(base):
        shape = np.broadcast_shapes(np.shape(start), np.shape(stop), np.shape(base))
        base = expand_dims(broadcast_to(as_array(base), shape), axis)
        start = broadcast_to(as_array(start) * 1.0, shape)
    return in_dtype(np.power(base, linspace(start, stop, num, endpoint, axis=axis)), dtype)


@spells(np.geomspace)
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, *, axis: int = 0) -> Any:
    """Numbers each of which is the same multiple of the one before: `np.geomspace`, differentiable in both ends.

    Raises:
        ValueError: an end is 0.

    Example:
        >>> geomspace(1.0, 8.0, 4).round(6)
        array([1., 2., 4., 8.])
    """
    common = np.result_type(bare(start), bare(stop), 1.0)
    start, stop = in_dtype(start, common), in_dtype(stop, common)
    if np.any(whole(bare(start)) == 0) or np.any(whole(bare(stop)) == 0):
        raise ValueError("geomspace: an end that is 0 has no ratio to the other")
    turn = bare(start) / np.abs(bare(start))  # a sign; of a complex number its direction
    found = turn * logspace(np.log10(start / turn), np.log10(stop / turn), num, endpoint, axis=0)
    return in_dtype(moveaxis(found, source=0, destination=axis), dtype)


@spells(np.full_like)
def full_like(x: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    """An array like x, of one value, by which it can be differentiated: `np.full_like`.

    Example:
        >>> full_like(np.ones(2), 3.0)
        array([3., 3.])
    """
    x = bare(as_array(x))
    shape = x.shape if shape is None else shape
    if not isinstance(fill_value, Traced):
        return np.full_like(x, fill_value, dtype=dtype, shape=shape)
    return broadcast_to(in_dtype(fill_value, x.dtype if dtype is None else dtype), shape)
