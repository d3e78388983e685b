"""Lines of text in a picture: bold names, raised and lowered indices, arrays between brackets."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby

from tinygraph.render.colour import Palette
from tinygraph.render.drawing import Line
from tinygraph.render.names import END, LOWERED, RAISED
from tinygraph.render.numbers import BETWEEN, DIGIT, POINT
from tinygraph.render.text import ems

APART, SERIF = 5.0, 4.0  # of a bracket, from the numbers and along the top
TABULAR = 0.94  # what digits take of the width that is kept for letters
EAST = "\u2e80-\ud7ff\uf900-\uffef"  # Chinese, Japanese and Korean, in a regular expression
SPACES = f"\n{BETWEEN}{DIGIT}{POINT}"  # that are kept


def lines(places: Sequence[str], said: Sequence[Line], colours: Palette) -> str:
    """The lines of a box, each where Graphviz has set it: the attributes of its text there."""
    found: list[str] = []
    for array, run in groupby(zip(places, said, strict=False), lambda row: row[1].is_row):
        rows = [*run]
        found += _matrix(rows, colours) if array and len(rows) > 1 else (line(*row, colours) for row in rows)
    return "".join(found)


def line(attributes: str, said: Line, colours: Palette) -> str:
    """A line of text where Graphviz has set it."""
    colour = {"gradient": colours.gradient, "quiet": colours.quiet}.get(said.kind)
    if colour:
        attributes = re.sub(r' fill="[^"]*"', "", attributes) + f' fill="{colour}"'
    start, rest = (said.bold, said.text[len(said.bold) :]) if said.text.startswith(said.bold) else ("", said.text)
    size = _number(attributes, "font-size")
    bold = _spans(start, size, ' font-weight="bold"')
    kind = f'class="{said.kind}" ' if said.kind in ("value", "gradient") else ""
    return f"<text {kind}{attributes}>{bold}{_spans(rest, size)}</text>\n"


def _matrix(rows: list[tuple[str, Line]], colours: Palette) -> Iterator[str]:
    """The rows of an array between two brackets, their numbers set by the right end, whatever the reader's font is."""
    cells = [[cell.lstrip(DIGIT) for cell in row.text[1:-1].split(BETWEEN)] for _, row in rows]
    size, middle, high = (_number(rows[0][0], name) for name in ("font-size", "x", "y"))
    widths = [max(map(ems, column)) * TABULAR * size for column in zip(*cells, strict=True)]
    half = (sum(widths) + size * (len(widths) - 1)) / 2
    ends = [x - half + middle + size * i for i, x in enumerate(accumulate(widths))]
    for (attributes, row), numbers in zip(rows, cells, strict=True):
        spans = (f'<tspan x="{x:.2f}" text-anchor="end"> {cell}</tspan>' for x, cell in zip(ends, numbers, strict=True))
        yield line(attributes, row._replace(text=""), colours).replace("</text>", "".join(spans) + "</text>")
    kind = rows[0][1].kind
    stroke = colours.gradient if kind == "gradient" else colours.ink
    high, low = high - 0.9 * size, _number(rows[-1][0], "y") + 0.3 * size
    for side in (-1, 1):
        x = middle + side * (half + APART)
        corners = ((x - side * SERIF, high), (x, high), (x, low), (x - side * SERIF, low))
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in corners)
        yield f'<polyline class="{kind}" fill="none" stroke="{stroke}" stroke-width="1.1" points="{points}"/>\n'


def _number(attributes: str, name: str) -> float:
    found = re.search(rf'\b{name}="([^"]*)"', attributes)
    assert found is not None
    return float(found[1])


def _spans(text: str, size: float, style: str = "") -> str:
    """Marked text as SVG; what is raised or lowered is smaller and off the line."""
    found, shift = [], 0.0
    for piece in re.findall(f"[{RAISED}{LOWERED}][^{END}]*{END}|[^{RAISED}{LOWERED}]+", text):
        off = {RAISED: -0.38 * size, LOWERED: 0.18 * size}.get(piece[0], 0.0)
        attributes = (f' dy="{off - shift:.2f}"' if off != shift else "") + (
            f' font-size="{0.72 * size:.2f}"' if off else ""
        )
        attributes += style
        words = escaped(piece[1:-1] if off else piece)
        if attributes:  # a space is kept by every reader where it stands between the pieces
            ahead, behind = " " * words.startswith(" "), " " * words.endswith(" ")
            words = f"{ahead}<tspan{attributes}>{words.strip()}</tspan>{behind}"
        found.append(words)
        shift = off
    if shift:
        found.append(f'<tspan dy="{-shift:.2f}">\u200b</tspan>')
    return "".join(found)


def escaped(text: str) -> str:
    """Text as it stands in an SVG file, without what no file can hold."""
    return html.escape("".join(c if c.isprintable() or c in SPACES else "" for c in text), quote=True)


def wrapped(text: str, width: float) -> list[str]:
    """A text in lines of at most so many ems, broken at its spaces, between Chinese characters, or where it must be.

    Example:
        >>> wrapped("the cost of a network", 8)
        ['the cost of a', 'network']
    """
    lines, line = [""], ""
    for piece in re.findall(rf"\s*(?:[{EAST}][^\w\s]*|[^\s{EAST}]+)", text):
        while ems(piece) > width:
            fits = next(n for n in range(len(piece), 0, -1) if n == 1 or ems(piece[:n]) <= width)
            lines, line, piece = [*lines, line, piece[:fits]], "", piece[fits:]
        if ems(line + piece) > width:
            lines, line = [*lines, line], ""
        line += piece
    return [said for part in [*lines, line] if (said := part.strip())]
