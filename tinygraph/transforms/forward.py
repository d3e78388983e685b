"""Forward mode: the Jacobian-vector product, in one walk from the inputs to the outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygraph.graph import Node, pullback, pushforward
from tinygraph.mode import recording
from tinygraph.op import Array, Rule, bare
from tinygraph.operand import one_like
from tinygraph.tensor import Tensor, handle
from tinygraph.transforms.trace import Function, Trace, matching, nested, traced
from tinygraph.tree import flatten_like


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """(f(*primals), its directional derivative along the tangents), in one forward pass over the graph.

    Raises:
        ValueError: tangents of other shapes than the primals.

    Example:
        >>> jvp(lambda x: x * x, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
        (array([1., 4.]), array([ 2., 40.]))
    """
    return along(f, primals, tangents, has_aux, "jvp")


def along(f: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool, name: str) -> Any:
    """`jvp` for what calls it by another name."""
    if not isinstance(primals, list | tuple) or not isinstance(tangents, list | tuple):
        raise TypeError(f"{name}: takes a tuple of primals and a tuple of tangents: {name}(f, (x,), (v,))")
    flatten_like(tuple(tangents), tuple(primals), f"{name}: tangents")
    value, push, *aux = _linearized(f, primals, has_aux, name)
    return (value, push(*tangents), *aux)


def linearize(f: Function, *primals: Any, has_aux: bool = False) -> Any:
    """(f(*primals), push), where push(*tangents) is the directional derivative of f along the tangents.

    f is called once, however often push is: as `vjp`, in forward mode.

    Raises:
        ValueError: tangents of other shapes than the primals.

    Example:
        >>> y, push = linearize(lambda x: x * x, np.array([1.0, 2.0]))
        >>> push(np.array([1.0, 10.0])), push(np.array([0.0, 1.0]))
        (array([ 2., 40.]), array([0., 4.]))
    """
    return _linearized(f, primals, has_aux, "linearize")


def _linearized(f: Function, primals: Sequence[Any], has_aux: bool, name: str) -> Any:
    trace = traced(f, primals, tuple(range(len(primals))), has_aux, name)
    value = trace.rebuild_outputs([trace.outside(y) for y in trace.outputs])

    def push(*tangents: Any) -> Any:
        given = flatten_like(tangents, tuple(primals), f"{name}: tangents")
        ts = matching(given, [x.value for x in trace.inputs], f"{name}: tangent")
        seen = trace if not nested(*ts) else trace._replace(lift=handle)
        return trace.rebuild_outputs(pushed(seen, ts))

    return (value, push, trace.aux) if has_aux else (value, push)


def pushed(trace: Trace, ts: Sequence[Any]) -> list[Any]:
    """The tangents of the outputs for tangents of the inputs, as the caller shall have them."""
    return [trace.outside(t, *ts) for t in walked_ahead(trace, dict(zip(trace.inputs, ts, strict=True)))]


def walked_ahead(trace: Trace, tangents: Mapping[Node, Any]) -> list[Any]:
    """The tangents of the outputs for tangents of some of the inputs; zeros where none reaches."""
    with recording():
        found = pushforward(trace.roots, tangents, transposed, lift=trace.lift)
    return [np.zeros_like(root.value) if t is None else t for root, t in zip(trace.roots, found, strict=True)]


def transposed(rule: Rule, t: Array, ans: Array, args: Sequence[Array], params: Mapping[str, Any]) -> Array:
    """The tangent of an op that has a reverse rule alone: <vjp(c), t> is linear in c, and its gradient is the jvp."""
    c = Tensor(np.zeros_like(bare(ans)))
    pulled = rule(c, ans, *args, **params)
    if not isinstance(pulled, Tensor):  # a rule that takes no notice of its cotangent
        return np.zeros_like(bare(ans))
    product = (pulled * t).sum()
    lift = handle if nested(t, ans, *args) else None
    found = pullback(product._node, one_like(product._data), [c._node], lift=lift)
    return found.get(c._node, np.zeros_like(bare(ans)))
