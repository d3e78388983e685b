"""Norms of vectors and matrices, and what follows from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import Array, Kink, op, spells
from tinygraph.ops.complexes import conjugate, direction, squared
from tinygraph.ops.factor import svdvals
from tinygraph.ops.reduce import kept_shape
from tinygraph.ops.shape import as_array, axis_in
from tinygraph.ops.systems import inv

__all__ = ["condition_number", "matrix_norm", "norm", "vector_norm"]


_add: Any = np.add.reduce


def _p_norm(x: Array, p: float = 2.0, axis: Any = None, keepdims: bool = False) -> Array:
    if p == 2.0:
        return np.sqrt(_add(squared(x), axis=axis, keepdims=keepdims))
    if p == 1.0:
        return _add(np.abs(x), axis=axis, keepdims=keepdims)
    return _add(np.abs(x) ** p, axis=axis, keepdims=keepdims) ** (1.0 / p)


def _p_norm_vjp(g: Array, ans: Array, x: Array, p: float, axis: Any, keepdims: bool) -> Array:
    kept = kept_shape(x, axis)
    g, ans = g.reshape(kept), ans.reshape(kept)
    if p == 1.0:
        return g * direction(x)
    ans = np.where(ans == 0, 1.0, ans)
    if p == 2.0:
        return g * (conjugate(x) / ans)
    return g * direction(x) * (np.where(x == 0, 1.0, np.abs(x)) / ans) ** (p - 1.0)


def _distance(x: Array, p: float = 2.0, axis: Any = None, keepdims: bool = False) -> Array:
    """From the kink: of an even power, at the origin; of others, where an element is 0."""
    return _p_norm(x, 2.0, axis) if p == 2.0 else np.abs(x)


p_norm = op(
    _p_norm,
    vjps=[_p_norm_vjp],
    complex=True,
    kinks=[Kink("all elements are 0, or one where p is not 2", _distance, "0, at the minimum")],
    name="p_norm",
    symbol="‖x‖",
    latex=r"\left\|{x}\right\|",
)


def _of_vectors(x: Any, p: Any, axis: Any, keepdims: bool) -> Any:
    """One norm for each vector; several axes are one vector."""
    if p is None or p in (2, "fro", "f"):
        return p_norm(x, p=2.0, axis=axis, keepdims=keepdims)
    if p == np.inf:
        return np.max(np.abs(x), axis=axis, keepdims=keepdims)
    if p == -np.inf:
        return np.min(np.abs(x), axis=axis, keepdims=keepdims)
    if p == 0:
        return np.sum(np.sign(np.abs(x)), axis=axis, keepdims=keepdims)
    return p_norm(x, p=float(p), axis=axis, keepdims=keepdims)


def _of_matrices(x: Any, p: Any, axes: tuple[int, int], keepdims: bool) -> Any:
    """One norm for each matrix in the two axes."""
    row, column = (axis_in(a, np.ndim(x)) for a in axes)
    if row == column:
        raise ValueError(f"norm: the axes {axes} of a matrix are one")
    if p is None or p in ("fro", "f"):
        return p_norm(x, p=2.0, axis=(row, column), keepdims=keepdims)
    if p in (1, -1, np.inf, -np.inf):
        summed, over = (row, column) if abs(p) == 1 else (column, row)
        sums = np.sum(np.abs(x), axis=summed, keepdims=True)
        out = (np.max if p > 0 else np.min)(sums, axis=over, keepdims=True)
    elif p in (2, -2, "nuc"):
        s = svdvals(np.moveaxis(x, (row, column), (-2, -1)))
        reduced = np.sum(s, axis=-1) if p == "nuc" else np.max(s, axis=-1) if p == 2 else np.min(s, axis=-1)
        out = np.expand_dims(reduced, (row, column))
    else:
        raise ValueError(f"norm: {p!r} is no norm of matrices; take 'fro', 'nuc', 1, -1, 2, -2, inf or -inf")
    return out if keepdims else np.squeeze(out, (row, column))


@spells(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors or matrices, of any order: `np.linalg.norm`.

    Its gradient is 0 where all elements are 0. Where several elements, sums or singular values are the largest, they
    share it.

    Example:
        >>> float(norm(np.array([3.0, 4.0]))), float(norm(np.eye(2), "nuc"))
        (5.0, 2.0)
    """
    x = as_array(x)
    ndim = np.ndim(x)
    if axis is None and ord is not None and ndim > 2:
        raise ValueError(f"norm: order {ord!r} of an array of shape {np.shape(x)}: say which axis or two with axis=")
    if axis is None and (ord is None or ndim < 2 or (ord in ("f", "fro") and ndim == 2) or (ord == 2 and ndim == 1)):
        if isinstance(ord, str) and ndim < 2:
            raise ValueError(f"norm: {ord!r} is a norm of matrices, got shape {np.shape(x)}")
        return _of_vectors(x, ord, None, keepdims)
    axes = tuple(range(ndim)) if axis is None else tuple(axis) if isinstance(axis, tuple | list) else (int(axis),)
    if len(axes) == 1:
        if isinstance(ord, str):
            raise ValueError(f"norm: {ord!r} is a norm of matrices; give two axes")
        return _of_vectors(x, ord, axes[0], keepdims)
    if len(axes) == 2:
        return _of_matrices(x, ord, (axes[0], axes[1]), keepdims)
    raise ValueError(f"norm: axis={axis} must name one axis, of vectors, or two, of matrices")


@spells("numpy.linalg.vector_norm")
def vector_norm(x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """The norm of vectors; all axes by default, and several are one vector: `np.linalg.vector_norm`.

    Example:
        >>> float(vector_norm(np.ones((2, 2))))
        2.0
    """
    return _of_vectors(as_array(x), ord, axis, keepdims)


@spells("numpy.linalg.matrix_norm")
def matrix_norm(x: Any, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """The norm of the matrices in the last two axes: `np.linalg.matrix_norm`.

    Example:
        >>> float(matrix_norm(2 * np.eye(2), ord=2))
        2.0
    """
    return _of_matrices(x, ord, (-2, -1), keepdims)


@spells(np.linalg.cond)
def condition_number(x: Any, p: Any = None) -> Any:
    """The condition number of matrices in a norm: the largest singular value over the least: `np.linalg.cond`.

    Example:
        >>> float(condition_number(np.array([[2.0, 0.0], [0.0, 1.0]])))
        2.0
    """
    if p is None or p in (2, -2):
        s = svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return _of_matrices(x, p, (-2, -1), False) * _of_matrices(inv(x), p, (-2, -1), False)
