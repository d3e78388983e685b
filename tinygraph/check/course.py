"""The course's measure of a gradient: one relative difference for all of it, beside the verdict by error bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygraph.check.page import heading, table
from tinygraph.check.pairs import compare_pair, named
from tinygraph.check.report import Report
from tinygraph.op import bare
from tinygraph.tree import flatten

Array = np.ndarray[Any, Any]
GREAT, LOOK, WORRY = 1e-7, 1e-5, 1e-3
SAYS = {
    GREAT: "great",
    LOOK: "look: most likely right, and round-off of so small a step",
    WORRY: "look again: a part of it may be wrong",
    np.inf: "worry: there is a bug",
}


def relative_difference(grad: Any, approx: Any) -> float:
    """How far two gradients are apart, between 0 and 1.

    ‖grad - approx‖₂ / (‖grad‖₂ + ‖approx‖₂), over all arrays of both trees as one long vector; 0 where both are zero.

    Raises:
        ValueError: they are of different sizes.

    Example:
        >>> relative_difference({"W": np.array([3.0, 4.0]), "b": 0.0}, {"W": np.array([3.0, 4.0]), "b": 1e-6}) < 1e-6
        True
        >>> relative_difference([1.0, 2.0], [2.0, 4.0])  # a factor of 2 is a third
        0.3333333333333333
    """
    a, b = _long(grad), _long(approx)
    if a.size != b.size:
        raise ValueError(f"a gradient of {a.size} numbers and an approximation of {b.size}")
    length = float(np.linalg.norm(a) + np.linalg.norm(b))
    return float(np.linalg.norm(a - b)) / length if length else 0.0


@dataclass(frozen=True)
class CourseCheck:
    """The course's gradient check, and what the error bounds say of the same gradient.

    `difference` is the relative difference, `parts` that of each array by itself, `approx` the two-sided differences
    and `grad` the gradient as one long vector each, `report` the verdict of `compare_pair`.
    """

    difference: float
    epsilon: float
    parts: dict[str, float]
    approx: Array
    grad: Array
    report: Report

    @property
    def says(self) -> str:
        """The course's words: to 1e-7 great, to 1e-5 look, to 1e-3 look again, beyond it worry."""
        return next((words for threshold, words in SAYS.items() if self.difference <= threshold), SAYS[np.inf])

    @property
    def ok(self) -> bool:
        """What the error bounds say; the course's number is for comparison."""
        return self.report.ok

    @property
    def _title(self) -> str:
        return f"relative difference {self.difference:.3g} with epsilon {self.epsilon:g}: {self.says}"

    @property
    def _ranked(self) -> list[tuple[str, str]]:
        """The arrays and their differences, the largest first; none where there is nothing to look for."""
        if self.difference <= GREAT or len(self.parts) < 2:
            return []
        return [(name, f"{part:.1e}") for name, part in sorted(self.parts.items(), key=lambda part: -part[1])]

    def __str__(self) -> str:
        told = "  by array: " + ", ".join(map(" ".join, self._ranked))
        return "\n".join([self._title, *([told] if self._ranked else []), str(self.report)])

    def _repr_html_(self) -> str:
        """The check as a notebook shows it."""
        good = True if self.difference <= GREAT else False if self.difference > WORRY else None
        parts = table(("array", "relative difference"), self._ranked) if self._ranked else ""
        return f"<div>{heading(self._title, good)}{parts}{self.report._repr_html_()}</div>"


def course_gradient_check(
    f: Callable[[Any], Any], gradient: Any, theta: Any, epsilon: float = 1e-7, seed: int = 0
) -> CourseCheck:
    """Check a gradient in the course's way, and by error bounds beside it.

    approx_k = (J(theta + epsilon e_k) - J(theta - epsilon e_k)) / 2 epsilon, for theta as one long vector;
    difference = ‖grad - approx‖₂ / (‖grad‖₂ + ‖approx‖₂). Andrew Ng's thresholds: 1e-7 great, 1e-5 look, 1e-3 worry.
    A correct gradient of a cost of 2.4 may well give 1.2e-7, since round-off is about 1e-16 · 2.4 / epsilon in each
    element: the number tells more of epsilon than of the gradient, which is what the report is for.

    Args:
        f: J, a function of theta that returns one number; with its regulariser, and without dropout.
        gradient: a function of theta, or the gradient itself, in theta's structure (dW may stand for W in dicts).
        theta: the parameters, an array or nested dicts, lists and tuples of arrays.
        epsilon: the step, the same for all elements.
        seed: of the report.

    Raises:
        ValueError: J is no scalar, or the gradient is of another size than theta.

    Example:
        >>> print(course_gradient_check(lambda theta: theta * 3, lambda theta: 3.0, 4.0))  # doctest: +ELLIPSIS
        relative difference ... with epsilon 1e-07: great
        gradients of order 1, mode given: 1 right, 0 wrong, 0 inconclusive (of 1; ... evaluations)
    """
    known = gradient if callable(gradient) else lambda theta: gradient
    report = named(compare_pair(f, known, theta, seed=seed), ["theta"])
    grad = np.concatenate([np.ravel(c.exact) for c in report.comparisons])
    leaves, rebuild = flatten(theta)
    arrays = [np.array(bare(x), dtype=np.float64) for x in leaves]
    names = [c.name for c in report.comparisons]
    if len(names) != len(arrays):
        raise ValueError("theta holds something that is not a real array")
    approx: list[Array] = []
    for i, x in enumerate(arrays):
        column = np.empty(x.size)
        for k in range(x.size):
            plus, minus = (_nudged(arrays, i, k, step) for step in (epsilon, -epsilon))
            column[k] = (float(bare(f(rebuild(plus)))) - float(bare(f(rebuild(minus))))) / (2.0 * epsilon)
        approx.append(column)
    parts = {
        name: relative_difference(c.exact, part)
        for name, c, part in zip(names, report.comparisons, approx, strict=True)
    }
    long = np.concatenate(approx)
    return CourseCheck(relative_difference(grad, long), epsilon, parts, long, grad, report)


def _nudged(arrays: list[Array], i: int, k: int, step: float) -> list[Array]:
    """Copies of all arrays, one element of one of them moved."""
    moved = [x.copy() for x in arrays]
    moved[i].reshape(-1)[k] += step
    return moved


def _long(tree: Any) -> Array:
    return np.concatenate([np.zeros(0), *(np.ravel(np.asarray(bare(x), dtype=np.float64)) for x in flatten(tree)[0])])
