"""A network as indented text, for those who do not see the picture."""

from __future__ import annotations

from tinygraph.render.network.measure import Figures
from tinygraph.render.network.parts import OPERATION, Part, Tree
from tinygraph.render.network.view import COPIES, FIRST, children
from tinygraph.render.network.words import Words, amount, counted

LINES = 400


def outline(tree: Tree, figures: dict[Part, Figures], words: Words) -> str:
    """The scopes and what they hold, one a line; copies of a repeat are told once, as they are alike."""
    lines: list[str] = []
    stack = [(tree.root, 0)]
    while stack and len(lines) < LINES:
        part, depth = stack.pop()
        lines.append("  " * depth + _line(part, figures[part], words))
        if part.kind != OPERATION:
            inside = children(part) if len(part.children) <= COPIES else part.children[:FIRST]
            inside = inside[:1] if part.kind == "repeat" else inside
            stack += [(child, depth + 1) for child in reversed(inside)]
    if stack:
        lines.append(f"... and {counted(len(stack), 'part')} more")
    return "\n".join(lines)


def _line(part: Part, figures: Figures, words: Words) -> str:
    name, quiet = words.heading(part)
    said = f"{name} ({quiet})" if quiet else name
    counts = []
    if part.kind == OPERATION and part.node is not None:
        counts.append(words.shape(part.node))
    else:
        counts.append(counted(figures.operations, "operation"))
    if figures.parameters:
        counts.append(counted(figures.parameters, "parameter"))
    if part.kind != OPERATION:
        counts.append(amount(figures.flops, "FLOP"))
    return f"{said}: {', '.join(counts)}"
