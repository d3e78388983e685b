"""What Graphviz cannot do: bold names, red lines inside a node, readable titles, colours for dark screens."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import NamedTuple

from tinygraph.render.colour import Palette


class Said(NamedTuple):
    """A node's words: all of them for a pointer that rests on it, the name, and the kind of each line."""

    whole: str
    name: str
    kinds: tuple[str, ...]


_NODE = re.compile(r'<g id="[^"]*" class="node[^"]*">\s*<title>(?P<key>[^<]*)</title>.*?</g>', re.DOTALL)
_EDGE = re.compile(r'(<g id="[^"]*" class="edge[^"]*">\s*)<title>[^<]*</title>\s*')
_TEXT = re.compile(r"<text (?P<attributes>[^>]*)>(?P<body>[^<]*)</text>")


def polish(drawn: str, said: Mapping[str, Said], colours: Palette, style: str) -> str:
    """Finish an SVG picture, whose nodes bear the keys of `said` as titles."""

    def node(found: re.Match[str]) -> str:
        words = said.get(found["key"])
        if words is None:
            return found[0]
        kinds = iter(words.kinds)
        body = _TEXT.sub(lambda line: _line(line, next(kinds, ""), words.name, colours), found[0])
        return body.replace(f"<title>{found['key']}</title>", f"<title>{html.escape(words.whole)}</title>", 1)

    drawn = _EDGE.sub(r"\1", _NODE.sub(node, drawn))
    drawn = re.sub(r'(?<= )xml:space="preserve" ', "", drawn)
    drawn = re.sub(r"<text (?![^>]*fill=)", f'<text fill="{colours.ink}" ', drawn)
    return re.sub(r"<svg ([^>]*)>", rf'<svg class="tinygraph" role="img" \1>{style}', drawn, count=1)


def _line(found: re.Match[str], kind: str, name: str, colours: Palette) -> str:
    attributes, body = found["attributes"], found["body"]
    colour = {"gradient": colours.gradient, "quiet": colours.quiet}.get(kind)
    if colour:
        attributes = re.sub(r' fill="[^"]*"', "", attributes) + f' fill="{colour}"'
    start = _as_drawn(name)
    if kind == "name" and name and body.startswith(start):
        body = f'<tspan font-weight="bold">{start}</tspan>{body[len(start) :]}'
    return f"<text {attributes}>{body}</text>"


def _as_drawn(name: str) -> str:
    """A name as Graphviz writes it in SVG."""
    return html.escape(name, quote=True).replace("&#x27;", "&#39;")
