"""A gradient of many parameters seen along two random directions, at a fixed price."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygraph.check.differences import Slope, _slope, gather
from tinygraph.check.pairs import like
from tinygraph.check.probe import _SPACING, Leaves, Probe, Vector
from tinygraph.check.report import Comparison, Report
from tinygraph.check.rounding import SAMPLES, sample, spread
from tinygraph.check.verdict import POWER, RANDOM, RIGHT, WRONG, judge
from tinygraph.op import bare
from tinygraph.transforms import grad
from tinygraph.tree import flatten

CALLS = 20
_FINER, _TWICE = 32.0, 2
_ONE = 16.0  # how far round-off may go, in that of one sample


class Thrifty(Probe):
    """A probe that measures noise on one side of the point alone: ten calls before the first slope."""

    _grids = (_SPACING,)

    def __call__(self, leaves: Leaves) -> Vector:
        if leaves is self.base and self.evaluations >= _TWICE:  # there is no more to spend on the point itself
            return self.y
        return super().__call__(leaves)


def compare_along(
    f: Callable[[Any], Any],
    x: Any,
    *,
    gradient: Callable[[Any], Any] | None = None,
    power: float = POWER,
    seed: int = 0,
) -> Report:
    """Compare a gradient of one number along two random directions, with at most 20 calls of f however many elements.

    <gradient, v> ≈ (f(x + hv) - f(x - hv)) / 2h, for v of random signs, every element in proportion to its scale. Where
    the first direction does not come out right, the second look is along the same one, with a step 32 times finer.

    Args:
        f: a function of one array or tree of arrays, all of them real, that returns one number.
        gradient: of x, in its structure; None takes tinygraph's.
        power: the relative fault that must be visible for a verdict of "right".
        seed: of the directions.

    Raises:
        ValueError: f returns more than one number, or the gradient's shapes are not the argument's.

    Example:
        >>> x = np.linspace(-2.0, 2.0, 10_000)
        >>> report = compare_along(lambda x: np.sin(x).sum(), x)
        >>> report.ok, report.evaluations <= 20
        (True, True)
        >>> compare_along(lambda x: np.sin(x).sum(), x, gradient=lambda x: 1.001 * np.cos(x)).ok
        False
    """
    leaves, rebuild = flatten(x)
    probe = Thrifty(lambda *xs: f(rebuild(xs)), [bare(leaf) for leaf in leaves], None, seed)
    if probe.y.size != 1:
        raise ValueError(f"a function that returns one number, not {probe.y.size}")

    def claims(*at: Any) -> Any:
        found = like(x, (gradient or grad(f))(rebuild([base.copy() for base in at])))
        parts = [np.asarray(bare(g), dtype=np.float64) for g in flatten(found)[0]]
        if [g.shape for g in parts] != [base.shape for base in probe.base]:
            raise ValueError(f"the gradient's shapes are {', '.join(str(g.shape) for g in parts)}, not the argument's")
        return np.concatenate([g.ravel() for g in parts])

    flat = claims(*probe.base)
    length = 2.0 ** np.round(np.log2(max(probe.size, 1)) / 2.0)
    signs = np.random.default_rng(seed + 2).choice([-1.0, 1.0], (2, probe.size)) * probe.scale / length
    exact, calls = signs @ flat, int(gradient is None)
    slopes, used = [_slope(probe, probe.along(signs[0]), probe.step)], [0]
    if judge(exact[:1], gather([_honest(slopes[0])]), power) == RIGHT:
        slopes, used = [*slopes, _slope(probe, probe.along(signs[1]), probe.step)], [0, 1]
    else:
        again = _slope(probe, probe.along(signs[0]), probe.step / _FINER)
        slopes = [again if again.finite and (again.bound < slopes[0].bound or not slopes[0].finite) else slopes[0]]
    slopes, exact = [_honest(s) for s in slopes], exact[used]
    verdicts = judge(exact, gather(slopes), power)
    if np.any(verdicts == WRONG) and np.isfinite(exact).all():
        rounding = _rounding(probe, claims, flat, signs[used], SAMPLES if gradient else 1)
        calls *= 2
        slopes = [s.noisier(0.0, r) if v == WRONG else s for s, r, v in zip(slopes, rounding, verdicts, strict=True)]
        verdicts = judge(exact, gather(slopes), power)
    if not probe.deterministic:
        verdicts = np.full_like(verdicts, RANDOM)
    compared = Comparison("direction", exact, gather(slopes), verdicts)
    return Report((compared,), "given" if gradient else "rev", 1, probe.evaluations + calls)


def _rounding(probe: Probe, claims: Callable[..., Any], flat: Vector, signs: Vector, samples: int) -> Vector:
    """How far round-off may take the claims along directions; one sample of tinygraph's own has to do, it calls f."""
    if samples > 1:
        return spread(lambda *xs: [signs @ claims(*xs)], probe.base, probe.eps, samples, far=True)[0]
    there = sample(lambda *xs: [claims(*xs)], probe.base, probe.eps)[0]
    return np.asarray(_ONE * np.abs(signs) @ np.abs(there - flat))


def _honest(s: Slope) -> Slope:
    """What differs from side to side is uncertain by as much."""
    return s._replace(truncation=s.truncation + s.jump) if s.suspect else s
