"""Products of matrices and tensors."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import wraps
from typing import Any

import numpy as np

from tinygraph.op import Array, Each, Rule, op, spells
from tinygraph.ops.complexes import conjugate
from tinygraph.ops.index import diagonal
from tinygraph.ops.shape import axis_in, broadcast, reshape, sum_to, transpose

__all__ = ["dot", "einsum", "inner", "matmul", "outer", "tensordot"]


def turned(x: Array) -> Array:
    """The matrices of a stack, each transposed."""
    return x.T if x.ndim == 2 else np.swapaxes(x, -1, -2)


def adjoint(x: Array) -> Array:
    """The matrices of a stack, each transposed and conjugated."""
    return conjugate(turned(x))


def from_papers(rule: Rule) -> Rule:
    """A rule for gradients ∂f/∂x + i ∂f/∂y, which papers write with adjoints, as one for their conjugates."""

    @wraps(rule)
    def conjugated(g: Array, ans: Array, *args: Array, **params: Any) -> Array:
        return conjugate(rule(conjugate(g), ans, *args, **params))

    return conjugated


def _matmul_dx(g: Array, ans: Array, x: Array, y: Array) -> Array:
    if x.ndim == 2 and y.ndim == 2:
        return g @ y.T
    if y.ndim == 1:
        return sum_to(g[..., None] * y, shape=x.shape)
    if x.ndim == 1:
        return sum_to((g[..., None, :] @ turned(y))[..., 0, :], shape=x.shape)
    return sum_to(g @ turned(y), shape=x.shape)


def _matmul_dy(g: Array, ans: Array, x: Array, y: Array) -> Array:
    if x.ndim == 2 and y.ndim == 2:
        return x.T @ g
    if y.ndim == 1:
        if x.ndim < 3:
            return g @ x if x.ndim == 2 else x * g
        return reshape(g, (g.size,)) @ reshape(x, (g.size, x.shape[-1]))
    if x.ndim == 1:
        return sum_to(x[:, None] * g[..., None, :], shape=y.shape)
    return sum_to(turned(x) @ g, shape=y.shape)


matmul = op(
    operator.matmul,
    numpy=np.matmul,
    kind="multilinear",
    vjps=[_matmul_dx, _matmul_dy],
    symbol="@",
    latex="{x} {y}",
)


@spells(np.dot)
def dot(x: Any, y: Any) -> Any:
    """The product over the last axis of x and the last but one of y: `np.dot`.

    Example:
        >>> float(dot(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
        11.0
    """
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return np.multiply(x, y)
    if np.ndim(x) <= 2 and np.ndim(y) <= 2:
        return np.matmul(x, y)
    return tensordot(x, y, axes=(-1, max(np.ndim(y) - 2, 0)))


@spells(np.inner)
def inner(x: Any, y: Any) -> Any:
    """The product over the last axes of both: `np.inner`.

    Example:
        >>> inner(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 1.0]))
        array([3., 7.])
    """
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return np.multiply(x, y)
    return tensordot(x, y, axes=(-1, -1))


@spells(np.outer)
def outer(x: Any, y: Any) -> Any:
    """Every element of x times every element of y, as a matrix: `np.outer`.

    Example:
        >>> outer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
        array([[3., 4.],
               [6., 8.]])
    """
    return np.multiply(np.reshape(x, (-1, 1)), np.reshape(y, (1, -1)))


@spells(np.tensordot)
def tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    """The product over chosen axes of both: `np.tensordot`.

    Example:
        >>> float(tensordot(np.ones((2, 3)), np.ones((2, 3))))
        6.0
    """
    if isinstance(axes, int | np.integer):
        xs, ys = list(range(-int(axes), 0)), list(range(int(axes)))
    else:
        xs, ys = ([int(a)] if isinstance(a, int | np.integer) else list(a) for a in axes)
    xs, ys = [axis_in(int(a), np.ndim(x)) for a in xs], [axis_in(int(a), np.ndim(y)) for a in ys]
    x_shape, y_shape = np.shape(x), np.shape(y)
    if [x_shape[a] for a in xs] != [y_shape[a] for a in ys]:
        raise ValueError(f"tensordot: shapes {x_shape} and {y_shape} differ along the axes {xs} and {ys}")
    x_rest = [a for a in range(len(x_shape)) if a not in xs]
    y_rest = [a for a in range(len(y_shape)) if a not in ys]
    summed = math.prod(x_shape[a] for a in xs)
    rows = math.prod(x_shape[a] for a in x_rest)
    columns = math.prod(y_shape[a] for a in y_rest)
    left = reshape(transpose(x, (*x_rest, *xs)), (rows, summed))
    right = reshape(transpose(y, (*ys, *y_rest)), (summed, columns))
    return reshape(matmul(left, right), (*(x_shape[a] for a in x_rest), *(y_shape[a] for a in y_rest)))


# --- einsum, in one form: explicit, every letter once in each operand

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _einsum(*arrays: Array, subscripts: str, optimize: Any = False) -> Array:
    return np.einsum(subscripts, *arrays, optimize=optimize)


def _einsum_vjp(i: int, g: Array, ans: Array, *arrays: Array, subscripts: str, optimize: Any) -> Array:
    """g and the other operands in place of the output and operand i; letters that only i has are broadcast."""
    operands, output = subscripts.split("->")
    terms = operands.split(",")
    mine, x = terms[i], arrays[i]
    others = [t for j, t in enumerate(terms) if j != i]
    known = set(output).union(*others)
    found = "".join(c for c in mine if c in known)
    spec = ",".join([output, *others]) + "->" + found
    gx = np.einsum(spec, g, *(a for j, a in enumerate(arrays) if j != i), optimize=optimize)
    sizes = dict(zip(found, gx.shape, strict=True))
    kept = tuple(sizes.get(c, 1) for c in mine)
    gx = broadcast(gx.reshape(kept), shape=np.broadcast_shapes(kept, x.shape))
    return sum_to(gx, shape=x.shape)


_contracted = op(_einsum, kind="multilinear", vjps=Each(_einsum_vjp), name="einsum")


@spells(np.einsum)
def einsum(subscripts: Any, *operands: Any, optimize: Any = False) -> Any:
    """Products and sums over named axes, in Einstein's notation: `np.einsum`.

    Example:
        >>> einsum("ij,jk", np.ones((2, 3)), np.ones((3, 2)))
        array([[3., 3.],
               [3., 3.]])
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _from_lists(subscripts, *operands)
    terms, output = _explicit(subscripts, operands)
    arrays = []
    for i, (term, x) in enumerate(zip(terms, operands, strict=True)):
        while len(set(term)) < len(term):  # a letter twice in one operand reads its diagonal
            letter = next(c for c in term if term.count(c) > 1)
            first, second = term.index(letter), term.rindex(letter)
            if np.shape(x)[first] != np.shape(x)[second]:
                raise ValueError(f"einsum: {letter!r} names axes of different lengths in an operand of {np.shape(x)}")
            x = diagonal(x, 0, first, second)
            term = "".join(c for j, c in enumerate(term) if j not in (first, second)) + letter
        terms[i] = term
        arrays.append(x)
    return _contracted(*arrays, subscripts=",".join(terms) + "->" + output, optimize=optimize)


def _from_lists(*operands: Any) -> tuple[str, tuple[Any, ...]]:
    """The form `einsum(x, [0, 1], y, [1, 2], [0, 2])` as letters."""

    def letters(sublist: Sequence[Any]) -> str:
        return "".join("..." if k is Ellipsis else LETTERS[k] for k in sublist)

    pairs = len(operands) // 2
    subscripts = ",".join(letters(operands[2 * i + 1]) for i in range(pairs))
    if len(operands) % 2:
        subscripts += "->" + letters(operands[-1])
    return subscripts, operands[: 2 * pairs : 2]


def _explicit(subscripts: str, operands: Sequence[Any]) -> tuple[list[str], str]:
    """The terms and the output with the ellipsis written in letters and the output always given."""
    given, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = given.split(",")
    if len(terms) != len(operands):
        raise ValueError(f"einsum: {subscripts!r} names {len(terms)} operands, got {len(operands)}")
    spare = [c for c in LETTERS if c not in given and c not in output]
    hidden = [np.ndim(x) - len(t.replace("...", "")) if "..." in t else 0 for t, x in zip(terms, operands, strict=True)]
    if min(hidden, default=0) < 0:
        raise ValueError(f"einsum: {subscripts!r} has more letters than its operands have axes")
    dots = "".join(spare[: max(hidden, default=0)])
    if dots and arrow and "..." not in output:
        raise ValueError(f"einsum: {subscripts!r} leaves out the ellipsis in its output")
    terms = [t.replace("...", dots[len(dots) - n :]) for t, n in zip(terms, hidden, strict=True)]
    if not arrow:
        letters = given.replace(",", "").replace("...", "")
        output = "..." + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    output = output.replace("...", dots)
    for term, x in zip(terms, operands, strict=True):
        if len(term) != np.ndim(x):
            raise ValueError(f"einsum: {subscripts!r} does not fit an operand of shape {np.shape(x)}")
    return terms, output
