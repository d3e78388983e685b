"""The comparison itself: exact derivatives at a point, numeric ones, and a verdict for each element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygraph.check.differences import Estimate, confirmed, gather, slopes
from tinygraph.check.point import Point
from tinygraph.check.probe import Line, Probe
from tinygraph.check.relation import relation
from tinygraph.check.report import Comparison, Report
from tinygraph.check.verdict import POWER, RANDOM, WRONG, judge, usual
from tinygraph.op import bare
from tinygraph.tensor import Tensor
from tinygraph.transforms import grad, jacobian
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
) -> Report:
    """`compare_grads` at a point, without looking for the operation that is at fault."""
    sides = 1 if directions is not None else 2
    if gradient is not None:
        if order == 2:
            raise ValueError("order 2 needs tinygraph's own gradient; check the gradient as a function instead")
        probe = Probe(point.plain, point.leaves, None, seed, sides)
        if probe.y.size != 1:
            raise ValueError("a gradient of one's own is compared for a function that returns one scalar")
        exact, label = point.given(gradient), "given"
    else:
        probe = Probe(point.recorded, point.leaves, None, seed, sides)
        scalar = contracted(point.recorded, probe.weights)
        if order == 2:
            scalar = slope_along(scalar, point.random(seed))
            probe = Probe(scalar, point.leaves, None, seed, sides)
        exact, label = _exact(scalar, point.wide, mode), mode
    parts = [_aligned(g, x, name) for g, x, name in zip(exact, point.leaves, point.names, strict=True)]
    notes = point.notes
    if directions is not None and not any(problem for _, problem in parts):
        compared = [_projected(probe, [g for g, _ in parts], directions, power, seed)]
    else:
        compared = _elementwise(probe, parts, point, power)
        notes = notes if gradient is not None else (*notes, *_related(compared, point))
    if not probe.deterministic:
        compared = [Comparison(c.name, c.exact, c.numeric, np.full_like(c.verdicts, RANDOM)) for c in compared]
        notes = point.notes
    return Report(tuple(compared), label, order, probe.evaluations, notes)


def lengths(names: Sequence[str], arrays: Sequence[Any]) -> dict[str, int]:
    """The numbers that a gradient is often off by: the lengths of the axes, by what they are."""
    axes = [(name, a, n) for name, x in zip(names, arrays, strict=True) for a, n in enumerate(np.shape(x))]
    return {f"the length of axis {a} of {name}": n for name, a, n in axes}


def _related(compared: Sequence[Comparison], point: Point) -> list[str]:
    """What each wrong gradient has to do with the right one."""
    notes = []
    for c, x in zip(compared, point.leaves, strict=True):
        words = relation(c.exact, c.numeric, x, lengths(point.names, point.leaves)) if c.count(WRONG) else None
        notes += [f"the gradient of {c.name} is {words}"] if words else []
    return notes


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


def _exact(scalar: Function, leaves: Sequence[Any], mode: str) -> list[Any]:
    numbers = tuple(range(len(leaves)))
    gradient = grad(scalar, numbers) if mode == "rev" else jacobian(scalar, numbers, mode="fwd")
    with np.errstate(all="ignore"):
        return list(gradient(*leaves))


def _aligned(g: Any, x: Any, name: str) -> tuple[Any, str | None]:
    """A gradient as an array like its argument, and what is wrong if it cannot be."""
    g = np.asarray(g)
    if g.shape == np.shape(x) and g.dtype.kind == "f":
        return g.astype(np.float64), None
    problem = f"a gradient of shape {g.shape} and dtype {g.dtype} for an argument of shape {np.shape(x)}"
    return np.full(np.shape(x), np.nan), problem


def _judged(probe: Probe, lines: Sequence[Line], exact: Any, scale: Any, power: float) -> tuple[Estimate, Any]:
    """Numeric derivatives along lines, and the verdicts; what looks wrong is looked at twice."""
    found = slopes(probe, lines)
    numeric = gather(found, scale)
    verdicts = judge(exact, numeric, power)
    doubtful = [int(k) for k in np.flatnonzero(verdicts == WRONG)]
    sharp = power * usual(numeric) * np.broadcast_to(scale, exact.shape)
    claims = exact * scale
    for k in doubtful:
        found[k] = confirmed(probe, lines[k], found[k], claims[k], max(sharp[k], power * abs(claims[k])))
    if doubtful:
        numeric = gather(found, scale)
        verdicts = judge(exact, numeric, power)
    return numeric, verdicts


def _elementwise(probe: Probe, parts: Sequence[tuple[Any, str | None]], point: Point, power: float) -> list[Comparison]:
    """Compare every element, array by array."""
    compared = []
    for i, (g, problem) in enumerate(parts):
        places = range(probe.offsets[i], probe.offsets[i + 1])
        scale = probe.scale[places.start : places.stop]
        numeric, verdicts = _judged(probe, [probe.element(k) for k in places], g.ravel(), scale, power)
        numeric = Estimate(*(column.reshape(g.shape) for column in numeric))
        if problem is not None:
            verdicts = np.full_like(verdicts, WRONG)
        compared.append(Comparison(point.names[i], g, numeric, verdicts.reshape(g.shape), problem))
    return compared


def _projected(probe: Probe, gradients: Sequence[Any], count: int, power: float, seed: int) -> Comparison:
    """Compare along random directions, in which every element moves in proportion to its scale."""
    flat = np.concatenate([g.ravel() for g in gradients])
    length = 2.0 ** np.round(np.log2(max(probe.size, 1)) / 2.0)
    signs = np.random.default_rng(seed + 2).choice([-1.0, 1.0], (count, probe.size)) * probe.scale / length
    exact = signs @ flat
    numeric, verdicts = _judged(probe, [probe.along(v) for v in signs], exact, 1.0, power)
    return Comparison("direction", exact, numeric, verdicts)
