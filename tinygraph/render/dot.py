"""A gathered graph as DOT source: values flow left to right, derivatives right to left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tinygraph.graph import Node
from tinygraph.render import colour, text
from tinygraph.render.colour import Palette
from tinygraph.render.content import Gathered, operands
from tinygraph.render.finish import Said

FONT = "Helvetica,Arial,sans-serif"
POINTS = 13
BOX = {
    "shape": "box",
    "style": "rounded,filled",
    "fontsize": str(POINTS),
    "margin": "0.17,0.09",
    "height": "0.3",
    "penwidth": "1.3",
}
ASIDE = "·"  # stands for a value whose own formula is too long to be differentiated by

Line = tuple[str, str]  # what it says, and how: name, value, quiet or gradient


class Writer:
    """Writes one graph; labels are plain text, since not every Graphviz reads the HTML-like ones."""

    def __init__(
        self, graph: Gathered, colours: Palette, title: str | None, marks: Mapping[Node, str] | None = None
    ) -> None:
        from graphviz import Digraph, nohtml

        self.graph, self.colours, self.marks = graph, colours, marks or {}
        self.plainly = nohtml  # a name in angle brackets is no HTML
        self.said: dict[str, Said] = {}
        self.ids = {node: f"n{i}" for i, node in enumerate(graph.nodes)}
        self.uses = Counter(x for node in graph.nodes for x in node.inputs or () if x is not None)
        self.arrays: dict[int, str] = {}
        font = {"fontname": FONT, "fontcolor": colours.ink}
        self.dot = Digraph(
            "tinygraph",
            graph_attr={"rankdir": "LR", "bgcolor": "transparent", "nodesep": "0.3", "ranksep": "0.6", "pad": "0.1"},
            node_attr={**font, **BOX},
            edge_attr={**font, "color": colours.flow, "fontsize": "11", "arrowsize": "0.7", "penwidth": "1.2"},
        )
        if title and (said := text.plain(title)):
            self.dot.attr(
                label=self.plainly(text.escaped(said)),
                labelloc="t",
                fontname=FONT,
                fontsize="15",
                fontcolor=colours.quiet,
            )

    def write(self) -> str:
        for node in self.graph.nodes:
            self._node(node)
            for x in dict.fromkeys(x for x in node.inputs or () if x is not None):
                self._edges(node, x)
            for i, x in enumerate(operands(node)):
                if not isinstance(x, Node):
                    self._bare(x, self.ids[node], i)
        return str(self.dot.source)

    def _node(self, node: Node) -> None:
        name, said = self.graph.name(node) or "", self.graph.formulas[node][0]
        lines = [self._heading(node, name, said)]
        if not text.is_scalar(node.value):
            lines.append((text.shape_and_dtype(node.value), "quiet"))
            if node.op is None and node.requires_grad:
                lines.append((f"{node.value.size:,} parameter{'s' * (node.value.size != 1)}", "quiet"))
        elif node.op is not None:
            lines.append((f"= {text.number(node.value)}", "value"))
        slope = self._slope(node, name or (ASIDE if not _is_short(said) else f"({said})"))
        if slope:
            lines.append((slope, "gradient"))
        if node in self.marks:
            lines.append((self.marks[node], "gradient"))
            self._add(self.ids[node], lines, name, self._kind(node), color=self.colours.gradient, penwidth="3")
        else:
            self._add(self.ids[node], lines, name, self._kind(node))

    def _heading(self, node: Node, name: str, said: str) -> tuple[str, str]:
        """The name before the formula, or before the number of a leaf."""
        if node.op is None:
            said = said if text.is_scalar(node.value) else ""
        elif text.ems(said) > text.LONGEST_FORMULA:
            said = node.op.symbol
        return " = ".join(filter(None, [name, said])) or "constant", "name"

    def _add(self, key: str, lines: list[Line], name: str, kind: str, **attributes: str) -> None:
        if kind != colour.NUMBER:
            fill, line = getattr(self.colours, kind)
            attributes = {"fillcolor": fill, "color": line} | attributes
        words = [said for said, _ in lines]
        width = max(map(text.ems, words)) * POINTS / 72 + 0.24
        attributes.setdefault("width", f"{width:.2f}")
        self.said[key] = Said("\n".join(words), name, tuple(how for _, how in lines))
        self.dot.node(key, self.plainly("\\n".join(map(text.escaped, words))), **attributes, **{"class": kind})

    def _kind(self, node: Node) -> str:
        if node.op is None:
            return colour.PARAMETER if node.requires_grad else colour.DATA
        return colour.OUTPUT if node in self.graph.roots else colour.OPERATION

    def _slope(self, node: Node, by: str) -> str:
        """The derivative, a number or, of an array, its length."""
        g = self.graph.gradients.get(node)
        if g is None or (node in self.graph.roots and self.graph.of is not None):
            return ""
        what = "gradient" if self.graph.of is None else text.derivative(self.graph.of, by)
        return f"{what} = {text.number(g)}" if text.is_scalar(g) else f"‖{what}‖ = {text.number(text.length(g))}"

    def _edges(self, node: Node, x: Node) -> None:
        """An arrow for the value and one back for the derivative, with its share of the sum where there are several."""
        self.dot.edge(self.ids[x], self.ids[node])
        shares = self.graph.shares.get((node, x))
        if shares:
            red = self.colours.gradient
            attributes = {"color": red, "style": "dashed", "dir": "back", "class": "gradient"}
            if self.uses[x] > 1 and all(map(text.is_scalar, shares)):
                attributes |= {"label": f" {' + '.join(map(text.number, shares))} ", "fontcolor": red}
            self.dot.edge(self.ids[x], self.ids[node], **attributes)

    def _bare(self, x: Any, to: str, i: int) -> None:
        """A constant: a number as quiet text beside its operation, an array as one node for all its uses."""
        name = self.graph.names.get(id(x))
        if text.is_scalar(x):
            here = f"{to}c{i}"
            self._add(
                here,
                [(text.number(x), "quiet")],
                "",
                colour.NUMBER,
                shape="plaintext",
                style="",
                margin="0.04,0.02",
                width="0.2",
                height="0.2",
                fontcolor=self.colours.quiet,
            )
        elif id(x) in self.arrays:
            here = self.arrays[id(x)]
        else:
            here = self.arrays[id(x)] = f"c{len(self.arrays)}"
            said = text.plain(name) if name else ""
            lines = [(said or "constant", "name"), (text.shape_and_dtype(x), "quiet")]
            self._add(here, lines, said, colour.DATA)
        self.dot.edge(here, to)


def _is_short(formula: str) -> bool:
    """Whether a derivative by this reads well; a hidden part of it would be ambiguous."""
    return text.HIDDEN not in formula and text.ems(formula) <= text.LONGEST_FORMULA / 2
