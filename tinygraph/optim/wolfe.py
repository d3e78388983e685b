"""The line search of L-BFGS: a step that satisfies the strong Wolfe conditions.

With phi(t) = f(x + t d): phi(t) <= phi(0) + c1 t phi'(0), the value falls enough, and |phi'(t)| <= c2 |phi'(0)|, so
does the slope. First such a point is bracketed, then the bracket is narrowed by cubic interpolation.

Source: Nocedal and Wright, Numerical Optimization (2006), algorithms 3.5 and 3.6, with the safeguards and constants of
minFunc (Schmidt, 2005), which PyTorch's LBFGS follows too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from tinygraph.op import Array

C1, C2 = 1e-4, 0.9


class Point(NamedTuple):
    """A step t along the direction: the value there, the gradient, and its product with the direction."""

    t: float
    f: float
    g: Array
    slope: float


def strong_wolfe(
    evaluate: Callable[[float], Point], start: Point, t: float, reach: float, limit: int, tolerance: float
) -> tuple[Point, int]:
    """The point found, and how often it evaluated.

    Args:
        evaluate: the point at a step.
        start: the point at 0.  t: the first step to try.
        reach: the largest number in the direction; a bracket that moves no parameter by `tolerance` is good enough.
        limit: on evaluations after the first.
    """
    bracket, count, done = _bracket(evaluate, start, evaluate(t), limit)
    low = 0 if bracket[0].f <= bracket[-1].f else 1
    stuck = False
    while not done and count < limit and not abs(bracket[1].t - bracket[0].t) * reach < tolerance:
        t, stuck = _trial(bracket, stuck)
        point = evaluate(t)
        count += 1
        if _too_high(point, start) or point.f >= bracket[low].f:
            bracket[1 - low] = point
            low = 0 if bracket[0].f <= bracket[1].f else 1
            continue
        done = _flat(point, start)
        if not done and point.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = point
    return bracket[low], count + 1


def _bracket(
    evaluate: Callable[[float], Point], start: Point, point: Point, limit: int
) -> tuple[list[Point], int, bool]:
    """Two points with one that is good enough between them, or that one alone; the count, and whether it is alone."""
    before = start
    for count in range(limit):
        if _too_high(point, start) or (count > 1 and point.f >= before.f):
            return [before, point], count, False
        if _flat(point, start):
            return [point], count, True
        if point.slope >= 0:
            return [before, point], count, False
        t = _cubic(before, point, point.t + 0.01 * (point.t - before.t), 10 * point.t)
        before, point = point, evaluate(t)
    return [start, point], limit, False


def _too_high(point: Point, start: Point) -> bool:
    return point.f > start.f + C1 * point.t * start.slope


def _flat(point: Point, start: Point) -> bool:
    return abs(point.slope) <= -C2 * start.slope


def _trial(bracket: list[Point], stuck: bool) -> tuple[float, bool]:
    """The next step inside the bracket; twice close to its end, and it goes a tenth of the way inside."""
    left, right = sorted(point.t for point in bracket)
    t = _cubic(bracket[0], bracket[1], left, right)
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if not stuck and left < t < right:
        return t, True
    return (right - margin if abs(t - right) < abs(t - left) else left + margin), False


def _cubic(a: Point, b: Point, low: float, high: float) -> float:
    """The minimum of the cubic through two values and slopes, kept between the bounds; their middle if it has none."""
    if a.t > b.t:
        a, b = b, a
    if a.t == b.t:
        return (low + high) / 2
    d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    d2 = math.sqrt(square)
    below = b.slope - a.slope + 2 * d2
    if not below:
        return (low + high) / 2
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / below), low), high)
