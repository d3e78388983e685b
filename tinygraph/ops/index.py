"""Reading and writing parts of an array: every kind of index that NumPy has, and what is built on it.

Reading a part (`getitem`) and adding into a part (`scatter_add`) are adjoint: each is the other's rule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygraph.op import Array, Mapped, Op, bare, op, spells
from tinygraph.ops.shape import axis_in, in_dtype, ravel, sum_to

__all__ = [
    "array_split",
    "assign",
    "diag",
    "diagonal",
    "getitem",
    "repeat",
    "scatter_add",
    "split",
    "take",
    "take_along_axis",
    "trace",
    "tril",
    "triu",
]


def is_basic(params: Any) -> bool:
    """Whether a recorded index is of the kind for which NumPy returns a view."""
    index = params["index"]
    parts = index if isinstance(index, tuple) else (index,)
    return all(_is_basic(p) for p in parts)


def _is_basic(part: Any) -> bool:
    return (
        part is None or part is Ellipsis or (isinstance(part, slice | int | np.integer) and not isinstance(part, bool))
    )


def _may_repeat(index: Any) -> bool:
    """Whether an index can name an element twice: slices, single places and booleans cannot."""
    return not all(_is_single(p) for p in (index if isinstance(index, tuple) else (index,)))


def _is_single(part: Any) -> bool:
    if part is None or part is Ellipsis or isinstance(part, slice | int | np.integer):
        return True
    return hasattr(part, "dtype") and (part.dtype.kind == "b" or part.ndim == 0)


def _getitem(x: Array, index: Any) -> Array:
    return x[index]


COUNTED = 64  # elements; below, np.add.at is faster than counting


def _by_counting(g: Array, index: Array, shape: Sequence[int]) -> Array:
    """What np.add.at does for places along the first axis, as sums over equal numbers: five times as fast."""
    row = math.prod(shape[1:])
    places = np.mod(index, shape[0]).reshape(-1, 1) * row + np.arange(row, like=g)
    total = np.bincount(places.reshape(-1), g.reshape(-1), math.prod(shape))
    return total.reshape(shape).astype(g.dtype)


def _counts(g: Array, index: Any, n: int) -> bool:
    """Whether an index names places along the first axis, all of them there, and g loses no digit in float64."""
    return (
        getattr(getattr(index, "dtype", None), "kind", None) in ("i", "u")
        and index.ndim > 0
        and g.size > COUNTED
        and g.dtype.kind == "f"
        and g.dtype.itemsize <= 8
        and -n <= index.min()
        and index.max() < n
    )


def _scatter_add(g: Array, index: Any, shape: Sequence[int]) -> Array:
    if _counts(g, index, shape[0] if len(shape) else 0):
        return _by_counting(g, index, shape)
    out = np.zeros_like(g, shape=shape)
    if _may_repeat(index):
        np.add.at(out, index, g)
    else:
        out[index] = g
    return out


getitem: Op = op(
    _getitem,
    kind="linear",
    vjps=[lambda g, ans, x, index: scatter_add(g, index=index, shape=x.shape)],
    name="getitem",
    symbol="[ ]",
    doc="""`x[index]`, for every kind of index that NumPy has.

    Example:
        >>> getitem(np.array([1.0, 2.0, 3.0]), index=[2, 2])
        array([3., 3.])
    """,
)
scatter_add: Op = op(
    _scatter_add,
    kind="linear",
    vjps=[lambda g, ans, x, index, shape: getitem(g, index=index)],
    name="scatter_add",
    doc="""Zeros of `shape`, with g added at `index`, where an index may repeat: the adjoint of `getitem`.

    Example:
        >>> scatter_add(np.array([1.0, 10.0]), index=[2, 2], shape=(3,))
        array([ 0.,  0., 11.])
    """,
)


def _assign(x: Array, v: Array, index: Any) -> Array:
    if np.iscomplexobj(v) and not np.iscomplexobj(x):
        raise TypeError(f"complex numbers assigned to an array of {x.dtype} would be cut: use .astype(complex) first")
    out = (v.spread(x) if isinstance(v, Mapped) else x).copy()
    out[index] = v
    return out


def _assigned_vjp(g: Array, ans: Array, x: Array, v: Array, index: Any) -> Array:
    part = getitem(g, index=index)
    if _may_repeat(index):  # NumPy keeps the last value that is written to an element
        order = np.arange(part.size, like=x).reshape(part.shape)
        last = np.zeros_like(x, dtype=order.dtype) - 1
        np.maximum.at(last, index, order)
        part = part * (last[index] == order)
    return sum_to(part, shape=np.shape(v))


assign: Op = op(
    _assign,
    kind="linear",
    vjps=[lambda g, ans, x, v, index: assign(g, 0.0, index=index), _assigned_vjp],
    name="assign",
    symbol="[ ]=",
    doc="""A copy of x in which `copy[index] = v`.

    Example:
        >>> assign(np.array([1.0, 2.0, 3.0]), 0.0, index=1)
        array([1., 0., 3.])
    """,
)


def _along(axis: int, index: Any) -> tuple[Any, ...]:
    return (*(slice(None),) * axis, index)


@spells(np.take)
def take(x: Any, indices: Any, axis: int | None = None, *, mode: str = "raise") -> Any:
    """The elements, or the slices along an axis, that integer indices name: `np.take`.

    Example:
        >>> take(np.array([10.0, 20.0, 30.0]), [2, 0])
        array([30., 10.])
    """
    if mode not in ("raise", "clip", "wrap"):
        raise ValueError(f"take: mode {mode!r} is not 'raise', 'clip' or 'wrap'")
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_in(axis, np.ndim(x))
    n = np.shape(x)[axis]
    indices = bare(indices)
    if not hasattr(indices, "dtype"):
        indices = np.asarray(indices, dtype=np.intp, like=x)
    if indices.dtype.kind == "b":  # NumPy takes them for 0 and 1
        indices = indices.astype(np.intp)
    if mode != "raise":
        indices = np.clip(indices, 0, n - 1) if mode == "clip" else np.mod(indices, n)
    return getitem(x, index=_along(axis, indices))


@spells(np.take_along_axis)
def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Any:
    """For each row along an axis, the elements that its own indices name: `np.take_along_axis`.

    Example:
        >>> take_along_axis(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1], [0]]), axis=1)
        array([[2.],
               [3.]])
    """
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_in(axis, np.ndim(x))
    if np.ndim(indices) != np.ndim(x):
        raise ValueError(
            f"take_along_axis: indices need {np.ndim(x)} dimensions as the array has, got {np.ndim(indices)}"
        )
    grid = []
    for i, n in enumerate(np.shape(x)):
        shape = [1] * np.ndim(x)
        shape[i] = -1
        grid.append(indices if i == axis else np.arange(n, like=x).reshape(shape))
    return getitem(x, index=tuple(grid))


@spells(np.repeat)
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Repeat each element, or each slice along an axis: `np.repeat`.

    Example:
        >>> repeat(np.array([1.0, 2.0]), 2)
        array([1., 1., 2., 2.])
    """
    if axis is None:
        x, axis = ravel(x), 0
    return take(x, np.repeat(np.arange(np.shape(x)[axis], like=x), repeats), axis)


@spells(np.split)
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Cut x along an axis into equal parts, or at the given places: `np.split`.

    Example:
        >>> split(np.array([1.0, 2.0, 3.0]), [1])
        [array([1.]), array([2., 3.])]
    """
    n = np.shape(x)[axis_in(axis, np.ndim(x))]
    if isinstance(indices_or_sections, int | np.integer) and indices_or_sections > 0 and n % indices_or_sections:
        raise ValueError(
            f"split: {n} elements along axis {axis} do not make {indices_or_sections} equal parts; use array_split"
        )
    return list(array_split(x, indices_or_sections, axis))


@spells(np.array_split)
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Cut x along an axis into parts as equal as can be: `np.array_split`.

    Example:
        >>> array_split(np.array([1.0, 2.0, 3.0]), 2)
        [array([1., 2.]), array([3.])]
    """
    axis = axis_in(axis, np.ndim(x))
    n = np.shape(x)[axis]
    if isinstance(indices_or_sections, int | np.integer):
        if indices_or_sections < 1:
            raise ValueError(f"split: {indices_or_sections} parts; there must be one at least")
        size, longer = divmod(n, indices_or_sections)
        cuts = [i * size + min(i, longer) for i in range(1, indices_or_sections)]
    else:
        cuts = [int(i) for i in indices_or_sections]
    return [getitem(x, index=_along(axis, slice(a, b))) for a, b in zip([0, *cuts], [*cuts, n], strict=True)]


# --- diagonals and triangles


def _diagonal_index(shape: Sequence[int], k: int, like: Any) -> tuple[Any, Any]:
    rows, columns = shape[-2:]
    n = max(0, min(rows, columns - k) if k >= 0 else min(rows + k, columns))
    i = np.arange(n, like=like)
    return i + max(-k, 0), i + max(k, 0)


@spells(np.diagonal)
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonals of the matrices on two axes, as a new last axis: `np.diagonal`.

    Example:
        >>> diagonal(np.array([[1.0, 2.0], [3.0, 4.0]]))
        array([1., 4.])
    """
    if (axis1, axis2) != (np.ndim(x) - 2, np.ndim(x) - 1):
        x = np.moveaxis(x, (axis1, axis2), (-2, -1))
    return getitem(x, index=(..., *_diagonal_index(np.shape(x), offset, x)))


@spells(np.diag)
def diag(x: Any, k: int = 0) -> Any:
    """The diagonal of a matrix, or the matrix with a vector on its diagonal: `np.diag`.

    Example:
        >>> diag(np.array([1.0, 2.0]))
        array([[1., 0.],
               [0., 2.]])
    """
    if np.ndim(x) == 2:
        return diagonal(x, k)
    if np.ndim(x) != 1:
        raise ValueError(f"diag: takes a vector or a matrix, got {np.ndim(x)} dimensions")
    n = np.shape(x)[0] + abs(k)
    return scatter_add(x, index=_diagonal_index((n, n), k, x), shape=(n, n))


@spells(np.trace)
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    """The sum of the diagonal: `np.trace`.

    Example:
        >>> float(trace(np.array([[1.0, 2.0], [3.0, 4.0]])))
        5.0
    """
    return np.sum(diagonal(in_dtype(x, dtype), offset, axis1, axis2), axis=-1)


tril = op(  # NumPy repeats a vector into a matrix first
    lambda x, k=0: np.tril(x, k),
    numpy=np.tril,
    kind="linear",
    vjps=[lambda g, ans, x, k: sum_to(np.tril(g, k), shape=x.shape)],
)
triu = op(
    lambda x, k=0: np.triu(x, k),
    numpy=np.triu,
    kind="linear",
    vjps=[lambda g, ans, x, k: sum_to(np.triu(g, k), shape=x.shape)],
)
