"""Arguments for operations: inside the domain and away from the kinks, or at the kinks; operands of products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from tinygraph.check.choose import Array, Choose, Shape, array, broadcastable, frozen, grid, pick, reach, shape, shapes
from tinygraph.op import OPS, REAL, Kink, Op

MARGIN = 1.0 / 16.0
SQUARE = ("cholesky", "det", "eig", "eigh", "eigvalsh", "expm", "inv", "slogdet", "solve", "solve_triangular")
_ROUNDS = 64
_LEVELS = {1: 96, 2: 48}  # points along each axis in the search for kinks; 16 for three arguments


def known(function: Any) -> Op:
    """An op, or the one that stands for a function of NumPy's."""
    found = function if isinstance(function, Op) else OPS.get(function)
    if not isinstance(found, Op):
        name = getattr(function, "__name__", type(function).__name__)
        raise TypeError(f"{name} is no Op, so its domain is not known")
    return found


def arguments(choose: Choose, op: Op, params: Mapping[str, Any], margin: float = MARGIN) -> tuple[Array, ...] | None:
    """Arrays for an op, inside its domain, further than `margin` from its kinks; None where none was found."""
    given = _start(choose, op)
    for turn in range(_ROUNDS):
        near = _near(op.kinks, given, params, margin)
        if near is None:
            return tuple(map(frozen, given))
        i = turn % len(given)
        if op.vjps[i] is not None or len(given) == 1:
            given[i] = _moved(given[i], near, _interval(op, i), turn)
    return None


def _start(choose: Choose, op: Op) -> list[Array]:
    """Arrays of the shapes that the op takes, its kinks not thought of."""
    if op.name == "matmul":
        return list(matmul(choose))
    if op.name == "linear":
        return list(linear(choose))
    if op.variadic:
        raise ValueError(f"{op.name} takes any number of arrays: give it arrays of your own, from arrays()")
    if op.kind == "elementwise":
        of = shapes(choose, op.arity)
    elif op.name in SQUARE:
        return square(choose, op)
    else:
        least = 1 if op.kinks else 0  # one element alone is its own maximum, and has no spread
        of = [tuple(n + least for n in shape(choose, 2, 2, 3 - least))] * op.arity
    made = [array(choose, s, _interval(op, i)) for i, s in enumerate(of)]
    for i in range(op.arity):
        if op.vjps[i] is None:
            if op.kind != "elementwise":
                raise ValueError(f"{op.name} has no derivative by argument {i}, and only you know what it may be")
            made[i] = made[i] > 0  # a condition
    return made


def _interval(op: Op, i: int) -> tuple[float, float]:
    return op.domain[i] if i < len(op.domain) else REAL


def _near(kinks: Sequence[Kink], given: Sequence[Array], params: Mapping[str, Any], margin: float) -> Any:
    """Where some kink is too near, as an array that broadcasts with the arguments; None if nowhere."""
    with np.errstate(all="ignore"):
        close = [~(np.abs(np.asarray(k.margin(*given, **params))) >= margin) for k in kinks]
    if not any(c.any() for c in close):
        return None
    near = close[0]
    for c in close[1:]:
        near = near | c if np.broadcast_shapes(near.shape, c.shape) else near
    return near


def _moved(x: Array, near: Array, interval: tuple[float, float], turn: int) -> Array:
    """An array whose elements go another way where they were too near a kink, each by a step of its own."""
    try:
        hit: Any = np.broadcast_to(near, np.broadcast_shapes(near.shape, x.shape))
        hit = hit.any(axis=tuple(range(hit.ndim - x.ndim)))
        thin = tuple(i for i, n in enumerate(x.shape) if n == 1 and hit.shape[i] != 1)
        hit = hit.any(axis=thin, keepdims=True) if thin else hit
    except ValueError:  # the margin of a reduction has a shape of its own
        hit = np.ones(x.shape, dtype=bool)
    low, high, step = grid(reach(interval))
    uneven = np.arange(x.size).reshape(x.shape) * (turn // 8)
    k = np.rint(x / step) - low + 5 + 2 * turn + uneven
    return np.where(hit, (low + k % (high - low + 1)) * step, x)


# --- at the kinks


@lru_cache(maxsize=256)
def kink_points(op: Op) -> tuple[tuple[float, ...], ...]:
    """Arguments, one number each, at which the op has a kink: those of few digits, and zeros of the margin between.

    Example:
        >>> import tinygraph as tg
        >>> kink_points(tg.abs)
        ((0.0,),)
        >>> kink_points(tg.floor)[:3]
        ((0.0,), (1.0,), (-1.0,))
    """
    axes = []
    for i in range(op.arity):
        low, high, step = grid(reach(_interval(op, i)), _LEVELS.get(op.arity, 16))
        axes.append(np.array(sorted((k * step for k in range(low, high + 1)), key=lambda x: (abs(x), -x))))
    points = [column.ravel() for column in np.meshgrid(*axes, indexing="ij")]
    found: dict[tuple[float, ...], None] = {}
    with np.errstate(all="ignore"):
        for kink in op.kinks:
            margin = np.broadcast_to(np.asarray(kink.margin(*points)), points[0].shape)
            exact = np.flatnonzero(margin == 0.0)
            found.update(dict.fromkeys(tuple(float(p[k]) for p in points) for k in exact))
            if not exact.size:
                found.update(dict.fromkeys(_between(kink, axes)))
    return tuple(found)


def _between(kink: Kink, axes: Sequence[Array]) -> list[tuple[float, ...]]:
    """Points where the margin changes its sign along the first argument, to the last digit that bisection finds."""
    found = []
    line = np.sort(axes[0])
    for rest in product(*(axis[:8] for axis in axes[1:])):
        margin = np.broadcast_to(np.asarray(kink.margin(line, *rest)), line.shape)
        for j in np.flatnonzero(np.sign(margin[:-1]) * np.sign(margin[1:]) < 0):
            a, b = float(line[j]), float(line[j + 1])
            for _ in range(80):
                middle = (a + b) / 2.0
                same = float(kink.margin(np.float64(middle), *rest)) * float(margin[j]) > 0
                a, b = (middle, b) if same else (a, middle)
            nearest = min((a, b), key=lambda x: abs(float(kink.margin(np.float64(x), *rest))))
            if abs(float(kink.margin(np.float64(nearest), *rest))) < 1e-9:  # else it jumps, without a zero
                found.append((nearest, *rest))
    return found


def at_kinks(choose: Choose, op: Op, params: Mapping[str, Any]) -> tuple[Array, ...]:
    """Arrays of one shape, at least one element of which is at a kink of the op."""
    if not op.kinks:
        raise ValueError(f"{op.name} declares no kinks; an Op does so with kinks=[Kink(where, margin, subgradient)]")
    if op.kind != "elementwise":
        return _tied(choose, op, params)
    points = kink_points(op)
    if not points:
        raise ValueError(f"no kink of {op.name} was found inside its domain: {', '.join(k.where for k in op.kinks)}")
    of = shape(choose)
    made = [array(choose, of, _interval(op, i)).reshape(-1).copy() for i in range(op.arity)]
    sure = choose(made[0].size)
    for k in range(made[0].size):
        if k == sure or choose(2):
            for x, value in zip(made, pick(choose, points), strict=True):
                x[k] = value
    return tuple(frozen(x.reshape(of)) for x in made)


def _tied(choose: Choose, op: Op, params: Mapping[str, Any]) -> tuple[Array, ...]:
    """Elements that are all alike, or all 0: ties, no spread, and no length."""
    start = _start(choose, op)
    for scale in (1.0, 0.0):
        given = tuple(frozen(np.full(x.shape, scale * x.flat[0])) for x in start)
        with np.errstate(all="ignore"):
            if any(np.any(np.asarray(k.margin(*given, **params)) == 0.0) for k in op.kinks):
                return given
    raise ValueError(f"the kinks of {op.name} are not where elements are alike: give it arrays of your own")


# --- products


def matmul(choose: Choose, batch: int = 2) -> tuple[Array, Array]:
    """Two operands of @: vectors, matrices, and stacks that broadcast."""
    n, m, k = (1 + choose(3) for _ in range(3))
    stack = shape(choose, 0, batch, 2)
    left: Shape = (m,) if choose(4) == 0 else (*broadcastable(choose, stack), n, m)
    right: Shape = (m,) if choose(4) == 0 else (*(stack if choose(2) else broadcastable(choose, stack)), m, k)
    return array(choose, left), array(choose, right)


def linear(choose: Choose, batch: int = 2) -> tuple[Array, Array, Array]:
    """Samples of a stack or one alone, weights and biases: x Wᵀ + b."""
    inputs, outputs = 1 + choose(3), 1 + choose(3)
    samples = shape(choose, 0, batch)
    return array(choose, (*samples, inputs)), array(choose, (outputs, inputs)), array(choose, (outputs,))


def square(choose: Choose, op: Op) -> list[Array]:
    """A matrix that is symmetric and far from singular, its eigenvalues real and apart; what it is solved for."""
    n = 1 + choose(3)
    low = 0.0 if op.name == "eig" else -0.25  # where an element becomes zero, LAPACK's eigenvectors change their sign
    x = array(choose, (n, n), (low, 0.25))
    x = 0.5 * (x + x.T) + np.diag(2.0 + 2.0 * np.arange(n))
    return [x, array(choose, (n, 1 + choose(2)))][: op.arity]


def einsum(choose: Choose, operands: int = 3) -> tuple[str, tuple[Array, ...]]:
    """An einsum specification and its operands: repeated labels, ellipses, implied outputs, spaces."""
    sizes = {label: 1 + choose(3) for label in "ijkB"}
    dots = shape(choose, 0, 2, 2) if choose(3) == 2 else None
    terms, arrays = [], []
    for _ in range(1 + choose(operands)):
        labels = [pick(choose, list(sizes)) for _ in range(choose(4))]
        term, of = "".join(labels), tuple(sizes[c] for c in labels)
        if dots is not None:
            extra, at = broadcastable(choose, dots), choose(len(labels) + 1)
            term, of = f"{term[:at]}...{term[at:]}", (*of[:at], *extra, *of[at:])
        terms.append(term)
        arrays.append(array(choose, of))
    used = sorted(set("".join(terms)) - {"."})
    subscripts = (", " if choose(4) == 3 else ",").join(terms)
    if choose(4):
        out = "".join(shuffled_part(choose, used))
        at = choose(len(out) + 1)
        subscripts += f"->{out[:at]}...{out[at:]}" if dots is not None else f"->{out}"
    return subscripts, tuple(arrays)


def shuffled_part(choose: Choose, items: Sequence[str]) -> list[str]:
    """Some of the items in some order."""
    left = list(items)
    return [left.pop(choose(len(left))) for _ in range(choose(len(left) + 1))]
