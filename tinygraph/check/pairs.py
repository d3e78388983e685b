"""Anybody's gradients: a function and what somebody says its gradient is, two callables without a graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinygraph.check.compare import compare
from tinygraph.check.point import Point
from tinygraph.check.report import GradientError, Report
from tinygraph.check.verdict import POWER
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

    def matched(*args: Any) -> Any:
        given = gradient(*args)
        if given is None:
            raise TypeError("the gradient returned None; is its `return` missing?")
        one = len(args) == 1 and not (isinstance(given, tuple) and len(given) == 1)
        return like(args[0] if one else args, given)

    return compare(Point(value, x), gradient=matched, directions=directions, power=power, seed=seed, sizes=sizes)


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
    __tracebackhide__ = True
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
    if isinstance(tree, list) and isinstance(given, np.ndarray) and np.ndim(given) and not any(map(np.ndim, tree)):
        given = list(given)  # numbers in a list, and their gradient as one array
    if isinstance(tree, list | tuple) and isinstance(given, list | tuple) and len(tree) == len(given):
        return tuple(like(branch, other) for branch, other in zip(tree, given, strict=True))
    if (
        isinstance(given, list)
        and isinstance(tree, np.ndarray)
        and tree.ndim
        and not any(map(np.ndim, flatten(given)[0]))
    ):
        given = np.asarray(given)
    whole = not isinstance(given, dict | list | tuple) and np.asarray(bare(given)).dtype.kind in "iu"
    return np.asarray(bare(given), dtype=np.float64) if whole else given  # dJ/dtheta = x = 2 is a number, too
