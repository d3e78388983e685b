"""Whole matrices of derivatives, first and second, and the product of the second with a vector."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any

import numpy as np

from tinygraph.graph import Node
from tinygraph.op import Array
from tinygraph.transforms.forward import jvp, pushed
from tinygraph.transforms.reverse import grad, pulled
from tinygraph.transforms.trace import Function, Trace, check_callable, traced


def jacobian(f: Function, argnums: int | Sequence[int] = 0, mode: str | None = None, has_aux: bool = False) -> Function:
    """A function that returns the matrix of all derivatives: shape (*output.shape, *input.shape).

    Args:
        f: returns an array, or a tree of arrays.
        argnums: as in `grad`.
        mode: "rev" walks back once for each output element, "fwd" forward once for each input element; by default
            whichever is less work.
        has_aux: f returns (output, aux), and the result is (matrix, aux).

    Raises:
        ValueError: a mode that does not exist, or argnums that name no argument.

    Example:
        >>> jacobian(lambda x: np.cumsum(x))(np.ones(3))
        array([[1., 0., 0.],
               [1., 1., 0.],
               [1., 1., 1.]])
    """
    if mode not in (None, "rev", "fwd"):
        raise ValueError(f"jacobian: mode {mode!r} is not 'rev', 'fwd' or None")

    check_callable(f, "jacobian")

    @wraps(f)
    def all_derivatives(*args: Any, **kwargs: Any) -> Any:
        trace = traced(lambda *a: f(*a, **kwargs), args, argnums, has_aux, "jacobian")
        roots = trace.roots
        ins, outs = sum(x.value.size for x in trace.inputs), sum(y.value.size for y in roots)
        forward = _forward(mode, ins < outs, trace)
        blocks = _columns(trace, roots) if forward else _rows(trace, roots)
        matrix = trace.rebuild_outputs([trace.rebuild_inputs(row) for row in blocks])
        return (matrix, trace.aux) if has_aux else matrix

    return all_derivatives


def jacfwd(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """`jacobian` in forward mode, for more outputs than inputs: JAX's name.

    Example:
        >>> jacfwd(lambda t: np.array([1.0, 2.0]) * t)(3.0)
        array([1., 2.])
    """
    return jacobian(f, argnums, "fwd", has_aux)


def jacrev(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """`jacobian` in reverse mode, for more inputs than outputs: JAX's name.

    Example:
        >>> jacrev(lambda x: x.sum())(np.ones(3))
        array([1., 1., 1.])
    """
    return jacobian(f, argnums, "rev", has_aux)


def _forward(mode: str | None, cheaper: bool, trace: Trace) -> bool:
    """Whether to go forward. By complex numbers, only the way back is one matrix; of complex numbers, only forward."""
    by, of = (any(node.value.dtype.kind == "c" for node in nodes) for nodes in (trace.inputs, trace.roots))
    if (by and of) or (by and mode == "fwd") or (of and mode == "rev"):
        raise TypeError(
            "jacobian: derivatives of complex numbers are no one matrix by complex numbers, nor in this mode; take "
            "np.real and np.imag, or use jvp and vjp"
        )
    return of or (not by and (mode == "fwd" or (mode is None and cheaper)))


def _basis(value: Array) -> list[Array]:
    """The unit arrays of a shape."""
    units = []
    for i in range(value.size):
        unit = np.zeros_like(value, shape=(value.size,))
        unit[i] = 1.0
        units.append(unit.reshape(value.shape))
    return units


def _rows(trace: Trace, roots: list[Node]) -> list[list[Any]]:
    blocks = []
    for y in roots:
        rows = [pulled(trace, y, unit) for unit in _basis(y.value)]
        blocks.append([_stacked([row[j] for row in rows], y.value, x.value, 0) for j, x in enumerate(trace.inputs)])
    return blocks


def _columns(trace: Trace, roots: list[Node]) -> list[list[Any]]:
    zeros = [np.zeros_like(x.value) for x in trace.inputs]
    by_input = []
    for j, x in enumerate(trace.inputs):
        columns = [pushed(trace, [*zeros[:j], unit, *zeros[j + 1 :]]) for unit in _basis(x.value)]
        by_input.append([_stacked([c[i] for c in columns], y.value, x.value, -1) for i, y in enumerate(roots)])
    return [list(row) for row in zip(*by_input, strict=True)]


def _stacked(parts: list[Any], y: Array, x: Array, axis: int) -> Any:
    """Derivatives one by one, as a block of shape (*y.shape, *x.shape)."""
    shape = (*y.shape, *x.shape)
    if not parts:
        return np.zeros_like(x, shape=shape)
    return np.reshape(np.stack(parts, axis=axis), shape)


def hessian(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """A function that returns the matrix of second derivatives of a scalar function: forward over reverse.

    The arguments are those of `grad`; with has_aux, f returns (scalar, aux) and the result is (matrix, aux).

    Example:
        >>> hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
        array([[ 6.,  0.],
               [ 0., 12.]])
    """
    return jacfwd(grad(f, argnums, has_aux), argnums, has_aux)


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """The Hessian of a scalar function times a vector, without the Hessian: the tangent of the gradient.

    Returns:
        One array (or tree) for a single primal, else a tuple of them; with has_aux, (that, aux).

    Example:
        >>> hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
        array([ 6., 12.])
    """
    numbers = 0 if not isinstance(primals, list | tuple) or len(primals) == 1 else tuple(range(len(primals)))
    _, product, *aux = jvp(grad(f, numbers, has_aux), primals, tangents, has_aux)
    return (product, *aux) if has_aux else product
