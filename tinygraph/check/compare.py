"""The comparison itself: exact derivatives at a point, numeric ones, and a verdict for each element."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from tinygraph.check.differences import Estimate, confirmed, gather, slopes
from tinygraph.check.point import Point
from tinygraph.check.probe import Line, Probe
from tinygraph.check.relation import related
from tinygraph.check.report import Comparison, Report
from tinygraph.check.rounding import RoundOff
from tinygraph.check.verdict import POWER, RANDOM, WRONG, judge, usual
from tinygraph.op import bare
from tinygraph.tensor import Tensor
from tinygraph.transforms import grad
from tinygraph.transforms.jacobians import jacobian
from tinygraph.tree import flatten

Function = Callable[..., Any]


def compare(
    point: Point,
    *,
    gradient: Function | None = None,
    order: int = 1,
    mode: str = "rev",
    directions: int | None = None,
    power: float = POWER,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
) -> Report:
    """`compare_grads` at a point, without looking for the operation that is at fault; `sizes` as in `compare_pair`."""
    if directions is not None and directions < 1:
        raise ValueError(f"directions={directions}: along one at least; None looks at each element")
    probe, derivative, leaves = _sought(point, gradient, order, mode, 1 if directions is not None else 2, seed)
    label = mode if gradient is None else "given"
    claimed = derivative(*leaves)
    parts = [_aligned(g, x) for g, x in zip(claimed, leaves, strict=True)]
    signs = _signs(probe, directions, seed) if directions is not None and not any(p for _, p in parts) else None

    def claims(*xs: Any) -> Any:
        flat = np.concatenate([_aligned(g, x)[0].ravel() for g, x in zip(derivative(*xs), leaves, strict=True)])
        return flat if signs is None else signs @ flat

    roundoff = RoundOff(probe, claims, leaves)
    if signs is not None:
        exact = signs @ np.concatenate([g.ravel() for g, _ in parts])
        numeric, verdicts = _judged(probe, [probe.along(v) for v in signs], exact, np.ones(len(signs)), power, roundoff)
        compared = [Comparison("direction", exact, numeric, verdicts)]
    else:
        compared = _elementwise(probe, parts, point, power, roundoff)
    if not probe.deterministic:
        compared = [Comparison(c.name, c.exact, c.numeric, np.full_like(c.verdicts, RANDOM)) for c in compared]
    notes = point.notes
    if signs is None and probe.deterministic:
        notes = (*notes, *related(compared, claimed, leaves, sizes or {}))
    return Report(tuple(compared), label, order, probe.evaluations, notes)


def _sought(
    point: Point, gradient: Function | None, order: int, mode: str, sides: int, seed: int
) -> tuple[Probe, Function, list[Any]]:
    """The function whose values are looked at, its claimed derivatives as a function, and where they are claimed."""
    if gradient is not None:
        if order == 2:
            raise ValueError("order 2 needs tinygraph's own gradient; check the gradient as a function instead")
        probe = Probe(point.plain, point.leaves, None, seed, sides)
        if probe.y.size != 1:
            raise ValueError(
                f"a gradient of one's own belongs to a function that returns one scalar, not {probe.y.size} numbers; "
                "the function comes first, then its gradient"
            )
        return probe, partial(point.given, gradient), point.leaves
    try:
        probe = Probe(point.recorded, point.leaves, None, seed, sides)
    except TypeError as error:
        _advise(error, point)
        raise
    scalar = contracted(point.recorded, probe.weights)
    if order == 2:
        scalar = slope_along(scalar, point.random(seed))
        probe = Probe(scalar, point.leaves, None, seed, sides)
    return probe, partial(_exact, scalar, mode), point.wide


def _advise(error: TypeError, point: Point) -> None:
    """What habits of other libraries lead to."""
    if isinstance(point.args[0], tuple):
        error.add_note("the arguments come one by one, as in check_grads(f, x, y); a tuple is one argument")
    for library in ("torch", "jax"):
        if library in sys.modules and "Tensor" in str(error):
            error.add_note(
                f"of a function of {library}: check_pair(*{library}_pair(f), x), see tinygraph.check.adapters"
            )


def contracted(f: Function, weights: Any) -> Function:
    """<weights, f>, a scalar, of the real outputs of f."""

    def scalar(*leaves: Any) -> Any:
        outputs = [y for y in flatten(f(*leaves))[0] if np.asarray(bare(y)).dtype.kind == "f"]
        total, start = Tensor(0.0, requires_grad=False), 0
        for y in outputs:
            size = int(np.size(bare(y)))
            total = total + (y * weights[start : start + size].reshape(np.shape(bare(y)))).sum()
            start += size
        return total

    return scalar


def slope_along(scalar: Function, directions: Sequence[Any]) -> Function:
    """<directions, gradient of a scalar function>."""
    first = grad(scalar, argnums=tuple(range(len(directions))))

    def along(*leaves: Any) -> Any:
        return sum((g * u).sum() for g, u in zip(first(*leaves), directions, strict=True))

    return along


def _exact(scalar: Function, mode: str, *leaves: Any) -> list[Any]:
    numbers = tuple(range(len(leaves)))
    gradient = grad(scalar, numbers) if mode == "rev" else jacobian(scalar, numbers, mode="fwd")
    with np.errstate(all="ignore"):
        return [bare(g) for g in gradient(*leaves)]  # a Tensor, where f closes over one


def _aligned(g: Any, x: Any) -> tuple[Any, str | None]:
    """A gradient as an array like its argument, and what is wrong if it cannot be."""
    g = np.asarray(g)
    if g.shape == np.shape(x) and g.dtype.kind == "f":
        return g.astype(np.float64), None
    problem = f"a gradient of shape {g.shape} and dtype {g.dtype} for an argument of shape {np.shape(x)}"
    return np.full(np.shape(x), np.nan), problem


def _judged(
    probe: Probe, lines: Sequence[Line], exact: Any, scale: Any, power: float, roundoff: RoundOff, start: int = 0
) -> tuple[Estimate, Any]:
    """Numeric derivatives along lines, and the verdicts.

    What looks wrong is looked at twice; if it still does, the round-off of both sides is measured and added. The claims
    are those from `start` on.
    """
    found = slopes(probe, lines)
    numeric = gather(found, scale)
    with np.errstate(all="ignore"):
        claims, nearby = exact * scale, np.array([s.nearby for s in found]) / scale
        sharp = np.maximum(power * usual(numeric) * scale, power * np.abs(claims))
    verdicts = judge(exact, numeric, power, nearby)
    for k in map(int, np.flatnonzero(verdicts == WRONG)):
        found[k] = confirmed(probe, lines[k], found[k], claims[k], sharp[k])
    numeric = gather(found, scale)
    verdicts = judge(exact, numeric, power, nearby)
    for k in map(int, np.flatnonzero((verdicts == WRONG) & np.isfinite(exact))):
        found[k] = found[k].noisier(roundoff.level, roundoff.claims[start + k] * scale[k])
    numeric = gather(found, scale)
    return numeric, judge(exact, numeric, power, nearby)


def _elementwise(
    probe: Probe, parts: Sequence[tuple[Any, str | None]], point: Point, power: float, roundoff: RoundOff
) -> list[Comparison]:
    """Compare every element, array by array."""
    compared = []
    for i, (g, problem) in enumerate(parts):
        places = range(probe.offsets[i], probe.offsets[i + 1])
        scale, lines = probe.scale[places.start : places.stop], [probe.element(k) for k in places]
        numeric, verdicts = _judged(probe, lines, g.ravel(), scale, power, roundoff, places.start)
        numeric = Estimate(*(column.reshape(g.shape) for column in numeric))
        if problem is not None:
            verdicts = np.full_like(verdicts, WRONG)
        compared.append(Comparison(point.names[i], g, numeric, verdicts.reshape(g.shape), problem))
    return compared


def _signs(probe: Probe, count: int, seed: int) -> Any:
    """Random directions, in which every element moves in proportion to its scale."""
    length = 2.0 ** np.round(np.log2(max(probe.size, 1)) / 2.0)
    return np.random.default_rng(seed + 2).choice([-1.0, 1.0], (count, probe.size)) * probe.scale / length
