"""Operations that move elements and change none: shapes, axes, broadcasting, joining, padding, repeating."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygraph.op import Array, Each, Op, bare, op, spells, widens

__all__ = [
    "astype",
    "broadcast_to",
    "concatenate",
    "copy",
    "expand_dims",
    "flip",
    "moveaxis",
    "ravel",
    "reshape",
    "roll",
    "squeeze",
    "stack",
    "sum_to",
    "swapaxes",
    "tile",
    "transpose",
]

SMALL = 8192  # elements; below, copying a broadcast array is cheaper than making a view of it


def as_array(x: Any) -> Any:
    """A list or a number as an array; what has a shape, as it is."""
    return x if hasattr(x, "shape") else np.reshape(x, np.shape(x))


def array_beside(value: Any, x: Any) -> Any:
    """A list or a number as an array of the kind of x; what has a shape, as it is."""
    if hasattr(value, "shape"):
        return value
    x = bare(x)
    return np.asarray(value, like=np.zeros_like(x) if isinstance(x, np.generic) else x)


ABSENT = (None, np._NoValue)


def given(value: Any) -> bool:
    """Whether an argument was given, in NumPy's way of leaving one out or in Python's."""
    return not any(value is absent for absent in ABSENT)


def axis_in(axis: int, ndim: int) -> int:
    """An axis as a number that is not negative."""
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return axis % ndim


# --- broadcasting and its adjoint


def _broadcast(x: Array, shape: Sequence[int]) -> Array:
    if math.prod(shape) > SMALL:
        return np.broadcast_to(x, shape)
    out = np.empty_like(x, shape=shape)
    out[...] = x
    return out


def _sum_to(x: Array, shape: Sequence[int]) -> Array:
    extra = x.ndim - len(shape)
    if extra == 1 and x.shape[1:] == shape:  # a bias; one axis is summed in half the time of a tuple of one
        return np.add.reduce(x, axis=0)
    axes = tuple(i for i, n in enumerate(x.shape) if i < extra or (n != 1 and shape[i - extra] == 1))
    return np.add.reduce(x, axis=axes).reshape(shape) if axes else x.reshape(shape)


broadcast: Op = op(
    _broadcast,
    kind="linear",
    vjps=[lambda g, ans, x, shape: sum_to(g, shape=x.shape)],
    name="broadcast_to",
)
sum_to: Op = op(
    _sum_to,
    kind="linear",
    vjps=[lambda g, ans, x, shape: broadcast(g, shape=x.shape)],
    name="sum_to",
    symbol="Σ",
    doc="""Sum x over the axes along which `shape` would be broadcast to it: the adjoint of `broadcast_to`.

    Example:
        >>> sum_to(np.ones((2, 3)), shape=(3,))
        array([2., 2., 2.])
    """,
)


@spells(np.broadcast_to)
def broadcast_to(x: Any, shape: int | Sequence[int]) -> Any:
    """Repeat x along new and single axes until it has `shape`: `np.broadcast_to`.

    Example:
        >>> broadcast_to(np.array([1.0, 2.0]), (2, 2))
        array([[1., 2.],
               [1., 2.]])
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    np.broadcast_to(np.empty_like(0.0, shape=np.shape(x)), shape)  # NumPy's own error, before anything is copied
    return broadcast(x, shape=shape)


# --- one array, its elements in the same order


def _reshape(x: Array, shape: int | Sequence[int]) -> Array:
    return x.reshape(shape)


def _same_elements(g: Array, ans: Array, x: Array, **params: Any) -> Array:
    return _laid_out_as(g.reshape(x.shape), x)


def _laid_out_as(g: Array, x: Array) -> Array:
    """g with its axes in the order that those of x have in memory: what meets both is several times as fast."""
    flags = getattr(x, "flags", None)
    if flags is None or flags.c_contiguous or g.ndim < 2:
        return g
    order = sorted(range(g.ndim), key=lambda axis: -abs(x.strides[axis]))
    return g.transpose(order).copy().transpose(sorted(range(g.ndim), key=order.__getitem__))


reshape = op(_reshape, numpy=np.reshape, kind="linear", vjps=[_same_elements])
ravel = op(lambda x: x.reshape(-1), numpy=np.ravel, kind="linear", vjps=[_same_elements])
expand_dims = op(lambda x, axis: np.expand_dims(x, axis), numpy=np.expand_dims, kind="linear", vjps=[_same_elements])
squeeze = op(lambda x, axis=None: np.squeeze(x, axis), numpy=np.squeeze, kind="linear", vjps=[_same_elements])

copy = op(lambda x: x.copy(), numpy=np.copy, kind="linear", vjps=[lambda g, ans, x: g], name="copy")


def _astype(x: Array, dtype: Any) -> Array:
    if np.iscomplexobj(x) and np.dtype(dtype).kind != "c":
        raise TypeError(f"complex numbers are not cut to {np.dtype(dtype)} silently: take .real, .imag or abs")
    return x.astype(dtype)


astype = op(
    _astype,
    kind="linear",
    vjps=[lambda g, ans, x, dtype: g],  # the engine gives it the dtype of x
    name="astype",
    doc="""The same numbers in another dtype; a gradient comes back in the dtype of x.

    Example:
        >>> astype(np.array([1.0, 2.0]), np.float32)
        array([1., 2.], dtype=float32)
    """,
)


def in_dtype(x: Any, dtype: Any) -> Any:
    """x in the dtype that a call names, where one is named."""
    x = as_array(x)
    if not given(dtype) or np.dtype(dtype) == x.dtype:
        return x
    if np.dtype(dtype).kind not in "fc":
        raise TypeError(f"dtype {np.dtype(dtype)} has no derivatives; use float64, float32 or complex128")
    return astype(x, dtype=np.dtype(dtype))


# --- one array, its axes or elements in another order


def _transpose(x: Array, axes: Sequence[int] | None = None) -> Array:
    return x.transpose() if axes is None else x.transpose(axes)


def _transpose_vjp(g: Array, ans: Array, x: Array, axes: Sequence[int] | None) -> Array:
    if axes is None:
        return g.transpose()
    forward = [a % x.ndim for a in axes]
    return g.transpose(tuple(forward.index(i) for i in range(x.ndim)))


transpose = op(_transpose, numpy=np.transpose, kind="linear", vjps=[_transpose_vjp], symbol="ᵀ", latex=r"{x}^\top")


@widens(reshape)
def _reshaped(x: Any, shape: int | Sequence[int], order: str = "C", copy: bool | None = None) -> Any:
    """The elements in rows, or, of order "F", in columns: of the transpose in rows, and the result transposed."""
    if order == "F":
        reverse = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)[::-1]
        return transpose(reshape(transpose(x), shape=reverse))
    if order != "C":
        raise ValueError(f"reshape: order={order!r} follows the layout in memory, which is not recorded: 'C' or 'F'")
    return reshape(x, shape=shape)


@widens(ravel)
def _raveled(x: Any, order: str = "C") -> Any:
    return _reshaped(x, -1, order)


swapaxes = op(
    lambda x, axis1, axis2: x.swapaxes(axis1, axis2),
    numpy=np.swapaxes,
    kind="linear",
    vjps=[lambda g, ans, x, axis1, axis2: np.swapaxes(g, axis1, axis2)],
)
moveaxis = op(
    lambda x, source, destination: np.moveaxis(x, source, destination),
    numpy=np.moveaxis,
    kind="linear",
    vjps=[lambda g, ans, x, source, destination: np.moveaxis(g, destination, source)],
)
flip = op(
    lambda x, axis=None: np.flip(x, axis),
    numpy=np.flip,
    kind="linear",
    vjps=[lambda g, ans, x, axis: np.flip(g, axis)],
)


def _unrolled(shift: Any) -> Any:
    return tuple(-s for s in shift) if isinstance(shift, tuple | list) else -shift


roll = op(
    lambda x, shift, axis=None: np.roll(x, shift, axis),
    numpy=np.roll,
    kind="linear",
    vjps=[lambda g, ans, x, shift, axis: np.roll(g, _unrolled(shift), axis)],
)

# --- joining


def _concatenate(*arrays: Array, axis: int = 0) -> Array:
    return np.concatenate(arrays, axis=axis)


def _part(i: int, g: Array, ans: Array, *arrays: Array, axis: int) -> Array:
    axis %= g.ndim
    start = builtins.sum(a.shape[axis] for a in arrays[:i])
    return g[(*(slice(None),) * axis, slice(start, start + arrays[i].shape[axis]))]


_joined = op(_concatenate, kind="linear", vjps=Each(_part), name="concatenate")


@spells(np.concatenate)
def concatenate(arrays: Sequence[Any], axis: int | None = 0, *, dtype: Any = None) -> Any:
    """Join arrays along an axis that they have; axis=None joins them flat: `np.concatenate`.

    Example:
        >>> concatenate([np.array([1.0]), np.array([2.0, 3.0])])
        array([1., 2., 3.])
    """
    if axis is None:
        arrays, axis = [ravel(a) for a in arrays], 0
    return in_dtype(_joined(*arrays, axis=axis), dtype)


@spells(np.stack)
def stack(arrays: Sequence[Any], axis: int = 0, *, dtype: Any = None) -> Any:
    """Join arrays of one shape along a new axis: `np.stack`.

    Example:
        >>> stack([np.array([1.0, 2.0]), np.array([3.0, 4.0])], axis=1)
        array([[1., 3.],
               [2., 4.]])
    """
    arrays = list(arrays)
    shapes = {np.shape(a) for a in arrays}
    if len(shapes) > 1:
        raise ValueError(f"stack: arrays must have one shape, got {sorted(shapes)}; concatenate joins different ones")
    return concatenate([expand_dims(a, axis) for a in arrays], axis, dtype=dtype)


@spells(np.tile)
def tile(x: Any, reps: int | Sequence[int]) -> Any:
    """Lay copies of x side by side, `reps` of them along each axis: `np.tile`.

    Example:
        >>> tile(np.array([1.0, 2.0]), 2)
        array([1., 2., 1., 2.])
    """
    reps = (reps,) if isinstance(reps, int | np.integer) else tuple(reps)
    shape = np.shape(x)
    ndim = builtins.max(len(reps), len(shape))
    reps = (1,) * (ndim - len(reps)) + reps
    shape = (1,) * (ndim - len(shape)) + shape
    single = tuple(n for size in shape for n in (1, size))
    copied = tuple(n for pair in zip(reps, shape, strict=True) for n in pair)
    spread = broadcast_to(reshape(x, single), copied)
    return reshape(spread, tuple(r * n for r, n in zip(reps, shape, strict=True)))
