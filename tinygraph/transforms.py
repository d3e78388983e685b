"""Functions of functions: derivatives of every order, all read off the one graph.

Each transform calls the function on fresh Tensors, so that levels of nesting never mix. Arrays in, arrays out; where an
argument, or something the function closes over, is a Tensor that requires a gradient, so is the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from operator import index
from typing import Any, NamedTuple

import numpy as np

from tinygraph.graph import Lift, Node, differentiable, leaf, pullback, pushforward, serial
from tinygraph.mode import recording, watcher
from tinygraph.op import Array, Rule, bare
from tinygraph.operand import one_like, real_array
from tinygraph.ops.shape import copy
from tinygraph.tensor import Tensor, handle
from tinygraph.tree import Rebuild, flatten, flatten_like

Function = Callable[..., Any]


class Trace(NamedTuple):
    """One call of a function on fresh inputs: the nodes of its inputs, its outputs, and how they look from outside."""

    inputs: list[Node]
    rebuild_inputs: Rebuild
    outputs: list[Any]
    roots: list[Node]
    result: Any  # the outputs as the function returned them
    rebuild_outputs: Rebuild
    aux: Any
    lift: Lift | None

    def outside(self, y: Any, *given: Any) -> Any:
        """A result as the caller shall have it: recorded if the caller's own Tensors are behind it, else an array.

        An array is the caller's own: copied where it is one of those that the caller gave, or a view.
        """
        if self.lift is None:
            value = bare(y)
            if isinstance(value, np.generic):
                return value[...]  # type: ignore[index]
            shared = getattr(value, "base", None) is not None or any(value is x for x in given)
            return value.copy() if shared or any(value is x.value for x in self.inputs) else value
        return y if isinstance(y, Tensor) else handle(leaf(real_array(y), False))


def _check_callable(f: Any, name: str) -> None:
    if not callable(f):
        raise TypeError(f"{name}: a function is needed, got {repr(f)[:40]}")


def _input(x: Any, name: str) -> Node:
    """A fresh node that stands for an argument; the outer level sees it as a copy of what it was given."""
    if isinstance(x, Tensor):
        value, above = x._data, x.requires_grad
    else:
        value, above = real_array(x), False
    if value.dtype.kind != "f":
        raise TypeError(f"{name}: an argument of dtype {value.dtype} has no derivative; use .astype(float)")
    return Node(copy, (x._node,), (value,), None, value, True) if above else leaf(value)


def _traced(f: Function, args: Sequence[Any], argnums: int | Sequence[int], has_aux: bool, name: str) -> Trace:
    """Call f with the arguments `argnums` replaced by fresh Tensors."""
    _check_callable(f, name)
    single = not isinstance(argnums, Sequence)
    numbers = tuple(map(index, argnums)) if isinstance(argnums, Sequence) else (index(argnums),)
    if not all(-len(args) <= n < len(args) for n in numbers):
        raise ValueError(f"{name}: argnums {argnums} for {len(args)} arguments given by position")
    chosen = args[numbers[0]] if single else tuple(args[n] for n in numbers)
    leaves, rebuild = flatten(chosen)
    inputs = [_input(x, name) for x in leaves]
    fresh = rebuild([handle(node) for node in inputs])
    given = list(args)
    for n, x in zip(numbers, (fresh,) if single else fresh, strict=True):
        given[n] = x
    with recording():
        result = f(*given)
    aux = None
    if has_aux:
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"{name}: with has_aux=True the function returns (output, aux)")
        result, aux = result
    outputs, rebuild_outputs = flatten(result)
    roots = [y._node if isinstance(y, Tensor) else leaf(real_array(y), False) for y in outputs]
    return Trace(inputs, rebuild, outputs, roots, result, rebuild_outputs, aux, _lift_for(inputs, outputs))


def _lift_for(inputs: list[Node], outputs: list[Any]) -> Lift | None:
    """`handle` where the outputs depend on Tensors older than the call, whose derivatives may be wanted later."""
    if any(node.op is not None for node in inputs):
        return handle
    if not inputs:
        return None
    first = min(map(serial, inputs))
    roots = [y._node for y in outputs if isinstance(y, Tensor)]
    seen = {*roots, *(x for node in differentiable(roots, first) if node.serial >= first for x in node.inputs or ())}
    return handle if any(x is not None and x.requires_grad and x.serial < first for x in seen) else None


def _pulled(trace: Trace, root: Node, g: Any) -> list[Any]:
    """The gradients of one output for all inputs; zeros where it does not depend on one."""
    if not root.requires_grad:
        found: Mapping[Node, Array] = {}
    elif trace.lift is None:
        found = pullback(root, g, trace.inputs, watch=watcher())
    else:
        with recording():
            found = pullback(root, g, trace.inputs, lift=trace.lift, watch=watcher())
    return [trace.outside(found[x] if x in found else np.zeros_like(x.value)) for x in trace.inputs]


def value_and_grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """A function that returns (f(...), the gradient of f): see `grad`.

    Example:
        >>> value_and_grad(lambda x: x**2)(3.0)
        (array(9.), array(6.))
    """
    _check_callable(f, "grad")

    @wraps(f)
    def differentiated(*args: Any, **kwargs: Any) -> Any:
        trace = _traced(lambda *a: f(*a, **kwargs), args, argnums, has_aux, "grad")
        if len(trace.outputs) != 1 or np.size(bare(trace.outputs[0])) != 1:
            shapes = [np.shape(bare(y)) for y in trace.outputs]
            raise ValueError(
                f"grad: the function must return one scalar, it returned shapes {shapes}; reduce it with .sum() or "
                ".mean(), or use jacobian or vjp"
            )
        root = trace.roots[0]
        gradient = trace.rebuild_inputs(_pulled(trace, root, one_like(root.value)))
        value = trace.outside(trace.outputs[0])
        return ((value, trace.aux), gradient) if has_aux else (value, gradient)

    return differentiated


def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """A function that returns the gradient of a scalar function f.

    Args:
        f: returns one scalar; its arguments may be nested dicts, lists and tuples of arrays.
        argnums: the argument, or the sequence of arguments, to differentiate.
        has_aux: f returns (scalar, aux), and the result is (gradient, aux).

    Returns:
        A function of f's arguments; the gradient has the structure, shapes and dtypes of the arguments chosen.

    Raises:
        ValueError: f returns no scalar, or argnums names no argument.
        TypeError: an argument to differentiate holds integers, or no numbers.

    Example:
        >>> grad(lambda x: x**3)(2.0)
        array(12.)
        >>> grad(grad(lambda x: x**3))(2.0)
        array(12.)
        >>> grad(lambda p: p["w"] * p["b"])({"w": 2.0, "b": 3.0})
        {'w': array(3.), 'b': array(2.)}
    """
    both = value_and_grad(f, argnums, has_aux)

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
    trace = _traced(f, primals, tuple(range(len(primals))), has_aux, "vjp")
    roots = trace.roots
    value = trace.rebuild_outputs([trace.outside(y) for y in trace.outputs])

    def pull(cotangent: Any) -> Any:
        gs = flatten_like(cotangent, trace.result, "vjp: cotangent")
        total: list[Any] | None = None
        for root, g in zip(roots, _matching(gs, [r.value for r in roots], "vjp: cotangent"), strict=True):
            seen = trace if not isinstance(g, Tensor) else trace._replace(lift=handle)
            found = _pulled(seen, root, g)
            total = found if total is None else [seen.outside(a + b) for a, b in zip(total, found, strict=True)]
        return trace.rebuild_inputs(total or [])

    return (value, pull, trace.aux) if has_aux else (value, pull)


def _matching(given: Sequence[Any], like: Sequence[Array], what: str) -> list[Any]:
    """Tangents or cotangents, checked and converted to what they belong to."""
    if len(given) != len(like):
        raise ValueError(f"{what}: {len(given)} arrays given for {len(like)}")
    found = []
    for t, value in zip(given, like, strict=True):
        if np.shape(bare(t)) != value.shape:
            raise ValueError(f"{what} of shape {np.shape(bare(t))} for an array of shape {value.shape}")
        found.append(t if isinstance(t, Tensor) else real_array(t, value.dtype))
    return found


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """(f(*primals), its directional derivative along the tangents), in one forward pass over the graph.

    Raises:
        ValueError: tangents of other shapes than the primals.

    Example:
        >>> jvp(lambda x: x * x, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
        (array([1., 4.]), array([ 2., 40.]))
    """
    if not isinstance(primals, list | tuple) or not isinstance(tangents, list | tuple):
        raise TypeError("jvp and hvp take a tuple of primals and a tuple of tangents: jvp(f, (x,), (v,))")
    given = flatten_like(tuple(tangents), tuple(primals), "jvp: tangents")
    trace = _traced(f, primals, tuple(range(len(primals))), has_aux, "jvp")
    ts = _matching(given, [x.value for x in trace.inputs], "jvp: tangent")
    if any(isinstance(t, Tensor) for t in ts):
        trace = trace._replace(lift=handle)
    value = trace.rebuild_outputs([trace.outside(y) for y in trace.outputs])
    tangent = trace.rebuild_outputs(_pushed(trace, ts))
    return (value, tangent, trace.aux) if has_aux else (value, tangent)


def _pushed(trace: Trace, ts: Sequence[Any]) -> list[Any]:
    with recording():
        found = pushforward(trace.roots, dict(zip(trace.inputs, ts, strict=True)), _transposed, lift=trace.lift)
    pairs = zip(trace.roots, found, strict=True)
    return [trace.outside(np.zeros_like(root.value) if t is None else t, *ts) for root, t in pairs]


def _transposed(rule: Rule, t: Array, ans: Array, args: Sequence[Array], params: Mapping[str, Any]) -> Array:
    """The tangent of an op that has a reverse rule alone: <vjp(c), t> is linear in c, and its gradient is the jvp."""
    c = Tensor(np.zeros_like(bare(ans)))
    pulled = rule(c, ans, *args, **params)
    if not isinstance(pulled, Tensor):  # a rule that takes no notice of its cotangent
        return np.zeros_like(bare(ans))
    product = (pulled * t).sum()
    nested = any(isinstance(a, Tensor) for a in (t, ans, *args))
    found = pullback(product._node, one_like(product._data), [c._node], lift=handle if nested else None)
    return found.get(c._node, np.zeros_like(bare(ans)))


def jacobian(f: Function, argnums: int | Sequence[int] = 0, mode: str | None = None) -> Function:
    """A function that returns the matrix of all derivatives: shape (*output.shape, *input.shape).

    Args:
        f: returns an array, or a tree of arrays.
        argnums: as in `grad`.
        mode: "rev" walks back once for each output element, "fwd" forward once for each input element; by default
            whichever is less work.

    Example:
        >>> jacobian(lambda x: np.cumsum(x))(np.ones(3))
        array([[1., 0., 0.],
               [1., 1., 0.],
               [1., 1., 1.]])
    """
    if mode not in (None, "rev", "fwd"):
        raise ValueError(f"jacobian: mode {mode!r} is not 'rev', 'fwd' or None")

    _check_callable(f, "jacobian")

    @wraps(f)
    def all_derivatives(*args: Any, **kwargs: Any) -> Any:
        trace = _traced(lambda *a: f(*a, **kwargs), args, argnums, False, "jacobian")
        roots = trace.roots
        ins, outs = sum(x.value.size for x in trace.inputs), sum(y.value.size for y in roots)
        forward = mode == "fwd" or (mode is None and ins < outs)
        blocks = _columns(trace, roots) if forward else _rows(trace, roots)
        return trace.rebuild_outputs([trace.rebuild_inputs(row) for row in blocks])

    return all_derivatives


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
        rows = [_pulled(trace, y, unit) for unit in _basis(y.value)]
        blocks.append([_stacked([row[j] for row in rows], y.value, x.value, 0) for j, x in enumerate(trace.inputs)])
    return blocks


def _columns(trace: Trace, roots: list[Node]) -> list[list[Any]]:
    zeros = [np.zeros_like(x.value) for x in trace.inputs]
    by_input = []
    for j, x in enumerate(trace.inputs):
        columns = [_pushed(trace, [*zeros[:j], unit, *zeros[j + 1 :]]) for unit in _basis(x.value)]
        by_input.append([_stacked([c[i] for c in columns], y.value, x.value, -1) for i, y in enumerate(roots)])
    return [list(row) for row in zip(*by_input, strict=True)]


def _stacked(parts: list[Any], y: Array, x: Array, axis: int) -> Any:
    """Derivatives one by one, as a block of shape (*y.shape, *x.shape)."""
    shape = (*y.shape, *x.shape)
    if not parts:
        return np.zeros_like(x, shape=shape)
    return np.reshape(np.stack(parts, axis=axis), shape)


def hessian(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """A function that returns the matrix of second derivatives of a scalar function: forward over reverse.

    Example:
        >>> hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
        array([[ 6.,  0.],
               [ 0., 12.]])
    """
    return jacobian(grad(f, argnums), argnums, mode="fwd")


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of a scalar function times a vector, without the Hessian: the tangent of the gradient.

    Returns:
        One array (or tree) for a single primal, else a tuple of them.

    Example:
        >>> hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
        array([ 6., 12.])
    """
    numbers = 0 if not isinstance(primals, list | tuple) or len(primals) == 1 else tuple(range(len(primals)))
    return jvp(grad(f, numbers), primals, tangents)[1]


__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]
