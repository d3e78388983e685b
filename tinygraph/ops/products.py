"""Further products of vectors and matrices, all made of those in `linalg`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygraph.op import OPS, spells
from tinygraph.ops import index
from tinygraph.ops.complexes import conjugate
from tinygraph.ops.linalg import dot, matmul, outer, tensordot, turned
from tinygraph.ops.shape import as_array, moveaxis, ravel, reshape

__all__ = ["cross", "kron", "matrix_transpose", "matvec", "multi_dot", "vdot", "vecdot", "vecmat"]

for _composition in (matmul, outer, tensordot):
    OPS.add(_composition, [f"numpy.linalg.{_composition.__name__}"])


@spells(np.vdot)
def vdot(x: Any, y: Any) -> Any:
    """The product of all elements of x, conjugated, with those of y, added up: `np.vdot`.

    Example:
        >>> float(vdot(np.ones((2, 2)), np.ones((2, 2))))
        4.0
    """
    return dot(conjugate(ravel(as_array(x))), ravel(y))


@spells("numpy.vecdot", "numpy.linalg.vecdot")
def vecdot(x: Any, y: Any, axis: int = -1) -> Any:
    """The dot products of the vectors along an axis, those of x conjugated: `np.vecdot`.

    Example:
        >>> vecdot(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 1.0]))
        array([3., 7.])
    """
    x, y = moveaxis(as_array(x), axis, -1), moveaxis(as_array(y), axis, -1)
    if np.shape(x)[-1] != np.shape(y)[-1]:
        raise ValueError(f"vecdot: vectors of {np.shape(x)[-1]} and {np.shape(y)[-1]} elements")
    return np.sum(np.multiply(conjugate(x), y), axis=-1)


@spells("numpy.matvec")
def matvec(x: Any, y: Any) -> Any:
    """The products of matrices and vectors, both in stacks that broadcast: `np.matvec`.

    Example:
        >>> matvec(np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]]))
        array([[1., 2.],
               [3., 4.]])
    """
    return matmul(x, as_array(y)[..., None])[..., 0]


@spells("numpy.vecmat")
def vecmat(x: Any, y: Any) -> Any:
    """The products of vectors, conjugated, and matrices, both in stacks that broadcast: `np.vecmat`.

    Example:
        >>> vecmat(np.array([1.0, 2.0]), np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]))
        array([1., 2., 3.])
    """
    return matmul(conjugate(as_array(x))[..., None, :], y)[..., 0, :]


@spells("numpy.matrix_transpose", "numpy.linalg.matrix_transpose")
def matrix_transpose(x: Any) -> Any:
    """The matrices in the last two axes, each transposed: `np.matrix_transpose`.

    Example:
        >>> matrix_transpose(np.ones((4, 2, 3))).shape
        (4, 3, 2)
    """
    x = as_array(x)
    if x.ndim < 2:
        raise ValueError(f"matrix_transpose: an array of shape {np.shape(x)} holds no matrix")
    return turned(x)


@spells("numpy.linalg.trace")
def _trace(x: Any, *, offset: int = 0) -> Any:
    return index.trace(x, offset, -2, -1)


@spells("numpy.linalg.diagonal")
def _diagonal(x: Any, *, offset: int = 0) -> Any:
    return index.diagonal(x, offset, -2, -1)


@spells(np.kron)
def kron(x: Any, y: Any) -> Any:
    """Kronecker's product: every element of x times a copy of y: `np.kron`.

    Example:
        >>> kron(np.array([1.0, 10.0]), np.array([1.0, 2.0]))
        array([ 1.,  2., 10., 20.])
    """
    ndim = max(np.ndim(x), np.ndim(y))
    left = (1,) * (ndim - np.ndim(x)) + np.shape(x)
    right = (1,) * (ndim - np.ndim(y)) + np.shape(y)
    x = reshape(x, tuple(n for size in left for n in (size, 1)))
    y = reshape(y, tuple(n for size in right for n in (1, size)))
    return reshape(np.multiply(x, y), tuple(n * m for n, m in zip(left, right, strict=True)))


@spells(np.cross, "numpy.linalg.cross")
def cross(x: Any, y: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """The vectors at right angles to those of x and y, in three dimensions: `np.cross`.

    Vectors of two elements lie in the plane; of two of them the result is its one number that is not 0.

    Example:
        >>> cross(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))
        array([0., 0., 1.])
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = moveaxis(as_array(x), axisa, -1), moveaxis(as_array(y), axisb, -1)
    sizes = np.shape(x)[-1], np.shape(y)[-1]
    if not set(sizes) <= {2, 3}:
        raise ValueError(f"cross: vectors of {sizes[0]} and {sizes[1]} elements; they must have 2 or 3")
    if sizes == (2, 2):
        return x[..., 0] * y[..., 1] - x[..., 1] * y[..., 0]
    x, y = (np.concatenate([v, v[..., :1] * 0.0], axis=-1) if v.shape[-1] == 2 else v for v in (x, y))
    out = np.roll(x, -1, -1) * np.roll(y, 1, -1) - np.roll(x, 1, -1) * np.roll(y, -1, -1)
    return moveaxis(out, -1, axisc)


@spells(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Any]) -> Any:
    """The product of two or more matrices, in the cheapest order; first and last may be vectors: `np.linalg.multi_dot`.

    Example:
        >>> multi_dot([np.ones(2), np.ones((2, 3)), np.ones((3, 1))])
        array([6.])
    """
    arrays = list(arrays)
    if len(arrays) < 2:
        raise ValueError("multi_dot: there must be at least two arrays")
    if any(np.ndim(a) != 2 for a in arrays[1:-1]) or not {np.ndim(arrays[0]), np.ndim(arrays[-1])} <= {1, 2}:
        raise np.linalg.LinAlgError(
            f"multi_dot: shapes {list(map(np.shape, arrays))} are not matrices, or vectors at the ends"
        )
    sizes = [np.shape(a)[0] for a in arrays] + [np.shape(arrays[-1])[-1]]
    if np.ndim(arrays[0]) == 1:
        sizes[0] = 1
    if np.ndim(arrays[-1]) == 1:
        sizes[-1] = 1
    return _multiplied(arrays, _cheapest(sizes), 0, len(arrays) - 1)


def _cheapest(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to cut each run of matrices for the fewest multiplications: Cormen et al., chapter 15.2."""
    n = len(sizes) - 1
    cost, cut = {(i, i): 0 for i in range(n)}, {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            costs = {k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)}
            cut[i, j] = min(costs, key=costs.__getitem__)
            cost[i, j] = costs[cut[i, j]]
    return cut


def _multiplied(arrays: Sequence[Any], cut: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if i == j:
        return arrays[i]
    k = cut[i, j]
    return matmul(_multiplied(arrays, cut, i, k), _multiplied(arrays, cut, k + 1, j))
