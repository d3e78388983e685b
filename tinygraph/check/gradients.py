"""Exact gradients against numeric ones: `compare_grads` returns a report, `check_grads` raises with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from tinygraph.check.compare import compare
from tinygraph.check.culprit import find_culprit
from tinygraph.check.point import Point
from tinygraph.check.report import GradientError, Report
from tinygraph.check.verdict import POWER

MODES = ("rev", "fwd")
Function = Callable[..., Any]


def compare_grads(
    f: Function,
    *args: Any,
    gradient: Function | None = None,
    order: int = 1,
    mode: str = "rev",
    directions: int | None = None,
    power: float = POWER,
    seed: int = 0,
) -> Report:
    """Compare the derivatives of f at args with two-sided differences, and give each element a verdict.

    An f that returns no scalar is contracted with a random cotangent c: the gradient is that of <c, f(args)>. Of order
    2, the gradient of <u, gradient of <c, f>> is compared, with a random u.

    Args:
        f: a function of arrays and trees of arrays; integer arguments are held constant. Complex arrays, among its
            arguments and results, are checked as two real ones, `.real` and `.imag`.
        gradient: somebody else's gradient of a scalar f: a function of args that returns one array for each real array
            in them, in the same structure (one alone for a single argument). None takes tinygraph's.
        order: 1 or 2.
        mode: "rev" or "fwd", how tinygraph's own gradient is taken.
        directions: the number of random directions to look along instead of at each element, for many parameters.
        power: the relative fault that must be visible for a verdict of "right".
        seed: of cotangents and directions.

    Raises:
        ValueError: a mode or an order that does not exist; order 2, or no scalar, with a `gradient` of one's own.
        TypeError: no argument is real.

    Example:
        >>> import numpy as np
        >>> compare_grads(lambda x: np.sin(x) * x, np.array([1.0, 2.0])).right
        2
        >>> half = compare_grads(lambda x: (x * x).sum(), np.array([1.0, 2.0]), gradient=lambda x: x)
        >>> print(half)  # doctest: +ELLIPSIS
        gradients of order 1, mode given: 0 right, 2 wrong, 0 inconclusive (of 2; ... evaluations)
          note: the gradient of x0 is 2 times too small
          wrong: x0[1]: exact 2, numeric 4 ± ...
          wrong: x0[0]: exact 1, numeric 2 ± ...
    """
    _known(order, mode)
    point = Point(f, args)
    report = compare(point, gradient=gradient, order=order, mode=mode, directions=directions, power=power, seed=seed)
    if gradient is not None:
        return report
    return replace(report, search=partial(find_culprit, point, order=order, mode=mode, power=power, seed=seed))


def check_grads(
    f: Function,
    *args: Any,
    order: int = 1,
    modes: str | Sequence[str] = MODES,
    directions: int | None = None,
    power: float = POWER,
    seed: int = 0,
) -> None:
    """Raise if the derivatives of f at args are not what two-sided differences of its values say.

    Every order up to `order` is checked in every mode, "rev", "fwd" or both; the arguments are those of
    `compare_grads`.

    Raises:
        ValueError: as of `compare_grads`, and if no mode is given.
        GradientError: an element is wrong, or none could be verified; the message says which argument, which element,
            the exact and the numeric value and the bound, and `.report` has them all.

    Example:
        >>> import numpy as np
        >>> import tinygraph as tg
        >>> check_grads(lambda p: tg.tanh(p["w"] * 2.0 + p["b"]), {"w": 0.3, "b": np.ones(2)}, order=2)
        >>> forgot = tg.op(lambda x: x**2, vjps=[lambda g, ans, x: g * x], name="square_of_a_student")
        >>> check_grads(forgot, 3.0)  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        GradientError: gradients of order 1, mode rev: 0 right, 1 wrong, ...
    """
    __tracebackhide__ = True
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    _known(order, *modes)
    for level in range(1, order + 1):
        for mode in modes:
            report = compare_grads(f, *args, order=level, mode=mode, directions=directions, power=power, seed=seed)
            if not report.ok:
                raise GradientError(report)


def _known(order: int, *modes: str) -> None:
    if order not in (1, 2) or not modes or not set(modes) <= set(MODES):
        told = ", ".join(map(repr, modes)) or "none"
        raise ValueError(f"mode {told} and order {order!r}: modes are 'rev' and 'fwd', orders 1 and 2")
