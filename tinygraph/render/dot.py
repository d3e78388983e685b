"""A drawing as DOT source: values flow left to right and derivatives right to left, or down the page and up."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import pairwise
from typing import Any

from tinygraph.render import group as group_of
from tinygraph.render import lettering, text
from tinygraph.render.colour import Palette
from tinygraph.render.drawing import Arrow, Box, Drawing
from tinygraph.render.names import unmarked
from tinygraph.render.simple import Point, simple

FONT = "Helvetica,Arial,sans-serif"
POINTS = 13
SMALL = 11
TITLE, NARROWEST = 15, 300.0  # of a title: its size, and points that it may be wide over any picture
LEADING = 1.2  # of a line of text, in units of its size
SPARE = 0.5  # spaces for each em of words whose width depends on the reader's font
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
    busiest = max((n for side in drawing.lanes for n in side.values()), default=0)
    grouped = any(box.cluster for box in drawing.boxes)
    gap = 0.4 if drawing.down else 0.5 if grouped else 0.3
    if not any(a.labelled for a in drawing.arrows):
        gap = 0.45 + 0.06 * min(busiest, 6)
    dot = Digraph(
        "tinygraph",
        graph_attr={**_GRAPH, "rankdir": "TB" if drawing.down else "LR", "ranksep": f"{gap:.2f}"},
        node_attr={**font, **BOX},
        edge_attr={"color": colours.flow, "arrowsize": "0.7", "penwidth": "1.2"},
    )
    title = [*titles(drawing), *([note] if note else [])]
    if title:
        quiet = {"fontname": FONT, "fontsize": str(TITLE), "fontcolor": colours.quiet}
        dot.attr(label=_plainly(*title), labelloc="t", **quiet)
    cluster = {box.key: box.cluster for box in drawing.boxes}
    for name in dict.fromkeys(cluster.values()):
        with dot.subgraph(name=f"cluster_{name}") if name else nullcontext(dot) as group:
            if name:
                title = _plainly(drawing.clusters.get(name, name))
                group.attr(fontname=FONT, **group_of.attributes(title, colours, POINTS))
            for box in (box for box in drawing.boxes if box.cluster == name):
                _box(group, box, max(n[box.key] for n in drawing.lanes), colours, drawing.down)
            for i, arrow in enumerate(drawing.arrows):
                if arrow.labelled and cluster[arrow.tail] == cluster[arrow.head] == name:
                    _words(group, i, arrow, drawing)
    for key in () if grouped else _ordered(drawing):
        dot.node(key, ordering="in")
    for i, arrow in enumerate(drawing.arrows):
        if arrow.labelled and cluster[arrow.tail] != cluster[arrow.head]:
            _words(dot, i, arrow, drawing)
        _arrow(dot, i, arrow, colours, drawing)
    for key, place in (places or {}).items():
        dot.node(key, pos=place)
    return str(dot.source)


def _ordered(drawing: Drawing) -> Iterator[str]:
    """The boxes whose operands stand as in the formula: where none has another use, that costs no crossing."""
    shared = {arrow.head for arrow in drawing.arrows if drawing.lanes[0][arrow.tail] > 1}
    return (box.key for box in drawing.boxes if drawing.lanes[1][box.key] > 1 and box.key not in shared)


def simply(drawing: Drawing) -> dict[str, str]:
    """The places of boxes and words where no time is to be lost: each in a column after all that lead to it."""
    places = _simply(drawing)[1]
    return {key: f"{x:.1f},{-y:.1f}" for key, (x, y) in places.items()}


def titles(drawing: Drawing) -> list[str]:
    """The title in lines about as wide as the picture, or as a column."""
    wide = max(0.75 * width(drawing), NARROWEST) / (TITLE * group_of.BOLD)
    return lettering.wrapped(drawing.title, wide) if drawing.title else []


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
            sizes[f"m{i}"] = _extent(arrow, drawing)
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


def _arrow(dot: Any, i: int, arrow: Arrow, colours: Palette, drawing: Drawing) -> None:
    """One edge, or two by way of the node that holds its words."""
    leaves, arrives = _PORTS[drawing.down]
    words = f"m{i}:way" if drawing.down and not arrow.above else f"m{i}"
    colour_ = colours.mark(arrow.mark) if arrow.mark else colours.flow
    both = {"color": f"{colour_}:{colours.gradient}" if arrow.back else colour_}
    if not arrow.labelled:
        direction = {"dir": "both"} if arrow.back else {}
        if drawing.lanes[1][arrow.tail]:  # from operation to operation it is kept straight
            direction["weight"] = "5"
        dot.edge(f"{arrow.tail}:{leaves}", f"{arrow.head}:{arrives}", id=f"e{i}", **both, **direction)
        return
    direction = {"dir": "back" if arrow.back else "none"}
    if drawing.lanes[0][arrow.tail] == 1:  # it turns behind its words, where there is room
        direction["weight"] = "3"
    dot.edge(f"{arrow.tail}:{leaves}", f"{words}:{arrives}", id=f"e{i}", **both, **direction)
    dot.edge(f"{words}:{leaves}", f"{arrow.head}:{arrives}", id=f"e{i}b", **both)


def _words(dot: Any, i: int, arrow: Arrow, drawing: Drawing) -> None:
    """The node that holds the words of an arrow, one above and one below, or one to the left and one to the right."""
    width, height = (f"{points / 72:.2f}" for points in _extent(arrow, drawing))
    label, attributes = _plainly(*_beside(arrow, drawing.down)), _LABEL | {"width": width, "height": height}
    if drawing.down and not arrow.above:  # the way is at their left, and no room is lost there
        words = re.sub(r"([{}|<>])", r"\\\1", str(_plainly(arrow.below)))
        spaces = r"\ " * math.ceil(text.ems(arrow.below) * SPARE)  # a width would be shared by both fields
        label, attributes = (
            f"<way>|{words}{spaces}",
            attributes | {"shape": "record", "color": "transparent", "width": "0"},
        )
    dot.node(f"m{i}", label, **attributes, fontsize=str(SMALL))


def _extent(arrow: Arrow, drawing: Drawing) -> tuple[float, float]:
    """Width and height in points of the words of an arrow, with the room that it turns in."""
    words, turns = _beside(arrow, drawing.down), sum(drawing.room(arrow))
    width, height = _widest(words, SMALL) * 72, len(words) * LEADING * SMALL
    return (width, height + turns) if drawing.down else (width + turns, height)


def _beside(arrow: Arrow, down: bool) -> tuple[str, ...]:
    """Lines that take as much room as the words of an arrow and the way between them."""
    if not down:
        return arrow.above or " ", " ", arrow.below or " "
    if not arrow.above:
        return (f"   {arrow.below}",)
    longest = max(arrow.above, arrow.below, key=text.ems)
    return (f"{longest}    {longest}",)
