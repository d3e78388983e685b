"""The search for the operation at fault: each node of a recorded graph is checked by itself, on its own values.

A node is a function of its arguments, y = op.forward(x1, x2, ...). Its own derivative is compared with two-sided
differences of `op.forward`, contracted with a random cotangent; the first node whose derivative is wrong is at fault.
Where every node is right by itself, and the whole is wrong, the graph does not see all that happens: a constant in it
then changes with the arguments.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

from tinygraph.check.compare import compare
from tinygraph.check.fault import Culprit
from tinygraph.check.point import Point
from tinygraph.check.relation import lengths, relation
from tinygraph.check.report import Comparison, Report
from tinygraph.check.verdict import POWER, WRONG
from tinygraph.graph import Node, leaf, serial
from tinygraph.mode import recording, user_line
from tinygraph.tensor import Tensor, handle
from tinygraph.tree import flatten

_RECORDS = Node.__init__.__code__
_MANY = 64  # elements; a node with more is looked at along directions
_DIRECTIONS = 3
_ERRORS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class Recording:
    """A function recorded at a point: its outputs, the leaves it was given, and the line behind each node."""

    def __init__(self, point: Point, leaves: Sequence[Any]) -> None:
        self.leaves = [leaf(np.array(x)) for x in leaves]
        with _lines() as self.lines, recording(), np.errstate(all="ignore"):
            made = flatten(point.recorded(*map(handle, self.leaves)))[0]
        self.outputs = [y for y in made if isinstance(y, Tensor)]
        self.names = dict(zip(point.names, map(handle, self.leaves), strict=True))

    def nodes(self) -> list[Node]:
        """Everything behind the outputs, constants too, in the order of recording."""
        seen = {y._node for y in self.outputs}
        stack = list(seen)
        while stack:
            for x in stack.pop().inputs or ():
                if x is not None and x not in seen:
                    seen.add(x)
                    stack.append(x)
        return sorted(seen, key=serial)


@contextmanager
def _lines() -> Iterator[dict[int, str]]:
    """The line of the user's code behind each node that this thread makes, by the node's serial."""
    found: dict[int, str] = {}
    before = sys.getprofile()

    def watch(frame: FrameType, event: str, arg: Any) -> None:
        if event == "return" and frame.f_code is _RECORDS and hasattr(frame.f_locals["self"], "serial"):
            found[frame.f_locals["self"].serial] = user_line()

    sys.setprofile(watch)
    try:
        yield found
    finally:
        sys.setprofile(before)


def find_culprit(
    point: Point, *, order: int = 1, mode: str = "rev", power: float = POWER, seed: int = 0
) -> Culprit | None:
    """The first operation behind f whose own derivative is wrong on its own values; None if there is none.

    Numbers that are not finite, and kinks, are passed over: nothing can be said of a derivative there.
    """
    found = Recording(point, point.wide)
    nodes = found.nodes()
    for level in range(1, order + 1):
        for node in nodes:
            culprit = _examined(node, found, level, mode, power, seed)
            if culprit is not None:
                return culprit
    return _bypass(found, nodes, point)


def _examined(node: Node, found: Recording, order: int, mode: str, power: float, seed: int) -> Culprit | None:
    """One node by itself."""
    if node.op is None or node.args is None:
        return None
    for i, x in enumerate(node.inputs or ()):
        if x is None or not x.requires_grad or np.asarray(x.value).dtype.kind not in "fc":
            continue
        point = Point(_alone(node, i), [np.asarray(node.args[i])])
        many = max(np.size(node.args[i]), np.size(node.value)) > _MANY
        try:
            report = compare(
                point, order=order, mode=mode, directions=_DIRECTIONS if many else None, power=power, seed=seed
            )
        except _ERRORS as error:
            return _culprit(node, i, found, order, mode, what=f"none: {error}")
        if not report.wrong and all(c.problem is None for c in report.comparisons):
            continue
        return _culprit(node, i, found, order, mode, _what(report, node), _worst(report))
    return None


def _alone(node: Node, i: int) -> Callable[[Any], Any]:
    """A node's op as a function of its argument i."""
    op, args, params = node.op, node.args or (), node.params or {}

    def function(x: Any) -> Any:
        return op(*args[:i], x, *args[i + 1 :], **params) if op is not None else x

    return function


def _culprit(node: Node, i: int, found: Recording, order: int, mode: str, what: str, element: str = "") -> Culprit:
    return Culprit(
        op=node.op.name if node.op is not None else "",
        argument=i,
        what=what,
        where=found.lines.get(node.serial),
        element=element,
        shapes=tuple(np.shape(a) for a in node.args or ()),
        mode=mode,
        order=order,
        node=node,
        outputs=tuple(found.outputs),
        names=found.names,
    )


def _what(report: Report, node: Node) -> str:
    """What a local derivative has to do with the right one."""
    c = _told(report)
    if c.problem is not None:
        return f"no derivative: {c.problem}"
    arrays = [*(node.args or ()), node.value]
    sizes = lengths([*(f"its argument {i}" for i in range(len(arrays) - 1)), "its output"], arrays)
    exact, words = c.exact, None
    if np.isfinite(exact).all():
        words = relation(exact, c.numeric, None, sizes)
    count = "every element" if c.count(WRONG) == c.verdicts.size else f"{c.count(WRONG)} of {c.verdicts.size} elements"
    return words or f"wrong in {count}"


def _told(report: Report) -> Comparison:
    """What is said of an argument that is complex: its part with more faults."""
    return max(report.comparisons, key=lambda c: (c.problem is not None, c.count(WRONG)))


def _worst(report: Report) -> str:
    c = _told(report)
    return c.line(c.ranked()[0]).removeprefix(f"{WRONG}: ") if c.count(WRONG) and c.problem is None else ""


def _bypass(found: Recording, nodes: Sequence[Node], point: Point) -> Culprit | None:
    """The first constant of the graph that changes when the arguments do."""
    rng = np.random.default_rng(0)
    moved = [x * (1.0 + 2.0**-10 * rng.uniform(0.5, 1.0, x.shape)) + 2.0**-20 for x in point.wide]
    other = Recording(point, moved).nodes()
    if [n.op for n in other] != [n.op for n in nodes]:
        return None
    given = set(found.leaves)
    for node, twin in zip(nodes, other, strict=True):
        for i, (x, a, b) in enumerate(zip(node.inputs or (), node.args or (), twin.args or (), strict=False)):
            constant = x is None or (x.op is None and not x.requires_grad and x not in given)
            if constant and np.asarray(a).dtype.kind == "f" and not np.array_equal(a, b, equal_nan=True):
                culprit = _culprit(node, i, found, 1, "rev", "constant")
                return Culprit(**{**vars(culprit), "bypass": True})
    return None
