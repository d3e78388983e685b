"""A drawing that Graphviz has laid out, painted: bold names, raised indices, arrows in pairs, readable titles."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean

from tinygraph.render import arrows, lettering
from tinygraph.render import group as group_of
from tinygraph.render.arrows import Point, Rectangle
from tinygraph.render.colour import Palette
from tinygraph.render.dot import titles
from tinygraph.render.drawing import Arrow, Box, Drawing, Line

JOG = 4.0  # by which an arrow is not bent
SIDE = 7.0  # from the middle of an arrow that goes down to the words beside it
_NODE = re.compile(r'<g id="[^"]*" class="node[^"]*">\s*<title>(?P<key>[^<]*)</title>.*?</g>\n?', re.DOTALL)
_EDGE = re.compile(r'<g id="e(?P<i>\d+)(?P<part>b?)" class="edge[^"]*">.*?</g>\n?', re.DOTALL)
_TEXT = re.compile(r"<text (?P<attributes>[^>]*)>[^<]*</text>\n?")
_SHAPE = re.compile(r'<(?:path|polygon)[^>]* (?:d|points)="([^"]*)"')
_PAIR = re.compile(r"(-?[\d.]+),(-?[\d.]+)")


def paint(drawn: str, drawing: Drawing, colours: Palette, style: str) -> str:
    """Finish an SVG picture of a drawing, as Graphviz laid it out."""
    places, labels = _places(drawn)
    ways: dict[tuple[int, str], list[Point]] = {
        (int(found["i"]), found["part"]): _way(found[0]) for found in _EDGE.finditer(drawn)
    }
    boxes = {box.key: box for box in drawing.boxes}

    def node(found: re.Match[str]) -> str:
        box = boxes.get(found["key"])
        return "" if box is None else _box(found[0], box, colours)

    drawn = _EDGE.sub("", drawn)
    if drawing.down:
        places = {key: Rectangle(r.top, r.left, r.bottom, r.right) for key, r in places.items()}
        ways = {key: arrows.turned(way) for key, way in ways.items()}
    body = "".join(_arrows(drawing, places, labels, ways, colours))
    drawn = re.sub(r'(?=<g id="[^"]*" class="node)', lambda _: body, drawn, count=1) if body else drawn
    drawn = _NODE.sub(node, drawn)
    drawn = re.sub(r'(?<= )xml:space="preserve" ', "", drawn)
    drawn = re.sub(r"<text (?![^>]*fill=)", f'<text fill="{colours.ink}" ', drawn)
    drawn = group_of.finish(drawn, colours, len(titles(drawing)))
    drawn = re.sub(
        r'<g id="graph\d+" class="graph"([^>]*)>\s*(<title>[^<]*</title>\s*)?', r'<g class="graph"\1>\n', drawn
    )
    title, desc = lettering.escaped(drawing.title or "computation graph"), lettering.escaped(drawing.text)
    said = f"<title>{title}</title><desc>{desc}</desc>"
    return re.sub(r"<svg ([^>]*)>", lambda m: f'<svg class="tinygraph" role="img" {m[1]}>{said}{style}', drawn, count=1)


def _points(numbers: str) -> list[Point]:
    return [(float(x), float(y)) for x, y in _PAIR.findall(numbers)]


def _places(drawn: str) -> tuple[dict[str, Rectangle], dict[int, str]]:
    """Where each box lies, by key, and the text of each arrow's words, by the arrow's number."""
    places, labels = {}, {}
    for found in _NODE.finditer(drawn):
        if found["key"].startswith("m"):
            labels[int(found["key"][1:])] = found[0]
            continue
        points = _points(_SHAPE.findall(found[0])[0])
        xs, ys = [x for x, _ in points], [y for _, y in points]
        places[found["key"]] = Rectangle(min(xs), min(ys), max(xs), max(ys))
    return places, labels


def _box(group: str, box: Box, colours: Palette) -> str:
    texts = [*_TEXT.finditer(group)]
    words = lettering.lines([found["attributes"] for found in texts], box.lines, colours)
    body = group[: texts[0].start()] + words + group[texts[-1].end() :]
    body = re.sub(r"<title>[^<]*</title>", lambda _: f"<title>{lettering.escaped(box.whole)}</title>", body, count=1)
    return re.sub(
        r'<g id="[^"]*" class="node[^"]*">', f'<g class="node {box.kind}" data-key="{box.key}">', body, count=1
    )


def _arrows(
    drawing: Drawing,
    places: dict[str, Rectangle],
    labels: dict[int, str],
    ways: dict[tuple[int, str], list[Point]],
    colours: Palette,
) -> Iterator[str]:
    """All arrows as from left to right; where they go down, everything is turned before and turned back after."""
    leaving, arriving = defaultdict(list), defaultdict(list)
    words: dict[int, Point] = {}  # where on its way an arrow's words begin and end
    for i, arrow in enumerate(drawing.arrows):
        first, last = ways[i, ""], ways.get((i, "b"), ways[i, ""])
        tail, head = places[arrow.tail].right, places[arrow.head].left
        if i in labels:
            before, after = drawing.room(arrow)
            words[i] = first[-1][0] + before, last[0][0] - after
        begin, end = words.get(i, (head, tail))
        leaving[arrow.tail].append((i, first[3][1], begin - tail))
        arriving[arrow.head].append((i, last[-4][1], head - end))
    start, home = _sides(leaving, places), _sides(arriving, places)
    for i, arrow in enumerate(drawing.arrows):
        here, there = (places[arrow.tail].right, start[i][0]), (places[arrow.head].left, home[i][0])
        turns = here[0] + start[i][1], there[0] - home[i][1]
        crowds = zip(turns, (leaving[arrow.tail], arriving[arrow.head]), strict=True)
        turn = fmean([turn for turn, crowd in crowds if len(crowd) > 1] or turns)

        def beside(
            apart: float, i: int = i, ends: Sequence[Point] = (here, there), turns: Point = turns, turn: float = turn
        ) -> list[Point]:
            (here, there), way = ends, ways[i, ""]
            if i not in words:
                return arrows.pair(here, there, way, apart, turn)
            y = next((level for _, level in ends if abs(way[-1][1] - level) < JOG), way[-1][1])
            west, east = ((x, y) for x in words[i])  # straight between its words
            first = arrows.pair(here, west, way, apart, turns[0])
            last = arrows.pair(east, there, ways[i, "b"], apart, turns[1])
            return [*first, first[-1], last[0], *last]

        yield _pair(arrow, beside, _texts(i, arrow, labels, ways, drawing), colours, drawing.down)


def _sides(
    crowds: Mapping[str, list[tuple[int, float, float]]], places: Mapping[str, Rectangle]
) -> dict[int, tuple[float, float]]:
    """Where each arrow meets its box, and how far before it it turns: the room is the least that one of them has."""
    found = {}
    for key, crowd in crowds.items():
        aims, room = [aim for _, aim, _ in crowd], min(room for _, _, room in crowd)
        heights = arrows.ends(places[key], aims)
        for (i, _, _), height, turn in zip(crowd, heights, arrows.turns(heights, aims), strict=True):
            found[i] = height, turn * room
    return found


def _way(edge: str) -> list[Point]:
    """The way of an edge: the middle of its two lines where it has two."""
    lines = [_points(d) for d in re.findall(r'<path[^>]* d="([^"]*)"', edge)]
    return [
        (sum(x) / len(x), sum(y) / len(y))
        for x, y in ((*zip(*pair, strict=True),) for pair in zip(*lines, strict=True))
    ]


def _texts(
    i: int, arrow: Arrow, labels: Mapping[int, str], ways: Mapping[tuple[int, str], list[Point]], drawing: Drawing
) -> list[str]:
    """The attributes of an arrow's words, above and below or left and right of it, clear of where it turns."""
    texts = [found["attributes"] for found in _TEXT.finditer(labels.get(i, ""))]
    if not texts:
        return []
    before, after = drawing.room(arrow)
    off = (before - after) / 2
    if not drawing.down:
        return [_moved(text, "x", off) for text in texts]
    middle = ways[i, ""][-1][1]
    text = _moved(texts[0], "y", off)
    return [_at_side(text, "end", middle - SIDE), _at_side(text, "start", middle + SIDE)]


def _moved(attributes: str, axis: str, distance: float) -> str:
    return re.sub(rf'\b{axis}="([^"]*)"', lambda at: f'{axis}="{float(at[1]) + distance:.2f}"', attributes)


def _pair(arrow: Arrow, beside: Callable[[float], list[Point]], texts: list[str], colours: Palette, down: bool) -> str:
    colour = colours.mark(arrow.mark) if arrow.mark else colours.flow
    above = lettering.line(texts[0], Line(arrow.above, "value"), colours) if arrow.above and texts else ""
    below = lettering.line(texts[-1], Line(arrow.below, "gradient"), colours) if arrow.below and texts else ""
    edge = f'data-edge="{arrow.edge or f"{arrow.tail} {arrow.head}"}"'
    apart = arrows.APART if arrow.back else 0.0
    gone = arrow.mark == "removed"  # told from the others without its colour
    forward = _one(f'class="edge flow" {edge}', beside(-apart), down, colour, arrow.whole, above, dashed=gone)
    if not arrow.back:
        return forward
    return forward + _one(
        f'class="edge gradient" {edge}',
        beside(apart)[::-1],
        down,
        colours.gradient,
        arrow.whole_back,
        below,
        dashed=True,
    )


def _at_side(attributes: str, anchor: str, x: float) -> str:
    """The place of words to the left or right of an arrow that goes down."""
    attributes = attributes.replace('text-anchor="middle"', f'text-anchor="{anchor}"')
    return re.sub(r'\bx="[^"]*"', f'x="{x:.2f}"', attributes)


def _one(
    attributes: str, points: list[Point], down: bool, colour: str, title: str, words: str, dashed: bool = False
) -> str:
    """One arrow; a wide unseen line under it is easier to point at."""
    line, end = arrows.shaft(points), arrows.head(points)
    if down:
        line, end = arrows.turned(line), arrows.turned(end)
    d = arrows.path(line)
    said = f"<title>{lettering.escaped(title)}</title>\n" if title else ""
    wide = f'<path fill="none" stroke="none" stroke-width="9" pointer-events="stroke" d="{d}"/>\n' if title else ""
    dash = ' stroke-dasharray="5,2"' if dashed else ""
    return (
        f"<g {attributes}>\n{said}{wide}"
        f'<path fill="none" stroke="{colour}" stroke-width="1.3"{dash} d="{d}"/>\n'
        f'<polygon fill="{colour}" stroke="none" points="{arrows.polygon(end)}"/>\n{words}</g>\n'
    )
