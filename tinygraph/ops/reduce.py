"""Reductions over axes: sums, averages, spreads, extrema, products."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from tinygraph.op import Array, Kink, op
from tinygraph.ops.complexes import conjugate, squared
from tinygraph.ops.shape import broadcast

__all__ = ["amax", "amin", "max", "mean", "min", "prod", "std", "sum", "var"]

Axis = Any  # an int, a tuple of ints, or None for all axes


MANY = 32768  # numbers, so that a vector of ones beside them costs nothing

_add: Any = np.add.reduce
_multiply: Any = np.multiply.reduce


def axes_of(ndim: int, axis: Axis) -> tuple[int, ...]:
    """The axes that a reduction runs over, none of them negative."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim for a in (axis if isinstance(axis, tuple | list) else (axis,))) if ndim else ()


def kept_shape(x: Array, axis: Axis) -> tuple[int, ...]:
    """The shape that the reduction of x has with keepdims."""
    if axis is None:
        return (1,) * len(x.shape)
    axes = axes_of(x.ndim, axis)
    return tuple(1 if i in axes else n for i, n in enumerate(x.shape))


def count(x: Array, axis: Axis) -> int:
    """How many elements go into one element of a reduction."""
    return x.size if axis is None else math.prod(x.shape[a] for a in axes_of(x.ndim, axis))


def row_sums(x: Array) -> Array:
    """Along the last axis, with keepdims: of many short rows a product, which is faster if BLAS knows the dtype."""
    if x.size > MANY >= x.shape[-1] and x.dtype.char in "fdFD":  # of long rows it is slower, and rounds worse
        return x @ np.ones_like(x, shape=(x.shape[-1], 1))
    return _add(x, axis=-1, keepdims=True)


def _sum(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    return _add(x, axis=axis, keepdims=keepdims)


sum = op(
    _sum,
    numpy=np.sum,
    kind="linear",
    vjps=[lambda g, ans, x, axis, keepdims: broadcast(g.reshape(kept_shape(x, axis)), shape=x.shape)],
    symbol="Σ",
    latex=r"\sum {x}",
)


def _mean(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    if x.dtype.itemsize < 4 or x.dtype.kind in "iu":  # half precision is added up in single, whole numbers in double
        return np.mean(x, axis=axis, keepdims=keepdims)
    return _add(x, axis=axis, keepdims=keepdims) / count(x, axis)


def _mean_vjp(g: Array, ans: Array, x: Array, axis: Axis, keepdims: bool) -> Array:
    share = g / (count(x, axis) or 1)
    return broadcast(share.reshape(kept_shape(x, axis)), shape=x.shape)


mean = op(_mean, numpy=np.mean, kind="linear", vjps=[_mean_vjp], symbol="mean", latex=r"\overline{{{x}}}")


def _extremum_vjp(g: Array, ans: Array, x: Array, axis: Axis, keepdims: bool) -> Array:
    kept = kept_shape(x, axis)
    hit = x == ans.reshape(kept)
    ties = _add(hit, axis=axis, dtype=g.dtype, keepdims=True)
    return g.reshape(kept) / ties * hit


def _gap(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The distance between the two largest elements, the margin of a tie."""
    axes = axes_of(x.ndim, axis)
    rows = np.moveaxis(x, axes, range(len(axes))).reshape(count(x, axis), -1)
    top = np.sort(rows, axis=0)[-2:]
    return top[-1] - top[0] if len(top) == 2 else np.full_like(top, np.inf)


def _max(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    return x.max(axis=axis, keepdims=keepdims)


def _min(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    return x.min(axis=axis, keepdims=keepdims)


max = op(
    _max,
    numpy=[np.max, *([np.amax] if np.amax is not np.max else [])],
    vjps=[_extremum_vjp],
    complex=True,
    kinks=[Kink("several elements are the largest", _gap, "the same share to each of them")],
    name="max",
    latex=r"\max {x}",
)
min = op(
    _min,
    numpy=[np.min, *([np.amin] if np.amin is not np.min else [])],
    vjps=[_extremum_vjp],
    complex=True,
    kinks=[
        Kink(
            "several elements are the smallest",
            lambda x, axis=None, keepdims=False: _gap(-x, axis),
            "the same share to each of them",
        )
    ],
    name="min",
    latex=r"\min {x}",
)
amax, amin = max, min


def _prod(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    return _multiply(x, axis=axis, keepdims=keepdims)


def _prod_vjp(g: Array, ans: Array, x: Array, axis: Axis, keepdims: bool) -> Array:
    """The product of all the other elements: ans / x where nothing is 0 or overflows, else multiplied out."""
    kept = kept_shape(x, axis)
    if np.all((ans != 0) & np.isfinite(ans)):
        return (g * ans).reshape(kept) / x
    axes = axes_of(x.ndim, axis)
    order = (*(i for i in range(x.ndim) if i not in axes), *axes)
    moved = np.transpose(x, order)
    rows = moved.reshape((*moved.shape[: x.ndim - len(axes)], 1, count(x, axis)))
    one_left_out = np.where(np.eye(rows.shape[-1], dtype=bool, like=rows), 1.0, rows)
    others = np.prod(one_left_out, axis=-1).reshape(moved.shape)
    return g.reshape(kept) * np.transpose(others, tuple(order.index(i) for i in range(x.ndim)))


prod = op(_prod, numpy=np.prod, vjps=[_prod_vjp], complex=True, symbol="Π", latex=r"\prod {x}")


def _freedom(x: Array, axis: Axis, ddof: int) -> int:
    """What a sum of squares is divided by; 0 where there is none, as in NumPy."""
    return builtins.max(count(x, axis) - ddof, 0)


def _var(x: Array, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Array:
    return _add(squared(x - _mean(x, axis, True)), axis=axis, keepdims=keepdims) / _freedom(x, axis, ddof)


def _std(x: Array, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Array:
    return np.sqrt(_var(x, axis, keepdims, ddof))


def _var_vjp(g: Array, ans: Array, x: Array, axis: Axis, keepdims: bool, ddof: int) -> Array:
    scaled = g.reshape(kept_shape(x, axis)) * 2.0 / _freedom(x, axis, ddof)
    return scaled * conjugate(x - np.mean(x, axis=axis, keepdims=True))


def _std_vjp(g: Array, ans: Array, x: Array, axis: Axis, keepdims: bool, ddof: int) -> Array:
    kept = kept_shape(x, axis)
    spread = np.where(ans == 0, 1.0, ans).reshape(kept) * _freedom(x, axis, ddof)
    return g.reshape(kept) / spread * conjugate(x - np.mean(x, axis=axis, keepdims=True))


var = op(_var, numpy=np.var, vjps=[_var_vjp], complex=True, latex=r"\operatorname{{Var}}({x})")
std = op(
    _std,
    numpy=np.std,
    vjps=[_std_vjp],
    complex=True,
    kinks=[
        Kink(
            "all elements are equal",
            lambda x, axis=None, keepdims=False, ddof=0: np.std(x, axis=axis),
            "0, at the minimum",
        )
    ],
    latex=r"\sigma({x})",
)
