"""Joining arrays and cutting them apart: stacks, blocks, what is put in between and what is taken out."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygraph.op import bare, spells
from tinygraph.ops.index import split, take
from tinygraph.ops.shape import (
    array_beside,
    as_array,
    astype,
    axis_in,
    broadcast_to,
    concatenate,
    in_dtype,
    moveaxis,
    ravel,
    reshape,
)

__all__ = [
    "append",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block",
    "broadcast_arrays",
    "column_stack",
    "delete",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "insert",
    "meshgrid",
    "resize",
    "unstack",
    "vsplit",
    "vstack",
]

# --- axes that an array lacks


def _atleast(ndim: int, arrays: Sequence[Any]) -> Any:
    found = []
    for x in map(as_array, arrays):
        missing = ndim - x.ndim
        if missing > 0:
            x = reshape(x, (1, *x.shape, 1) if ndim == 3 and x.ndim == 1 else _wide(x.shape, ndim))
        found.append(x)
    return found[0] if len(found) == 1 else tuple(found)


def _wide(shape: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    ones = (1,) * (ndim - len(shape))
    return (*shape, *ones) if ndim == 3 else (*ones, *shape)


@spells(np.atleast_1d)
def atleast_1d(*arrays: Any) -> Any:
    """Arrays with one axis at least: `np.atleast_1d`.

    Example:
        >>> atleast_1d(3.0)
        array([3.])
    """
    return _atleast(1, arrays)


@spells(np.atleast_2d)
def atleast_2d(*arrays: Any) -> Any:
    """Arrays with two axes at least, new ones before the others: `np.atleast_2d`.

    Example:
        >>> atleast_2d(np.array([1.0, 2.0])).shape
        (1, 2)
    """
    return _atleast(2, arrays)


@spells(np.atleast_3d)
def atleast_3d(*arrays: Any) -> Any:
    """Arrays with three axes at least: `np.atleast_3d`.

    Example:
        >>> atleast_3d(np.array([1.0, 2.0])).shape
        (1, 2, 1)
    """
    return _atleast(3, arrays)


@spells(np.broadcast_arrays)
def broadcast_arrays(*arrays: Any, subok: bool = False) -> Any:
    """Arrays repeated to one shape: `np.broadcast_arrays`.

    Example:
        >>> broadcast_arrays(np.array([1.0, 2.0]), 3.0)
        (array([1., 2.]), array([3., 3.]))
    """
    arrays = tuple(map(as_array, arrays))
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    return tuple(broadcast_to(x, shape) for x in arrays)


@spells(np.meshgrid)
def meshgrid(*coordinates: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    """The coordinates of all points of a grid: `np.meshgrid`.

    Example:
        >>> meshgrid(np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0]))[0]
        array([[1., 2.],
               [1., 2.],
               [1., 2.]])
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing {indexing!r} is not 'xy' or 'ij'")
    axes = list(range(len(coordinates)))
    if indexing == "xy":
        axes[:2] = axes[:2][::-1]
    lines = [
        reshape(as_array(x), tuple(-1 if a == own else 1 for a in range(len(axes))))
        for x, own in zip(coordinates, axes, strict=True)
    ]
    return tuple(lines) if sparse or not lines else broadcast_arrays(*lines)


# --- joining


def _joined(arrays: Sequence[Any], ndim: int, axis: int) -> Any:
    return concatenate([_atleast(ndim, [x]) for x in arrays], axis)


@spells(np.hstack)
def hstack(arrays: Sequence[Any], *, dtype: Any = None) -> Any:
    """Join arrays side by side, along their second axis, vectors along their only one: `np.hstack`.

    Example:
        >>> hstack([np.array([1.0]), np.array([2.0, 3.0])])
        array([1., 2., 3.])
    """
    arrays = [atleast_1d(x) for x in arrays]
    return concatenate(arrays, 0 if arrays and arrays[0].ndim == 1 else 1, dtype=dtype)


@spells(np.vstack)
def vstack(arrays: Sequence[Any], *, dtype: Any = None) -> Any:
    """Join arrays one above the other, a vector as a row: `np.vstack`.

    Example:
        >>> vstack([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
        array([[1., 2.],
               [3., 4.]])
    """
    return in_dtype(_joined(arrays, 2, 0), dtype)


@spells(np.dstack)
def dstack(arrays: Sequence[Any]) -> Any:
    """Join arrays along their third axis: `np.dstack`.

    Example:
        >>> dstack([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
        array([[[1., 3.],
                [2., 4.]]])
    """
    return _joined(arrays, 3, 2)


@spells(np.column_stack)
def column_stack(arrays: Sequence[Any]) -> Any:
    """Join arrays side by side, a vector as a column: `np.column_stack`.

    Example:
        >>> column_stack([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
        array([[1., 3.],
               [2., 4.]])
    """
    arrays = [as_array(x) for x in arrays]
    return concatenate([reshape(x, (-1, 1)) if x.ndim < 2 else x for x in arrays], 1)


@spells(np.block)
def block(arrays: Any) -> Any:
    """Join nested lists of blocks, the innermost lists along the last axis: `np.block`.

    Example:
        >>> block([[np.eye(2), np.zeros((2, 1))]])
        array([[1., 0., 0.],
               [0., 1., 0.]])
    """
    depth = _depth(arrays)

    def leaves(part: Any) -> list[Any]:
        return [x for p in part for x in leaves(p)] if isinstance(part, list) else [part]

    ndim = builtins.max(depth, *(np.ndim(x) for x in leaves(arrays)))

    def built(part: Any, level: int) -> Any:
        if isinstance(part, list):
            return concatenate([built(p, level - 1) for p in part], -level)
        x = as_array(part)
        return reshape(x, (1,) * (ndim - x.ndim) + x.shape)

    return built(arrays, depth)


def _depth(arrays: Any) -> int:
    if isinstance(arrays, tuple):
        raise TypeError("block: blocks come in lists; a tuple is neither a block nor a list of them")
    if not isinstance(arrays, list):
        return 0
    depths = {_depth(x) for x in arrays}
    if len(depths) != 1:
        raise ValueError("block: lists must be nested equally deep, and none may be empty")
    return 1 + depths.pop()


@spells(np.append)
def append(x: Any, values: Any, axis: int | None = None) -> Any:
    """x and values behind it, flat if no axis is given: `np.append`.

    Example:
        >>> append(np.array([1.0, 2.0]), 3.0)
        array([1., 2., 3.])
    """
    x = as_array(x)
    values = array_beside(values, x)
    return concatenate([ravel(x), ravel(values)]) if axis is None else concatenate([x, values], axis)


# --- putting in and taking out


@spells(np.insert)
def insert(x: Any, places: Any, values: Any, axis: int | None = None) -> Any:
    """Values put in before the given places: `np.insert`.

    Example:
        >>> insert(np.array([1.0, 2.0, 3.0]), [1, 3], [8.0, 9.0])
        array([1., 8., 2., 3., 9.])
    """
    x, places = as_array(x), bare(places)
    values = array_beside(values, x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_in(axis, x.ndim)
    n = x.shape[axis]
    if isinstance(places, slice):
        places = list(range(*places.indices(n)))
    places = array_beside(places, x)
    places = np.flatnonzero(places) if places.dtype.kind == "b" else places.astype(np.intp)
    values = reshape(values, (1,) * (x.ndim - np.ndim(values)) + np.shape(values))
    if np.ndim(places) == 0:
        values = moveaxis(values, 0, axis)
    count = values.shape[axis] if np.size(places) == 1 else np.size(places)
    values = broadcast_to(values, (*x.shape[:axis], count, *x.shape[axis + 1 :]))
    order = np.insert(np.arange(n, like=x), places, np.arange(n, n + count, like=x))
    both = concatenate([x, values if values.dtype == x.dtype else astype(values, dtype=x.dtype)], axis)
    return take(both, order, axis)


@spells(np.delete)
def delete(x: Any, places: Any, axis: int | None = None) -> Any:
    """x without the given places: `np.delete`.

    Example:
        >>> delete(np.array([1.0, 2.0, 3.0]), 1)
        array([1., 3.])
    """
    x = as_array(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_in(axis, x.ndim)
    return take(x, np.delete(np.arange(x.shape[axis], like=x), bare(places)), axis)


@spells(np.resize)
def resize(x: Any, new_shape: Any) -> Any:
    """The elements of x in another shape, repeated as often as it takes: `np.resize`.

    Example:
        >>> resize(np.array([1.0, 2.0, 3.0]), (2, 2))
        array([[1., 2.],
               [3., 1.]])
    """
    x = ravel(as_array(x))
    shape = (new_shape,) if isinstance(new_shape, int | np.integer) else tuple(new_shape)
    if builtins.min(shape, default=0) < 0:
        raise ValueError(f"resize: no side of {shape} may be negative")
    if not x.size:
        return np.zeros_like(x, shape=shape)
    return reshape(take(x, np.arange(math.prod(shape), like=x) % x.size), shape)


# --- cutting


def _cut(name: str, x: Any, places: Any, axis: int, least: int) -> list[Any]:
    x = as_array(x)
    if x.ndim < least:
        raise ValueError(f"{name}: takes arrays of {least} dimensions at least, got {x.ndim}")
    return list(split(x, places, axis))


@spells(np.hsplit)
def hsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Cut x along its second axis, a vector along its only one: `np.hsplit`.

    Example:
        >>> hsplit(np.array([1.0, 2.0, 3.0]), [1])
        [array([1.]), array([2., 3.])]
    """
    return _cut("hsplit", x, indices_or_sections, 1 if np.ndim(x) > 1 else 0, 1)


@spells(np.vsplit)
def vsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Cut x along its first axis: `np.vsplit`.

    Example:
        >>> vsplit(np.array([[1.0], [2.0]]), 2)
        [array([[1.]]), array([[2.]])]
    """
    return _cut("vsplit", x, indices_or_sections, 0, 2)


@spells(np.dsplit)
def dsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Cut x along its third axis: `np.dsplit`.

    Example:
        >>> dsplit(np.array([[[1.0, 2.0]]]), 2)
        [array([[[1.]]]), array([[[2.]]])]
    """
    return _cut("dsplit", x, indices_or_sections, 2, 3)


@spells(*filter(None, [getattr(np, "unstack", None)]))
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The slices of x along an axis: `np.unstack`.

    Example:
        >>> unstack(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=1)
        (array([1., 3.]), array([2., 4.]))
    """
    x = as_array(x)
    if not x.ndim:
        raise ValueError("unstack: a number has no axis to be taken apart along")
    x = moveaxis(x, axis, 0)
    return tuple(x[i] for i in range(len(x)))
