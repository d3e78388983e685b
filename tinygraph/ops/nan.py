"""Reductions that leave out NaN: an element that is NaN has gradient 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import Array, spells
from tinygraph.ops import reduce
from tinygraph.ops.elementwise import where as choose
from tinygraph.ops.reduce import Axis
from tinygraph.ops.running import cumprod, cumsum
from tinygraph.ops.shape import as_array, given

__all__ = ["nancumprod", "nancumsum", "nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum", "nanvar"]


def _numbers(x: Any, where: Any = True) -> Array:
    """Where x is a number, and chosen: whole numbers and truths always are."""
    if x.dtype.kind not in "fc":
        return where if given(where) else True
    there = np.logical_not(np.isnan(x))
    return there if where is True or not given(where) else np.logical_and(there, where)


@spells(np.nansum)
def nansum(
    x: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    """The sum of what is not NaN: `np.nansum`.

    Example:
        >>> float(nansum(np.array([1.0, np.nan, 3.0])))
        4.0
    """
    x = as_array(x)
    return reduce.sum(x, axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=_numbers(x, where))


@spells(np.nanprod)
def nanprod(
    x: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    """The product of what is not NaN: `np.nanprod`.

    Example:
        >>> float(nanprod(np.array([2.0, np.nan, 3.0])))
        6.0
    """
    x = as_array(x)
    return reduce.prod(x, axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=_numbers(x, where))


def _nan_extremum(x: Any, how: Any, least: float, axis: Axis, keepdims: bool, initial: Any, where: Any) -> Any:
    x = as_array(x)
    there = _numbers(x, where)
    if there is True or given(initial):
        return how(x, axis=axis, keepdims=keepdims, initial=initial, where=there)
    found = how(choose(there, x, least), axis=axis, keepdims=keepdims)
    return choose(np.any(there, axis=axis, keepdims=keepdims), found, np.nan)


@spells(np.nanmax)
def nanmax(x: Any, axis: Axis = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    """The largest of what is not NaN, NaN where there is nothing: `np.nanmax`. Ties share equally.

    Example:
        >>> float(nanmax(np.array([1.0, np.nan, 3.0])))
        3.0
    """
    return _nan_extremum(x, reduce.max, -np.inf, axis, keepdims, initial, where)


@spells(np.nanmin)
def nanmin(x: Any, axis: Axis = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    """The smallest of what is not NaN, NaN where there is nothing: `np.nanmin`. Ties share equally.

    Example:
        >>> float(nanmin(np.array([1.0, np.nan, 3.0])))
        1.0
    """
    return _nan_extremum(x, reduce.min, np.inf, axis, keepdims, initial, where)


@spells(np.nanmean)
def nanmean(x: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, where: Any = True) -> Any:
    """The mean of what is not NaN: `np.nanmean`.

    Example:
        >>> float(nanmean(np.array([1.0, np.nan, 3.0])))
        2.0
    """
    x = as_array(x)
    return reduce.mean(x, axis=axis, dtype=dtype, keepdims=keepdims, where=_numbers(x, where))


@spells(np.nanvar)
def nanvar(
    x: Any,
    axis: Axis = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    """The variance of what is not NaN: `np.nanvar`.

    Example:
        >>> float(nanvar(np.array([1.0, np.nan, 3.0])))
        1.0
    """
    x = as_array(x)
    there = _numbers(x, where)
    return reduce.var(
        x, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, where=there, mean=mean, correction=correction
    )


@spells(np.nanstd)
def nanstd(
    x: Any,
    axis: Axis = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    """The standard deviation of what is not NaN: `np.nanstd`. Where it is 0, so is its slope.

    Example:
        >>> float(nanstd(np.array([1.0, np.nan, 3.0])))
        1.0
    """
    x = as_array(x)
    there = _numbers(x, where)
    return reduce.std(
        x, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, where=there, mean=mean, correction=correction
    )


@spells(np.nancumsum)
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sums of what is not NaN: `np.nancumsum`.

    Example:
        >>> nancumsum(np.array([1.0, np.nan, 3.0]))
        array([1., 1., 4.])
    """
    x = as_array(x)
    return cumsum(choose(_numbers(x), x, 0), axis, dtype)


@spells(np.nancumprod)
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running products of what is not NaN: `np.nancumprod`.

    Example:
        >>> nancumprod(np.array([2.0, np.nan, 3.0]))
        array([2., 2., 6.])
    """
    x = as_array(x)
    return cumprod(choose(_numbers(x), x, 1), axis, dtype)
