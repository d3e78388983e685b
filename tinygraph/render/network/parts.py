"""A graph as a tree of parts: the scopes that it was recorded in, and within them its operations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Sequence

import numpy as np

from tinygraph.graph import Node, leaf
from tinygraph.mode import Scope
from tinygraph.op import Op

NETWORK, SCOPE, OPERATION = "network", "scope", "operation"
REPEAT, COPY, SEGMENT = "repeat", "copy", "segment"  # made by folding
GROUPS = (NETWORK, SCOPE, REPEAT, COPY, SEGMENT)
# What only takes numbers out, or arranges them anew, and has no box of its own beside one that computes.
ARRANGES = frozenset(
    ["getitem", "reshape", "ravel", "expand_dims", "squeeze", "transpose", "swapaxes", "moveaxis", "broadcast_to"]
)


class Part:
    """A box of the picture: an operation with its node, or a group of parts.

    `alike` is a number that parts of equal structure share. `layer` is the class of the layer that a scope is.
    `arranged` are the nodes that only arrange what comes into the box of an operation, or out of it.
    """

    __slots__ = ("alike", "arranged", "children", "depth", "kind", "layer", "name", "node", "parent")

    def __init__(
        self, kind: str, parent: Part | None, name: str = "", layer: str | None = None, node: Node | None = None
    ) -> None:
        self.kind = kind
        self.parent = parent
        self.name = name
        self.layer = layer
        self.node = node
        self.children: list[Part] = []
        self.arranged: list[Node] = []
        self.alike = 0
        self.depth = 0

    def adopt(self, children: Sequence[Part]) -> None:
        """Take parts in as one's own."""
        self.children = list(children)
        for child in children:
            child.parent = self

    @property
    def op(self) -> Op | None:
        return self.node.op if self.node is not None else None

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name or self.op}, {len(self.children)} children>"


class Tree:
    """The parts of a graph: `home` is the part of each operation's node, `sources` are what it was done to.

    What only arranges numbers is in the box that has made them, else in the one that uses them, unless it is `kept`.
    """

    def __init__(self, nodes: Sequence[Node], kept: Container[Node] = ()) -> None:
        self.root = Part(NETWORK, None)
        self.nodes = nodes
        self.home: dict[Node, Part] = {}
        self.sources: dict[Node, tuple[Node, ...]] = {}
        self.bare: dict[int, Node] = {}  # a leaf for each bare array, by its identity
        scopes: dict[Scope, Part] = {}
        for node in nodes:
            if node.op is not None:
                group = self.root if node.tag is None else _group(node.tag.scope, scopes, self.root)
                part = self.home[node] = Part(OPERATION, group, node.op.name, node=node)
                group.children.append(part)
                self.sources[node] = self._sources(node)
        self.arranged: set[Node] = set()
        self._arrange(kept)
        self._hoist()

    def _arrange(self, kept: Container[Node]) -> None:
        """Put what arranges numbers into a box beside it, in the same scope, that computes; of what is given, any."""
        own = dict(self.home)
        waits: dict[Node, bool] = {}  # for the box that uses it, as none beside it has made it; whether it is given
        for node, part in own.items():
            if _arranges(node) and len(self.sources[node]) == 1 and node not in kept:
                source = self.sources[node][0]
                maker = None if source in waits else self.home.get(source)
                if maker is not None and maker.parent is part.parent:
                    self._join(node, maker)
                else:
                    waits[node] = waits.get(source, source.op is None)
        users: dict[Node, list[Node]] = defaultdict(list)
        for node in own:
            for x in self.sources[node]:
                if x in waits:
                    users[x].append(node)
        for node in reversed(waits):
            boxes = {self.home[user] for user in users[node]}
            box = boxes.pop() if len(boxes) == 1 else None
            scope = own[node].parent
            if box is not None and (box.parent is scope or (waits[node] and scope in {*_around(box)})):
                self._join(node, box)
        moved = {own[node] for node in self.arranged}
        for group in {part.parent for part in moved if part.parent is not None}:
            group.children = [child for child in group.children if child not in moved]

    def _join(self, node: Node, box: Part) -> None:
        self.home[node] = box
        self.arranged.add(node)
        box.arranged.append(node)

    def _hoist(self) -> None:
        """A network that is one module is that module: a box around everything says nothing."""
        while len(self.root.children) == 1 and self.root.children[0].kind == SCOPE:
            only = self.root.children[0]
            self.root.name, self.root.layer = only.name, only.layer
            self.root.adopt(only.children)

    def walk(self) -> Iterator[Part]:
        """All parts, each before what is in it, in the order of recording."""
        stack = [self.root]
        while stack:
            part = stack.pop()
            yield part
            stack.extend(reversed(part.children))

    def _sources(self, node: Node) -> tuple[Node, ...]:
        """What an operation was done to, each once: computed, given, or bare arrays; numbers are passed over."""
        inputs, args = node.inputs or (), node.args or ()
        index = (node.params or {}).get("index")
        if isinstance(index, np.ndarray) and index.ndim:
            inputs, args = (*inputs, None), (*args, index)
        if None in inputs:
            inputs = tuple(
                self.bare.setdefault(id(a), leaf(a, False)) if x is None else x
                for x, a in zip(inputs, args, strict=True)
                if x is not None or np.ndim(a)
            )
        return tuple(dict.fromkeys(inputs)) if len(inputs) > 1 else inputs

    def settle(self) -> None:
        """Count the depths anew, after parts have been moved."""
        for part in self.walk():
            part.depth = 0 if part.parent is None else part.parent.depth + 1


def _arranges(node: Node) -> bool:
    """Whether an operation only arranges numbers; an index that is an array chooses among them."""
    if node.op is None or node.op.name not in ARRANGES:
        return False
    index = (node.params or {}).get("index")
    keys = index if type(index) is tuple else (index,)
    return all(k is None or isinstance(k, int | slice | type(Ellipsis)) for k in keys)


def _group(scope: Scope | None, scopes: dict[Scope, Part], root: Part) -> Part:
    """The part of a scope, which is made with those around it when it is first met."""
    new = []
    while scope is not None and scope not in scopes:
        new.append(scope)
        scope = scope.parent
    group = root if scope is None else scopes[scope]
    for inner in reversed(new):
        part = scopes[inner] = Part(SCOPE, group, inner.name, inner.kind)
        group.children.append(part)
        group = part
    return group


def _around(part: Part) -> Iterator[Part]:
    """The parts that a part is in, the innermost first."""
    while part.parent is not None:
        part = part.parent
        yield part


def siblings(a: Part, b: Part) -> tuple[Part, Part]:
    """The parts around two others, or these themselves, that lie side by side in one group."""
    while a.depth > b.depth and a.parent is not None:
        a = a.parent
    while b.depth > a.depth and b.parent is not None:
        b = b.parent
    while a.parent is not b.parent and a.parent is not None and b.parent is not None:
        a, b = a.parent, b.parent
    return a, b


def operations(part: Part) -> Iterator[Node]:
    """The nodes of all operations in a part."""
    stack = [part]
    while stack:
        part = stack.pop()
        if part.node is not None:
            yield part.node
            yield from part.arranged
        stack.extend(reversed(part.children))
