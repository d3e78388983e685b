"""Groups of boxes: a quiet ground, and a title that no arrow runs through; the whole picture has one too."""

from __future__ import annotations

import html
import math
import re
from typing import Any

from tinygraph.render.colour import Palette
from tinygraph.render.text import ems

BOLD = 1.1  # what bold letters take of the width that is kept for others
INDENT = 10.0  # of a title, from the left side of its group
_GROUP = re.compile(r'<g id="clust\d+" class="cluster[^"]*">\s*(?:<title>[^<]*</title>\s*)?(.*?)</g>\n?', re.DOTALL)
_TITLE = re.compile(
    r'<text [^>]*y="(?P<y>[^"]*)"(?P<font> font-family="[^"]*") font-size="(?P<size>[^"]*)"[^>]*>'
    r"(?P<words>[^<]*)</text>\n?"
)
_ACROSS = re.compile(r"-?[\d.]+(?=,)")
_LINE = re.compile(r'<text ([^>]*?) fill="[^"]*">')
_SAID = re.compile(r'<text [^>]*font-size="(?P<size>[^"]*)"[^>]*>(?P<words>[^<]*)<')
_SIZE = re.compile(r'width="[^"]*"(?P<height>[^>]*) viewBox="\S+ (?P<y>\S+) (?P<wide>\S+) (?P<high>[^"]+)"')


def attributes(title: Any, colours: Palette, size: int) -> dict[str, Any]:
    """What Graphviz is told of a group."""
    ground, line = colours.group
    look = {"style": "rounded,filled", "fillcolor": ground, "color": line, "penwidth": "0.8", "margin": "12"}
    return {
        **look,
        "label": title,
        "labeljust": "l",
        "labelloc": "t",
        "fontsize": str(size),
        "fontcolor": colours.quiet,
    }


def finish(drawn: str, colours: Palette, titles: int) -> str:
    """An SVG picture with a bold title of so many lines.

    Titles of groups stand before the arrows, on plates of their ground.
    """
    plates: list[str] = []

    def lift(found: re.Match[str]) -> str:
        title = _TITLE.search(found[1])
        if title is None:
            return f'<g class="cluster">\n{found[1]}</g>\n'
        across = [*map(float, _ACROSS.findall(found[1][: title.start()]))]
        plates.append(_plate(title, min(across) + INDENT, max(across) - INDENT, colours))
        return f'<g class="cluster">\n{_TITLE.sub("", found[1])}</g>\n'

    first = drawn.find("<g ", drawn.find('class="graph"'))
    head, drawn = (drawn[:first], drawn[first:]) if first > 0 else (drawn, "")
    head = _LINE.sub(rf'<text \1 font-weight="bold" fill="{colours.ink}">', head, count=titles)
    drawn = _widened(head) + drawn
    drawn = _GROUP.sub(lift, drawn)
    body, end, rest = drawn.rpartition("</g>")
    return body + "".join(plates) + end + rest


def _widened(head: str) -> str:
    """The head of a picture with room for its title, which the reader's bold font sets wider than Graphviz has."""
    said = ((m, BOLD if "font-weight" in m[0] else 1.0) for m in _SAID.finditer(head))
    needed = max((ems(html.unescape(m["words"])) * float(m["size"]) * by for m, by in said), default=0.0)

    def wider(found: re.Match[str]) -> str:
        more = needed - float(found["wide"])
        if more <= 0:
            return found[0]
        view = f"{-more / 2:.2f} {found['y']} {needed:.2f} {found['high']}"
        return f'width="{math.ceil(needed)}pt"{found["height"]} viewBox="{view}"'

    return _SIZE.sub(wider, head, count=1)


def _plate(title: re.Match[str], left: float, right: float, colours: Palette) -> str:
    y, size = float(title["y"]), float(title["size"])
    name, _, kind = html.unescape(title["words"]).partition(" \xa0")
    wide = min(ems(f"{name}  {kind}") * size, right - left)
    said = f'<tspan font-weight="bold" fill="{colours.ink}">{html.escape(name)}</tspan>'
    said += f' <tspan dx="3" fill="{colours.quiet}">{html.escape(kind)}</tspan>' if kind else ""
    return (
        f'<g class="title">\n<rect x="{left - 2:.2f}" y="{y - size:.2f}" width="{wide + 2:.2f}" '
        f'height="{1.3 * size:.2f}" fill="{colours.group[0]}"/>\n'
        f'<text x="{left:.2f}" y="{y:.2f}"{title["font"]} font-size="{size:.2f}">{said}</text>\n</g>\n'
    )
