"""Some steps of a computation with several results, recorded by themselves: what a loop and a branch are made of.

A step is a function of two lists of arrays that returns lists of arrays. It is run on fresh leaves, and what it closes
over is exchanged for leaves as well, so that its derivatives are found without walking further back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygraph.graph import Lift, Node, differentiable, leaf, pullback, pushforward
from tinygraph.mode import MODE, watcher
from tinygraph.op import Array, Each, Op, describe
from tinygraph.ops.shape import copy
from tinygraph.tensor import Tensor, handle
from tinygraph.transforms.forward import transposed

Lists = list[list[Any]]
Body = Callable[..., Sequence[list[Any]]]  # of lists of arrays: several lists of results


class Parts:
    """The values of one node that has several, or their cotangents or tangents, None where there is none.

    It travels through the graph as an array of these would.
    """

    __slots__ = ("items", "shape")
    ndim = 1
    dtype = np.dtype(object)

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = list(items)
        self.shape = (len(self.items),)

    @property
    def size(self) -> int:
        return len(self.items)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """All numbers, one after another."""
        there = [np.ravel(value(x)) for x in self.items if x is not None]
        return np.concatenate(there, dtype=dtype) if there else np.zeros(0, dtype)

    @property
    def nbytes(self) -> int:
        return sum(value(x).nbytes for x in self.items if x is not None)

    def copy(self) -> Parts:
        """The same parts; no array is copied, for none is written to."""
        return Parts(self.items)

    def __add__(self, other: Parts) -> Parts:
        pairs = zip(self.items, other.items, strict=True)
        return Parts([y if x is None else x if y is None else x + y for x, y in pairs])


def _alone(g: Array, ans: Array, parts: Any, index: int) -> Parts:
    """The cotangents of all parts, of which one is known."""
    items = (parts._data if isinstance(parts, Tensor) else parts).items
    return Parts([g if i == index else None for i in range(len(items))])


PART = Op(lambda parts, index: parts.items[index], vjps=[_alone], kind="linear", name="part", symbol="part")
_TOGETHER = Op(lambda *xs: 0.0, vjps=Each(lambda i, g, ans, *xs: g[i]), name="together", complex=True)


def tracer() -> Any:
    """What writes a program of what is computed now; None, nearly always."""
    mode = MODE.get()
    return None if mode is None or mode.tracer is None or not mode.tracer.open else mode.tracer


def is_inexact(x: Any) -> bool:
    """Whether it holds real or complex numbers, which alone have derivatives."""
    return getattr(getattr(x, "dtype", None), "kind", "i") in "fc"


def is_recorded(x: Any) -> bool:
    """Whether a derivative may be wanted for it."""
    return isinstance(x, Tensor) and x.requires_grad


def value(x: Any) -> Any:
    """The array of a Tensor, the variable of a program where one is written; a number as an array."""
    if isinstance(x, Tensor):
        writer = tracer()
        return x._data if writer is None else writer.adopted(x)._data
    return array(x)


def array(x: Any) -> Any:
    """Python's numbers and lists for NumPy; what is an array already as it is."""
    return x if hasattr(x, "dtype") else np.asarray(x)[()]


def records() -> bool:
    """Whether what is done to Tensors is recorded."""
    mode = MODE.get()
    return mode is None or mode.recording


def stand_in(x: Any) -> Node:
    """A leaf for an array; for a Tensor a copy, which is recorded."""
    if is_recorded(x):
        return Node(copy, (x._node,), (x._data,), None, x._data, True)
    return leaf(x._data if isinstance(x, Tensor) else x)


def truth(x: Any, what: str) -> Any:
    """A condition: one boolean, or a variable of a program that stands for one."""
    found = value(x)
    if np.size(found) != 1:
        raise TypeError(f"{what} is one boolean, not {describe(found)}; use .any() or .all()")
    return found


class Closed:
    """What steps close over, by the serial of its node, and the leaves that stand for it."""

    def __init__(self, again: str = "", known: Sequence[int] = (), arrays: Sequence[Any] = ()) -> None:
        self.first = leaf(np.float64(0.0), False).serial
        self.again = again  # who runs the steps once more, if anybody does: nothing new may turn up then
        self.stand_ins = dict(zip(known, map(stand_in, arrays), strict=True))
        self.nodes: dict[int, Node] = {}

    def exchange(self, roots: Sequence[Node | None], leaves: Sequence[Node | None]) -> list[Node | None]:
        """Put the stand-ins in place of whatever is older than this; the leaves of the step may refer to it."""
        own = {*leaves, *self.stand_ins.values()}
        for node in differentiable([r for r in roots if r is not None and r.serial >= self.first], self.first):
            if node not in own and any(map(self._older, node.inputs or ())):
                node.inputs = tuple(self._instead(x) if self._older(x) else x for x in node.inputs or ())
        return [self._instead(root) if self._older(root) else root for root in roots]

    def _older(self, x: Node | None) -> bool:
        return x is not None and x.requires_grad and x.serial < self.first

    def _instead(self, x: Any) -> Node:
        if x.serial not in self.stand_ins:
            if self.again:
                raise RuntimeError(f"{self.again}: run again, it uses a Tensor that it did not use at first")
            made = leaf(x.value)
            made.serial = self.first  # older than whatever uses it
            self.stand_ins[x.serial], self.nodes[x.serial] = made, x
        return self.stand_ins[x.serial]


class Step(NamedTuple):
    """One recorded step: the leaves it was run on, the nodes of its results, None for what has no derivative."""

    leaves: list[Node | None]
    roots: list[Node | None]
    results: Sequence[list[Any]]

    def pull(self, gs: Sequence[Any], wanted: Sequence[Node | None], lift: Lift | None = None) -> list[Any]:
        """The gradients of the wanted leaves for cotangents of the results; None where there is none."""
        pairs = [(r, g) for r, g in zip(self.roots, gs, strict=True) if r is not None and g is not None]
        pairs = [(r, g) for r, g in pairs if r.requires_grad]
        if not pairs:
            return [None for _ in wanted]
        roots = tuple(r for r, _ in pairs)
        whole = Node(_TOGETHER, roots, tuple(r.value for r in roots), None, np.float64(0.0), True)
        leaves = [x for x in wanted if x is not None]
        cotangents: Any = [g for _, g in pairs]
        found = pullback(whole, cotangents, leaves, lift=lift, watch=watcher())
        return [None if x is None else found.get(x) for x in wanted]

    def push(self, tangents: Mapping[Node, Any], lift: Lift | None = None) -> list[Any]:
        """The tangents of the results; None where none reaches."""
        real = [r for r in self.roots if r is not None]
        found = iter(pushforward(real, tangents, transposed, lift=lift))
        return [None if r is None else next(found) for r in self.roots]


def recorded(body: Body, given: Sequence[Sequence[Any]], closed: Closed, live: bool = True) -> Step:
    """Run a step, on fresh leaves if it is live, and exchange what it closes over."""
    flat = [x for part in given for x in part]
    leaves = [stand_in(x) if live and is_inexact(x) else None for x in flat]
    fresh = iter([x if node is None else handle(node) for x, node in zip(flat, leaves, strict=True)])
    results = body(*([next(fresh) for _ in part] for part in given))
    roots = [_root(y) for part in results for y in part]
    if not live and not any(r is not None and r.requires_grad for r in roots):
        return Step(leaves, roots, results)
    return Step(leaves, closed.exchange(roots, leaves), results)


def _root(y: Any) -> Node | None:
    if isinstance(y, Tensor):
        return y._node
    return leaf(y, False) if is_inexact(y) else None
