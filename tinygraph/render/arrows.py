"""Arrows in pairs: the value's, and against it the derivative's, side by side along the way that Graphviz found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]
APART = 3.1  # half the distance of the two
HEAD, HALF = 7.5, 2.9  # length and half width of an arrowhead
LANE = 15.0  # between two ends on one side of a box
RUN = 8.0  # how far an arrow is straight where it leaves and arrives


@dataclass(frozen=True)
class Rectangle:
    """Where a box lies."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


def ends(rectangle: Rectangle, aims: Sequence[float]) -> list[float]:
    """Where arrows meet one side of a box, in the order of where they come from, so that none crosses another.

    Example:
        >>> ends(Rectangle(0, 0, 10, 60), [50.0, -20.0])
        [37.5, 22.5]
    """
    n = len(aims)
    room = min(LANE, (rectangle.bottom - rectangle.top) / (n + 1)) if n else 0.0
    order = sorted(range(n), key=lambda i: (aims[i], i))
    found = [0.0] * n
    for place, i in enumerate(order):
        found[i] = rectangle.middle + (place - (n - 1) / 2) * room
    return found


def turns(heights: Sequence[float], aims: Sequence[float]) -> list[float]:
    """How far from a box, in shares of the room before it, each arrow turns to its end there.

    Of those from one side, the farthest turns last, so that it passes below the others.

    Example:
        >>> turns([10.0, 20.0, 30.0], [-50.0, 0.0, 30.0])
        [0.25, 0.75, 0.5]
    """
    found = []
    for height, aim in zip(heights, aims, strict=True):
        side = [abs(a - h) for h, a in zip(heights, aims, strict=True) if (a - h) * (aim - height) > 0]
        farther = sum(distance > abs(aim - height) for distance in side)
        found.append((farther + 0.5) / max(len(side), 1))
    return found


def pair(start: Point, end: Point, way: Sequence[Point], apart: float, turn: float) -> list[Point]:
    """A curve beside the way from start to end, above it where `apart` is negative; it is level but at its turn.

    Where Graphviz had to go round something, `way` has more than one piece and is followed. The points are those of
    Bézier curves: one, and three for each. Two curves with opposite `apart` never meet.
    """
    (x0, y0), (x1, y1) = start, end
    a, b = (x0 + RUN, y0 + apart), (x1 - RUN, y1 + apart)
    ahead = [(x0, y0 + apart), (x0, y0 + apart), a, a]
    home = [b, (x1, y1 + apart), (x1, y1 + apart)]
    if len(way) <= 4:
        x = turn - apart * ((y1 > y0) - (y1 < y0))
        return [*ahead, (x, a[1]), (x, b[1]), b, *home]
    inner = _beside(way[2:-2], apart)
    first = inner[0] = _between(a, inner[0], inner[1])
    last = inner[-1] = _between(inner[-2], inner[-1], b)
    return [*ahead, ((a[0] + first[0]) / 2, a[1]), *inner, ((last[0] + b[0]) / 2, b[1]), b, *home]


def _between(before: Point, point: Point, after: Point) -> Point:
    """A point that bends a curve, not farther along than the curve's ends: it would run back."""
    low, high = sorted((before[0], after[0]))
    return min(max(point[0], low), high), point[1]


def _beside(points: Sequence[Point], distance: float) -> list[Point]:
    """The curve beside a curve: to its left as one walks where the distance is negative, else to its right."""
    found = []
    last = len(points) - 1
    for i, (x, y) in enumerate(points):
        a, b = points[max(i - 1, 0)], points[min(i + 1, last)]
        dx, dy = b[0] - a[0], b[1] - a[1]
        length = math.hypot(dx, dy)
        nx, ny = (-dy / length, dx / length) if length > 0 else (0.0, 1.0)
        found.append((x + distance * nx, y + distance * ny))
    return found


def shaft(points: Sequence[Point]) -> list[Point]:
    """A curve that leaves room for the head at its level end."""
    *others, _, (x1, y1) = points
    cut = math.copysign(HEAD - 1, x1 - others[-2][0])
    return [*others, (x1 - cut, y1), (x1 - cut, y1)]


def head(points: Sequence[Point]) -> list[Point]:
    """The triangle at the end of a curve."""
    x, y = points[-1]
    back = x - math.copysign(HEAD, x - points[-4][0])
    return [(x, y), (back, y + HALF), (back, y - HALF)]


def turned(points: Sequence[Point]) -> list[Point]:
    """What goes to the right, down, and the other way round.

    Example:
        >>> turned([(1.0, 2.0)])
        [(2.0, 1.0)]
    """
    return [(y, x) for x, y in points]


def path(points: Sequence[Point]) -> str:
    """A curve as the d of an SVG path."""
    first, *others = (f"{x:.2f},{y:.2f}" for x, y in points)
    return f"M{first}C{' '.join(others)}"


def polygon(points: Sequence[Point]) -> str:
    """Corners as the points of an SVG polygon."""
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
