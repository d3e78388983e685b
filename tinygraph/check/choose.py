"""Random values made of small choices, so that one description serves a seed and a search for the simplest failure.

A `Choose` gives for n a whole number from 0 to n - 1. `seeded` makes one of a random seed; Hypothesis makes one that
shrinks towards 0. What is made here is the simpler, the smaller the numbers chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

import numpy as np

from tinygraph.op import REAL, Interval

Choose = Callable[[int], int]
Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
T = TypeVar("T")

USUAL = 3.0  # how far numbers go where the interval has no end
_LEVELS = 64  # the fewest different numbers to choose an element from


def seeded(seed: int) -> Choose:
    """The choices that belong to a seed, the same in every process.

    Example:
        >>> choose = seeded(0)
        >>> [choose(10) for _ in range(5)]
        [6, 6, 0, 4, 8]
    """
    return Random(seed).randrange


def pick(choose: Choose, options: Sequence[T]) -> T:
    """One of the options; the first is the simplest."""
    return options[choose(len(options))]


def shuffled(choose: Choose, items: Sequence[T]) -> list[T]:
    """The items in some order; as they are is the simplest."""
    left = list(items)
    return [left.pop(choose(len(left))) for _ in range(len(left))]


def shape(choose: Choose, least: int = 0, most: int = 2, longest: int = 3) -> Shape:
    """A shape of `least` to `most` axes of 1 to `longest` elements."""
    return tuple(1 + choose(longest) for _ in range(least + choose(most - least + 1)))


def broadcastable(choose: Choose, to: Shape) -> Shape:
    """A shape that broadcasts to another: axes in front left out, some of the others 1."""
    return tuple(1 if choose(3) == 2 else n for n in to[choose(len(to) + 1) :])


def shapes(choose: Choose, count: int, most: int = 2, longest: int = 3) -> list[Shape]:
    """Shapes that broadcast together, at least one of them whole."""
    out = shape(choose, 0, most, longest)
    whole = choose(count) if count else 0
    return [out if i == whole else broadcastable(choose, out) for i in range(count)]


def frozen(x: Any) -> Array:
    """An array that nobody can write to."""
    made = np.array(x)
    made.flags.writeable = False
    return made


def reach(interval: Interval = REAL) -> Interval:
    """The part of an open interval that numbers are taken from: a margin inside its ends, and not too far from them.

    Example:
        >>> reach((-1.0, 1.0)), reach((0.0, float("inf")))
        ((-0.875, 0.875), (0.125, 3.125))
    """
    low, high = interval
    if not low < high:
        raise ValueError(f"the interval ({low}, {high}) is empty")
    if math.isfinite(low) and math.isfinite(high):
        margin = (high - low) / 16.0
        return low + margin, high - margin
    if math.isfinite(low):
        return low + 0.125, low + 0.125 + USUAL
    if math.isfinite(high):
        return high - 0.125 - USUAL, high - 0.125
    return -USUAL, USUAL


def grid(interval: Interval, least: int = _LEVELS) -> tuple[int, int, float]:
    """`low`, `high` and a step, a power of two: the multiples low * step ... high * step lie in the interval."""
    a, b = interval
    step = 2.0 ** math.floor(math.log2((b - a) / least))
    return math.ceil(a / step), math.floor(b / step), step


def numbers(choose: Choose, count: int, interval: Interval = REAL, unique: bool = True) -> list[float]:
    """Numbers with few binary digits inside an open interval, no two alike; the simplest are those nearest to zero.

    Example:
        >>> numbers(lambda n: 0, 3, (0.0, 2.0))
        [0.125, 0.140625, 0.15625]
    """
    low, high, step = grid(reach(interval), max(_LEVELS, 4 * count))
    start = min(max(low, 0), high)
    found: list[int] = []
    for _ in range(count):
        k = _zigzag(choose(high - low + 1), low - start, high - start) + start
        while unique and k in found:
            k = k + 1 if k < high else low
        found.append(k)
    return [k * step for k in found]


def _zigzag(i: int, low: int, high: int) -> int:
    """0, 1, -1, 2, -2 ... for i = 0, 1, 2, ..., between low <= 0 and high >= 0, then the rest of the longer side."""
    both = 2 * min(-low, high)
    if i <= both:
        return (i + 1) // 2 if i % 2 else -(i // 2)
    rest = i - both // 2
    return rest if high >= -low else -rest


def array(choose: Choose, of: Shape, interval: Interval = REAL, unique: bool = True) -> Array:
    """A read-only array of `numbers`."""
    return frozen(np.array(numbers(choose, math.prod(of), interval, unique), dtype=float).reshape(of))
