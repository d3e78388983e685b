"""A call as one operation: what it closes over is told apart, its results are joined, and it can be made again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygraph.batch import INSIDE
from tinygraph.graph import Node, differentiable, leaf
from tinygraph.mode import MODE, recording
from tinygraph.op import Array, bare
from tinygraph.ops.shape import concatenate, copy, ravel
from tinygraph.tensor import Tensor, handle
from tinygraph.transforms.draws import Draws, noting, repeated
from tinygraph.transforms.trace import fresh
from tinygraph.tree import flatten

Spec = tuple[tuple[int, ...], np.dtype[Any]]


def is_recorded(x: Any) -> bool:
    """Whether a derivative may be wanted for this."""
    return isinstance(x, Tensor) and x.requires_grad


def records() -> bool:
    """Whether what is done to Tensors is recorded."""
    mode = MODE.get()
    return mode is None or mode.recording


def spec(x: Array) -> Spec:
    """Shape and dtype."""
    return tuple(x.shape), x.dtype


def joined(parts: Sequence[Any]) -> Any:
    """Several arrays as one; a single one as it is."""
    return parts[0] if len(parts) == 1 else concatenate([ravel(x) for x in parts])


def parted(whole: Any, specs: Sequence[Spec]) -> list[Any]:
    """What `joined` made one, as several again."""
    if len(specs) == 1:
        return [whole]
    parts, start = [], 0
    for shape, dtype in specs:
        stop = start + int(np.prod(shape))
        part = whole[start:stop].reshape(shape)
        part = np.real(part) if dtype.kind == "f" else part  # what is joined with complex numbers is complex
        parts.append(part if part.dtype == dtype else part.astype(dtype))
        start = stop
    return parts


def remembered(value: Array, forward: Callable[..., Array]) -> Callable[..., Array]:
    """A forward function whose first result is known already."""
    known = [value]
    return lambda *arrays: known.pop() if known else forward(*arrays)


def closed_over(roots: Sequence[Node], first: int) -> list[Node]:
    """The nodes older than the serial `first` on which the roots depend through younger ones, or which they are."""
    seen = dict.fromkeys(root for root in roots if root.serial < first)
    for node in differentiable(roots, first):
        if node.serial >= first:
            seen |= dict.fromkeys(x for x in node.inputs or () if x is not None and _older(x, first))
    return list(seen)


def _older(x: Node | None, first: int) -> bool:
    return x is not None and x.requires_grad and x.serial < first


class Replay:
    """A call of f whose leaves at some places, and whose closed-over Tensors, can be exchanged.

    `first` makes it and finds out what it closes over; `again` makes it on other leaves, with stand-ins for what is
    closed over, so that derivatives for those are found as well. No graph and no array is held between.
    """

    def __init__(self, f: Callable[..., Any], tree: Any, places: Sequence[int]) -> None:
        self.f = f
        self.leaves, self.rebuild = flatten(tree)
        self.places = places
        for i in places:
            self.leaves[i] = None
        _, self.rebuild = flatten(self.rebuild([0.0] * len(self.leaves)))
        self.closed: list[int] = []  # serials
        self.outputs: list[int] = []  # which of the outputs are recorded
        self.specs: list[Spec] = []
        self.draws: Draws = {}
        self.inside = INSIDE.get()

    def _run(self, given: Sequence[Any]) -> Any:
        leaves = list(self.leaves)
        for i, x in zip(self.places, given, strict=True):
            leaves[i] = x
        args, kwargs = self.rebuild(leaves)
        token = INSIDE.set(self.inside)
        try:
            return self.f(*args, **kwargs)
        finally:
            INSIDE.reset(token)

    def first(self, values: Sequence[Array]) -> tuple[Any, list[Tensor]]:
        """What f returns, and the Tensors that it closes over."""
        start = leaf(np.float64(0.0), False).serial
        cells = [_contents(cell) for cell in getattr(self.f, "__closure__", None) or ()]
        with noting([*self.leaves, *cells]) as self.draws:
            result = self._run([handle(leaf(value)) for value in values])
        outputs = flatten(result)[0]
        self.outputs = [i for i, y in enumerate(outputs) if is_recorded(y)]
        self.specs = [spec(outputs[i]) for i in self.outputs]
        closed = closed_over([outputs[i]._node for i in self.outputs], start)
        self.closed = [node.serial for node in closed]
        return result, [handle(node) for node in closed]

    def again(self, arrays: Sequence[Array], name: str) -> tuple[list[Node], Node]:
        """Nodes that stand for the leaves and for what is closed over, and that of the outputs, joined."""
        stand_ins = [fresh(a) for a in arrays]
        given = [handle(node) for node in stand_ins[: len(self.places)]]
        start = stand_ins[0].serial
        with recording(transform=False), repeated(self.draws):
            root = self._root(self._run(given), start, name)
        inside = set(differentiable([root], start)).difference(stand_ins)
        _exchange(inside, start, dict(zip(self.closed, stand_ins[len(given) :], strict=True)), name)
        return stand_ins, root

    def _root(self, result: Any, start: int, name: str) -> Node:
        outputs = flatten(result)[0]
        found = [i for i, y in enumerate(outputs) if is_recorded(y)]
        if found != self.outputs or [spec(outputs[i]) for i in found] != self.specs:
            raise RuntimeError(f"{name}: made again, the call returns outputs of other shapes than at first")
        whole = joined([outputs[i] for i in found])
        root: Node = (whole if whole._node.serial >= start else copy(whole))._node
        return root

    def value(self, *arrays: Array) -> Array:
        """The outputs for other leaves, joined."""
        given = [handle(leaf(bare(a), False)) for a in arrays[: len(self.places)]]
        with repeated(self.draws):
            outputs = flatten(self._run(given))[0]
        return joined([bare(outputs[i]) for i in self.outputs])


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None


def _exchange(nodes: Iterable[Node], start: int, stand_ins: Mapping[int, Node], name: str) -> None:
    """Put the stand-ins where nodes of one's own refer to anything older than `start`."""
    for node in nodes:
        inputs = node.inputs or ()
        if not any(_older(x, start) for x in inputs):
            continue
        if any(_older(x, start) and x.serial not in stand_ins for x in inputs):
            raise RuntimeError(f"{name}: made again, the call uses a Tensor that it did not use at first")
        node.inputs = tuple(stand_ins[x.serial] if _older(x, start) else x for x in inputs)
