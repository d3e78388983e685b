"""The graph and the walks over it: reverse (`pullback`) and forward (`pushforward`). It knows no Tensor.

A walk runs the rules on the bare arrays of the nodes. Given `lift`, which makes a recording array of a node, it runs
the very same rules on those, so that the derivative is itself a graph.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from itertools import count
from sys import getrefcount
from typing import Any

import numpy as np

from tinygraph.op import Array, Mapped, Op, Rule, UndecidedError, bare
from tinygraph.ops.shape import broadcast, sum_to

_next_serial = count().__next__


class Tag:
    """What a handle adds to its node: a name, a gradient, whether to keep it, and the line and scope it was made in."""

    __slots__ = ("grad", "keep", "name", "scope", "where")

    def __init__(
        self, name: str | None = None, keep: bool = False, where: str | None = None, scope: Any = None
    ) -> None:
        self.name = name
        self.keep = keep
        self.where = where
        self.scope = scope
        self.grad: Array | None = None


class Node:
    """One recorded operation: what was done (`op`), to which arrays (`args`), where they came from, what came out.

    `inputs` holds for each of `args` the node that made it, None for a bare constant. A leaf has neither. Serials grow
    in the order of recording, so they order every graph topologically.
    """

    __slots__ = ("args", "inputs", "op", "params", "requires_grad", "serial", "tag", "value")

    def __init__(
        self,
        op: Op | None,
        inputs: tuple[Any, ...] | None,
        args: tuple[Array, ...] | None,
        params: Mapping[str, Any] | None,
        value: Array,
        requires_grad: bool,
        tag: Tag | None = None,
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.args = args
        self.params = params
        self.value = value
        self.requires_grad = requires_grad
        self.tag = tag
        self.serial = _next_serial()


Lift = Callable[[Node], Array]
Watch = Callable[[Node, Node, Array], None]
Transpose = Callable[[Rule, Array, Array, Sequence[Array], Mapping[str, Any]], Array]
serial = operator.attrgetter("serial")
_RELEASED = (
    "backward has released this graph's arrays (retain_graph=False); run the forward computation again, or leave "
    "retain_graph=True"
)


def _references() -> int:
    """What getrefcount says of an object that one local variable holds: it differs between versions of Python."""
    held = object()
    return getrefcount(held)


_ALONE = _references()


def leaf(value: Array, requires_grad: bool = True, tag: Tag | None = None) -> Node:
    """A node that was given, not computed."""
    return Node(None, (), (), None, value, requires_grad, tag)


def differentiable(roots: Iterable[Node], oldest: int = 0) -> list[Node]:
    """The nodes from which a derivative flows to `roots`, in the order of recording, none before `oldest`."""
    seen = {root for root in roots if root.requires_grad}
    stack = list(seen)
    while stack:
        inputs = stack.pop().inputs
        if inputs is None:
            raise RuntimeError(_RELEASED)
        for x in inputs:
            if x is not None and x.requires_grad and x not in seen and x.serial >= oldest:
                seen.add(x)
                stack.append(x)
    return sorted(seen, key=serial)


def _leading(order: Sequence[Node], wanted: Iterable[Node]) -> set[Node]:
    """The nodes of `order` that depend on a wanted one."""
    leads = set(wanted)
    for node in order:
        if node not in leads and any(x in leads for x in node.inputs or ()):
            leads.add(node)
    return leads


def pullback(
    root: Node,
    g: Array,
    wanted: Collection[Node] | None = None,
    *,
    lift: Lift | None = None,
    release: bool = False,
    watch: Watch | None = None,
) -> dict[Node, Array]:
    """Reverse pass: the gradients that `g` at `root` gives to the wanted nodes, or to all whose tag keeps them.

    Gradients are the receiver's own, writable, in the shape and dtype of their node. With `lift` they are recorded.
    With `release`, nodes drop their inputs and arrays as the walk leaves them.
    """
    leads = None if wanted is None else _leading(differentiable([root], min(map(serial, wanted), default=0)), wanted)
    grads: dict[Node, Array] = {root: root.value.spread(g) if isinstance(root.value, Mapped) else g}
    pending = [(-root.serial, 0, root)]  # a heap: what adds to its first node's gradient has been left before
    kept: dict[Node, Array] = {}
    owned: set[Node] = set()  # whose gradient nobody else holds, so that it may be added to in place
    while pending:
        node = heappop(pending)[2]
        g = grads.pop(node)
        tag = node.tag
        if tag is not None and tag.keep if wanted is None else node in wanted:
            kept[node] = g
        op = node.op
        if op is None:
            continue
        inputs, args, params, ans = node.inputs, node.args, node.params, node.value
        if inputs is None or args is None:
            raise RuntimeError(_RELEASED)
        if lift is not None:
            ans, args = lift(node), _lifted(node, lift)
        gx: Any = g
        try:
            rules: Any = op.vjps
            for x, rule in zip(inputs, rules):  # noqa: B905  an Each has a rule for any number of inputs
                if x is None or rule is None or not (x.requires_grad if leads is None else x in leads):
                    continue
                try:
                    if params is not None:
                        gx = rule(g, ans, *args, **params)
                    elif len(args) == 2:  # Python calls with a fixed number of arguments faster
                        gx = rule(g, ans, args[0], args[1])
                    else:
                        gx = rule(g, ans, *args)
                except UndecidedError as undecided:
                    gx = undecided.each(f"the rule of {op.name}", rule, (g, ans, *args), params or {})
                value = x.value
                if gx.shape != value.shape or gx.dtype is not value.dtype:
                    gx = _fit(gx, value, op, lift)
                    if x in owned and gx.dtype is not value.dtype:
                        owned.remove(x)  # what differs between the examples of a vmap is added out of place
                if watch is not None:
                    watch(node, x, gx)
                have = grads.get(x)
                if have is None:
                    heappush(pending, (-x.serial, id(x), x))  # stand-ins of a loop are of one serial
                    if x.op is None and getrefcount(gx) == _ALONE and getattr(gx, "base", gx) is None:
                        owned.add(x)  # the rule made this array, and nobody else holds it
                    grads[x] = gx
                elif x in owned and lift is None:
                    have += gx
                    grads[x] = have  # a scalar was not added to in place
                else:
                    grads[x] = have + gx
                    owned.add(x)
        except Exception as error:
            if any(x is not None and x.value is None for x in inputs):
                raise RuntimeError(_RELEASED) from None
            if not hasattr(gx, "dtype"):
                raise _no_array(op, gx) from error
            error.add_note(f"in the reverse pass of {op.name} on shapes {[np.shape(a) for a in args]}")
            raise
        if release:
            node.inputs = node.args = node.value = None
    if lift is None:
        for node, g in kept.items():
            if node not in owned or isinstance(g, np.generic):
                kept[node] = _own(g)
    return kept


def _lifted(node: Node, lift: Lift) -> tuple[Array, ...]:
    """The arguments of a node's op, recording where they have a node."""
    if any(x is not None and x.value is None for x in node.inputs or ()):
        raise RuntimeError(_RELEASED)
    pairs = zip(node.inputs or (), node.args or (), strict=True)
    return tuple(a if x is None else lift(x) for x, a in pairs)


def _own(g: Array) -> Array:
    """A copy of a gradient that its receiver may write to, an array also of a scalar."""
    return g[...] if isinstance(g, np.generic) else g.copy()  # type: ignore[index]


def _fit(gx: Array, value: Array, op: Op, lift: Lift | None) -> Array:
    """Undo broadcasting, over the examples of `vmap` too, and keep the dtype of what the gradient belongs to."""
    batch = bare(gx)
    if isinstance(batch, Mapped):
        gx = batch.settled(gx, value)
    if isinstance(value, Mapped):
        gx = value.spread(gx)
    if gx.shape != value.shape:
        if op.kind != "elementwise":
            raise ValueError(
                f"a rule of {op.name} gave a gradient of shape {gx.shape} for an argument of shape {value.shape}"
            )
        gx = (sum_to.forward if lift is None else sum_to)(gx, shape=value.shape)
    return _cast(gx, value.dtype)


def _no_array(op: Op, made: Any) -> TypeError:
    """The error that a rule of a user gave a number of Python's, or forgot to return."""
    what = "None: is `return` missing?" if made is None else f"{made!r:.40}, a {type(made).__name__}"
    return TypeError(f"a rule of {op.name} must give an array, as an expression in g does; it gave {what}")


def _cast(g: Array, dtype: np.dtype[Any]) -> Array:
    """A derivative in the dtype of what it belongs to: for a real array, its real part."""
    if g.dtype == dtype:
        return g
    if g.dtype.kind == "c" and dtype.kind != "c":
        g = np.real(g)
    return g if g.dtype == dtype else g.astype(dtype)


def pushforward(
    roots: Sequence[Node], tangents: Mapping[Node, Array], transpose: Transpose, *, lift: Lift | None = None
) -> list[Array | None]:
    """Forward pass: the tangents of `roots` for the given tangents of other nodes; None where none reaches.

    `transpose(rule, t, ans, args, params)` gives the tangent of an op that has only a reverse rule.
    """
    order = differentiable(roots, min(map(serial, tangents), default=0))
    leads = _leading(order, tangents)
    found: dict[Node, Array] = dict(tangents)
    last = {x: node for node in order if node in leads for x in node.inputs or ()}  # who needs a tangent last
    kept = set(roots)
    for node in order:
        op, args, ans = node.op, node.args, node.value
        if node in found or node not in leads or op is None or args is None:
            continue
        ts = [None if x is None else found.get(x) for x in node.inputs or ()]
        if all(t is None for t in ts):
            continue
        if lift is not None:
            ans, args = lift(node), _lifted(node, lift)
        try:
            t = _tangent(op, ts, ans, args, node.params or {}, transpose)
            if t is not None and not hasattr(t, "dtype"):
                raise _no_array(op, t)
        except UndecidedError as undecided:
            given = (op, ts, ans, args, node.params or {}, transpose)
            t = undecided.each(f"the forward rule of {op.name}", _tangent, given, {})
        except Exception as error:
            error.add_note(f"in the forward pass of {op.name} on shapes {[np.shape(a) for a in args]}")
            raise
        if t is not None:
            if t.shape != node.value.shape:
                t = broadcast(t, shape=node.value.shape)
            found[node] = _cast(t, node.value.dtype)
        for x in node.inputs or ():
            if x is not None and last[x] is node and x not in kept:
                found.pop(x, None)
    return [found.get(root) for root in roots]


def _tangent(
    op: Op,
    ts: Sequence[Array | None],
    ans: Array,
    args: Sequence[Array],
    params: Mapping[str, Any],
    transpose: Transpose,
) -> Array | None:
    """The tangent of an op's output, from its kind: nothing about forward mode is written in the table twice."""
    if op.kind == "linear":
        return op(*(np.zeros_like(a) if t is None else t for t, a in zip(ts, args, strict=True)), **params)
    if op.jvp is not None:
        return op.jvp(ts, ans, *args, **params)
    total = None
    for i, t in enumerate(ts):
        rule = op.vjps[i]
        if t is None or rule is None:
            continue
        if op.kind == "elementwise":
            part = rule(t, ans, *args, **params)
        elif op.kind == "multilinear":
            part = op(*(t if j == i else a for j, a in enumerate(args)), **params)
        else:
            part = transpose(rule, t, ans, args, params)
        total = part if total is None else total + part
    return total
