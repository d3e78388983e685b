"""Anybody's gradients: a function and what somebody says its gradient is, two callables without a graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinygraph.check.gradients import compare_grads
from tinygraph.check.relation import relation
from tinygraph.check.report import Comparison, GradientError, Report
from tinygraph.check.verdict import POWER, RIGHT, WRONG
from tinygraph.op import bare
from tinygraph.tree import flatten

Function = Callable[..., Any]


def compare_pair(
    value: Function,
    gradient: Function,
    *x: Any,
    directions: int | None = None,
    power: float = POWER,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
) -> Report:
    """Compare a gradient that somebody wrote with two-sided differences of the function's values.

    gradient(*x)_k ≈ ∂value(*x) / ∂x_k; where it is not, a note says what it has to do with the right one.

    Args:
        value: a function of arrays and trees (dict, list, tuple) of arrays that returns one number.
        gradient: of the same arguments; it returns one array for each real array in them, in their structure. The
            entries of a dict may come in any order, and dW may stand for W.
        x: the arguments; they are copied, and integers are held constant.
        directions: the number of random directions to look along instead of at each element.
        power: the relative fault that must be visible for a verdict of "right".
        seed: of the directions.
        sizes: numbers that a wrong gradient may be off by, by name, such as {"m": 5}; the shapes' numbers are known.

    Raises:
        ValueError: the function returns no scalar, or the gradient another number of arrays than there are arguments.
        TypeError: no argument is real.

    Example:
        >>> w, x = np.array([1.0, -2.0]), np.array([[3.0, 1.0], [2.0, 5.0], [1.0, 1.0]])
        >>> cost = lambda w: np.mean((x @ w) ** 2)
        >>> compare_pair(cost, lambda w: 2 * x.T @ (x @ w) / 3, w).right
        2
        >>> for note in compare_pair(cost, lambda w: 2 * x.T @ (x @ w), w, sizes={"m": 3}).notes:
        ...     print(note)
        the gradient of x0 is 3 times too large (3 is m)
    """
    claimed: list[Any] = []

    def matched(*args: Any) -> Any:
        given = gradient(*args)
        one = len(args) == 1 and not (isinstance(given, tuple) and len(given) == 1)
        given = like(args[0] if one else args, given)
        claimed[:] = claimed or [given]
        return given

    report = compare_grads(value, *x, gradient=matched, directions=directions, power=power, seed=seed)
    return replace(report, notes=(*report.notes, *related(report, claimed[0], x, sizes or {})))


def check_pair(
    value: Function,
    gradient: Function,
    *x: Any,
    directions: int | None = None,
    power: float = POWER,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
) -> None:
    """Raise if a gradient that somebody wrote is not what two-sided differences of the function's values say.

    The arguments are those of `compare_pair`.

    Raises:
        GradientError: an element is wrong, or none could be verified; `.report` has them all.

    Example:
        >>> check_pair(lambda p: p["a"] * p["b"] ** 2, lambda p: {"da": p["b"] ** 2, "db": 2 * p["a"] * p["b"]},
        ...            {"a": 2.0, "b": -3.0})
        >>> check_pair(np.sin, lambda x: -np.cos(x), 1.0)  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        GradientError: gradients of order 1, mode given: 0 right, 1 wrong, ...
    """
    report = compare_pair(value, gradient, *x, directions=directions, power=power, seed=seed, sizes=sizes)
    if not report.ok:
        raise GradientError(report)


def named(report: Report, names: Sequence[str]) -> Report:
    """A report with the arguments' own names for x0, x1, ...

    Example:
        >>> named(compare_pair(np.sin, np.cos, 1.0), ["angle"]).comparisons[0].name
        'angle'
    """

    def own(text: str) -> str:
        return re.sub(r"\bx(\d+)\b", lambda m: names[int(m[1])] if int(m[1]) < len(names) else m[0], text)

    compared = tuple(replace(c, name=own(c.name)) for c in report.comparisons)
    return replace(report, comparisons=compared, notes=tuple(map(own, report.notes)))


def related(report: Report, claimed: Any, x: Any, sizes: Mapping[str, int]) -> list[str]:
    """For each array with wrong elements what it has to do with the right one, as far as that can be told.

    Args:
        report: its comparisons are in the order of the real leaves of x.
        claimed, x: a gradient and its arguments, as trees.
        sizes: numbers that a gradient may be off by, by name; those of the arguments' axes are added.

    Example:
        >>> from tinygraph.check import compare_grads
        >>> report = compare_grads(lambda x: x**2, 3.0, gradient=lambda x: -2 * x)
        >>> related(report, -6.0, 3.0, {})
        ['the gradient of x0 is of the wrong sign']
    """
    leaves, found = ([bare(leaf) for leaf in flatten(tree)[0]] for tree in (x, claimed))
    real = [i for i, leaf in enumerate(leaves) if type(leaf) is int or np.asarray(leaf).dtype.kind == "f"]
    if len(found) == len(leaves):
        found = [found[i] for i in real]
    if not len(found) == len(real) == len(report.comparisons):  # along directions there are no arrays to compare
        return []
    notes = []
    for place, (i, c) in enumerate(zip(real, report.comparisons, strict=True)):
        if c.count(WRONG) and c.verdicts.shape == np.shape(leaves[i]):
            lengths = {
                f"the length of axis {a} of {o.name}": n for o in report.comparisons for a, n in _axes(o) if n > 2
            }
            words = _exchanged(place, found[place], report.comparisons)
            words = words or relation(found[place], c.numeric, leaves[i], {**sizes, **lengths})
            words = words or _partly(c, leaves[i], {**sizes, **lengths})
            notes += [f"the gradient of {c.name} is {words}"] if words else []
    return notes


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


def _axes(comparison: Comparison) -> Iterable[tuple[int, int]]:
    return enumerate(comparison.verdicts.shape)


def _exchanged(i: int, claimed: Any, comparisons: tuple[Comparison, ...]) -> str | None:
    """Whether this is the gradient of another argument."""
    claimed = np.asarray(claimed)
    for j, other in enumerate(comparisons):
        if i != j and other.verdicts.shape == claimed.shape and np.any(other.numeric.value):
            with np.errstate(all="ignore"):
                same = np.abs(claimed - other.numeric.value) <= other.numeric.bound
            if np.all(same):
                return f"that of {other.name}: exchanged"
    return None


def like(tree: Any, given: Any) -> Any:
    """A gradient with its dicts in the order of the argument's; dW is the gradient of W.

    Raises:
        ValueError: nothing is given for an entry of a dict.

    Example:
        >>> like({"W": 1.0, "b": 2.0}, {"db": 20.0, "dW": 10.0})
        {'W': 10.0, 'b': 20.0}
    """
    if isinstance(tree, dict) and isinstance(given, dict):
        named = {key: key if key in given else f"d{key}" for key in tree}
        missing = [key for key, name in named.items() if name not in given]
        if missing:
            raise ValueError(f"the gradient holds {', '.join(map(str, given))}, but nothing for {missing[0]}")
        return {key: like(branch, given[named[key]]) for key, branch in tree.items()}
    if isinstance(tree, list | tuple) and isinstance(given, list | tuple) and len(tree) == len(given):
        return tuple(like(branch, other) for branch, other in zip(tree, given, strict=True))
    whole = not isinstance(given, dict | list | tuple) and np.asarray(bare(given)).dtype.kind in "iu"
    return np.asarray(bare(given), dtype=np.float64) if whole else given  # dJ/dtheta = x = 2 is a number, too
