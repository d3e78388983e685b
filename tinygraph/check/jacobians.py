"""All derivatives of all outputs, from values alone: every output has its own error bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygraph.check.differences import Estimate, Slope, gather, slope
from tinygraph.check.probe import Leaves, Line, Probe, Vector, function
from tinygraph.op import bare
from tinygraph.tree import flatten


class _One(Probe):
    """One output of a probed function, which shares its calls with the other outputs."""

    def __init__(self, whole: Probe, j: int) -> None:
        self._whole, self._j = whole, j
        self.y, self.noise, self.weights = whole.y[j : j + 1], whole.noise[j : j + 1], np.ones(1)
        relative = float(self.noise[0] / abs(self.y[0])) if np.isfinite(self.y[0]) and self.y[0] else 0.0
        self.step = float(2.0 ** np.round(np.log2(min(max(whole.eps, relative), 2.0**-16)) / 4))
        self.evaluations, self.fault = 0, ""

    def __call__(self, leaves: Leaves) -> Vector:
        found = self._whole(leaves)
        self.fault = self._whole.fault if not np.isfinite(found[self._j]) else ""
        return found[self._j : self._j + 1]


class _Shared(Probe):
    """A probe that remembers its calls along one line, by the distance."""

    def __init__(self, whole: Probe, line: Line) -> None:
        self._whole, self._line = whole, line
        self._seen: dict[float, tuple[Vector, str]] = {}
        self.y, self.noise, self.eps = whole.y, whole.noise, whole.eps
        self.fault = ""

    def __call__(self, leaves: Any) -> Vector:
        t = float(leaves[0])
        if t not in self._seen:
            self._seen[t] = self._whole(self._line(t)), self._whole.fault
        found, self.fault = self._seen[t]
        return found


def numeric_jacobian(f: Callable[[Any], Any], x: Any, *, seed: int = 0) -> Estimate:
    """The matrix of all derivatives of f at x from two-sided differences, with an error bound for each.

    value[i, k] ≈ ∂f_i / ∂x_k, of shape (*f(x).shape, *x.shape); it calls f at most 4n + 20 times for n elements at
    which f is smooth, however many outputs there are, if these are of similar precision.

    Args:
        f: a function of one array that returns one real array; it gets copies in float64.
        x: a real array.
        seed: of the line along which the noise of f is measured.

    Returns:
        An `Estimate`: value, bound, left and right slope, kink and fault, each of that shape.

    Raises:
        ValueError: f returns several arrays, or x is not one array.

    Example:
        >>> found = numeric_jacobian(np.cumsum, np.array([1.0, 2.0, 4.0]))
        >>> found.value.round(9)
        array([[1., 0., 0.],
               [1., 1., 0.],
               [1., 1., 1.]])
        >>> found.bound.max() < 1e-6
        np.True_
    """
    shapes: list[tuple[int, ...]] = []

    def noted(x: Any) -> Any:
        outputs = [np.asarray(bare(y)) for y in flatten(f(x))[0]]
        shapes[:] = [y.shape for y in outputs if y.dtype.kind == "f"]
        return outputs

    f, leaves = function(f), flatten(x)[0]
    if len(leaves) != 1:
        raise ValueError(f"numeric_jacobian takes one array, not {len(leaves)}; take numeric_grad, or join them")
    probe = Probe(noted, [bare(leaves[0])], None, seed)
    if len(shapes) != 1:
        raise ValueError(f"numeric_jacobian takes an f that returns one real array, not {len(shapes)}")
    rows: list[list[Slope]] = [[] for _ in range(probe.y.size)]
    for k in range(probe.size):
        line = probe.element(k)
        shared, along = _Shared(probe, line), Line(lambda t: [np.asarray(t)], line.size, line.unit)
        for j, row in enumerate(rows):
            row.append(slope(_One(shared, j), along))
    flat = gather([s for row in rows for s in row], np.tile(probe.scale, probe.y.size))
    return Estimate(*(column.reshape(*shapes[0], *probe.base[0].shape) for column in flat))
