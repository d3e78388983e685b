"""Whole matrices of derivatives, first and second, and the product of the second with a vector."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any

import numpy as np

from tinygraph.graph import Node
from tinygraph.transforms.basis import along_basis, largest
from tinygraph.transforms.forward import along, walked_ahead
from tinygraph.transforms.reverse import gradient_of, walked_back
from tinygraph.transforms.trace import Function, Trace, check_callable, check_holomorphic, traced


def jacobian(
    f: Function,
    argnums: int | Sequence[int] = 0,
    mode: str | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Function:
    """A function that returns the matrix of all derivatives: shape (*output.shape, *input.shape).

    Args:
        f: returns an array, or a tree of arrays.
        argnums: as in `grad`.
        mode: "rev" walks back for each output element, "fwd" forward for each input element; by default whichever is
            less work. f is called once, and many directions share a walk.
        has_aux: f returns (output, aux), and the result is (matrix, aux).
        holomorphic: as in `grad`; the matrix is that of complex derivatives.

    Raises:
        ValueError: a mode that does not exist, or argnums that name no argument.
        TypeError: complex numbers that the mode has no matrix for, or real ones of a function that is holomorphic.

    Example:
        >>> jacobian(lambda x: np.cumsum(x))(np.ones(3))
        array([[1., 0., 0.],
               [1., 1., 0.],
               [1., 1., 1.]])
    """
    if mode not in (None, "rev", "fwd"):
        raise ValueError(f"jacobian: mode {mode!r} is not 'rev', 'fwd' or None")
    return _jacobian(f, argnums, mode, has_aux, holomorphic, "jacobian")


def _jacobian(
    f: Function, argnums: int | Sequence[int], mode: str | None, has_aux: bool, holomorphic: bool, name: str
) -> Function:
    check_callable(f, name)

    @wraps(f)
    def all_derivatives(*args: Any, **kwargs: Any) -> Any:
        trace = traced(lambda *a: f(*a, **kwargs), args, argnums, has_aux, name)
        roots = trace.roots
        ins, outs = sum(x.value.size for x in trace.inputs), sum(y.value.size for y in roots)
        forward = _forward(mode, ins < outs, trace, holomorphic, name)
        blocks = _columns(trace) if forward else _rows(trace)
        matrix = trace.rebuild_outputs([trace.rebuild_inputs(row) for row in blocks])
        return (matrix, trace.aux) if has_aux else matrix

    return all_derivatives


def jacfwd(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False) -> Function:
    """`jacobian` in forward mode, for more outputs than inputs: JAX's name.

    Example:
        >>> jacfwd(lambda t: np.array([1.0, 2.0]) * t)(3.0)
        array([1., 2.])
    """
    return _jacobian(f, argnums, "fwd", has_aux, holomorphic, "jacfwd")


def jacrev(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False) -> Function:
    """`jacobian` in reverse mode, for more inputs than outputs: JAX's name.

    Example:
        >>> jacrev(lambda x: x.sum())(np.ones(3))
        array([1., 1., 1.])
    """
    return _jacobian(f, argnums, "rev", has_aux, holomorphic, "jacrev")


def _forward(mode: str | None, cheaper: bool, trace: Trace, holomorphic: bool, name: str) -> bool:
    """Whether to go forward. By complex numbers, only the way back is one matrix; of complex numbers, only forward."""
    if holomorphic:
        check_holomorphic(trace, name)
        return cheaper if mode is None else mode == "fwd"
    by, of = (any(node.value.dtype.kind == "c" for node in nodes) for nodes in (trace.inputs, trace.roots))
    if (by and of) or (by and mode == "fwd") or (of and mode == "rev"):
        raise TypeError(
            f"{name}: derivatives of complex numbers are no one matrix by complex numbers, nor in this mode; take "
            "np.real and np.imag, or use jvp and vjp; of a holomorphic function give holomorphic=True"
        )
    return of or (not by and (mode == "fwd" or (mode is None and cheaper)))


def _by_input(trace: Trace) -> list[list[Any]]:
    """For each input the derivatives of all outputs along its elements, those along the first axis."""
    size = largest(trace)
    return [along_basis(lambda t, x=x: walked_ahead(trace, {x: t}), x.value, size) for x in trace.inputs]  # type: ignore[misc]


def _rows(trace: Trace) -> list[list[Any]]:
    size, blocks = largest(trace), []
    for y in trace.roots:
        rows = along_basis(lambda g, y=y: walked_back(trace, y, g), y.value, size)  # type: ignore[misc]
        blocks.append([_shaped(trace, row, y, x) for row, x in _beside(rows, trace.inputs, y)])
    return blocks


def _columns(trace: Trace) -> list[list[Any]]:
    by_input = []
    for x, columns in zip(trace.inputs, _by_input(trace), strict=True):
        turned = [(np.moveaxis(column, 0, -1), y) for column, y in _beside(columns, trace.roots, x)]
        by_input.append([_shaped(trace, column, y, x) for column, y in turned])
    return [list(row) for row in zip(*by_input, strict=True)]


def _beside(blocks: list[Any], others: list[Node], along: Node) -> list[tuple[Any, Node]]:
    """Each block with its node; empty ones where there is no direction to walk along."""
    found = blocks or [np.zeros_like(z.value, shape=(0, *z.value.shape)) for z in others]
    return list(zip(found, others, strict=True))


def _shaped(trace: Trace, block: Any, y: Node, x: Node) -> Any:
    """A block of derivatives in the shape (*y.shape, *x.shape)."""
    shape = (*y.value.shape, *x.value.shape)
    return trace.outside(block if block.shape == shape else np.reshape(block, shape))


def hessian(
    f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False
) -> Function:
    """A function that returns the matrix of second derivatives of a scalar function: forward over reverse.

    The arguments are those of `grad`; with has_aux, f returns (scalar, aux) and the result is (matrix, aux).

    Raises:
        TypeError: an argument is complex and f is not holomorphic; otherwise as `grad`.

    Example:
        >>> hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
        array([[ 6.,  0.],
               [ 0., 12.]])
    """
    gradient = gradient_of(f, argnums, has_aux, holomorphic, "hessian")

    @wraps(f)
    def second_derivatives(*args: Any, **kwargs: Any) -> Any:
        trace = traced(lambda *a: gradient(*a, **kwargs), args, argnums, has_aux, "hessian")
        if not holomorphic and any(x.value.dtype.kind == "c" for x in trace.inputs):
            raise TypeError(
                "hessian: second derivatives by complex numbers are no one matrix; take real and imaginary part as two "
                "arguments, or use hvp; of a holomorphic function give holomorphic=True"
            )
        rows = []
        for x, columns in zip(
            trace.inputs, _by_input(trace), strict=True
        ):  # a column is a row: the matrix is symmetric
            rows.append([_shaped(trace, column, x, y) for column, y in _beside(columns, trace.roots, x)])
        matrix = trace.rebuild_inputs([trace.rebuild_outputs(row) for row in rows])
        return (matrix, trace.aux) if has_aux else matrix

    return second_derivatives


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """The Hessian of a scalar function times a vector, without the Hessian: the tangent of the gradient.

    Returns:
        One array (or tree) for a single primal, else a tuple of them; with has_aux, (that, aux).

    Example:
        >>> hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
        array([ 6., 12.])
    """
    numbers = 0 if not isinstance(primals, list | tuple) or len(primals) == 1 else tuple(range(len(primals)))
    gradient = gradient_of(f, numbers, has_aux, False, "hvp")
    _, product, *aux = along(gradient, primals, tangents, has_aux, "hvp")
    return (product, *aux) if has_aux else product
