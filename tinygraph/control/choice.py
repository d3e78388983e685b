"""cond: one of two functions, chosen by the value of an array. Where it is compiled, both are part of the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from tinygraph.batch.level import INSIDE
from tinygraph.control.steps import (
    PART,
    Body,
    Closed,
    Parts,
    is_inexact,
    is_recorded,
    recorded,
    records,
    tracer,
    truth,
    value,
)
from tinygraph.graph import Node, leaf
from tinygraph.mode import recording
from tinygraph.op import Joint, Mapped, Op, bare
from tinygraph.tensor import Tensor, handle
from tinygraph.transforms.trace import check_callable
from tinygraph.tree import Rebuild, flatten, flatten_like


def cond(pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any) -> Any:
    """true_fun(*operands) if pred, else false_fun(*operands).

    Only the function that is chosen is run, and differentiated; it is one node of the graph. Compiled, it is an `if`,
    for which both functions are run once; they return results of the same structure, shapes and dtypes then.
    Inside `vmap`, where the examples differ in pred, both are run too.

    Args:
        pred: one boolean, or one number, which counts as true if it is not 0.
        true_fun, false_fun: functions of the operands.
        operands: anything; arrays and nested dicts, lists and tuples of them above all.

    Raises:
        TypeError: pred is not a single value.

    Source:
        `jax.lax.cond`.

    Example:
        >>> import tinygraph as tg
        >>> f = lambda x: cond(x > 1.0, lambda x: x * x, lambda x: x, x)
        >>> tg.grad(f)(3.0), tg.grad(f)(0.5)
        (array(6.), array(1.))
    """
    check_callable(true_fun, "cond")
    check_callable(false_fun, "cond")
    if isinstance(bare(pred), Mapped):
        return each_its_own(pred, true_fun(*operands), false_fun(*operands), "cond")
    if INSIDE.get() or isinstance(pred, bool | int | float):
        return true_fun(*operands) if pred else false_fun(*operands)
    pred = truth(pred, "cond: pred")
    leaves, rebuild = flatten(operands)
    arrays = [i for i, x in enumerate(leaves) if hasattr(x, "dtype")]
    trees: list[Rebuild] = []

    def body(f: Callable[..., Any]) -> Body:
        def results(xs: list[Any]) -> Sequence[list[Any]]:
            given = list(leaves)
            for i, x in zip(arrays, xs, strict=True):
                given[i] = x
            found, tree = flatten(f(*rebuild(given)))
            trees.append(tree)
            return [found]

        return results

    found = _chosen("cond", pred, [body(true_fun), body(false_fun)], [leaves[i] for i in arrays], records())
    return trees[0](found)


def _chosen(name: str, pred: Any, bodies: Sequence[Body], given: list[Any], record: bool) -> list[Any]:
    """The results of the body that is chosen; under a tracer as variables, recorded as one node."""
    closed = Closed()
    live = record and any(map(is_recorded, given))

    def step(body: Body, xs: list[Any]) -> list[Any]:
        if record:
            return [_bare(y) for y in recorded(body, (xs,), closed, live).results[0]]
        return [_bare(y) for y in body(xs)[0]]

    values, writer = list(map(value, given)), tracer()
    steps = [lambda xs, body=body: step(body, xs) for body in bodies]
    if writer is None or not writer.follows(pred):
        results = steps[0 if pred else 1](values)
    else:
        results = writer.branch(name, pred, steps, values)
    return _Choice(name, pred, bodies, results, list(closed.nodes)).outside(
        [*given, *map(handle, closed.nodes.values())]
    )


def _bare(y: Any) -> Any:
    """The array of a Tensor; anything else as it is."""
    return value(y) if isinstance(y, Tensor) else y


class _Choice:
    """A choice that is one node of the graph, and the rules of that node."""

    def __init__(self, name: str, pred: Any, bodies: Sequence[Body], results: list[Any], closed: list[int]) -> None:
        self.name = name
        self.pred = pred
        self.bodies = bodies
        self.parts = Parts(results)
        self.closed = closed

    def outside(self, given: list[Any]) -> list[Any]:
        """The results, as the parts of one node if they depend on anything that is recorded."""
        if not any(map(is_recorded, given)):
            tensors = any(isinstance(x, Tensor) for x in given)
            return [handle(leaf(y, False)) if tensors and hasattr(y, "dtype") else y for y in self.parts.items]
        op = Op(self.forward, vjps=Joint(self.pull, len(given)), jvp=self.push, complex=True, name=self.name)
        nodes = tuple(x._node if isinstance(x, Tensor) else None for x in given)
        whole = handle(Node(op, nodes, tuple(map(value, given)), None, self.parts, True))
        return [PART(whole, index=i) if is_inexact(y) else y for i, y in enumerate(self.parts.items)]

    def forward(self, *given: Any) -> Parts:
        """The choice on other arrays; what it is made by, and closes over, is what it was."""
        found = _chosen(self.name, self.pred, self.bodies, list(given[: len(given) - len(self.closed)]), False)
        return Parts(found)

    def pull(self, g: Any, ans: Any, *given: Any) -> Sequence[Any]:
        """The rule of all arguments."""
        known = [i for i, c in enumerate(g.items) if c is not None]
        wanted = [i for i, x in enumerate(given) if is_inexact(x)]

        def pulled(body: Body, nested: bool, xs: list[Any]) -> Sequence[list[Any]]:
            arrays, cs = xs[: len(given)], dict(zip(known, xs[len(given) :], strict=True))
            step, leaves = self._again_on(body, arrays)
            found = step.pull([cs.get(i) for i in range(len(g.items))], leaves, handle if nested else None)
            return [[np.zeros_like(value(arrays[i])) if found[i] is None else found[i] for i in wanted]]

        found = self._derived("backward", pulled, [*given, *(g.items[i] for i in known)])
        by = dict(zip(wanted, found, strict=True))
        return [by.get(i) for i in range(len(given))]

    def push(self, tangents: Sequence[Any], ans: Any, *given: Any) -> Parts:
        """The tangents of the results."""
        known = [i for i, t in enumerate(tangents) if t is not None]
        wanted = [i for i, y in enumerate(self.parts.items) if is_inexact(y)]

        def pushed(body: Body, nested: bool, xs: list[Any]) -> Sequence[list[Any]]:
            step, leaves = self._again_on(body, xs[: len(given)])
            ts = {leaves[i]: t for i, t in zip(known, xs[len(given) :], strict=True)}
            found = step.push(ts, handle if nested else None)
            results = [value(y) for y in step.results[0]]
            return [[np.zeros_like(results[i]) if found[i] is None else found[i] for i in wanted]]

        found = self._derived("forward", pushed, [*given, *(tangents[i] for i in known)])
        by = dict(zip(wanted, found, strict=True))
        return Parts([by.get(i) for i in range(len(self.parts.items))])

    def _again_on(self, body: Body, given: list[Any]) -> tuple[Any, list[Any]]:
        """One of the bodies recorded on other arrays, and the leaves that stand for them."""
        n = len(given) - len(self.closed)
        again = Closed(self.name, self.closed, given[n:])
        step = recorded(body, (given[:n],), again)
        return step, [*step.leaves, *again.stand_ins.values()]

    def _derived(self, direction: str, derive: Any, given: list[Any]) -> list[Any]:
        nested = any(isinstance(x, Tensor) for x in given)
        bodies = [lambda xs, body=body: derive(body, nested, xs) for body in self.bodies]
        with nullcontext() if records() else recording():
            return _chosen(f"{self.name}_{direction}", self.pred, bodies, given, nested)


def each_its_own(pred: Any, yes: Any, no: Any, name: str) -> Any:
    """For each example of a `vmap`, the one result or the other."""
    leaves, rebuild = flatten(yes)
    others = flatten_like(no, yes, f"{name}: the other result")
    return rebuild([np.where(pred, a, b) for a, b in zip(leaves, others, strict=True)])


__all__ = ["cond"]
