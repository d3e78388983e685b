"""What Graphviz cannot do: bold names beside quiet words, stacks of copies, strips of colour, titles to be read."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tinygraph.render import group as group_of
from tinygraph.render.colour import Palette

STRIP = 9.0  # its height
FRAME = "#868e96"
STACK = (6, 3)  # how far the cards behind a repeat stand out


class Line(NamedTuple):
    """One line in a box: what is bold, what is quiet behind it; "learned" is said of parameters."""

    bold: str
    rest: str = ""
    kind: str = "quiet"

    @property
    def whole(self) -> str:
        return f"{self.bold}  {self.rest}".strip()


class Box(NamedTuple):
    """A box: its lines, all that is told where a pointer rests on it, and of a repeat the colours of its copies."""

    lines: tuple[Line, ...]
    told: str
    stacked: bool = False
    strip: tuple[str, ...] = ()


_NODE = re.compile(r'<g id="[^"]*" class="node[^"]*">\s*<title>(?P<key>[^<]*)</title>.*?</g>', re.DOTALL)
_EDGE = re.compile(r'<g id="[^"]*" class="edge([^"]*)">\s*<title>(\w+)(?:&#45;|-)(?:&gt;|>)(\w+)</title>')
_TEXT = re.compile(r"<text (?P<attributes>[^>]*)>[^<]*</text>\n?")
_SHAPE = re.compile(r"<(?:path|polygon) [^>]*/>")


def paint(drawn: str, boxes: Mapping[str, Box], colours: Palette, head: str, titles: int) -> str:
    """Finish an SVG picture, whose nodes bear the keys of `boxes` as titles; `head` comes first in it.

    So many of the lines above it are the title.
    """

    def node(found: re.Match[str]) -> str:
        box = boxes.get(found["key"])
        return found[0] if box is None else _box(found[0], found["key"], box, colours)

    drawn = _NODE.sub(node, drawn)
    drawn = _EDGE.sub(r'<g class="edge\1" data-edge="\2 \3">', drawn)
    drawn = group_of.finish(drawn, colours, titles)
    drawn = re.sub(r"(?<=\s)<title>tinygraph</title>\s*", "", drawn)
    drawn = re.sub(r'(?<= )xml:space="preserve" ', "", drawn)
    drawn = re.sub(r"<text (?![^>]*fill=)", f'<text fill="{colours.ink}" ', drawn)
    return re.sub(r"<svg ([^>]*)>", lambda m: f'<svg class="tinygraph" role="img" {m[1]}>{head}', drawn, count=1)


def _box(group: str, key: str, box: Box, colours: Palette) -> str:
    lines = iter(box.lines)
    body = _TEXT.sub(lambda found: _line(found["attributes"], next(lines), box.strip, colours), group)
    if box.stacked:
        body = _SHAPE.sub(lambda found: _stack(found[0]) + found[0], body, count=1)
    body = re.sub(r'<g id="[^"]*" class="(node[^"]*)">', rf'<g class="\1" data-key="{key}">', body, count=1)
    return re.sub(r"<title>[^<]*</title>", lambda _: f"<title>{html.escape(box.told)}</title>", body, count=1)


def _line(attributes: str, line: Line, strip: Sequence[str], colours: Palette) -> str:
    if line.kind == "strip":
        return _strip(attributes, strip)
    fill = {"quiet": colours.quiet, "learned": colours.parameter[1]}.get(line.kind)
    colour = f' fill="{fill}"' if fill else ""
    bold = f'<tspan font-weight="bold">{html.escape(line.bold)}</tspan>' if line.bold else ""
    apart = ' dx="5"' if bold else ""
    rest = f"<tspan{apart}{colour}>{html.escape(line.rest)}</tspan>" if line.rest else ""
    return f"<text {attributes}>{bold}{rest}</text>\n"


def _stack(shape: str) -> str:
    return "".join(shape.replace("/>", f' transform="translate({d},{-d})"/>') + "\n" for d in STACK)


def _strip(attributes: str, colours: Sequence[str]) -> str:
    """A cell for each copy, in the place of a line of text."""
    found = {name: float(value) for name, value in re.findall(r'\b([xy])="(-?[\d.]+)"', attributes)}
    wide = max(2.0, min(12.0, 150 / max(len(colours), 1)))
    left, top = found["x"] - wide * len(colours) / 2, found["y"] - STRIP
    cells = [_rectangle(left - 1, top - 1, wide * len(colours) + 2, STRIP + 2, FRAME)]
    cells += [_rectangle(left + i * wide, top, wide, STRIP, fill) for i, fill in enumerate(colours) if fill]
    return "".join(cells) + "\n"


def _rectangle(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" fill="{fill}"/>'
