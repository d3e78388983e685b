"""Two graphs beside each other: what was added, what was taken away, and what was changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygraph.graph import Node
from tinygraph.render import colour, text
from tinygraph.render.boxes import directed
from tinygraph.render.content import Gathered, gather
from tinygraph.render.drawing import Arrow, Box, Drawing, Line
from tinygraph.render.names import unmarked
from tinygraph.render.subject import Subject

ADDED, REMOVED, CHANGED, SAME = "added", "removed", "changed", ""
SIGNS = {ADDED: "+ ", REMOVED: "− ", CHANGED: "≠ ", SAME: ""}  # beside the colours, for whoever sees none


def compare(
    before: Subject, after: Subject, max_nodes: int, title: str = "", rankdir: str | None = None
) -> tuple[Drawing, Gathered]:
    """The drawing of two graphs in one, by structure: operations, their params, constants and order, not the values."""
    a = gather(before.roots, before.names, max_nodes, fold=False, given=before.given)
    b = gather(after.roots, after.names, max_nodes, fold=False, given=after.given)
    pairs = _Matching(a, b).pairs
    old = {node: b_node for b_node, node in pairs.items()}
    keys = {node: f"n{i}" for i, node in enumerate(b.boxes)}
    keys_a = {node: keys[old[node]] if node in old else f"r{i}" for i, node in enumerate(a.boxes)}
    boxes = [_box(b, node, keys[node], *_status(a, b, pairs.get(node), node)) for node in b.boxes]
    boxes += [_box(a, node, keys_a[node], REMOVED, "") for node in a.boxes if node not in old]
    arrows = _arrows({(keys_a[x], keys_a[n]) for n in a.boxes for x in a.inputs(n)}, b, keys)
    counts = {mark: sum(box.mark == mark for box in boxes) for mark in (ADDED, REMOVED, CHANGED)}
    said = ", ".join(f"{n} {mark}" for mark, n in counts.items())
    lines = [unmarked(" ".join(line.text for line in box.lines)) for box in boxes if box.mark]
    drawing = Drawing(tuple(boxes), tuple(arrows), title, "\n".join([said, *lines]))
    return directed(drawing, rankdir), b


def _arrows(before: set[tuple[str, str]], b: Gathered, keys: Mapping[Node, str]) -> list[Arrow]:
    after = list(dict.fromkeys((keys[x], keys[node]) for node in b.boxes for x in b.inputs(node)))
    found = [Arrow(*pair, mark=SAME if pair in before else ADDED) for pair in after]
    gone = sorted(before - set(after), key=lambda pair: [(key[0], int(key[1:])) for key in pair])
    return found + [Arrow(*pair, mark=REMOVED) for pair in gone]


def _status(a: Gathered, b: Gathered, old: Node | None, node: Node) -> tuple[str, str]:
    """How a node differs from the one that it is matched with, and what that one was."""
    if old is None:
        return ADDED, ""
    alike = _kind(old) == _kind(node) and (node.op is None or _constants(old) == _constants(node))
    if alike and np.shape(old.value) == np.shape(node.value):
        return SAME, ""
    was = text.spell(a.formulas[old])[0] if old.op is not None and not alike else text.shape_and_dtype(old.value)
    return CHANGED, f"was {was}"


def _box(graph: Gathered, node: Node, key: str, mark: str, was: str) -> Box:
    name, said = graph.name(node) or "", text.spell(graph.formulas[node])[0] if node.op is not None else ""
    nameless = "parameter" if node.requires_grad else "constant"
    heading = SIGNS[mark] + (" = ".join(filter(None, [name, said])) or nameless)
    lines = [Line(heading, "name", f"{SIGNS[mark]}{name}" if name else "")]
    if not text.is_scalar(node.value):
        lines.append(Line(text.shape_and_dtype(node.value), "quiet"))
    if was:
        lines.append(Line(was, "quiet"))
    kind = colour.OPERATION if node.op is not None else colour.PARAMETER
    if node.op is None and (not node.requires_grad or node in graph.given):
        kind = colour.DATA
    kind = colour.OUTPUT if node in graph.roots and node.op is not None else kind
    return Box(key, tuple(lines), kind, unmarked("\n".join(line.text for line in lines)), mark)


class _Matching:
    """Which node of b is which of a: `pairs`, found forward from the inputs, then backward from the results."""

    def __init__(self, a: Gathered, b: Gathered) -> None:
        self.a, self.b = a, b
        self.pairs: dict[Node, Node] = {}
        self.taken: set[Node] = set()
        self._leaves()
        self._forward()
        for node, old in zip(b.roots, a.roots, strict=False):
            if _kind(node) == _kind(old):
                self._match(node, old)
        self._backward()
        self._names()
        self._forward()
        self._similar()

    def _match(self, node: Node, old: Node) -> None:
        if node not in self.pairs and old not in self.taken and (node.op is None) == (old.op is None):
            self.pairs[node] = old
            self.taken.add(old)

    def _leaves(self) -> None:
        """By name; the nameless in their order, where they have the same shape."""
        by_name = {self.a.raw_name(x): x for x in self.a.boxes if x.op is None}
        for node in (x for x in self.b.boxes if x.op is None):
            name = self.b.raw_name(node)
            if name and name in by_name:
                self._match(node, by_name[name])
            elif not name:
                free = (x for x in self.a.boxes if x.op is None and x not in self.taken and not self.a.raw_name(x))
                for old in (x for x in free if np.shape(x.value) == np.shape(node.value)):
                    self._match(node, old)
                    break

    def _forward(self) -> None:
        """The same operation on the same inputs."""
        made: dict[Any, Node] = {}
        for old in self.a.boxes:
            if old.op is not None and old not in self.taken:
                made.setdefault((*_kind(old), _constants(old), tuple(old.inputs or ())), old)
        for node in self.b.boxes:
            if node.op is not None and node not in self.pairs:
                inputs = tuple(None if x is None else self.pairs.get(x, x) for x in node.inputs or ())
                found = made.get((*_kind(node), _constants(node), inputs))
                if found is not None:
                    self._match(node, found)

    def _backward(self) -> None:
        """The same operation in the same place of one that is matched."""
        for node in reversed(self.b.boxes):
            old = self.pairs.get(node)
            if old is None or node.op is not old.op:
                continue
            for x, y in zip(node.inputs or (), old.inputs or (), strict=False):
                if x is not None and y is not None and _kind(x) == _kind(y):
                    self._match(x, y)

    def _similar(self) -> None:
        """The same operation, where one of its inputs at least is the same."""
        for node in (x for x in self.b.boxes if x.op is not None and x not in self.pairs):
            mine = [self.pairs.get(x) for x in node.inputs or () if x is not None]
            for old in (x for x in self.a.boxes if x.op is not None and x not in self.taken):
                if _kind(old) == _kind(node) and any(x is not None and x in mine for x in old.inputs or ()):
                    self._match(node, old)
                    break

    def _names(self) -> None:
        """The same name, whatever is done there."""
        by_name = {self.a.raw_name(x): x for x in self.a.boxes if x.op is not None}
        for node in self.b.boxes:
            name = self.b.raw_name(node)
            if node.op is not None and name in by_name and name:
                self._match(node, by_name[name])


def _kind(node: Node) -> tuple[Any, ...]:
    """What is done, or what kind of array is given."""
    if node.op is None:
        return None, np.shape(node.value), str(node.value.dtype), node.requires_grad
    return node.op, tuple(sorted((k, repr(v)) for k, v in (node.params or {}).items()))


def _constants(node: Node) -> tuple[Any, ...]:
    """The bare operands: numbers, and the shapes of arrays."""
    bare = (a for x, a in zip(node.inputs or (), node.args or (), strict=True) if x is None)
    return tuple(complex(a) if np.ndim(a) == 0 else np.shape(a) for a in bare)
