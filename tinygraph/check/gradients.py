"""Exact gradients against numeric ones: `compare_grads` returns a report, `check_grads` raises with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygraph.check.differences import Estimate, confirmed, gather, slope
from tinygraph.check.probe import Line, Probe
from tinygraph.check.report import Comparison, GradientError, Report
from tinygraph.check.verdict import POWER, RANDOM, WRONG, judge, usual
from tinygraph.op import bare
from tinygraph.tensor import Tensor
from tinygraph.transforms import grad, jacobian
from tinygraph.tree import flatten

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
        f: a function of arrays and trees of arrays; integer arguments are held constant.
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
        >>> compare_grads(lambda x: np.sin(x) * x, np.array([1.0, 2.0])).right
        2
        >>> half = compare_grads(lambda x: (x * x).sum(), np.array([1.0, 2.0]), gradient=lambda x: x)
        >>> print(half)  # doctest: +ELLIPSIS
        gradients of order 1, mode given: 0 right, 2 wrong, 0 inconclusive (of 2; ... evaluations)
          wrong: x0[1]: exact 2, numeric 4 ± ...
          wrong: x0[0]: exact 1, numeric 2 ± ...
    """
    if mode not in MODES or order not in (1, 2):
        raise ValueError(f"mode {mode!r} and order {order!r}: modes are 'rev' and 'fwd', orders 1 and 2")
    point = _Point(f, args)
    if gradient is not None:
        if order == 2:
            raise ValueError("order 2 needs tinygraph's own gradient; check the gradient as a function instead")
        probe = Probe(point.plain, point.leaves, None, seed)
        if probe.y.size != 1:
            raise ValueError("a gradient of one's own is compared for a function that returns one scalar")
        exact, label = point.given(gradient), "given"
    else:
        probe = Probe(point.recorded, point.leaves, None, seed)
        scalar = _contracted(point.recorded, probe.weights)
        if order == 2:
            scalar = _slope_along(scalar, point.random(seed))
            probe = Probe(scalar, point.leaves, None, seed)
        exact, label = _exact(scalar, point.wide, mode), mode
    parts = [_aligned(g, x, name) for g, x, name in zip(exact, point.leaves, point.names, strict=True)]
    if directions is not None and not any(problem for _, problem in parts):
        compared = [_projected(probe, [g for g, _ in parts], directions, power, seed)]
    else:
        compared = _elementwise(probe, parts, point, power)
    if not probe.deterministic:
        compared = [Comparison(c.name, c.exact, c.numeric, np.full_like(c.verdicts, RANDOM)) for c in compared]
    return Report(tuple(compared), label, order, probe.evaluations, point.notes)


def check_grads(
    f: Function,
    *args: Any,
    order: int = 1,
    modes: Sequence[str] = MODES,
    directions: int | None = None,
    power: float = POWER,
    seed: int = 0,
) -> None:
    """Raise if the derivatives of f at args are not what two-sided differences of its values say.

    Every order up to `order` is checked in every mode; the arguments are those of `compare_grads`.

    Raises:
        GradientError: an element is wrong, or none could be verified; the message says which argument, which element,
            the exact and the numeric value and the bound, and `.report` has them all.

    Example:
        >>> import tinygraph as tg
        >>> check_grads(lambda p: tg.tanh(p["w"] * 2.0 + p["b"]), {"w": 0.3, "b": np.ones(2)}, order=2)
        >>> forgot = tg.op(lambda x: x**2, vjps=[lambda g, ans, x: g * x], name="square_of_a_student")
        >>> check_grads(forgot, 3.0)  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        GradientError: gradients of order 1, mode rev: 0 right, 1 wrong, ...
    """
    for level in range(1, order + 1):
        for mode in modes:
            report = compare_grads(f, *args, order=level, mode=mode, directions=directions, power=power, seed=seed)
            if not report.ok:
                raise GradientError(report)


class _Point:
    """A function's arguments, taken apart into the real arrays, with their names, and the rest."""

    def __init__(self, f: Function, args: Sequence[Any]) -> None:
        self._f, self._args = f, args
        values, self._rebuild = flatten(tuple(args))
        self._values = [bare(v) for v in values]
        self._places = [i for i, v in enumerate(self._values) if _is_real(v)]
        if not self._places:
            raise TypeError("no argument is a real array, so there is no gradient to check; use floats")
        self.leaves = [np.asarray(self._values[i]) for i in self._places]
        self.wide = [np.array(x, dtype=np.float64) for x in self.leaves]
        names = [name for i, arg in enumerate(args) for name in _names(arg, f"x{i}")]
        self.names = [names[i] for i in self._places]
        narrow = sorted({str(x.dtype) for x in self.leaves if x.dtype.kind == "f" and x.dtype != np.float64})
        self.notes = (f"{', '.join(narrow)} arguments were checked in float64",) if narrow else ()

    def _call(self, f: Function, leaves: Sequence[Any]) -> Any:
        values = list(self._values)
        for i, x in zip(self._places, leaves, strict=True):
            values[i] = x
        return f(*self._rebuild(values))

    def plain(self, *leaves: Any) -> Any:
        """f on the bare arrays."""
        return self._call(self._f, leaves)

    def recorded(self, *leaves: Any) -> Any:
        """f on Tensors: those of a transform, or constants around the bare arrays, so that `x += 1` means the same."""
        made = [x if isinstance(x, Tensor) else Tensor(x, requires_grad=False) for x in leaves]
        return self._call(self._f, made)

    def given(self, gradient: Function) -> list[Any]:
        found = self._call(gradient, [x.copy() for x in self.leaves])
        one = len(self._args) == 1 and not (isinstance(found, tuple) and len(found) == 1)
        leaves, _ = flatten((found,) if one else found)
        if len(leaves) == len(self._values):
            leaves = [leaves[i] for i in self._places]
        if len(leaves) != len(self._places):
            raise ValueError(f"the gradient has {len(leaves)} arrays for {len(self._places)} real arguments")
        return [bare(g) for g in leaves]

    def random(self, seed: int) -> list[Any]:
        rng = np.random.default_rng(seed + 1)
        return [rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape) for x in self.leaves]


def _is_real(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number or np.asarray(value).dtype.kind == "f"


def _names(tree: Any, prefix: str) -> list[str]:
    """What each leaf of a tree is called in Python."""
    if isinstance(tree, dict):
        return [name for key, branch in tree.items() for name in _names(branch, f"{prefix}[{key!r}]")]
    if hasattr(tree, "_fields"):
        return [name for key in tree._fields for name in _names(getattr(tree, key), f"{prefix}.{key}")]
    if isinstance(tree, list | tuple):
        return [name for i, branch in enumerate(tree) for name in _names(branch, f"{prefix}[{i}]")]
    return [prefix]


def _contracted(f: Function, weights: Any) -> Function:
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


def _slope_along(scalar: Function, directions: Sequence[Any]) -> Function:
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
    slopes = [slope(probe, line) for line in lines]
    numeric = gather(slopes, scale)
    verdicts = judge(exact, numeric, power)
    doubtful = [int(k) for k in np.flatnonzero(verdicts == WRONG)]
    sharp = power * usual(numeric) * np.broadcast_to(scale, exact.shape)
    claims = exact * scale
    for k in doubtful:
        slopes[k] = confirmed(probe, lines[k], slopes[k], claims[k], max(sharp[k], power * abs(claims[k])))
    if doubtful:
        numeric = gather(slopes, scale)
        verdicts = judge(exact, numeric, power)
    return numeric, verdicts


def _elementwise(
    probe: Probe, parts: Sequence[tuple[Any, str | None]], point: _Point, power: float
) -> list[Comparison]:
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
