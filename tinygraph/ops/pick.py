"""Choosing by conditions and places: select, choose, piecewise, interp; NumPy's functions that write to arrays."""

from __future__ import annotations

import builtins
import functools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygraph.op import Traced, bare, spells
from tinygraph.ops.elementwise import mod, where
from tinygraph.ops.index import assign, scatter_add, take
from tinygraph.ops.join import resize
from tinygraph.ops.shape import array_beside, as_array, axis_in, broadcast_to, concatenate, in_dtype

__all__ = ["bincount", "choose", "compress", "extract", "interp", "piecewise", "select"]


@spells(np.compress)
def compress(condition: Any, x: Any, axis: int | None = None) -> Any:
    """The slices of x along an axis for which a condition is true: `np.compress`.

    Example:
        >>> compress([True, False, True], np.array([1.0, 2.0, 3.0]))
        array([1., 3.])
    """
    return take(as_array(x), np.flatnonzero(_condition(condition, x)), axis)


@spells(np.extract)
def extract(condition: Any, x: Any) -> Any:
    """The elements of x where a condition of its shape is true: `np.extract`.

    Example:
        >>> extract(np.array([True, False]), np.array([1.0, 2.0]))
        array([1.])
    """
    return take(as_array(x), np.flatnonzero(_condition(condition, x)))


def _condition(condition: Any, like: Any) -> Any:
    return array_beside(bare(condition), as_array(like))


@spells(np.select)
def select(conditions: Sequence[Any], choices: Sequence[Any], default: Any = 0.0) -> Any:
    """For each place the choice whose condition is the first to be true: `np.select`.

    Example:
        >>> x = np.array([-1.0, 0.5, 3.0])
        >>> select([x < 0, x > 1], [0.0, 1.0], x)
        array([0. , 0.5, 1. ])
    """
    if len(conditions) != len(choices) or not conditions:
        raise ValueError(f"select: {len(conditions)} conditions for {len(choices)} choices, not one for each")
    out = default
    for condition, choice in zip(conditions[::-1], choices[::-1], strict=True):
        if as_array(bare(condition)).dtype.kind != "b":
            raise TypeError("select: a condition is an array of booleans")
        out = where(condition, choice, out)
    return out


@spells(np.choose)
def choose(x: Any, choices: Any, *, mode: str = "raise") -> Any:
    """For each place the element of the array that x, of whole numbers, names: `np.choose`.

    Example:
        >>> choose(np.array([1, 0]), [np.array([1.0, 2.0]), np.array([10.0, 20.0])])
        array([10.,  2.])
    """
    which, n = bare(as_array(x)), len(choices)
    if which.dtype.kind not in "iub":
        raise TypeError(f"choose: places are whole numbers, not {which.dtype}")
    if mode == "wrap":
        which = np.mod(which, n)
    elif mode == "clip":
        which = np.clip(which, 0, n - 1)
    elif mode != "raise" or np.any((which < 0) | (which >= n)):
        raise ValueError(f"choose: places beyond the {n} choices, or a mode that is not raise, wrap or clip")
    out = choices[0]
    for i in range(1, n):
        out = where(which == i, choices[i], out)
    return broadcast_to(out, np.broadcast_shapes(np.shape(out), which.shape)) if n == 1 else out


@spells(np.piecewise)
def piecewise(x: Any, conditions: Any, functions: Sequence[Any], *args: Any, **kw: Any) -> Any:
    """Each function, or value, where its condition is true; a last one more everywhere else: `np.piecewise`.

    Example:
        >>> x = np.array([-2.0, 3.0])
        >>> piecewise(x, [x < 0], [lambda x: -x, lambda x: x * x])
        array([2., 9.])
    """
    x = as_array(x)
    if not isinstance(conditions, list | tuple) or (not np.ndim(conditions[0]) and x.ndim):
        conditions = [conditions]
    masks = [broadcast_to(_condition(c, x), x.shape) for c in conditions]
    if len(functions) == len(masks) + 1:
        masks.append(np.logical_not(functools.reduce(operator.or_, masks)))
    if len(functions) != len(masks):
        raise ValueError(f"piecewise: {len(functions)} functions for {len(conditions)} conditions; one for each")
    out = where(np.zeros_like(masks[0]), x, 0.0)
    for mask, function in zip(masks, functions, strict=True):
        out = assign(out, function(x[mask], *args, **kw) if callable(function) else function, index=mask)
    return out


@spells(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None) -> Any:
    """The line through points (xp, fp) at x, differentiable in all three; at a point its slope after it: `np.interp`.

    Example:
        >>> float(interp(1.5, np.array([1.0, 2.0]), np.array([10.0, 20.0])))
        15.0
    """
    x, xp, fp = as_array(x), as_array(xp), as_array(fp)
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ValueError(f"interp: xp and fp are vectors of one length, one at least; got {xp.shape} and {fp.shape}")
    if x.dtype.kind == "c" or xp.dtype.kind == "c":
        raise TypeError("interp: x and xp are real numbers, complex ones stand in no order; fp may be complex")
    if period is not None:
        if not period:
            raise ValueError("interp: a period is not 0")
        period, left, right = builtins.abs(period), None, None
        x, xp = mod(x, period), mod(xp, period)
        order = np.argsort(bare(xp))
        xp, fp = xp[order], fp[order]
        xp = concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = concatenate([fp[-1:], fp, fp[:1]])
    left, right = fp[0] if left is None else left, fp[-1] if right is None else right
    if xp.shape[0] == 1:
        return where(x < xp[0], left, where(x > xp[0], right, fp[0]))
    after = np.clip(np.searchsorted(bare(xp), bare(x), side="right"), 1, xp.shape[0] - 1)
    x0, x1, f0, f1 = xp[after - 1], xp[after], fp[after - 1], fp[after]
    inside = f0 + (f1 - f0) / (x1 - x0) * (x - x0)
    return where(x < xp[0], left, where(x > xp[-1], right, inside))


@spells(np.bincount)
def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each whole number occurs, or the sums of its weights, by which it is differentiable: `np.bincount`.

    Example:
        >>> bincount(np.array([0, 2, 2]), np.array([1.0, 2.0, 3.0]))
        array([1., 0., 5.])
    """
    x = bare(as_array(x))
    if not isinstance(weights, Traced):
        return np.bincount(x, weights, minlength)
    length = builtins.max(int(np.max(x)) + 1 if x.size else 0, minlength)
    return scatter_add(in_dtype(weights, np.float64), index=x, shape=(length,))  # as NumPy does


# --- what writes into an array is x[index] = values


@spells(np.put_along_axis)
def _put_along_axis(x: Any, indices: Any, values: Any, axis: int | None) -> None:
    indices = bare(indices)
    if axis is None:
        x[np.unravel_index(indices, x.shape)] = values
        return
    grid: list[Any] = [
        np.arange(n, like=indices).reshape([-1 if i == j else 1 for j in range(x.ndim)]) for i, n in enumerate(x.shape)
    ]
    grid[axis_in(axis, x.ndim)] = indices
    x[tuple(grid)] = values


@spells(np.put)
def _put(x: Any, indices: Any, values: Any, mode: str = "raise") -> None:
    indices, n = np.reshape(array_beside(bare(indices), x), -1), x.size
    if mode != "raise":
        indices = np.clip(indices, 0, n - 1) if mode == "clip" else np.mod(indices, n)
    indices = np.where(indices < 0, indices + n, indices)
    x[np.unravel_index(indices, x.shape)] = resize(values, indices.shape)


@spells(np.place)
def _place(x: Any, mask: Any, values: Any) -> None:
    mask = bare(mask).astype(bool)
    x[mask] = resize(values, int(mask.sum()))


@spells(np.putmask)
def _putmask(x: Any, mask: Any, values: Any) -> None:
    mask = bare(mask).astype(bool)
    x[mask] = resize(values, x.shape)[mask]


@spells(np.copyto)
def _copyto(x: Any, values: Any, casting: str = "same_kind", where: Any = True) -> None:
    if where is True:
        x[...] = values
    else:
        mask = broadcast_to(bare(where), x.shape)
        x[mask] = broadcast_to(as_array(values), x.shape)[mask]


@spells(np.fill_diagonal)
def _fill_diagonal(x: Any, values: Any, wrap: bool = False) -> None:
    if x.ndim < 2 or (x.ndim > 2 and len(set(x.shape)) > 1) or wrap:
        raise ValueError(f"fill_diagonal: takes a matrix, or equal sides, and no wrap=; got shape {x.shape}")
    n = builtins.min(x.shape)
    x[(np.arange(n, like=bare(x)),) * x.ndim] = resize(values, n)
