"""A function of Python called for each row, or for one axis after the other, as NumPy's own do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygraph.op import spells
from tinygraph.ops.shape import as_array, axis_in, expand_dims, moveaxis, reshape, stack

__all__ = ["apply_along_axis", "apply_over_axes"]


@spells(np.apply_along_axis)
def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """func1d of each vector along an axis, its results in the place of the axis: `np.apply_along_axis`.

    A Python loop, as NumPy's; a function of the whole array, or `vmap`, is faster.

    Example:
        >>> apply_along_axis(lambda row: row[0] * row, 1, np.array([[1.0, 2.0], [3.0, 4.0]]))
        array([[ 1.,  2.],
               [ 9., 12.]])
    """
    x = as_array(arr)
    axis = axis_in(axis, x.ndim)
    rows = moveaxis(x, source=axis, destination=-1)
    lead = rows.shape[:-1]
    if 0 in lead:
        raise ValueError(f"apply_along_axis: an array of shape {x.shape} has no vectors along axis {axis}")
    found = [as_array(func1d(rows[i], *args, **kwargs)) for i in np.ndindex(*lead)]
    out = reshape(stack(found), (*lead, *found[0].shape))
    fresh = range(len(lead), out.ndim)
    return moveaxis(out, source=tuple(fresh), destination=tuple(range(axis, axis + len(fresh))))


@spells(np.apply_over_axes)
def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    """func(a, axis) for one axis after the other, each of which stays, with length 1: `np.apply_over_axes`.

    Example:
        >>> apply_over_axes(np.sum, np.ones((2, 3)), [0, 1])
        array([[6.]])
    """
    x = as_array(a)
    for axis in np.atleast_1d(axes):
        found = func(x, axis_in(int(axis), x.ndim))
        kept = found if found.ndim == x.ndim else expand_dims(found, axis_in(int(axis), x.ndim))
        if kept.ndim != x.ndim:
            raise ValueError(
                f"apply_over_axes: of shape {x.shape} the function makes {found.shape}, more than one axis less"
            )
        x = kept
    return x
