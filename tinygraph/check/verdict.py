"""From an exact and a numeric derivative to a verdict for each element."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.check.differences import Estimate
from tinygraph.check.probe import DOMAIN, OVERFLOW

RIGHT, WRONG = "right", "wrong"
KINK, NOISE, RANDOM = "kink", "noise", "not deterministic"
REASONS = {
    KINK: "the slopes from the left and from the right differ, so there is no one derivative",
    NOISE: "the error bound is too wide to tell, by noise or by terms that cancel; float64, or power=0.01, may help",
    DOMAIN: "the function has no value here or nearby: a NaN, or a pole",
    OVERFLOW: "the function is too large for its precision here or nearby; scale the arguments",
    RANDOM: "two calls with the same arguments gave different values; fix the seed, switch dropout off",
}
POWER = 1e-4


def usual(numeric: Estimate) -> float:
    """The size of the elements of a derivative: the root of the mean square of what is known."""
    value = np.asarray(numeric.value)
    known = value[np.isfinite(value) & np.isfinite(numeric.bound)]
    return float(np.sqrt(np.mean(np.square(known)))) if known.size else 0.0


def judge(exact: Any, numeric: Estimate, power: float = POWER, nearby: Any = 0.0) -> np.ndarray[Any, Any]:
    """A verdict for each element: "right", "wrong", or why it is inconclusive.

    wrong:  |exact - value| > bound.  right: |exact - value| <= bound, and a bound sharp enough that a relative fault of
    `power` would have been seen, in the element or in one of the usual size of its array. Else it is inconclusive.
    Of zero there is no part: an element that is said to be zero is measured by `nearby`, the slopes beside the point.

    Example:
        >>> from tinygraph.check import numeric_grad
        >>> judge(np.array([2.0, 4.004]), numeric_grad(lambda x: (x * x).sum(), np.array([1.0, 2.0])))
        array(['right', 'wrong'], dtype='<U18')
    """
    exact = np.asarray(exact, dtype=np.float64)
    value, bound = np.asarray(numeric.value), np.asarray(numeric.bound)
    with np.errstate(all="ignore"):
        known = np.isfinite(value) & np.isfinite(bound)
        size = np.maximum(np.maximum(np.abs(exact), np.abs(value)), usual(numeric))
        size = np.where(np.abs(exact) <= bound, np.fmax(size, nearby), size)
        away = np.abs(exact - value) > bound
        blunt = (bound > power * size) & (size > 0.0)
    verdicts = np.full(exact.shape, RIGHT, dtype=f"<U{max(map(len, REASONS))}")
    verdicts[blunt] = NOISE
    verdicts[away | ~np.isfinite(exact)] = WRONG
    verdicts[np.asarray(numeric.kink, dtype=bool)] = KINK
    verdicts[~known] = DOMAIN
    if numeric.fault is not None:
        verdicts[~known & (np.asarray(numeric.fault) == OVERFLOW)] = OVERFLOW
    return verdicts
