"""A drawing as DOT source: values flow left to right and derivatives right to left, or down the page and up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from itertools import pairwise
from typing import Any

from tinygraph.render import text
from tinygraph.render.colour import Palette
from tinygraph.render.drawing import Arrow, Box, Drawing
from tinygraph.render.names import unmarked
from tinygraph.render.simple import Point, simple

FONT = "Helvetica,Arial,sans-serif"
POINTS = 13
SMALL = 11
LEADING = 1.2  # of a line of text, in units of its size
LANE = 15 / 72  # inches of a box's side that an arrow and the one against it take
BOX = {
    "shape": "box",
    "style": "rounded,filled",
    "fontsize": str(POINTS),
    "margin": "0.17,0.09",
    "height": "0.3",
    "penwidth": "1.3",
}
_LABEL = {"shape": "plaintext", "style": "", "margin": "0.03,0", "width": "0.2", "height": "0.2", "class": "label"}
_PORTS = {False: ("e", "w"), True: ("s", "n")}  # where an arrow leaves and where it arrives
_GRAPH = {"bgcolor": "transparent", "nodesep": "0.3", "pad": "0.1"}


def write(drawing: Drawing, colours: Palette, note: str = "", places: Mapping[str, str] | None = None) -> str:
    """The DOT source of a drawing; labels are plain text, since not every Graphviz reads the HTML-like ones.

    The words beside an arrow are a node of their own, so that room is left for them and nothing runs through.

    Args:
        drawing: what is drawn, in these colours.
        note: a line under the title.
        places: where everything stands, from `simply`, for Graphviz's engine nop, which draws it there.
    """
    from graphviz import Digraph

    font = {"fontname": FONT, "fontcolor": colours.ink}
    lanes = Counter(a.head for a in drawing.arrows), Counter(a.tail for a in drawing.arrows)
    busiest = max((n for side in lanes for n in side.values()), default=0)
    gap = (0.42 if any(a.labelled for a in drawing.arrows) else 0.6) + 0.06 * min(busiest, 6)
    dot = Digraph(
        "tinygraph",
        graph_attr={**_GRAPH, "rankdir": "TB" if drawing.down else "LR", "ranksep": f"{gap:.2f}"},
        node_attr={**font, **BOX},
        edge_attr={"color": colours.flow, "arrowsize": "0.7", "penwidth": "1.2"},
    )
    title = [line for line in (drawing.title, note) if line]
    if title:
        quiet = {"fontname": FONT, "fontsize": "15", "fontcolor": colours.quiet}
        dot.attr(label=_plainly(*title), labelloc="t", **quiet)
    cluster = {box.key: box.cluster for box in drawing.boxes}
    for name in dict.fromkeys(cluster.values()):
        with dot.subgraph(name=f"cluster_{name}") if name else nullcontext(dot) as group:
            if name:
                group.attr(label=_plainly(drawing.clusters.get(name, name)), style="rounded", color=colours.quiet)
                group.attr(fontname=FONT, fontsize=str(POINTS), fontcolor=colours.quiet, labeljust="l", margin="12")
            for box in (box for box in drawing.boxes if box.cluster == name):
                _box(group, box, max(n[box.key] for n in lanes), colours, drawing.down)
            for i, arrow in enumerate(drawing.arrows):
                if arrow.labelled and cluster[arrow.tail] == cluster[arrow.head] == name:
                    _words(group, i, arrow, drawing.down)
    for i, arrow in enumerate(drawing.arrows):
        if arrow.labelled and cluster[arrow.tail] != cluster[arrow.head]:
            _words(dot, i, arrow, drawing.down)
        _arrow(dot, i, arrow, colours, _PORTS[drawing.down])
    for key, place in (places or {}).items():
        dot.node(key, pos=place)
    return str(dot.source)


def simply(drawing: Drawing) -> dict[str, str]:
    """The places of boxes and words where no time is to be lost: each in a column after all that lead to it."""
    places = _simply(drawing)[1]
    return {key: f"{x:.1f},{-y:.1f}" for key, (x, y) in places.items()}


def width(drawing: Drawing) -> float:
    """About how wide a drawing is, in points."""
    return _simply(drawing)[0]


def _simply(drawing: Drawing) -> tuple[float, dict[str, Point]]:
    down = drawing.down
    sizes = {box.key: (_width(box) * 72, len(box.lines) * LEADING * POINTS + 13) for box in drawing.boxes}
    steps: list[tuple[str, str]] = []
    for i, arrow in enumerate(drawing.arrows):
        way = [arrow.tail, arrow.head]
        if arrow.labelled:
            way.insert(1, f"m{i}")
            words = _beside(arrow, down)
            sizes[f"m{i}"] = _widest(words, SMALL) * 72, len(words) * LEADING * SMALL
        steps += pairwise(way)
    number = {key: i for i, key in enumerate(sizes)}
    turned = [size if down else size[::-1] for size in sizes.values()]  # `simple` goes down
    across, along, places = simple(turned, [(number[a], number[b]) for a, b in steps], gap=18, rank_gap=45)
    points = {key: place if down else place[::-1] for key, place in zip(sizes, places, strict=True)}
    return across if down else along, points


def _plainly(*lines: str) -> Any:
    """Lines as a label shows them; in angle brackets they are no HTML."""
    from graphviz import nohtml

    return nohtml("\\n".join(text.escaped(unmarked(line)) for line in lines))


def _box(dot: Any, box: Box, lanes: int, colours: Palette, down: bool) -> None:
    fill, line = getattr(colours, box.kind)
    side = lanes * LANE + 0.1 if lanes > 2 else 0.0
    attributes = {"fillcolor": fill, "color": line, "width": f"{max(_width(box), side * down):.2f}"}
    if side and not down:
        attributes["height"] = f"{max(0.3, side):.2f}"
    if box.mark == "removed":
        attributes["style"] = "rounded,filled,dashed"
    if box.mark:
        attributes |= {"color": colours.mark(box.mark), "penwidth": "3"}
    dot.node(box.key, _plainly(*(line.text for line in box.lines)), **attributes, **{"class": box.kind})


def _width(box: Box) -> float:
    return _widest([line.text for line in box.lines], POINTS) + 0.24


def _widest(words: Sequence[str], points: int) -> float:
    """Inches that the longest of lines takes."""
    return max(map(text.ems, words), default=0) * points / 72


def _arrow(dot: Any, i: int, arrow: Arrow, colours: Palette, ports: tuple[str, str]) -> None:
    """One edge, or two by way of the node that holds its words."""
    leaves, arrives = ports
    colour_ = colours.mark(arrow.mark) if arrow.mark else colours.flow
    both = {"color": f"{colour_}:{colours.gradient}"} if arrow.back else {"color": colour_}
    if not arrow.labelled:
        direction = {"dir": "both"} if arrow.back else {}
        dot.edge(f"{arrow.tail}:{leaves}", f"{arrow.head}:{arrives}", id=f"e{i}", **both, **direction)
        return
    dot.edge(f"{arrow.tail}:{leaves}", f"m{i}:{arrives}", id=f"e{i}", **both, dir="back" if arrow.back else "none")
    dot.edge(f"m{i}:{leaves}", f"{arrow.head}:{arrives}", id=f"e{i}b", **both)


def _words(dot: Any, i: int, arrow: Arrow, down: bool) -> None:
    """The node that holds the words of an arrow, one above and one below, or one to the left and one to the right."""
    words = _beside(arrow, down)
    width = f"{_widest(words, SMALL):.2f}"
    dot.node(f"m{i}", _plainly(*words), **_LABEL | {"width": width}, fontsize=str(SMALL))


def _beside(arrow: Arrow, down: bool) -> tuple[str, ...]:
    """Lines that take as much room as the words of an arrow and the way between them."""
    if not down:
        return arrow.above or " ", " ", arrow.below or " "
    longest = max(arrow.above, arrow.below, key=text.ems)
    return (f"{longest}    {longest}",)
