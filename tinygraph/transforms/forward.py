"""Forward mode: the Jacobian-vector product, in one walk from the inputs to the outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygraph.graph import pullback, pushforward
from tinygraph.mode import recording
from tinygraph.op import Array, Rule, bare
from tinygraph.operand import one_like
from tinygraph.tensor import Tensor, handle
from tinygraph.transforms.trace import Function, Trace, matching, traced
from tinygraph.tree import flatten_like


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
    trace = traced(f, primals, tuple(range(len(primals))), has_aux, "jvp")
    ts = matching(given, [x.value for x in trace.inputs], "jvp: tangent")
    if any(isinstance(t, Tensor) for t in ts):
        trace = trace._replace(lift=handle)
    value = trace.rebuild_outputs([trace.outside(y) for y in trace.outputs])
    tangent = trace.rebuild_outputs(pushed(trace, ts))
    return (value, tangent, trace.aux) if has_aux else (value, tangent)


def pushed(trace: Trace, ts: Sequence[Any]) -> list[Any]:
    """The tangents of the outputs for tangents of the inputs; zeros where none reaches."""
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
