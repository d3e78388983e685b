"""What is counted and measured of each part: parameters, bytes, operations, times and gradients."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, cast

import numpy as np

from tinygraph.graph import Node, pullback
from tinygraph.op import Array
from tinygraph.render.network.flops import flops
from tinygraph.render.network.parts import Part, Tree, siblings
from tinygraph.render.text import length

MANY = 20_000  # operations beyond which each is timed once
TRIES = 3


@dataclass(slots=True)
class Figures:
    """One part in numbers; times are in seconds, None where they were not taken.

    `gradient` is the length of the derivative by what comes out of the part, and `learning` of that by the
    parameters in it, None where a part of their gradient comes from elsewhere.
    """

    operations: int = 0
    parameters: int = 0
    parameter_bytes: int = 0
    bytes: int = 0
    flops: int = 0
    forward: float | None = None
    backward: float | None = None
    gradient: float | None = None
    learning: float | None = None


@dataclass
class Gradients:
    """Lengths of derivatives of the loss: by each value, and by each use of a parameter that has several."""

    of: dict[Node, float] = field(default_factory=dict)
    shares: dict[tuple[Node, Node], float] = field(default_factory=dict)


def gradients(roots: Sequence[Node], nodes: Sequence[Node]) -> Gradients:
    """Run the reverse pass of a root that is one number, changing no `.grad`; else take what `backward` has left."""
    found = Gradients()
    root = roots[0]
    if len(roots) > 1 or not root.requires_grad or np.size(root.value) != 1:
        for node in nodes:
            if node.tag is not None and node.tag.grad is not None:
                found.of[node] = length(node.tag.grad)
        return found

    uses = Counter(x for node in nodes for x in node.inputs or () if x is not None and x.op is None)

    def watch(consumer: Node, x: Node, g: Array) -> None:
        if x.op is None and uses[x] > 1:
            key = consumer, x
            found.shares[key] = math.nan if key in found.shares else length(g)  # twice in one operation

    wanted = {node for node in nodes if node.requires_grad}
    with np.errstate(all="ignore"):
        kept = pullback(root, np.ones_like(root.value), wanted, watch=watch)
        found.of = {node: length(g) for node, g in kept.items()}
    return found


def measure(
    tree: Tree, found: Gradients, roots: Sequence[Node], is_parameter: Callable[[Node], bool], profile: bool = False
) -> dict[Part, Figures]:
    """The figures of all parts of a tree."""
    figures = {part: Figures() for part in tree.walk()}
    tries = 1 if len(tree.home) > MANY else TRIES
    for node, part in tree.home.items():
        mine = figures[part]
        mine.operations += 1
        mine.flops += flops(node)
        mine.bytes += node.value.nbytes
        if profile:
            forward, backward = _timed(node, tries)
            mine.forward, mine.backward = (mine.forward or 0.0) + forward, (mine.backward or 0.0) + backward
    for part in reversed(list(tree.walk())):
        if part.parent is not None:
            _add(figures[part], figures[part.parent])
    _count_parameters(tree, figures, found, is_parameter)
    _flow(tree, figures, found, roots)
    return figures


def _add(inner: Figures, outer: Figures) -> None:
    outer.operations += inner.operations
    outer.flops += inner.flops
    outer.bytes += inner.bytes
    if inner.forward is not None:
        outer.forward = (outer.forward or 0.0) + inner.forward
        outer.backward = (outer.backward or 0.0) + (inner.backward or 0.0)


def _timed(node: Node, tries: int) -> tuple[float, float]:
    """Seconds that an operation takes forward, and its rules backward, the best of a few times."""
    op, args, ans, params = node.op, node.args or (), node.value, dict(node.params or {})
    if op is None:
        return 0.0, 0.0
    g, rules = np.ones_like(ans), op.vjps
    forward = backward = math.inf
    with np.errstate(all="ignore"):
        for _ in range(tries):
            start = perf_counter()
            op.forward(*args, **params)
            middle = perf_counter()
            for rule, x in zip(cast(Any, rules), node.inputs or (), strict=False):
                if rule is not None and x is not None and x.requires_grad:
                    rule(g, ans, *args, **params)
            forward, backward = min(forward, middle - start), min(backward, perf_counter() - middle)
    return forward, backward


def _count_parameters(
    tree: Tree, figures: Mapping[Part, Figures], found: Gradients, is_parameter: Callable[[Node], bool]
) -> None:
    """Each parameter once in every part that uses it, and the length of what it learns there."""
    uses: dict[Node, list[Node]] = {}
    for node, sources in tree.sources.items():
        for x in sources:
            if x.op is None and is_parameter(x):
                uses.setdefault(x, []).append(node)
    unknown: set[Part] = set()
    squares: dict[Part, float] = {}
    for x, consumers in uses.items():
        size, nbytes, whole = x.value.size, x.value.nbytes, found.of.get(x)
        within: dict[Part, list[Node]] = {}
        for node in consumers:
            part: Part | None = tree.home[node]
            while part is not None:
                within.setdefault(part, []).append(node)
                part = part.parent
        for group, inside in within.items():
            mine = figures[group]
            mine.parameters += size
            mine.parameter_bytes += nbytes
            known = whole if len(inside) == len(consumers) else None
            if known is None and len(inside) == 1:
                known = found.shares.get((inside[0], x))
            if known is None:
                unknown.add(group)
            else:
                squares[group] = squares.get(group, 0.0) + known**2
    for group, square in squares.items():
        figures[group].learning = None if group in unknown else math.sqrt(square)


def _flow(tree: Tree, figures: Mapping[Part, Figures], found: Gradients, roots: Sequence[Node]) -> None:
    """The length of the derivative by all values that leave a part."""
    if not found.of:
        return
    outermost: dict[Node, Part] = {root: tree.root for root in roots if root in tree.home}
    for node, part in tree.home.items():
        for x in tree.sources[node]:
            if x.op is not None and tree.home[x] is not part:
                last = siblings(tree.home[x], part)[0]
                if x not in outermost or last.depth < outermost[x].depth:
                    outermost[x] = last
    squares: dict[Part, float] = {}
    for x, last in outermost.items():
        size = found.of.get(x)
        group: Part | None = tree.home[x]
        while size is not None and group is not None:
            squares[group] = squares.get(group, 0.0) + size**2
            group = group.parent if group is not last else None
    for part, square in squares.items():
        figures[part].gradient = math.sqrt(square)
