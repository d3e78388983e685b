"""Derivatives from values alone: two-sided differences at two step sizes, each with an error bound of its own.

For a step h along one direction, with S(h) = (f(x + h) - f(x - h)) / 2h:

    value      = S(h) + (S(h) - S(2h)) / 3          Richardson: the error of order h² is gone
    truncation = |S(h) - S(2h)| + |R - L| / 2       more than what Richardson took away, R and L the one-sided slopes
    round-off  = 3/2 noise / h                      the noise of the values
               + 2 eps |value| (s + 2h) / h         the rounding of the arguments, of size s in units of h

The noise of f is measured. h is the fourth root of the relative noise, 2^-13 in float64, times the scale of the
element. A kink shows in the one-sided slopes: R - L, extrapolated to h = 0, is zero for a smooth function. One too
slight to show, wherever it lies between the steps, shifts the value by less than the truncation.
No derivative rule is used anywhere in this file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygraph.check.probe import DOMAIN, EPS, OVERFLOW, Line, Probe, function
from tinygraph.op import bare
from tinygraph.tree import flatten

_FINER, _ROUNDS, _PERSISTENT, _TINY, _SHARP = 16.0, 8, 2, 2.0**20, 2.0**-20
_CANCELLED = 8.0  # where terms cancel to a constant, what a rule leaves of them is round-off of their size
METHODS = ("two-sided", "complex")
_BESIDE = (1.0, 2.0**4, 2.0**12, 2.0**18)
_FINE = 1e-5  # a relative error that no verdict minds
_FINEST = 2.0**30
_DOUBTS = (2.0**6, 2.0**12, 2.0**18)


class Estimate(NamedTuple):
    """A numeric derivative: |value - true derivative| <= bound where f is smooth.

    `left` and `right` are the one-sided slopes, `kink` says where they disagree beyond their bounds; `fault` says why
    there is no number: "outside the domain" or "overflow". All have the structure and shapes of the argument.
    """

    value: Any
    bound: Any
    left: Any
    right: Any
    kink: Any
    fault: Any = None


class Slope(NamedTuple):
    """The derivative along one line, at one step size."""

    value: float
    truncation: float
    roundoff: float
    left: float
    right: float
    suspect: bool  # the one-sided slopes disagree beyond their round-off
    step: float
    kink: bool = False
    fault: str = ""
    still: bool = False  # no value differed from that at the point
    nearby: float = 0.0  # the slope between one and two steps away, on the side where it is less

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.value) and np.isfinite(self.bound))

    @property
    def bound(self) -> float:
        return self.truncation + self.roundoff

    @property
    def jump(self) -> float:
        return abs(self.right - self.left)

    def noisier(self, level: float, claim: float) -> Slope:
        """The same, if the values had so much more noise, and what it is compared with had some of its own."""
        return self._replace(roundoff=self.roundoff + 1.5 * level / self.step + claim)

    @property
    def settled(self) -> bool:
        """Whether a smaller step has nothing to improve."""
        return self.settled_beside(0.0)

    def settled_beside(self, usual: float) -> bool:
        """Whether a smaller step has nothing to improve, among slopes of a usual size."""
        coarse = self.truncation > max(8.0 * self.roundoff, _FINE * abs(self.value), _FINE * usual)
        return self.finite and not self.suspect and not coarse


def _slope(probe: Probe, line: Line, h: float) -> Slope:
    """Five values on a line and what they say."""
    y0, w, fault, values = probe.y, probe.weights, "", []
    for t in (h, -h, 2.0 * h, -2.0 * h):
        values.append(probe(line(t)))
        fault = fault or probe.fault
    p1, m1, p2, m2 = values
    with np.errstate(all="ignore"):
        moved = (p1 != y0) | (m1 != y0) | (p2 != y0) | (m2 != y0)
        still = not moved.any()
        if still:
            moved = np.ones_like(moved)
        p1, m1, p2, m2, y0, w, noise = (a[moved] for a in (p1, m1, p2, m2, y0, w, probe.noise))
        near, far = float(w @ (p1 - m1)) / (2.0 * h), float(w @ (p2 - m2)) / (4.0 * h)
        right = float(w @ (4.0 * (p1 - y0) - (p2 - y0))) / (2.0 * h)
        left = float(w @ (4.0 * (y0 - m1) - (y0 - m2))) / (2.0 * h)
        value, level = near + (near - far) / 3.0, float(np.abs(w) @ noise)
        rounding = EPS * (line.size + 2.0 * h) / h
        roundoff = 1.5 * level / h + 2.0 * rounding * abs(value)
        if still:
            roundoff += _CANCELLED * EPS * float(np.abs(w).sum())
        suspect = abs(right - left) > 10.0 * level / h + 8.0 * rounding * (abs(left) + abs(right))
        suspect &= abs(right - left) > abs(near - far) / 8.0  # of less the truncation is bound enough
        truncation = abs(near - far) + abs(right - left) / 2.0
        nearby = min(abs(float(w @ (p2 - p1))), abs(float(w @ (m1 - m2)))) / h
        if not np.isfinite(value + truncation + roundoff):
            fault = fault or OVERFLOW
    return Slope(value, truncation, roundoff, left, right, suspect, h, fault=fault, still=still, nearby=nearby)


def slopes(probe: Probe, lines: Sequence[Line]) -> list[Slope]:
    """The derivatives along lines: all at the usual step, then those again that need another one."""
    firsts = [_slope(probe, line, probe.step) for line in lines]
    sizes = np.array([first.value * line.unit for first, line in zip(firsts, lines, strict=True) if first.finite])
    usual = float(np.sqrt(np.mean(np.square(sizes)))) if sizes.size else 0.0
    pairs = zip(lines, firsts, strict=True)
    found = [(first, slope(probe, line, first=first, usual=usual / line.unit)) for line, first in pairs]
    return [s._replace(nearby=float(np.fmax(s.nearby, first.nearby))) for first, s in found]


def slope(probe: Probe, line: Line, finer: float = 1.0, first: Slope | None = None, usual: float = 0.0) -> Slope:
    """The derivative along a line, at the step that suits it.

    An element far smaller than its array gets steps in proportion to itself where the usual one leaves the domain or
    sees a kink, and a tiny one a larger step where f rounds it away, as 1 + x does.
    """
    h = probe.step / finer
    first = first or _slope(probe, line, h)
    if not np.isfinite(probe.y).all():
        return first
    if first.still and line.unit > _TINY:
        return _refined(probe, line, h * line.unit)
    if line.size < 1.0 and not first.finite:
        return _refined(probe, line, h * line.size)
    found = _refined(probe, line, h, first, usual)
    if line.size < 1.0 and found.kink:
        own = _slope(probe, line, h * line.size)
        if own.finite and not own.suspect and own.bound <= _SHARP * abs(own.value):
            return own
    return found


def _refined(probe: Probe, line: Line, h: float, first: Slope | None = None, usual: float = 0.0) -> Slope:
    """The derivative along a line; smaller steps where the first is too wide, leaves the domain or sees a kink."""
    best, persistent = first or _slope(probe, line, h), 0
    for _ in range(_ROUNDS):
        if best.settled_beside(usual):
            return best
        h /= _FINER
        next_ = _slope(probe, line, h)
        if best.finite and next_.finite and best.suspect and next_.suspect and next_.jump >= best.jump / 2.0:
            persistent += 1
            if persistent == _PERSISTENT:
                return next_._replace(kink=True)
        if not best.finite or best.suspect or (next_.finite and next_.bound < best.bound):
            best = next_
        else:
            break
    return best._replace(truncation=best.truncation + best.jump) if best.suspect else best


def confirmed(probe: Probe, line: Line, first: Slope, claim: float, sharp: float) -> Slope:
    """A slope that contradicts a claim, or what smaller steps say: f may have jumps or kinks between the first ones.

    The finer one counts if it contradicts the first, or if it bears the claim out with a bound of at most `sharp`. What
    was measured as noise may have been jumps: the claim is borne out also where it agrees as if there were none.
    At a jump in the middle, S(h) grows as 1 / h however small h is, and the one-sided slopes agree.
    """
    hushed = probe.hushed()
    for finer in (*_DOUBTS, _FINEST):
        borne = _slope(hushed, line, probe.step / finer * line.size)
        probe.evaluations = hushed.evaluations
        if borne.finite and borne.bound <= sharp and abs(borne.value - claim) <= borne.bound:
            return borne
    for finer in _DOUBTS:
        again = slope(probe, line, finer)
        if not again.finite:
            continue
        if again.bound <= sharp and abs(again.value - claim) <= again.bound:
            return again
        if abs(again.value - first.value) > again.bound + first.bound:
            first = again
    jumps = first.truncation > max(abs(claim - first.value) / 4.0, 8.0 * first.roundoff)
    return first._replace(kink=True) if jumps else first


def beside(probe: Probe, line: Line) -> tuple[float, float]:
    """The least and the largest slope beside a kink or a jump, less and plus their error bounds.

    Each is taken between h and 2h from the point, which need not be on the same branch, at several steps; where they
    disagree, f is steep rather than bent, and the bounds are wide.
    """
    low, high = [], []
    for side in (1.0, -1.0):
        with np.errstate(all="ignore"):
            found = []
            for h in (side * probe.step / finer for finer in _BESIDE):
                far, near = probe(line(2.0 * h)), probe(line(h))
                found.append(float(probe.weights @ (far - near)) / h)
            level = float(np.abs(probe.weights) @ probe.noise)
            spread = max(abs(s - found[1]) for s in found)
            error = 2.0 * spread + (2.0 * level + 8.0 * EPS * abs(found[1])) * _BESIDE[-1] / probe.step
        low.append(found[1] - error)
        high.append(found[1] + error)
    return min(low), max(high)


def gather(slopes: Sequence[Slope], scale: Any = 1.0) -> Estimate:
    """Slopes, in units of the scale, as the columns of an estimate."""
    columns = [np.array([getattr(s, name) for s in slopes], dtype=np.float64) for name in Estimate._fields[:4]]
    with np.errstate(all="ignore"):
        value, bound, left, right = (column / scale for column in columns)
    fault = np.array([s.fault for s in slopes], dtype=f"<U{max(len(DOMAIN), len(OVERFLOW))}")
    return Estimate(value, bound, left, right, np.array([s.kink for s in slopes], dtype=bool), fault)


def elements(probe: Probe) -> Estimate:
    """The derivative by each element, as one vector."""
    return gather(slopes(probe, [probe.element(k) for k in range(probe.size)]), probe.scale)


def numeric_grad(
    f: Callable[[Any], Any], x: Any, *, cotangent: Any = None, method: str = "two-sided", seed: int = 0
) -> Estimate:
    """The gradient of f at x from values alone, with an error bound for each element.

    value_k ≈ ∂<cotangent, f(x)> / ∂x_k; it calls f 4n + 18 times for n elements, and 4 times more
    where an element needs another step.

    Args:
        f: a function of one argument; it gets copies in float64, also where x is float32.
        x: a real array, or a tree (dict, list, tuple) of them.
        cotangent: weights of the outputs; 1 for a scalar, else random and uneven, from `seed`.
        method: "two-sided", or "complex" for an f in plain NumPy that is analytic: it takes the complex step, whose
            bound is a few units in the last place, and makes sure that it agrees with two-sided differences.

    Returns:
        An `Estimate`: value, bound, left and right slope, kink and fault, each in the structure and shapes of x.

    Raises:
        ValueError: a cotangent of another size than the output; a method that does not exist; "complex" for an f that
            takes no complex numbers, or is not analytic, as abs is not.

    Example:
        >>> found = numeric_grad(lambda x: (x**3).sum(), np.array([1.0, 2.0]))
        >>> found.value.round(9)
        array([ 3., 12.])
        >>> bool((abs(found.value - [3.0, 12.0]) <= found.bound).all()), found.bound.max() < 1e-6
        (True, np.True_)
        >>> numeric_grad(abs, 0.0).kink
        array(True)
        >>> numeric_grad(np.exp, 1.0, method="complex").bound < 1e-13
        np.True_
    """
    if method not in METHODS:
        raise ValueError(f"method {method!r} is not one of {', '.join(METHODS)}")
    leaves, rebuild = flatten(x)
    called = function(f)
    probe = Probe(lambda *xs: called(rebuild(xs)), [bare(leaf) for leaf in leaves], cotangent, seed)
    found = elements(probe)
    if method == "complex":
        found = complex_step(probe, found)

    def shaped(flat: Any) -> Any:
        parts = np.split(flat, probe.offsets[1:-1])
        return rebuild([part.reshape(b.shape) for part, b in zip(parts, probe.base, strict=True)])

    return Estimate(*map(shaped, found))


def complex_step(probe: Probe, sided: Estimate) -> Estimate:
    """Im f(x + ih) / h, which takes no difference and so loses no digits; kinks and faults are from the two sides.

    Squire and Trapp, Using complex variables to estimate derivatives of real functions, SIAM Rev. 40, 1998. The error
    is measured by a second h, and never said to be less than a few units in the last place of the terms of the sum.

    Raises:
        ValueError: f takes no complex numbers, or is not analytic.
    """
    value, bound = np.empty(probe.size), np.empty(probe.size)
    with np.errstate(all="ignore"):
        for k in range(probe.size):
            first, second = (probe.imaginary(k, h) for h in (2.0**-100, 3.0 * 2.0**-102))
            value[k] = probe.weights @ first
            bound[k] = np.abs(probe.weights) @ (8.0 * EPS * np.abs(first) + 4.0 * np.abs(first - second))
        smooth = ~sided.kink & np.isfinite(sided.value) & np.isfinite(sided.bound)
        apart = smooth & ~(np.abs(value - sided.value) <= sided.bound + bound)
    if apart.any():
        k = int(np.flatnonzero(apart)[0])
        raise ValueError(
            f"method='complex': the complex step gives {value[k]:.6g} for element {k}, two-sided differences "
            f"{sided.value[k]:.6g} ± {sided.bound[k]:.1e}; f is not analytic, so use method='two-sided'"
        )
    return sided._replace(value=np.where(smooth, value, sided.value), bound=np.where(smooth, bound, sided.bound))
