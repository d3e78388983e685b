"""Reverse mode: the gradient of a scalar, and the vector-Jacobian product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import wraps
from typing import Any

import numpy as np

from tinygraph.graph import Node, pullback
from tinygraph.mode import recording, watcher
from tinygraph.op import Array, bare
from tinygraph.operand import one_like
from tinygraph.tensor import Tensor, handle
from tinygraph.transforms.trace import Function, Trace, check_callable, check_holomorphic, matching, traced
from tinygraph.tree import flatten, flatten_like


def pulled(trace: Trace, root: Node, g: Any) -> list[Any]:
    """The gradients of one output for all inputs, as the caller shall have them."""
    return [trace.outside(gx) for gx in walked_back(trace, root, g)]


def walked_back(trace: Trace, root: Node, g: Any) -> list[Any]:
    """The gradients of one output for all inputs; zeros where it does not depend on one."""
    if not root.requires_grad:
        found: Mapping[Node, Array] = {}
    elif trace.lift is None:
        found = pullback(root, g, trace.inputs, watch=watcher())
    else:
        with recording():
            found = pullback(root, g, trace.inputs, lift=trace.lift, watch=watcher())
    return [found[x] if x in found else np.zeros_like(x.value) for x in trace.inputs]


def value_and_grad(
    f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False
) -> Function:
    """A function that returns (f(...), the gradient of f): see `grad`.

    Example:
        >>> value_and_grad(lambda x: x**2)(3.0)
        (array(9.), array(6.))
    """
    return value_and_gradient(f, argnums, has_aux, holomorphic, "value_and_grad")


def value_and_gradient(
    f: Function, argnums: int | Sequence[int], has_aux: bool, holomorphic: bool, name: str
) -> Function:
    """`value_and_grad` for what calls it by another name."""
    check_callable(f, name)

    @wraps(f)
    def differentiated(*args: Any, **kwargs: Any) -> Any:
        trace = traced(lambda *a: f(*a, **kwargs), args, argnums, has_aux, name)
        if len(trace.outputs) != 1 or np.size(bare(trace.outputs[0])) != 1:
            shapes = [np.shape(bare(y)) for y in trace.outputs]
            raise ValueError(
                f"{name}: the function must return one scalar, it returned shapes {shapes}; reduce it with .sum() or "
                ".mean(), or use jacobian or vjp"
            )
        root = trace.roots[0]
        if holomorphic:
            check_holomorphic(trace, name)
        elif root.value.dtype.kind == "c":
            raise TypeError(
                f"{name}: the function returned a complex number, which has no one gradient: take np.real, np.imag or "
                "abs of it, or use vjp; of a holomorphic function give holomorphic=True"
            )
        gradient = trace.rebuild_inputs(pulled(trace, root, one_like(root.value)))
        value = trace.outside(trace.outputs[0])
        return ((value, trace.aux), gradient) if has_aux else (value, gradient)

    return differentiated


def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False) -> Function:
    """A function that returns the gradient of a scalar function f.

    Args:
        f: returns one scalar; its arguments may be nested dicts, lists and tuples of arrays.
        argnums: the argument, or the sequence of arguments, to differentiate.
        has_aux: f returns (scalar, aux), and the result is (gradient, aux).
        holomorphic: f is a holomorphic function of complex arguments, which is taken on trust; the result is its
            complex derivative f'(z).

    Returns:
        A function of f's arguments; the gradient has the structure, shapes and dtypes of the arguments chosen.

    Raises:
        ValueError: f returns no scalar, or argnums names no argument.
        TypeError: an argument to differentiate holds integers, or no numbers; f returns a complex number
            and is not holomorphic, or is, and takes or returns real ones. Of a real f by a complex x + iy the gradient
            is ∂f/∂x - i ∂f/∂y, as in JAX.

    Example:
        >>> grad(lambda x: x**3)(2.0)
        array(12.)
        >>> grad(grad(lambda x: x**3))(2.0)
        array(12.)
        >>> grad(lambda p: p["w"] * p["b"])({"w": 2.0, "b": 3.0})
        {'w': array(3.), 'b': array(2.)}
        >>> grad(lambda z: z**2, holomorphic=True)(1 + 2j)
        array(2.+4.j)
    """
    return gradient_of(f, argnums, has_aux, holomorphic, "grad")


def gradient_of(f: Function, argnums: int | Sequence[int], has_aux: bool, holomorphic: bool, name: str) -> Function:
    """`grad` for what calls it by another name."""
    both = value_and_gradient(f, argnums, has_aux, holomorphic, name)

    @wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, g = both(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return gradient


def vjp(f: Function, *primals: Any, has_aux: bool = False) -> Any:
    """(f(*primals), pull), where pull(cotangent) is the tuple of gradients of <f, cotangent>, one per argument.

    The cotangent has the structure and shapes of the output; pull may be called any number of times.

    Raises:
        ValueError: a cotangent of another shape.

    Example:
        >>> y, pull = vjp(lambda x: x * x, np.array([1.0, 2.0]))
        >>> pull(np.array([1.0, 10.0]))
        (array([ 2., 40.]),)
    """
    trace = traced(f, primals, tuple(range(len(primals))), has_aux, "vjp")
    roots = trace.roots
    value = trace.rebuild_outputs([trace.outside(y) for y in trace.outputs])

    def pull(cotangent: Any) -> Any:
        gs = flatten_like(cotangent, trace.result, "vjp: cotangent")
        total: list[Any] | None = None
        for root, g in zip(roots, matching(gs, [r.value for r in roots], "vjp: cotangent"), strict=True):
            seen = trace if not isinstance(g, Tensor) else trace._replace(lift=handle)
            found = pulled(seen, root, g)
            total = found if total is None else [seen.outside(a + b) for a, b in zip(total, found, strict=True)]
        return trace.rebuild_inputs(total or [])

    return (value, pull, trace.aux) if has_aux else (value, pull)


def stop_gradient(x: Any) -> Any:
    """x, of which no derivative is taken: every Tensor in it, an array or a tree of them, is a constant.

    Example:
        >>> grad(lambda x: x * stop_gradient(x))(3.0)
        array(3.)
    """
    leaves, rebuild = flatten(x)
    return rebuild([leaf.detach() if isinstance(leaf, Tensor) else leaf for leaf in leaves])
