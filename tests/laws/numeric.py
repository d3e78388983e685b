"""The two-sided difference with a bound of its own error: it knows no rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

EPS = float(np.finfo(np.float64).eps)
LEVELS = 8


class Estimate(NamedTuple):
    value: float
    bound: float


def slope(f: Callable[[float], tuple[float, float]], h: float) -> Estimate:
    """The derivative of f at 0, from steps h, h/2, ... by Richardson's extrapolation (Ridders 1982).

    `f(s)` is a sum and the sum of its terms' sizes, whose last digits are its round-off. The bound is the change that
    the last extrapolation made (truncation) and the round-off of f over the smallest step that has a part in it.
    """
    best = Estimate(float("nan"), float("inf"))
    above: list[float] = []
    for level in range(LEVELS):
        step = h / 2**level
        (up, size_up), (down, size_down) = f(step), f(-step)
        row = [(up - down) / (2 * step)]
        noise = EPS * (size_up + size_down) / step
        for k, before in enumerate(above, 1):
            row.append(row[-1] + (row[-1] - before) / (4**k - 1))
            change = max(abs(row[k] - row[k - 1]), abs(row[k] - before))
            if change + noise < best.bound:
                best = Estimate(row[k], change + noise)
        above = row
    return best
