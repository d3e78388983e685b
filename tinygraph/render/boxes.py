"""A gathered graph as a drawing: which lines a box has, and what stands at the arrows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from tinygraph.graph import Node
from tinygraph.op import Array, whole
from tinygraph.render import chain, colour, dot, numbers, text
from tinygraph.render.chain import Term
from tinygraph.render.content import Gathered
from tinygraph.render.drawing import Arrow, Box, Drawing, Line
from tinygraph.render.names import titled, unmarked
from tinygraph.render.steps import steps
from tinygraph.render.walk import Walk

WIDE = 1000.0  # points: in a column of 800 pixels its text is ten pixels high
FREQUENT, OFTEN = 3, 9  # uses of what is given, from which it stands beside each of them: of an array, of a number
LONGEST_LINE = 36.0  # in ems: a formula that is longer is left to the pointer that rests on the box
VIEWS = ("auto", "course", "boxes")


def draw(
    graph: Gathered,
    view: str = "auto",
    title: str | None = None,
    marks: Mapping[Node, str] | None = None,
    reverse: Mapping[Node, str] | None = None,
    rankdir: str | None = None,
) -> Drawing:
    """The drawing of a graph.

    Args:
        graph: what was gathered.
        view: "course" has values at the arrows, and derivatives on their other side, of arrays the shapes; "boxes" has
            both in the boxes, where arrays find room; "auto" is the course's where there are numbers alone.
        title: a line above.
        marks: what is at fault, and why.
        reverse: what the reverse pass recorded, and a second line for each; it stands in a group of its own.
        rankdir: "LR", "TB" or None, which goes down where a row would be too wide.

    Raises:
        ValueError: a view that does not exist.
    """
    if view not in VIEWS:
        raise ValueError(f"view {view!r} is not one of {', '.join((*VIEWS, 'network', 'program'))}")
    if view == "auto":
        view = "course" if all(text.is_scalar(node.value) for node in graph.boxes) else "boxes"
    draughtsman = _Draughtsman(graph, view == "course", marks or {}, reverse or {})
    drawing = draughtsman.draw(titled(title))
    return directed(drawing, rankdir)


def directed(drawing: Drawing, rankdir: str | None) -> Drawing:
    """A drawing with values flowing to the right, "LR", or down, "TB"; None goes down where that keeps text readable.

    Raises:
        ValueError: another direction.
    """
    if rankdir not in ("LR", "TB", None):
        raise ValueError(f"rankdir {rankdir!r} is not one of LR, TB")
    down = replace(drawing, down=True)
    if rankdir == "TB" or (rankdir is None and dot.width(down) < dot.width(drawing) > WIDE):
        return down
    return drawing


def shape(x: Array) -> str:
    """The shape of an array, where its numbers have no room.

    Example:
        >>> shape(np.zeros((2, 3)))
        '(2, 3)'
    """
    return str(np.shape(whole(x)))


class _Draughtsman:
    def __init__(
        self, graph: Gathered, on_arrows: bool, marks: Mapping[Node, str], reverse: Mapping[Node, str]
    ) -> None:
        self.graph, self.on_arrows, self.marks, self.reverse = graph, on_arrows, marks, reverse
        self.keys = {node: f"n{i}" for i, node in enumerate(graph.boxes)}
        self.inputs = {node: graph.inputs(node) for node in graph.boxes}
        self.uses = dict.fromkeys(graph.boxes, 0)
        for x in (x for inputs in self.inputs.values() for x in inputs):
            self.uses[x] += 1
        self.terms = {(term.box, term.x): term for box in graph.boxes for term in chain.terms(graph, box)}
        self.walk = Walk(graph, terms=self.terms)

    def draw(self, title: str) -> Drawing:
        boxes = [self.box(node) for node in self.graph.boxes]
        arrows = [self.arrow(node, x) for node in self.graph.boxes for x in self.inputs[node]]
        arrows = list(self.near(arrows, boxes))
        arrays: dict[int, Box] = {}
        for node in self.graph.boxes:
            for a in self.graph.arrays(node):
                box = arrays.setdefault(id(a), self.bare(a, f"c{len(arrays)}"))
                arrows.append(Arrow(box.key, self.keys[node]))
        return Drawing(
            (*boxes, *arrays.values()), tuple(arrows), title, self.walk.outline(), steps(self.walk, self.keys)
        )

    def near(self, arrows: list[Arrow], boxes: list[Box]) -> Iterator[Arrow]:
        """Arrows of which none comes from afar: what is given and used in many places stands again beside each."""
        often = OFTEN if self.on_arrows else FREQUENT
        leaves = {self.keys[x]: x for x in self.graph.boxes if x.op is None and self.uses[x] >= often}
        seen: Counter[str] = Counter()
        for arrow in arrows:
            key, node = arrow.tail, leaves.get(arrow.tail)
            seen[key] += 1
            if node is None or seen[key] == 1 or not self.graph.name(node):
                yield arrow
                continue
            name = self.graph.name(node) or ""
            copy = f"{key}x{seen[key] - 1}"
            boxes.append(Box(copy, (Line(name, "name", name),), self.kind(node), self.walk.line(self.walk.value(node))))
            yield replace(arrow, tail=copy, edge=f"{key} {arrow.head}")

    def kind(self, node: Node) -> str:
        if node in self.reverse:
            return colour.DERIVATIVE
        if node.op is None:
            return colour.PARAMETER if node.requires_grad and node not in self.graph.given else colour.DATA
        return colour.OUTPUT if node in self.graph.roots else colour.OPERATION

    def box(self, node: Node) -> Box:
        name, said = self.graph.name(node) or "", text.spell(self.graph.formulas[node])[0]
        lines = [self.heading(node, name, said), *self.value(node), *self.slope(node)]
        whole = "\n".join(self.walk.about(node))
        if self.reverse.get(node):
            lines.append(Line(self.reverse[node], "gradient"))
        if node in self.marks:
            lines.append(Line(self.marks[node], "gradient"))
            whole = f"{whole}\n{self.marks[node]}"
        mark = "fault" if node in self.marks else ""
        return Box(self.keys[node], tuple(lines), self.kind(node), whole, mark, self.cluster(node))

    def cluster(self, node: Node) -> str:
        return "" if not self.reverse else "backward" if node in self.reverse else "forward"

    def heading(self, node: Node, name: str, said: str) -> Line:
        """The name before the formula, or before the number of a leaf."""
        if node.op is None:
            said = said if text.is_scalar(node.value) else ""
        elif text.ems(said) > LONGEST_LINE:
            said = node.op.symbol
        nameless = "parameter" if node.requires_grad else "constant"
        return Line(" = ".join(filter(None, [name, said])) or nameless, "name", name)

    def value(self, node: Node) -> list[Line]:
        """The number that came out, unless it stands at the arrow; of an array what is in it, or its shape."""
        if not text.is_scalar(node.value):
            if self.on_arrows:
                return [] if node.op is not None and self.uses[node] else [Line(shape(node.value), "quiet")]
            learned = self.kind(node) == colour.PARAMETER
            return [Line(words, kind) for words, kind in numbers.described(node.value, learned)]
        shown = node.op is not None and (not self.on_arrows or self.uses[node] == 0)
        return [Line(f"= {text.number(node.value)}", "value")] if shown else []

    def slope(self, node: Node) -> list[Line]:
        """The derivative, unless it stands at the arrow: a number, or the numbers or the length of an array."""
        g = self.graph.gradients.get(node)
        if g is None or (node in self.graph.roots and self.graph.of is not None):
            return []
        if self.on_arrows and self.graph.of is not None and self.uses[node] == 1:
            return []
        what = self.walk.symbol(node) if self.graph.of is not None else "gradient"
        if text.is_scalar(g):
            parts = [self.terms[c, node].share for c in self.graph.boxes if (c, node) in self.terms]
            total = text.number(g)
            if self.on_arrows and len(parts) > 1:
                total = f"{text.total(map(text.number, parts))} = {total}"
            return [Line(f"{what} = {total}", "gradient")]
        return [Line(words, "gradient") for words in numbers.gradient(what, g)]

    def arrow(self, node: Node, x: Node) -> Arrow:
        """An arrow for the value, and one back for the derivative, with its share where there are several."""
        term = self.terms.get((node, x))
        said = text.number if text.is_scalar(x.value) else shape
        above = said(x.value) if self.on_arrows and x.op is not None else ""
        below = self.at_arrow(x, term) if term is not None else ""
        called = unmarked(self.graph.called(x) or text.HIDDEN)
        whole = f"{called} = {numbers.short(x.value)}"
        back = self.walk.line(self.walk.term(term)) if term is not None else ""
        mark = "gradient" if x in self.reverse else ""
        return Arrow(self.keys[x], self.keys[node], term is not None, above, below, whole, back, mark)

    def at_arrow(self, x: Node, term: Term) -> str:
        if not text.is_scalar(term.share):
            return self.walk.symbol(x) if self.on_arrows and self.uses[x] == 1 and self.graph.called(x) else ""
        if self.uses[x] > 1:
            return text.number(term.share)
        if not self.on_arrows:
            return ""
        share = text.number(term.share)
        return f"{self.walk.symbol(x)} = {share}" if self.graph.called(x) else share

    def bare(self, a: Array, key: str) -> Box:
        """An array that no Tensor holds, drawn once for all its uses."""
        name = self.graph.array_name(a) or ""
        lines = [Line(name or "constant", "name", name)]
        lines += [Line(words, kind) for words, kind in numbers.described(np.asarray(a), False)]
        return Box(key, tuple(lines), colour.DATA, unmarked("\n".join(line.text for line in lines)))
