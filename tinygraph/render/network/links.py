"""What flows between the parts: the arrows within each open group, and the values that enter and leave it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tinygraph.graph import Node
from tinygraph.render.network.parts import Part, Tree, siblings

SHARED = 3  # uses up to which a given value is drawn once; else it is repeated beside each
ALIKE = 4  # pills at the same place up to which each is drawn
CROWD = 24  # pills of a kind, parameters aside, beyond which they are one
PARAMETER, DATA, ENTRY, EXIT, MORE = "parameter", "data", "entry", "exit", "more"


class Pill:
    """A small box that is no computation: a parameter, data, a value that enters or leaves, or copies left out."""

    __slots__ = ("count", "kind", "node", "uses")

    def __init__(self, kind: str, node: Node | None = None, uses: int = 1, count: int = 1) -> None:
        self.kind = kind
        self.node = node
        self.uses = uses  # how often the value is used in the whole graph
        self.count = count  # how many values or parts it stands for


Item = Part | Pill


@dataclass
class Interior:
    """What is seen in an open group: its items in the order of recording, and the values along each arrow."""

    items: list[Item] = field(default_factory=list)
    arrows: dict[tuple[Item, Item], dict[Node, None]] = field(default_factory=dict)

    def arrow(self, a: Item, b: Item, value: Node) -> None:
        if a is not b:
            self.arrows.setdefault((a, b), {})[value] = None

    def merge(self) -> dict[Item, Pill]:
        """Draw many pills at the same place as one; what each of them then is."""
        neighbours: dict[Pill, list[Item]] = {}
        for a, b in self.arrows:
            if isinstance(a, Pill):
                neighbours.setdefault(a, []).append(b)
            if isinstance(b, Pill):
                neighbours.setdefault(b, []).append(a)
        places: dict[Any, list[Pill]] = {}
        kinds = Counter(pill.kind for pill in neighbours)
        for pill, near in neighbours.items():
            crowded = kinds[pill.kind] > CROWD and pill.kind in (DATA, ENTRY, EXIT)
            if pill.kind != MORE:
                places.setdefault((pill.kind, None if crowded else frozenset(near)), []).append(pill)
        one: dict[Item, Pill] = {}
        for pills in places.values():
            if len(pills) > ALIKE:
                one.update(dict.fromkeys(pills, Pill(pills[0].kind, count=len(pills))))
        if one:
            arrows, self.arrows = self.arrows, {}
            for (a, b), values in arrows.items():
                for value in values:
                    self.arrow(one.get(a, a), one.get(b, b), value)
            self.items = list(dict.fromkeys(one.get(item, item) for item in self.items))
        return one


class Links:
    """The interiors of the open groups.

    Args:
        tree: the parts of a graph.
        shown: for each open group, which of its children are drawn; the others are one pill, "... more".
        is_parameter: whether a leaf is learned.  name: what it is called.
        parameters: False leaves the parameters out.
    """

    def __init__(
        self,
        tree: Tree,
        shown: dict[Part, list[Part]],
        is_parameter: Callable[[Node], bool],
        name: Callable[[Node], str | None],
        parameters: bool = True,
    ) -> None:
        self.tree, self.is_parameter, self.name, self.parameters = tree, is_parameter, name, parameters
        self.interiors = {group: Interior(list(children)) for group, children in shown.items()}
        self.hidden: dict[Part, Pill] = {}
        self.entries: dict[tuple[Part, Node], Pill] = {}
        self.exits: dict[tuple[Part, Node], Pill] = {}
        self.given: dict[Node, Pill] = {}  # what stands at the top
        for group, children in shown.items():
            self._hide(group, children)
        self._leaves()
        for node, part in tree.home.items():
            for x in tree.sources[node]:
                if x.op is not None:
                    self._flow(x, tree.home[x], part)
        self._complete()

    def _complete(self) -> None:
        """Put what enters before all else and what leaves behind it, and many of a kind together."""
        before: dict[Part, list[Item]] = {self.tree.root: list(self.given.values())}
        for (group, _), pill in self.entries.items():
            before.setdefault(group, []).append(pill)
        for (group, _), pill in self.exits.items():
            self.interiors[group].items.append(pill)
        for group, interior in self.interiors.items():
            interior.items[:0] = before.get(group, ())
            merged = interior.merge()
            if group is self.tree.root:
                self.given = {x: merged.get(pill, pill) for x, pill in self.given.items()}

    def _hide(self, group: Part, children: list[Part]) -> None:
        drawn = set(children)
        left_out = [child for child in group.children if child not in drawn]
        if left_out:
            pill = Pill(MORE, count=len(left_out))
            self.hidden.update(dict.fromkeys(left_out, pill))
            at = group.children.index(left_out[0])
            self.interiors[group].items.insert(at, pill)

    def seen(self, part: Part) -> Item:
        """What stands for a part within its group."""
        return self.hidden.get(part, part)

    def _flow(self, value: Node, source: Part, target: Part) -> None:
        """The arrow of a value from one part to another, and its entries into the groups around the second."""
        a, b = siblings(source, target)
        interior = self.interiors.get(a.parent) if a.parent is not None else None
        if interior is not None:
            interior.arrow(self.seen(a), self.seen(b), value)
        self._enter(value, b, target)
        self._leave(value, a, source)

    def _leave(self, value: Node, outer: Part, source: Part) -> None:
        """Draw a value out of every open group between the two parts, once."""
        while source is not outer and source.parent is not None:
            group = source.parent
            interior = self.interiors.get(group)
            if interior is not None and (group, value) not in self.exits:
                pill = self.exits[group, value] = Pill(EXIT, value)
                interior.arrow(self.seen(source), pill, value)
            source = group

    def _enter(self, value: Node, outer: Part, target: Part) -> None:
        """Draw a value into every open group between the two parts."""
        while target is not outer and target.parent is not None:
            group = target.parent
            interior = self.interiors.get(group)
            if interior is not None:
                pill = self.entries.get((group, value))
                if pill is None:
                    pill = self.entries[group, value] = Pill(ENTRY, value)
                interior.arrow(pill, self.seen(target), value)
            target = group

    def _leaves(self) -> None:
        """Parameters beside their uses; data at the top, if it has a name or is one of few that all begins with."""
        homes: dict[Node, dict[Part, list[Part]]] = {}
        begins: set[Node] = set()
        for node, part in self.tree.home.items():
            sources = self.tree.sources[node]
            given = [x for x in sources if x.op is None]
            if len(given) == len(sources):
                begins.update(x for x in given if not self.is_parameter(x))
            for x in given:
                if part.parent is not None:
                    homes.setdefault(x, {}).setdefault(part.parent, []).append(part)
        for x, groups in homes.items():
            if self.is_parameter(x):
                uses = sum(map(len, groups.values()))
                for group, users in groups.items() if self.parameters else ():
                    self._beside(x, PARAMETER, group, users, uses)
            elif len(groups) > 1 or self.name(x) or (x in begins and len(begins) <= ALIKE):
                self._given(x, [part for users in groups.values() for part in users])
            else:
                for group, users in groups.items():
                    self._beside(x, DATA, group, users, len(users))

    def _beside(self, x: Node, kind: str, group: Part, users: Iterable[Part], uses: int) -> None:
        interior = self.interiors.get(group)
        if interior is None:
            return
        items: dict[Any, None] = dict.fromkeys(map(self.seen, users))
        pill = Pill(kind, x, uses)
        for i, item in enumerate(items):
            if isinstance(item, Pill):  # copies left out
                continue
            if i == 0 or len(items) > SHARED:
                pill = Pill(kind, x, uses)
                interior.items.insert(interior.items.index(item), pill)
            interior.arrow(pill, item, x)

    def _given(self, x: Node, users: Iterable[Part]) -> None:
        root = self.tree.root
        interior = self.interiors.get(root)
        pill = self.given[x] = Pill(DATA, x)
        for part in users:
            outer = part
            while outer.parent is not root and outer.parent is not None:
                outer = outer.parent
            if interior is not None:
                interior.arrow(pill, self.seen(outer), x)
            self._enter(x, outer, part)
