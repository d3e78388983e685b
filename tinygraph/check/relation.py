"""What a wrong gradient has to do with the right one: a factor, a sign, a transpose, a sum too few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from tinygraph.check.differences import Estimate
from tinygraph.check.report import Comparison
from tinygraph.check.verdict import RIGHT, WRONG

Array = np.ndarray[Any, Any]
_LOOSE, _FEW, _CLEAR = 1e-6, 2, 100.0


def related(
    compared: Sequence[Comparison], claimed: Sequence[Any], xs: Sequence[Any], sizes: Mapping[str, int]
) -> list[str]:
    """For each array with wrong elements what it has to do with the right one, as far as that can be told.

    Args:
        compared: one for each array.
        claimed, xs: its gradient, of whatever shape, and the array itself.
        sizes: numbers that a gradient may be off by, by name; those of the arrays' axes are added.

    Example:
        >>> from tinygraph.check import compare_grads
        >>> compare_grads(lambda x: x**2, 3.0, gradient=lambda x: -2 * x).notes
        ('the gradient of x0 is of the wrong sign',)
    """
    known, notes = {**sizes, **lengths([c.name for c in compared], xs)}, []
    for c, g, x in zip(compared, claimed, xs, strict=True):
        if c.count(WRONG):
            words = _exchanged(c, g, compared) or relation(g, c.numeric, x, known) or _partly(c, x, known)
            notes += [f"the gradient of {c.name} is {words}"] if words else []
    return notes


def lengths(names: Sequence[str], arrays: Sequence[Any]) -> dict[str, int]:
    """The numbers that a gradient is often off by: the lengths of the axes, by what they are; 2 is just a number."""
    axes = [(name, a, n) for name, x in zip(names, arrays, strict=True) for a, n in enumerate(np.shape(x))]
    return {f"the length of axis {a} of {name}": n for name, a, n in axes if n > 2}


def _partly(c: Comparison, x: Any, sizes: Mapping[str, int]) -> str | None:
    """What is the matter with the wrong elements, where others are right."""
    wrong = c.verdicts == WRONG
    if c.problem is not None or wrong.all():
        return None
    known = np.isin(c.verdicts, (RIGHT, WRONG))
    places = {"negative": x < 0, "positive": x > 0, "zero": x == 0, "above 1 in size": abs(x) > 1}
    where = [name for name, at in places.items() if wrong.sum() > 1 and np.array_equal(wrong[known], at[known])]
    words = relation(c.exact, c.numeric._replace(kink=~wrong), sizes=sizes)
    if not words and not where:
        return None
    place = f"just where the argument is {where[0]}" if where else f"in {wrong.sum()} of {wrong.size} elements"
    return f"{words or 'wrong'} {place}"


def _exchanged(own: Comparison, claimed: Any, compared: Sequence[Comparison]) -> str | None:
    """Whether this is the gradient of another argument."""
    for other in compared:
        if other is not own and other.verdicts.shape == np.shape(claimed) and np.any(other.numeric.value):
            with np.errstate(all="ignore"):
                same = np.abs(np.asarray(claimed) - other.numeric.value) <= other.numeric.bound
            if np.all(same):
                return f"that of {other.name}: exchanged"
    return None


def relation(claimed: Any, numeric: Estimate, x: Any = None, sizes: Mapping[str, int] | None = None) -> str | None:
    """What has to be done to a wrong gradient to make it right, in words; None if nothing simple does.

    claimed = c * value, for a c that is told by name: -1, 2, 1/2, one of the sizes or one over it; also for a
    transposed, reshaped or not yet summed `claimed`; value - claimed = c * x tells of a missing regulariser, and a
    symmetric `claimed` of a function that reads one triangle.

    Args:
        claimed: somebody's gradient, of any shape.
        numeric: the derivative and its error bound.
        x: the argument.
        sizes: numbers that may be a factor, by what they are: {"m, the samples": 5}.

    Example:
        >>> from tinygraph.check import numeric_grad
        >>> x = np.array([[1.0, 2.0], [3.0, 5.0]])
        >>> squares = numeric_grad(lambda x: (x * x).sum(), x)
        >>> relation(x, squares)
        '2 times too small'
        >>> relation(-10.0 * x, squares, sizes={"m": 5})
        'of the wrong sign and 5 times too large (5 is m)'
        >>> relation(2.0 * x.T, squares)
        'transposed'
    """
    claimed, value = np.asarray(claimed, dtype=np.float64), np.asarray(numeric.value, dtype=np.float64)
    bound = np.asarray(numeric.bound, dtype=np.float64)
    usable = np.isfinite(value) & np.isfinite(bound) & ~np.asarray(numeric.kink, dtype=bool)
    if not claimed.size or not np.isfinite(claimed).all() or not usable.any():
        return None
    if not claimed.any():
        return "zero everywhere"
    for words, brought in _brought(claimed, value.shape):
        factor = _factor(brought[usable], value[usable], bound[usable], sizes or {})
        if factor is not None:
            told = _told(factor, sizes or {})
            return " and ".join(part for part in (words, told) if part) or None
    if claimed.shape != value.shape:
        return _summed_too_far(claimed, value, bound) if usable.all() else None
    if usable.all() and _one_triangle(claimed, value, bound):
        return "that by symmetric matrices, while one triangle is read: check f of (x + xᵀ) / 2 in place of f"
    return _regulariser(claimed[usable], value[usable], bound[usable], np.asarray(x)[usable]) if x is not None else None


def _brought(claimed: Array, shape: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    """The claimed gradient in the right shape, in each way that there is, and what that way is called."""
    if claimed.shape == shape:
        yield "", claimed
    if claimed.ndim > 1 and claimed.T.shape == shape:
        yield "transposed", claimed.T
    if claimed.shape != shape and claimed.size == int(np.prod(shape)):
        yield f"of shape {claimed.shape} instead of {shape} (keepdims=True, or reshape)", claimed.reshape(shape)
    for count in range(1, claimed.ndim + 1):
        for axes in combinations(range(claimed.ndim), count):
            kept = claimed.sum(axis=axes, keepdims=True)
            if claimed.shape != shape and kept.size == int(np.prod(shape)) != claimed.size:
                missing = f"not summed over axis {', '.join(map(str, axes))}, of length {claimed.size // kept.size}"
                yield missing, kept.reshape(shape)


def _fits(claimed: Array, value: Array, bound: Array, factor: float) -> bool:
    with np.errstate(all="ignore"):
        slack = abs(factor) * (bound + _LOOSE * np.abs(value))
        return bool(np.all(np.abs(claimed - factor * value) <= slack))


def _factor(claimed: Array, value: Array, bound: Array, sizes: Mapping[str, int]) -> float | None:
    """The c of claimed = c * value: 1, one of those that have a name, or what least squares say."""
    if not np.any(np.abs(value) > _CLEAR * bound):
        return None
    numbers = [1.0, 2.0, *(float(n) for n in sizes.values() if n > 1)]
    named = [sign * c for n in numbers for c in (n, 1.0 / n) for sign in (1.0, -1.0)]
    for c in named:
        if _fits(claimed, value, bound, c):
            return c
    with np.errstate(all="ignore"):
        c = float(claimed @ value / (value @ value)) if value.any() else 0.0
        sharp = np.sum(np.abs(value) > 1e3 * bound) >= _FEW
    return c if c and np.isfinite(c) and sharp and _fits(claimed, value, bound, c) else None


def _told(factor: float, sizes: Mapping[str, int]) -> str:
    """A factor in words; nothing for 1."""
    size = abs(factor) if abs(factor) >= 1.0 else 1.0 / abs(factor)
    parts = ["of the wrong sign"] if factor < 0.0 else []
    if size > 1.0 + 1e-9:
        text = f"{size:.6g} times too {'large' if abs(factor) > 1.0 else 'small'}"
        meant = [name for name, n in sizes.items() if n > 1 and abs(size / n - 1.0) < 1e-9]
        parts.append(text + (f" ({size:.6g} is {meant[0]})" if meant else ""))
    return " and ".join(parts)


def _summed_too_far(claimed: Array, value: Array, bound: Array) -> str | None:
    """Whether a gradient of too few elements is the sum of the right one over some axes."""
    for count in range(1, value.ndim + 1):
        for axes in combinations(range(value.ndim), count):
            total = value.sum(axis=axes)
            if total.size == claimed.size != value.size:
                error = bound.sum(axis=axes).ravel()
                if _fits(claimed.ravel(), total.ravel(), error, 1.0):
                    return f"summed over axis {', '.join(map(str, axes))}, over which it must not be summed"
    return None


def _one_triangle(claimed: Array, value: Array, bound: Array) -> bool:
    """Whether a symmetric gradient has, added up in one triangle, what f makes of changes of that triangle alone."""
    turned = np.swapaxes(claimed, -1, -2) if claimed.ndim > 1 else claimed
    if claimed.ndim < 2 or turned.shape != claimed.shape or not np.allclose(claimed, turned, rtol=1e-9, atol=1e-12):
        return False
    beside = ~np.eye(claimed.shape[-1], dtype=bool)
    clear = np.any(np.abs(value[..., beside]) > _CLEAR * bound[..., beside])
    both = np.where(beside, 2.0, 1.0) * claimed
    return bool(clear) and any(_fits(part(both), value, bound, 1.0) for part in (np.tril, np.triu))


def _regulariser(claimed: Array, value: Array, bound: Array, x: Array) -> str | None:
    """Whether a multiple of the argument is all that is missing."""
    if x.size < _FEW or not np.isfinite(x).all() or not x.any():
        return None
    lacking, power = value - claimed, float(x @ x)
    c = float(lacking @ x) / power
    if np.all(np.abs(lacking - c * x) <= bound + _LOOSE * np.abs(c * x)):
        return f"without {c:.4g} times the argument itself, which is the gradient of an L2 penalty"
    return None
