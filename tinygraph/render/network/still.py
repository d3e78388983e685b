"""The still picture of a network as DOT: open groups are clusters, closed ones boxes with what is in them in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tinygraph.graph import Node
from tinygraph.render import colour, lettering, text
from tinygraph.render import group as group_of
from tinygraph.render.colour import Palette
from tinygraph.render.dot import BOX, FONT, POINTS
from tinygraph.render.network.heat import Scale
from tinygraph.render.network.links import DATA, MORE, PARAMETER, Item, Links, Pill
from tinygraph.render.network.measure import Figures
from tinygraph.render.network.paint import Box, Line
from tinygraph.render.network.parts import OPERATION, REPEAT, Part, Tree
from tinygraph.render.network.words import Words, counted
from tinygraph.render.simple import simple

SMALL = {"fontsize": "11", "margin": "0.1,0.03", "height": "0.22", "penwidth": "1"}
CAPTION = 46.0  # ems of a line above the picture
_GRAPH = {"rankdir": "TB", "bgcolor": "transparent", "nodesep": "0.25", "ranksep": "0.3", "pad": "0.15"}


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
        self.boxes: dict[str, Box] = {}
        self.titles = 0  # lines of the title
        self.sizes: dict[str, tuple[float, float]] = {}
        self.ids: dict[Item, str] = {}
        self.seen_as: dict[Part, Item] = {}
        font = {"fontname": FONT, "fontcolor": colours.ink}
        self.dot = Digraph(
            "tinygraph",
            graph_attr={**font, **_GRAPH},
            node_attr={**font, **BOX},
            edge_attr={**font, "color": colours.flow, "fontcolor": colours.quiet, "fontsize": "10", "arrowsize": "0.6"},
        )

    def write(self, title: str, caption: Iterable[str], simply: bool = False) -> str:
        """The DOT source, with these lines above the picture; with places for Graphviz's engine nop if `simply`."""
        from graphviz import Digraph

        titles = lettering.wrapped(title, CAPTION / group_of.BOLD)
        self.titles = len(titles)
        lines = [*titles, *(line for said in caption for line in lettering.wrapped(said, CAPTION)), " "]
        label = self.plainly("\\n".join(map(text.escaped, lines)))
        self.dot.attr(label=label, labelloc="t", fontsize="11", fontcolor=self.colours.quiet)
        stack: list[tuple[Any, Any, Iterator[Item]]] = [(self.dot, None, self._inside(self.tree.root))]
        while stack:
            graph, outer, items = stack[-1]
            item = next(items, None)
            if item is None:
                stack.pop()
                if outer is not None:
                    outer.subgraph(graph)
            elif isinstance(item, Part) and item in self.links.interiors:
                key = self.ids[item] = f"cluster{len(self.ids)}"
                stack.append((self._cluster(Digraph(key), item), graph, self._inside(item)))
            else:
                self._box(graph, item)
        arrows = self._arrows()
        for (a, b), values in arrows.items():
            self.dot.edge(self.ids[a], self.ids[b], **self._flow(a, values))
        if simply:
            self.dot.attr(splines="true")  # round the boxes
            number = {key: i for i, key in enumerate(self.sizes)}
            ways = [(number[self.ids[a]], number[self.ids[b]]) for a, b in arrows]
            for key, (x, y) in zip(number, simple(list(self.sizes.values()), ways, 20, 50)[2], strict=True):
                self.dot.node(key, pos=f"{x:.1f},{-y:.1f}")
        return str(self.dot.source)

    def _inside(self, group: Part) -> Iterator[Item]:
        """What is drawn in an open group; values that enter and leave are arrows here, no boxes."""
        for item in self.links.interiors[group].items:
            if isinstance(item, Part) or item.kind in (PARAMETER, DATA, MORE):
                yield item

    def _cluster(self, graph: Any, part: Part) -> Any:
        name, quiet = self.words.heading(part)
        title = self.plainly(text.escaped(f"{name}  {quiet}".strip()))
        graph.attr(**group_of.attributes(title, self.colours, 12))
        return graph

    def _box(self, graph: Any, item: Item) -> None:
        key = self.ids[item] = f"n{len(self.ids)}"
        kind = self._kind(item)
        fill, line = getattr(self.colours, kind)
        attributes = {"fillcolor": fill, "color": line, "class": kind}
        box = self._words(item)
        if isinstance(item, Pill):
            attributes |= SMALL if item.kind != MORE else SMALL | {"style": "rounded", "color": self.colours.quiet}
        elif self.scale is not None:
            attributes |= self.scale.attributes(self.figures[item])
        points = float(attributes.get("fontsize", POINTS))
        width = max(text.ems(line.whole) for line in box.lines) * points / 72 + 0.2
        self.boxes[key] = box
        self.sizes[key] = width * 72, len(box.lines) * 1.2 * points + 13
        label = self.plainly("\\n".join(text.escaped(line.whole) or " " for line in box.lines))
        graph.node(key, label, width=f"{width:.2f}", **attributes)

    def _words(self, item: Item) -> Box:
        """The lines in a box: its name, then the figure that it is coloured by, or else its parameters."""
        name, quiet = self.words.heading(item)
        if isinstance(item, Pill):
            return Box((Line(name, quiet),), f"{name} {quiet}".strip())
        figures = self.figures[item]
        strip: tuple[str, ...] = ()
        rows = [f"{label}: {value}" for label, value in self.words.figures(item, figures)]
        told = "\n".join([f"{name} {quiet}".strip(), *rows])
        lines = [Line(name, quiet, "quiet" if self.scale is None or self.scale.step(figures) is None else "name")]
        if self.scale is not None:
            lines += [Line("", said, "name")] if (said := self.scale.said(figures)) else []
            if item.kind == REPEAT:
                steps = self.scale.strip([self.figures[copy] for copy in item.children])
                strip = tuple(map(self.scale.fill, steps))
                lines.append(Line("", "", "strip"))
        elif figures.parameters and item.kind != OPERATION:
            lines.append(Line("", counted(figures.parameters, "parameter"), "learned"))
        return Box(tuple(lines), told, item.kind == REPEAT, strip)

    def _kind(self, item: Item) -> str:
        if isinstance(item, Pill):
            return colour.PARAMETER if item.kind == PARAMETER else colour.DATA
        if item.node is not None and item.node in self.roots:
            return colour.OUTPUT
        return colour.OPERATION

    def _seen(self, part: Part) -> Item:
        """The box in which a part is hidden, or itself."""
        found = self.seen_as.get(part)
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
            self.seen_as[part] = found
        return found

    def _arrows(self) -> dict[tuple[Item, Item], dict[Node, None]]:
        """Between the boxes that are seen: the values that go from one to the other."""
        arrows: dict[tuple[Item, Item], dict[Node, None]] = {}
        for interior in self.links.interiors.values():
            for (a, b), values in interior.arrows.items():
                if isinstance(a, Pill) and a in self.ids and b in self.ids and b not in self.links.interiors:
                    arrows.setdefault((a, b), {}).update(values)
        for node, part in self.tree.home.items():
            b = self._seen(part)
            for x in self.tree.sources[node]:
                source = self.links.given.get(x) if x.op is None else self._seen(self.tree.home[x])
                if source is not None and source is not b:
                    arrows.setdefault((source, b), {})[x] = None
        return arrows

    def _flow(self, source: Item, values: dict[Node, None]) -> dict[str, str]:
        """The words beside an arrow; a parameter's pill has its shape in itself."""
        pill = isinstance(source, Pill) and source.kind != MORE
        attributes = {} if pill else {"label": f" {self.words.flow(values)} ", "weight": "5"}  # what flows is straight
        if isinstance(source, Pill) and source.kind == PARAMETER:
            attributes["color"] = self.colours.parameter[1]
        return attributes
