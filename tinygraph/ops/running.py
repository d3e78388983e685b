"""Along an axis: running sums, products and extrema, differences, slopes and areas."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from tinygraph.op import Array, op, spells
from tinygraph.ops.elementwise import maximum, minimum
from tinygraph.ops.shape import array_beside, as_array, axis_in, concatenate, in_dtype, ravel

__all__ = [
    "cumprod",
    "cumsum",
    "cumulative_prod",
    "cumulative_sum",
    "diff",
    "ediff1d",
    "gradient",
    "trapezoid",
    "unwrap",
]


def _cumsum(x: Array, axis: int = 0) -> Array:
    return np.cumsum(x, axis=axis)


_running = op(
    _cumsum,
    kind="linear",
    vjps=[lambda g, ans, x, axis: np.flip(np.cumsum(np.flip(g, axis), axis=axis), axis)],
    name="cumsum",
)


@spells(np.cumsum)
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sums along an axis, or of all elements in order: `np.cumsum`.

    Example:
        >>> cumsum(np.array([1.0, 2.0, 3.0]))
        array([1., 3., 6.])
    """
    x = in_dtype(x, dtype)
    return _running(ravel(x), axis=0) if axis is None else _running(x, axis=axis)


@spells(np.add.accumulate)
def _add_accumulate(x: Any, axis: int = 0, dtype: Any = None, out: None = None) -> Any:
    return cumsum(x, axis, dtype)


def _cumprod(x: Array, axis: int = 0) -> Array:
    return np.cumprod(x, axis=axis)


def _cumprod_vjp(g: Array, ans: Array, x: Array, axis: int) -> Array:
    """Of each running product, all its other factors: ans / x where nothing is 0 or overflows, else multiplied out."""
    if np.all((ans != 0) & np.isfinite(ans)):
        return np.flip(np.cumsum(np.flip(g * ans, axis), axis=axis), axis) / x
    rows = np.moveaxis(x, axis, -1)[..., None, :]
    one = np.eye(rows.shape[-1], dtype=bool, like=rows)
    without = np.cumprod(np.where(one, 1.0, rows), axis=-1)  # [..., i, j]: the first j factors, but for the i-th
    later = np.triu(np.ones_like(one))
    return np.moveaxis(
        np.sum(np.moveaxis(g, axis, -1)[..., None, :] * np.where(later, without, 0.0), axis=-1), -1, axis
    )


_running_product = op(
    _cumprod,
    vjps=[_cumprod_vjp],
    complex=True,
    name="cumprod",
    symbol="Π",
    latex=r"\operatorname{{cumprod}}({x})",
)


@spells(np.cumprod)
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running products along an axis, or of all elements in order: `np.cumprod`.

    Example:
        >>> cumprod(np.array([1.0, 2.0, 3.0]))
        array([1., 2., 6.])
    """
    x = in_dtype(x, dtype)
    return _running_product(ravel(x), axis=0) if axis is None else _running_product(x, axis=axis)


@spells(np.multiply.accumulate)
def _multiply_accumulate(x: Any, axis: int = 0, dtype: Any = None, out: None = None) -> Any:
    return cumprod(x, axis, dtype)


def _scan(pair: Any, x: Any, axis: int) -> Any:
    """Running values of an associative operation, each from two of half as many elements: log n operations."""
    x = np.moveaxis(as_array(x), axis, -1)
    reach, n = 1, x.shape[-1]
    while reach < n:
        x = concatenate([x[..., :reach], pair(x[..., :-reach], x[..., reach:])], -1)
        reach *= 2
    return np.moveaxis(x, -1, axis)


@spells(np.maximum.accumulate)
def _maximum_accumulate(x: Any, axis: int = 0, dtype: Any = None, out: None = None) -> Any:
    return _scan(maximum, in_dtype(x, dtype), axis)


@spells(np.minimum.accumulate)
def _minimum_accumulate(x: Any, axis: int = 0, dtype: Any = None, out: None = None) -> Any:
    return _scan(minimum, in_dtype(x, dtype), axis)


def _cumulative(name: str, running: Any, first: float, x: Any, axis: int | None, dtype: Any, initial: bool) -> Any:
    x = as_array(x)
    if axis is None:
        if x.ndim != 1:
            raise ValueError(f"{name}: an array of {x.ndim} dimensions needs axis=")
        axis = 0
    found = running(x, axis, dtype)
    if not initial:
        return found
    axis = axis_in(axis, found.ndim)
    shape = (*found.shape[:axis], 1, *found.shape[axis + 1 :])
    return concatenate([np.zeros_like(found, shape=shape) + first, found], axis)


@spells(*filter(None, [getattr(np, "cumulative_sum", None)]))
def cumulative_sum(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
    """Running sums along an axis, after a 0 if that is asked for: `np.cumulative_sum`.

    Example:
        >>> cumulative_sum(np.array([1.0, 2.0, 3.0]), include_initial=True)
        array([0., 1., 3., 6.])
    """
    return _cumulative("cumulative_sum", cumsum, 0.0, x, axis, dtype, include_initial)


@spells(*filter(None, [getattr(np, "cumulative_prod", None)]))
def cumulative_prod(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
    """Running products along an axis, after a 1 if that is asked for: `np.cumulative_prod`.

    Example:
        >>> cumulative_prod(np.array([1.0, 2.0, 3.0]), include_initial=True)
        array([1., 1., 2., 6.])
    """
    return _cumulative("cumulative_prod", cumprod, 1.0, x, axis, dtype, include_initial)


# --- differences


@spells(np.diff)
def diff(x: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Differences of neighbours along an axis, n times over: `np.diff`.

    Example:
        >>> diff(np.array([1.0, 4.0, 9.0])), diff(np.array([1.0, 4.0, 9.0]), 2)
        (array([3., 5.]), array([2.]))
    """
    x = as_array(x)
    if n < 0:
        raise ValueError(f"diff: n is how many times, not {n}")
    if not x.ndim:
        raise ValueError("diff: a number has no neighbours; x needs an axis")
    if n == 0:
        return x
    axis = axis_in(axis, x.ndim)
    x = concatenate([*_beside(prepend, x, axis), x, *_beside(append, x, axis)], axis)
    before, after = ((slice(None),) * axis + (s,) for s in (slice(None, -1), slice(1, None)))
    for _ in range(n):
        x = x[after] - x[before]
    return x


def _beside(value: Any, x: Any, axis: int) -> list[Any]:
    """What is joined to x, a number as one more element for each row."""
    if value is None or value is np._NoValue:
        return []
    value = array_beside(value, x)
    return [value if value.ndim else np.broadcast_to(value, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))]


@spells(np.ediff1d)
def ediff1d(x: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Differences of neighbours in the order of all elements, with numbers before and behind: `np.ediff1d`.

    Example:
        >>> ediff1d(np.array([1.0, 4.0, 9.0]), to_end=[0.0])
        array([3., 5., 0.])
    """
    x = ravel(as_array(x))
    begin, end = (
        [] if given is None else [in_dtype(ravel(array_beside(given, x)), x.dtype)] for given in (to_begin, to_end)
    )
    return concatenate([*begin, x[1:] - x[:-1], *end])


@spells(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Slopes by central differences, at the ends one-sided: `np.gradient`, differentiable in f and in the distances.

    Example:
        >>> gradient(np.array([1.0, 4.0, 9.0, 16.0]))
        array([3., 4., 6., 7.])
    """
    f = as_array(f)
    given = range(f.ndim) if axis is None else [axis] if isinstance(axis, int | np.integer) else axis
    axes = [axis_in(int(a), f.ndim) for a in given]
    distances = [1.0] * len(axes) if not varargs else list(varargs) * (len(axes) if len(varargs) == 1 else 1)
    if len(distances) != len(axes):
        raise TypeError(f"gradient: {len(varargs)} distances for {len(axes)} axes; give one, or one for each")
    if len(varargs) == 1 and len(axes) > 1 and np.ndim(varargs[0]):
        raise TypeError("gradient: one list of coordinates for several axes; give one for each")
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: edge_order {edge_order!r} is not 1 or 2")
    found = tuple(_slopes(f, d, a, edge_order) for d, a in zip(distances, axes, strict=True))
    return found[0] if len(found) == 1 else found


def _slopes(f: Any, distance: Any, axis: int, edge_order: int) -> Any:
    f, distance = np.moveaxis(f, axis, -1), as_array(distance) if np.ndim(distance) else distance
    n = f.shape[-1]
    if n <= edge_order:
        raise ValueError(
            f"gradient: edge_order={edge_order} needs {edge_order + 1} elements along axis {axis}, got {n}"
        )
    if np.ndim(distance) and np.shape(distance) != (n,):
        raise ValueError(f"gradient: {n} elements along axis {axis}, but coordinates of shape {np.shape(distance)}")
    if not np.ndim(distance):
        inner = (f[..., 2:] - f[..., :-2]) / (2.0 * distance)
        first, last = f[..., 1:2] - f[..., :1], f[..., -1:] - f[..., -2:-1]
        if edge_order == 2:
            first = 2.0 * f[..., 1:2] - 1.5 * f[..., :1] - 0.5 * f[..., 2:3]
            last = 1.5 * f[..., -1:] - 2.0 * f[..., -2:-1] + 0.5 * f[..., -3:-2]
        first, last = first / distance, last / distance
    else:
        step = distance[1:] - distance[:-1]
        rise = (f[..., 1:] - f[..., :-1]) / step
        before, after = step[:-1], step[1:]
        inner = (rise[..., :-1] * after + rise[..., 1:] * before) / (before + after)
        first, last = rise[..., :1], rise[..., -1:]
        if edge_order == 2:
            bend = (rise[..., 1:] - rise[..., :-1]) / (before + after)
            first = first - bend[..., :1] * step[:1]
            last = last + bend[..., -1:] * step[-1:]
    return np.moveaxis(concatenate([first, inner, last], -1), -1, axis)


@spells(*filter(None, [getattr(np, "trapezoid", None) or getattr(np, "trapz", None)]))
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The area under a line through points, by the trapezoidal rule: `np.trapezoid`, differentiable in y, x and dx.

    Example:
        >>> float(trapezoid(np.array([1.0, 2.0, 4.0]), dx=0.5))
        2.25
    """
    y = np.moveaxis(as_array(y), axis, -1)
    if x is not None:
        x = as_array(x)
        x = x if x.ndim == 1 else np.moveaxis(x, axis, -1)
        dx = x[..., 1:] - x[..., :-1]
    return np.sum((y[..., 1:] + y[..., :-1]) * dx, axis=-1) / 2.0


@spells(np.unwrap)
def unwrap(x: Any, discont: Any = None, axis: int = -1, *, period: float = 2.0 * np.pi) -> Any:
    """x with whole periods added, so that neighbours differ by half of one at most: `np.unwrap`.

    Example:
        >>> unwrap(np.array([0.0, 3.0, 6.0 - 2.0 * np.pi]))
        array([0., 3., 6.])
    """
    x = as_array(x)
    step = diff(x, axis=axis)
    half = period / 2.0
    wrapped = np.remainder(step + half, period) - half
    wrapped = np.where((wrapped == -half) & (step > 0), half, wrapped)
    small = np.abs(step) < builtins.max(half, half if discont is None else discont)
    turns = np.where(small, 0.0, wrapped - step)
    first = np.zeros_like(np.take(x, [0], axis)) if x.shape[axis] else np.zeros_like(x)
    return x + concatenate([first, cumsum(turns, axis)], axis)
