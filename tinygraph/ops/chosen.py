"""Reductions of chosen elements: `where=`, `initial=`, `dtype=`, a mean that is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import Array, bare, spells, widens
from tinygraph.ops import reduce
from tinygraph.ops.complexes import squared
from tinygraph.ops.elementwise import end, maximum, minimum, where
from tinygraph.ops.reduce import Axis
from tinygraph.ops.shape import as_array, astype, given, in_dtype

__all__: list[str] = []  # NumPy's own names serve


def _averaged(x: Any, dtype: Any) -> Any:
    """x in the precision of an average, which whole numbers and truths have none of."""
    x = in_dtype(x, dtype)
    return x if x.dtype.kind in "fc" else astype(x, dtype=np.dtype(np.float64))


def _of(x: Any, chosen: Any, otherwise: float) -> Any:
    """x where it is chosen, and elsewhere what changes nothing."""
    if chosen is True:
        return x
    if np.broadcast_shapes(np.shape(chosen), x.shape) != x.shape:
        raise ValueError(f"where= of shape {np.shape(chosen)} does not broadcast to the array's {x.shape}")
    return where(chosen, x, otherwise)


def _count(x: Any, axis: Axis, chosen: Any, keepdims: bool) -> Array:
    """How many elements are chosen, in the precision of x."""
    if chosen is True:
        return reduce.count(x, axis)
    dtype = np.finfo(x.dtype).dtype if x.dtype.kind == "c" else x.dtype
    return np.sum(np.broadcast_to(bare(chosen), x.shape), axis=axis, dtype=dtype, keepdims=keepdims)


# --- where=, initial= and dtype= of the reductions


@widens(reduce.sum)
def _sum_of(
    x: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    total = reduce.sum(_of(in_dtype(x, dtype), where, 0), axis=axis, keepdims=keepdims)
    return total + initial if given(initial) else total


@widens(reduce.prod)
def _prod_of(
    x: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    total = reduce.prod(_of(in_dtype(x, dtype), where, 1), axis=axis, keepdims=keepdims)
    return total * initial if given(initial) else total


def _extremum_of(x: Any, how: Any, pair: Any, sign: int, axis: Axis, keepdims: bool, initial: Any, chosen: Any) -> Any:
    x = as_array(x)
    if not given(initial):
        if chosen is not True:
            raise ValueError(f"{how.name}: where= needs initial=, the result where nothing is chosen")
        return how(x, axis=axis, keepdims=keepdims)
    x = _of(x, chosen, end(x.dtype, sign))
    if not x.size:  # nothing to be larger than the initial value
        return np.broadcast_to(initial, np.sum(x, axis=axis, keepdims=keepdims).shape)
    return pair(how(x, axis=axis, keepdims=keepdims), initial)


@widens(reduce.max)
def _max_of(
    x: Any, axis: Axis = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    return _extremum_of(x, reduce.max, maximum, -1, axis, keepdims, initial, where)


@widens(reduce.min)
def _min_of(
    x: Any, axis: Axis = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    return _extremum_of(x, reduce.min, minimum, 1, axis, keepdims, initial, where)


@widens(reduce.mean)
def _mean_of(
    x: Any, axis: Axis = None, dtype: Any = None, out: None = None, keepdims: bool = False, where: Any = True
) -> Any:
    x = _averaged(x, dtype)
    if where is True:
        return reduce.mean(x, axis=axis, keepdims=keepdims)
    narrow = x.dtype if x.dtype.kind == "f" and x.dtype.itemsize < 4 else None  # added up in single precision
    x = x if narrow is None else astype(x, dtype=np.dtype(np.float32))
    average = reduce.sum(_of(x, where, 0.0), axis=axis, keepdims=keepdims) / _count(x, axis, where, keepdims)
    return average if narrow is None else astype(average, dtype=narrow)


@widens(reduce.var)
def _var_of(
    x: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    x, chosen = _averaged(x, dtype), where
    ddof = correction if given(correction) else ddof
    if chosen is True and not given(mean):
        return reduce.var(x, axis=axis, keepdims=keepdims, ddof=ddof)
    if not given(mean):
        mean = reduce.sum(_of(x, chosen, 0.0), axis=axis, keepdims=True) / _count(x, axis, chosen, True)
    deviation = _of(x - mean, chosen, 0.0)
    freedom = np.maximum(_count(x, axis, chosen, keepdims) - ddof, 0)
    return reduce.sum(squared(deviation), axis=axis, keepdims=keepdims) / freedom


@widens(reduce.std)
def _std_of(
    x: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    x = _averaged(x, dtype)
    ddof = correction if given(correction) else ddof
    if where is True and not given(mean):
        return reduce.std(x, axis=axis, keepdims=keepdims, ddof=ddof)
    return _root(_var_of(x, axis, None, None, ddof, keepdims, where, mean))


def _root(x: Any) -> Any:
    """√x, with slope 0 at 0: a spread is smallest there."""
    flat = np.equal(x, 0.0)
    return where(flat, np.zeros_like(x), np.sqrt(where(flat, np.ones_like(x), x)))


# --- ufunc.reduce


@spells(np.add.reduce)
def _add_reduce(
    x: Any,
    axis: Axis = 0,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    return _sum_of(x, axis, dtype, None, keepdims, initial, where)


@spells(np.multiply.reduce)
def _multiply_reduce(
    x: Any,
    axis: Axis = 0,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    return _prod_of(x, axis, dtype, None, keepdims, initial, where)


@spells(np.maximum.reduce)
def _maximum_reduce(
    x: Any,
    axis: Axis = 0,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    return _max_of(in_dtype(x, dtype), axis, None, keepdims, initial, where)


@spells(np.minimum.reduce)
def _minimum_reduce(
    x: Any,
    axis: Axis = 0,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    return _min_of(in_dtype(x, dtype), axis, None, keepdims, initial, where)
