"""The walk forward and then backward, one step at a time, as a page of its own."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

from tinygraph.graph import Node
from tinygraph.render import export, text
from tinygraph.render.drawing import Step
from tinygraph.render.names import END, LOWERED, RAISED
from tinygraph.render.walk import Walk

FORWARD, BACKWARD = "forward", "backward"


def steps(walk: Walk, keys: Mapping[Node, str]) -> tuple[Step, ...]:
    """The steps of a walk: what is given, each value, the derivative of the result by itself, each derivative."""
    graph = walk.graph
    given = [node for node in graph.boxes if node.op is None]
    found = [Step(FORWARD, tuple(walk.value(node)), (keys[node],)) for node in given]
    for node in graph.boxes:
        if node.op is not None:
            arrows = tuple(f"{keys[x]} {keys[node]}" for x in graph.inputs(node))
            found.append(Step(FORWARD, tuple(walk.value(node)), (keys[node],), arrows))
    if graph.of is None:
        return tuple(found)
    root = graph.roots[0]
    itself = text.derivative(graph.of, graph.of) if graph.of else "the derivative of the result by itself"
    found.append(Step(BACKWARD, (itself, "1"), (keys[root],)))
    for node in walk.backward():
        arrows = tuple(f"{keys[node]} {keys[c]}" for c in graph.boxes if (c, node) in walk.terms)
        found.append(Step(BACKWARD, tuple(walk.derivative(node)), (keys[node],), arrows))
    return tuple(found)


def page(svg: str, several: Sequence[Step], title: str, words: str, theme: str) -> str:
    """The page: the picture, the step at hand, the buttons, and all equations, which read well without a script too."""
    lists = {
        phase: "\n".join(_item(i, step) for i, step in enumerate(several) if step.phase == phase)
        for phase in (FORWARD, BACKWARD)
    }
    return export.page(svg, title, words, theme, "steps.html", forward=lists[FORWARD], backward=lists[BACKWARD])


def _item(i: int, step: Step) -> str:
    *parts, last = step.parts
    said = "".join(f"{_marked(part)} = " for part in parts) + f'<b class="result">{_marked(last)}</b>'
    boxes, arrows = " ".join(step.boxes), ",".join(step.arrows)
    return (
        f'<li data-step="{i}" data-phase="{step.phase}" data-boxes="{boxes}" data-arrows="{arrows}">'
        f'<button type="button">{said}</button></li>'
    )


def _marked(words: str) -> str:
    """Marked text as HTML."""
    words = html.escape("".join(c for c in words if c.isprintable() or c in RAISED + LOWERED + END))
    words = re.sub(f"{RAISED}([^{END}]*){END}", r"<sup>\1</sup>", words)
    return re.sub(f"{LOWERED}([^{END}]*){END}", r"<sub>\1</sub>", words)
