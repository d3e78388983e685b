"""A drawing that Graphviz has laid out, painted: bold names, raised indices, arrows in pairs, readable titles."""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from tinygraph.render import arrows
from tinygraph.render.arrows import Point, Rectangle
from tinygraph.render.colour import Palette
from tinygraph.render.drawing import Arrow, Box, Drawing, Line
from tinygraph.render.names import END, LOWERED, RAISED

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
    drawn = re.sub(
        r'<g id="(?:graph|clust)\d+" class="(graph|cluster)"([^>]*)>\s*(<title>[^<]*</title>\s*)?', _group, drawn
    )
    said = f"<title>{_escaped(drawing.title or 'computation graph')}</title><desc>{_escaped(drawing.text)}</desc>"
    return re.sub(r"<svg ([^>]*)>", lambda m: f'<svg class="tinygraph" role="img" {m[1]}>{said}{style}', drawn, count=1)


def _group(found: re.Match[str]) -> str:
    return f'<g class="{found[1]}"{found[2]}>\n'


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


# --- text


def _box(group: str, box: Box, colours: Palette) -> str:
    lines = iter(box.lines)
    body = _TEXT.sub(lambda found: _line(found["attributes"], next(lines), colours), group)
    body = re.sub(r"<title>[^<]*</title>", lambda _: f"<title>{_escaped(box.whole)}</title>", body, count=1)
    return re.sub(
        r'<g id="[^"]*" class="node[^"]*">', f'<g class="node {box.kind}" data-key="{box.key}">', body, count=1
    )


def _line(attributes: str, line: Line, colours: Palette) -> str:
    colour = {"gradient": colours.gradient, "quiet": colours.quiet}.get(line.kind)
    if colour:
        attributes = re.sub(r' fill="[^"]*"', "", attributes) + f' fill="{colour}"'
    start, rest = (line.bold, line.text[len(line.bold) :]) if line.text.startswith(line.bold) else ("", line.text)
    size = float((re.search(r'font-size="([\d.]+)"', attributes) or ["", "13"])[1])
    bold = _spans(start, size, ' font-weight="bold"')
    said = f'class="{line.kind}" ' if line.kind in ("value", "gradient") else ""
    return f"<text {said}{attributes}>{bold}{_spans(rest, size)}</text>\n"


def _spans(text: str, size: float, style: str = "") -> str:
    """Marked text as SVG; what is raised or lowered is smaller and off the line."""
    found, shift = [], 0.0
    for piece in re.findall(f"[{RAISED}{LOWERED}][^{END}]*{END}|[^{RAISED}{LOWERED}]+", text):
        off = {RAISED: -0.38 * size, LOWERED: 0.18 * size}.get(piece[0], 0.0)
        attributes = (f' dy="{off - shift:.2f}"' if off != shift else "") + (
            f' font-size="{0.72 * size:.2f}"' if off else ""
        )
        attributes += style
        words = _escaped(piece[1:-1] if off else piece)
        if attributes:  # a space is kept by every reader where it stands between the pieces
            ahead, behind = " " * words.startswith(" "), " " * words.endswith(" ")
            words = f"{ahead}<tspan{attributes}>{words.strip()}</tspan>{behind}"
        found.append(words)
        shift = off
    if shift:
        found.append(f'<tspan dy="{-shift:.2f}">\u200b</tspan>')
    return "".join(found)


def _escaped(text: str) -> str:
    return html.escape("".join(c if c.isprintable() or c in "\n\u2007\u2008" else "" for c in text), quote=True)


# --- arrows


def _arrows(
    drawing: Drawing,
    places: dict[str, Rectangle],
    labels: dict[int, str],
    ways: dict[tuple[int, str], list[Point]],
    colours: Palette,
) -> Iterator[str]:
    """All arrows as from left to right; where they go down, everything is turned before and turned back after."""
    leaving, arriving = defaultdict(list), defaultdict(list)
    for i, arrow in enumerate(drawing.arrows):
        first, last = ways[i, ""], ways.get((i, "b"), ways[i, ""])
        leaving[arrow.tail].append((i, first[3][1]))
        arriving[arrow.head].append((i, last[-4][1]))
    start, end = _sides(leaving, places), _sides(arriving, places)
    for i, arrow in enumerate(drawing.arrows):
        (first_y, first_turn), (last_y, last_turn) = start[i], end[i]
        here, there = (places[arrow.tail].right, first_y), (places[arrow.head].left, last_y)

        def beside(
            apart: float,
            i: int = i,
            here: Point = here,
            there: Point = there,
            turns: Point = (1 - first_turn, last_turn),
        ) -> list[Point]:
            if i not in labels:
                turn = turns[1] if turns[1] != 0.5 else turns[0]
                return arrows.pair(here, there, ways[i, ""], apart, turn)
            west, east = ways[i, ""][-1], ways[i, "b"][0]  # straight between its words
            first = arrows.pair(here, west, ways[i, ""], apart, turns[0])
            last = arrows.pair(east, there, ways[i, "b"], apart, turns[1])
            return [*first, first[-1], last[0], *last]

        yield _pair(arrow, beside, labels.get(i, ""), colours, drawing.down)


def _sides(arriving: Mapping[str, list[tuple[int, float]]], places: Mapping[str, Rectangle]) -> dict[int, Point]:
    """Where each arrow meets its box, and where on its way it turns there."""
    found: dict[int, Point] = {}
    for key, several in arriving.items():
        aims = [y for _, y in several]
        heights = arrows.ends(places[key], aims)
        found.update(zip((i for i, _ in several), zip(heights, arrows.turns(heights, aims), strict=True), strict=True))
    return found


def _way(edge: str) -> list[Point]:
    """The way of an edge: the middle of its two lines where it has two."""
    lines = [_points(d) for d in re.findall(r'<path[^>]* d="([^"]*)"', edge)]
    return [
        (sum(x) / len(x), sum(y) / len(y))
        for x, y in ((*zip(*pair, strict=True),) for pair in zip(*lines, strict=True))
    ]


def _pair(
    arrow: Arrow, beside: Callable[[float], list[Point]], label: str, colours: Palette, down: bool = False
) -> str:
    texts = [found["attributes"] for found in _TEXT.finditer(label)]
    if down and texts:
        texts = [_at_side(texts[0], "end", -SIDE), _at_side(texts[0], "start", SIDE)]
    colour = colours.mark(arrow.mark) if arrow.mark else colours.flow
    above = _line(texts[0], Line(arrow.above, "value"), colours) if arrow.above and texts else ""
    below = _line(texts[-1], Line(arrow.below, "gradient"), colours) if arrow.below and texts else ""
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


def _at_side(attributes: str, anchor: str, distance: float) -> str:
    """The place of words to the left or right of an arrow that goes down through the middle of theirs."""
    attributes = attributes.replace('text-anchor="middle"', f'text-anchor="{anchor}"')
    return re.sub(r'\bx="([^"]*)"', lambda x: f'x="{float(x[1]) + distance:.2f}"', attributes)


def _one(
    attributes: str, points: list[Point], down: bool, colour: str, title: str, words: str, dashed: bool = False
) -> str:
    """One arrow; a wide unseen line under it is easier to point at."""
    line, end = arrows.shaft(points), arrows.head(points)
    if down:
        line, end = arrows.turned(line), arrows.turned(end)
    d = arrows.path(line)
    said = f"<title>{_escaped(title)}</title>\n" if title else ""
    wide = f'<path fill="none" stroke="none" stroke-width="9" pointer-events="stroke" d="{d}"/>\n' if title else ""
    dash = ' stroke-dasharray="5,2"' if dashed else ""
    return (
        f"<g {attributes}>\n{said}{wide}"
        f'<path fill="none" stroke="{colour}" stroke-width="1.3"{dash} d="{d}"/>\n'
        f'<polygon fill="{colour}" stroke="none" points="{arrows.polygon(end)}"/>\n{words}</g>\n'
    )
