"""Order: sorting, medians and quantiles, different values. Of equal elements the first counts as the lesser.

Places are found on the bare array, and the elements read there, so that each result follows the element that it is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygraph.op import Array, Traced, bare, spells
from tinygraph.ops.elementwise import where
from tinygraph.ops.index import take, take_along_axis
from tinygraph.ops.reduce import axes_of
from tinygraph.ops.shape import as_array, axis_in, broadcast_to, moveaxis, ravel, reshape, transpose

__all__ = [
    "median",
    "nanmedian",
    "nanpercentile",
    "nanquantile",
    "partition",
    "percentile",
    "quantile",
    "sort",
    "unique",
]


@spells(np.sort)
def sort(x: Any, axis: int | None = -1, kind: Any = None, *, stable: Any = None) -> Any:
    """The elements along an axis in rising order, NaN last: `np.sort`.

    Example:
        >>> sort(np.array([3.0, 1.0, 2.0]))
        array([1., 2., 3.])
    """
    x = as_array(x)
    if axis is None:
        x, axis = ravel(x), 0
    return take_along_axis(x, np.argsort(bare(x), axis=axis, kind="stable"), axis)


@spells(np.partition)
def partition(x: Any, kth: Any, axis: int | None = -1, kind: str = "introselect") -> Any:
    """The elements along an axis, the k-th in its sorted place, the smaller ones before it: `np.partition`.

    Example:
        >>> partition(np.array([3.0, 1.0, 2.0]), 1)
        array([1., 2., 3.])
    """
    x = as_array(x)
    if axis is None:
        x, axis = ravel(x), 0
    return take_along_axis(x, np.argpartition(bare(x), kth, axis=axis), axis)


@spells(np.unique)
def unique(
    x: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
) -> Any:
    """The different values in rising order, each that of its first place: `np.unique`.

    Places, inverse and counts are constants.

    Example:
        >>> unique(np.array([3.0, 1.0, 3.0]))
        array([1., 3.])
    """
    x = as_array(x)
    every: Any = np.unique  # its overloads know no flags that are variables
    _, first, *more = every(bare(x), True, return_inverse, return_counts, axis, equal_nan=equal_nan)
    values = take(ravel(x) if axis is None else x, first, axis or 0)
    found = (values, *([first] if return_index else []), *more)
    return found if len(found) > 1 else values


# --- quantiles


Levels = tuple[list[float], tuple[int, ...]]


def _rows(x: Any, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """x with the axes of a reduction joined into the last one, and the shape that keepdims gives."""
    if x.dtype.kind == "c":
        raise TypeError("quantiles and medians are of real numbers, complex ones stand in no order: take abs, say")
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    axes = [axis_in(int(a), x.ndim) for a in axes]
    rest = [i for i in range(x.ndim) if i not in axes]
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    if axes != [x.ndim - 1]:
        x = transpose(x, (*rest, *axes))
    return reshape(x, (*(x.shape[: len(rest)]), -1)) if len(axes) != 1 else x, kept


def _levels(name: str, q: Any, most: float) -> Levels:
    """The levels of quantiles, from 0 to 1, in a row, and the shape that they come in."""
    if isinstance(q, Traced):
        raise TypeError(f"{name}: q is a parameter and takes no Tensor, its gradient would be lost; give numbers")
    flat: Any = np.reshape(q, -1) if np.size(q) else []
    levels = [float(flat[i]) / most for i in range(len(flat))]
    if not all(0.0 <= level <= 1.0 for level in levels):
        raise ValueError(f"{name}: levels lie between 0 and {most:g}")
    return levels, np.shape(q)


def _read(rows: Any, order: Array, places: Array) -> Any:
    """The elements at places in an order, which may lie between two; one more axis of places stands last."""
    low, high = np.floor(places).astype(np.intp), np.ceil(places).astype(np.intp)
    below, above = (take_along_axis(rows, np.take_along_axis(order, p, -1), -1) for p in (low, high))
    share = (places - low).astype(below.dtype if below.dtype.kind == "f" else places.dtype)
    exact = low == high  # there inf - inf must not be
    return below + (where(exact, 0.0, above) - where(exact, 0.0, below)) * share


def _by_weight(name: str, x: Any, axis: Any, method: str, levels: list[float], weights: Any) -> tuple[Array, Array]:
    """The order of each row, and the places in it where shares of the weight are reached; NaN weighs nothing."""
    if method != "inverted_cdf":
        raise ValueError(f"{name}: weights= are for method='inverted_cdf' alone, not for {method!r}")
    if isinstance(weights, Traced):
        raise TypeError(f"{name}: weights choose an element and have no derivative; give weights.numpy()")
    if np.shape(weights) != x.shape:  # those of the axes alone
        axes = axes_of(x.ndim, axis)
        if axis is None or np.shape(weights) != tuple(x.shape[i] for i in axes):
            raise ValueError(
                f"{name}: weights of shape {np.shape(weights)} for x of shape {x.shape} and axis={axis}: one is needed "
                "for each element of x, or for each along the axis"
            )
        others = [i for i in range(x.ndim) if i not in axes]
        weights = np.expand_dims(np.transpose(weights, np.argsort(axes)), others)
    if np.any(np.less(weights, 0)):
        raise ValueError(f"{name}: weights must not be negative")
    weighed = _rows(np.broadcast_to(weights, x.shape), axis)[0]
    rows = _rows(bare(x), axis)[0]
    order = np.argsort(rows, axis=-1, kind="stable")
    reached = np.cumsum(np.take_along_axis(np.where(np.isnan(rows), 0.0, weighed), order, -1), axis=-1)
    share = np.where(reached == 0, -1.0, reached / reached[..., -1:])[..., None, :]
    return order, np.minimum((share < np.reshape(levels, (-1, 1))).sum(axis=-1), rows.shape[-1] - 1)


def _quantile(name: str, x: Any, q: Levels, axis: Any, method: Any, keepdims: bool, weights: Any = None) -> Any:
    x = as_array(x)
    rows, kept = _rows(x, axis)
    n = rows.shape[-1]
    if not n:
        raise ValueError(f"{name}: no elements along axis {axis} of shape {x.shape}")
    levels, shape = q
    bare_rows = bare(rows)
    lost = np.isnan(bare_rows).any(axis=-1, keepdims=True)
    rest = kept if keepdims else rows.shape[:-1]
    if weights is not None:
        found = _read(rows, *_by_weight(name, x, axis, method, levels, weights))
        return _shaped(where(lost, np.nan, found), shape, rest)
    places = np.quantile(np.arange(float(n), like=bare_rows), levels, method=method)  # whatever the method
    between = [places[i].item() for i in range(len(levels))]
    near = sorted({at for p in between for at in (math.floor(p), math.ceil(p))})
    order = np.argpartition(bare_rows, near, axis=-1)
    places = np.broadcast_to(places, (*rows.shape[:-1], places.shape[0]))
    return _shaped(where(lost, np.nan, _read(rows, order, places)), shape, rest)


def _shaped(found: Any, levels: tuple[int, ...], rest: tuple[int, ...]) -> Any:
    """Quantiles with the axes of the levels first, as NumPy has them."""
    return reshape(moveaxis(found, -1, 0), (*levels, *rest))


def _nanquantile(name: str, x: Any, q: Levels, axis: Any, method: Any, keepdims: bool, weights: Any = None) -> Any:
    x = as_array(x)
    rows, kept = _rows(x, axis)
    n = rows.shape[-1]
    if not n:
        raise ValueError(f"{name}: no elements along axis {axis} of shape {x.shape}")
    levels, shape = q
    bare_rows = bare(rows)
    rest = kept if keepdims else rows.shape[:-1]
    if 0 in rest:
        return _shaped(broadcast_to(rows[..., :1], (*rows.shape[:-1], len(levels))), shape, rest)
    order = np.argsort(bare_rows, axis=-1, kind="stable")
    count = np.logical_not(np.isnan(bare_rows)).sum(axis=-1, keepdims=True)
    ranks = np.arange(float(n), like=bare_rows)
    ranks = np.where(ranks < count, ranks, np.nan)
    empty = count == 0
    ranks = np.where(empty, 0.0, ranks)
    if weights is not None:
        order, places = _by_weight(name, x, axis, method, levels, weights)
    else:
        places = np.moveaxis(np.nanquantile(ranks, levels, axis=-1, method=method), 0, -1)
    return _shaped(where(empty, np.nan, _read(rows, order, places)), shape, rest)


@spells(np.quantile)
def quantile(
    x: Any,
    q: Any,
    axis: Any = None,
    *,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    weights: Any = None,
) -> Any:
    """The values below which the shares q of the elements lie, by any of NumPy's methods: `np.quantile`.

    Example:
        >>> float(quantile(np.array([1.0, 2.0, 4.0]), 0.75))
        3.0
    """
    return _quantile("quantile", x, _levels("quantile", q, 1.0), axis, method, keepdims, weights)


@spells(np.percentile)
def percentile(
    x: Any,
    q: Any,
    axis: Any = None,
    *,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    weights: Any = None,
) -> Any:
    """Quantiles, their levels in percent: `np.percentile`.

    Example:
        >>> float(percentile(np.array([1.0, 2.0, 4.0]), 75))
        3.0
    """
    return _quantile("percentile", x, _levels("percentile", q, 100.0), axis, method, keepdims, weights)


@spells(np.median)
def median(x: Any, axis: Any = None, *, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    """The element in the middle, or the mean of the two there: `np.median`.

    Example:
        >>> float(median(np.array([1.0, 2.0, 4.0])))
        2.0
    """
    return _quantile("median", x, _levels("median", 0.5, 1.0), axis, "linear", keepdims)


@spells(np.nanquantile)
def nanquantile(
    x: Any,
    q: Any,
    axis: Any = None,
    *,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    weights: Any = None,
) -> Any:
    """Quantiles of what is not NaN: `np.nanquantile`.

    Example:
        >>> float(nanquantile(np.array([1.0, np.nan, 2.0]), 0.5))
        1.5
    """
    return _nanquantile("nanquantile", x, _levels("nanquantile", q, 1.0), axis, method, keepdims, weights)


@spells(np.nanpercentile)
def nanpercentile(
    x: Any,
    q: Any,
    axis: Any = None,
    *,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    weights: Any = None,
) -> Any:
    """Quantiles of what is not NaN, their levels in percent: `np.nanpercentile`.

    Example:
        >>> float(nanpercentile(np.array([1.0, np.nan, 2.0]), 50))
        1.5
    """
    return _nanquantile("nanpercentile", x, _levels("nanpercentile", q, 100.0), axis, method, keepdims, weights)


@spells(np.nanmedian)
def nanmedian(x: Any, axis: Any = None, *, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    """The median of what is not NaN: `np.nanmedian`.

    Example:
        >>> float(nanmedian(np.array([1.0, np.nan, 2.0])))
        1.5
    """
    return _nanquantile("nanmedian", x, _levels("nanmedian", 0.5, 1.0), axis, "linear", keepdims)
