"""The still picture of a network as DOT: open groups are clusters, closed ones boxes with what is in them in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tinygraph.graph import Node
from tinygraph.render import colour, text
from tinygraph.render.colour import Palette
from tinygraph.render.dot import BOX, FONT, POINTS
from tinygraph.render.network.finish import Said
from tinygraph.render.network.heat import Scale
from tinygraph.render.network.links import DATA, PARAMETER, Item, Links, Pill
from tinygraph.render.network.measure import Figures
from tinygraph.render.network.parts import OPERATION, REPEAT, Part, Tree
from tinygraph.render.network.words import Words

SMALL = {"fontsize": "11", "margin": "0.1,0.03", "height": "0.22", "penwidth": "1"}


class Still:
    """Writes one picture.

    Args:
        tree, figures, words: of the network.
        links: with the open groups, and no others, as its interiors.
        scale: what the boxes are coloured by, or None.
    """

    def __init__(
        self,
        tree: Tree,
        figures: dict[Part, Figures],
        links: Links,
        words: Words,
        colours: Palette,
        scale: Scale | None,
        roots: list[Node],
    ) -> None:
        from graphviz import Digraph, nohtml

        self.tree, self.figures, self.links, self.words = tree, figures, links, words
        self.colours, self.scale, self.roots = colours, scale, set(roots)
        self.plainly = nohtml
        self.said: dict[str, Said] = {}
        self.ids: dict[Item, str] = {}
        self.boxes: dict[Part, Item] = {}
        font = {"fontname": FONT, "fontcolor": colours.ink}
        self.dot = Digraph(
            "tinygraph",
            graph_attr={**font, "rankdir": "TB", "bgcolor": "transparent", "nodesep": "0.25", "ranksep": "0.3"},
            node_attr={**font, **BOX},
            edge_attr={**font, "color": colours.flow, "fontcolor": colours.quiet, "fontsize": "10", "arrowsize": "0.6"},
        )
        self.dot.attr(pad="0.1")

    def write(self, caption: str) -> str:
        """The DOT source, with a line under the picture."""
        from graphviz import Digraph

        if caption:
            self.dot.attr(label=self.plainly(text.escaped(caption)), labelloc="b", fontsize="11")
            self.dot.attr(fontcolor=self.colours.quiet)
        stack: list[tuple[Part, Any, Any, Iterator[Item]]] = [
            (self.tree.root, self.dot, None, iter(self.links.interiors[self.tree.root].items))
        ]
        while stack:
            group, graph, outer, items = stack[-1]
            item = next(items, None)
            if item is None:
                stack.pop()
                if outer is not None:
                    outer.subgraph(graph)
            elif isinstance(item, Part) and item in self.links.interiors:
                key = f"cluster{len(self.ids)}"
                self.ids[item] = key
                stack.append((item, self._cluster(Digraph(key), item), graph, self._inside(item)))
            else:
                self._box(graph, item, group)
        for (a, b), values in self._arrows().items():
            self.dot.edge(self.ids[a], self.ids[b], **self._flow(a, values))
        return str(self.dot.source)

    def _inside(self, group: Part) -> Iterator[Item]:
        """What is drawn in an open group; values that enter and leave are arrows here, no boxes."""
        for item in self.links.interiors[group].items:
            if isinstance(item, Part) or item.kind in (PARAMETER, DATA, "more"):
                yield item

    def _cluster(self, graph: Any, part: Part) -> Any:
        name, quiet = self.words.heading(part)
        graph.attr(
            label=self.plainly(text.escaped("  ".join(filter(None, [name, quiet])))), labeljust="l", labelloc="t"
        )
        graph.attr(style="rounded", color=self.colours.quiet, fontsize="12", fontcolor=self.colours.quiet, margin="12")
        return graph

    def _box(self, graph: Any, item: Item, group: Part) -> None:
        key = self.ids[item] = f"n{len(self.ids)}"
        name, quiet = self.words.heading(item)
        kind = self._kind(item)
        fill, line = getattr(self.colours, kind)
        attributes = {"fillcolor": fill, "color": line, "class": kind}
        lines = [(f"{name}  {quiet}".rstrip(), "name")]
        told = lines[0][0]
        if isinstance(item, Part):
            figures = self.figures[item]
            told = "\n".join([told, *(f"{label}: {value}" for label, value in self.words.figures(figures))])
            second = self._second(item, figures)
            if second:
                lines.append((second, "quiet" if self.scale is None else "value"))
            if self.scale is not None:
                attributes |= self.scale.attributes(figures)
            if item.kind == REPEAT:
                attributes["peripheries"] = "2"
        else:
            attributes |= SMALL
        points = float(attributes.get("fontsize", POINTS))
        width = max(text.ems(line) for line, _ in lines) * points / 72 + 0.2
        self.said[key] = Said(told, name, tuple(how for _, how in lines))
        label = self.plainly("\\n".join(text.escaped(line) for line, _ in lines))
        graph.node(key, label, width=f"{width:.2f}", **attributes)

    def _second(self, part: Part, figures: Figures) -> str:
        """The figure that the box is coloured by; else its parameters."""
        if self.scale is not None:
            return self.scale.said(figures)
        return f"{figures.parameters:,} parameters" if figures.parameters and part.kind != OPERATION else ""

    def _kind(self, item: Item) -> str:
        if isinstance(item, Pill):
            return colour.PARAMETER if item.kind == PARAMETER else colour.DATA
        if item.node is not None and item.node in self.roots:
            return colour.OUTPUT
        return colour.OPERATION

    def _seen(self, part: Part) -> Item:
        """The box in which a part is hidden, or itself."""
        found = self.boxes.get(part)
        if found is None:
            path, around = [], part
            while around.parent is not None:
                path.append(around)
                around = around.parent
            found = part
            for inner in reversed(path):
                found = self.links.seen(inner)
                if found not in self.links.interiors:
                    break
            self.boxes[part] = found
        return found

    def _arrows(self) -> dict[tuple[Item, Item], dict[Node, None]]:
        """Between the boxes that are seen: the values that go from one to the other."""
        arrows: dict[tuple[Item, Item], dict[Node, None]] = {}
        for interior in self.links.interiors.values():
            for (a, b), values in interior.arrows.items():
                if isinstance(a, Pill) and a in self.ids and isinstance(b, Part) and b in self.ids:
                    arrows.setdefault((a, b), {}).update(values) if b not in self.links.interiors else None
        for node in self.links.computed:
            b = self._seen(self.tree.home[node])
            for x in self.tree.sources(node):
                source = self.links.given.get(x) if x.op is None else self._seen(self.tree.home[x])
                if source is not None and source is not b:
                    arrows.setdefault((source, b), {})[x] = None
        return arrows

    def _flow(self, source: Item, values: dict[Node, None]) -> dict[str, str]:
        """The words beside an arrow; a parameter's pill has its shape in itself."""
        pill = isinstance(source, Pill) and source.kind != "more"
        attributes = {} if pill else {"label": f" {self.words.flow(values)} "}
        if isinstance(source, Pill) and source.kind == PARAMETER:
            attributes["color"] = self.colours.parameter[1]
        return attributes
