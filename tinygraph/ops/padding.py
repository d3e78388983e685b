"""Padding. With zeros it is the adjoint of slicing; other modes read an array at an index, or put others beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygraph.op import Array, Traced, op, spells
from tinygraph.ops.index import getitem, take
from tinygraph.ops.shape import as_array, axis_in, broadcast_to, concatenate

__all__ = ["pad"]


def _pad(x: Array, pad_width: Sequence[tuple[int, int]]) -> Array:
    return np.pad(x, pad_width)


_padded = op(
    _pad,
    kind="linear",
    vjps=[lambda g, ans, x, pad_width: g[tuple(slice(a, a + n) for (a, _), n in zip(pad_width, x.shape, strict=True))]],
    name="pad",
)


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    """How many elements to add before and after, for each axis."""
    if isinstance(pad_width, dict):
        given = {axis_in(axis, ndim): width for axis, width in pad_width.items()}
        return [_widths(given.get(axis, 0), 1)[0] for axis in range(ndim)]
    pairs = np.broadcast_to(pad_width, (ndim, 2))
    if pairs.dtype.kind not in "iu" or np.any(pairs < 0):
        raise TypeError(f"pad: widths are whole numbers, none negative; got {pad_width!r}")
    return [(int(before), int(after)) for before, after in pairs]


STATISTICS: dict[str, Callable[..., Any]] = {"maximum": np.max, "mean": np.mean, "median": np.median, "minimum": np.min}
MODES = ("constant", "edge", "empty", "linear_ramp", *STATISTICS, "reflect", "symmetric", "wrap")


@spells(np.pad)
def pad(
    x: Any,
    pad_width: Any,
    mode: str = "constant",
    *,
    constant_values: Any = 0.0,
    end_values: Any = 0.0,
    stat_length: Any = None,
    reflect_type: str = "even",
) -> Any:
    """Add elements around x: `np.pad`, in each of its modes, those of "empty" being 0.

    Example:
        >>> pad(np.array([1.0, 2.0]), (1, 2), mode="edge")
        array([1., 1., 2., 2., 2.])
    """
    if mode not in MODES:
        raise ValueError(f"pad: mode {mode!r} is none of {', '.join(MODES)}")
    _check_values(mode, constant_values, end_values, stat_length)
    if reflect_type not in ("even", "odd"):
        raise ValueError(f"pad: reflect_type {reflect_type!r} is neither even nor odd")
    widths = _widths(pad_width, np.ndim(x))
    if not widths:
        return as_array(x).copy()
    if mode in ("constant", "empty"):
        padded = _padded(x, pad_width=widths)
        if mode == "empty" or not np.any(constant_values):
            return padded
        return padded + np.pad(np.zeros_like(x), widths, constant_values=constant_values)
    x, shape = as_array(x), np.shape(x)
    ends, lengths = (np.broadcast_to(pairs, (len(widths), 2)) for pairs in (end_values, stat_length))
    for axis, width in enumerate(widths):
        if width == (0, 0):
            continue
        if x.shape[axis] == 0:
            raise ValueError(f"pad: x of shape {shape} has nothing along axis {axis} to extend; take mode 'constant'")
        if mode == "linear_ramp":
            x = _beside(x, axis, [_ramp(x, axis, *pair) for pair in zip((0, -1), width, ends[axis], strict=True)])
        elif mode in STATISTICS:
            x = _beside(x, axis, [_even(x, axis, mode, *s) for s in zip((0, -1), width, lengths[axis], strict=True)])
        else:
            places = np.pad(np.arange(x.shape[axis], like=x), width, mode)  # type: ignore[call-overload]
            odd = reflect_type == "odd" and mode != "wrap"
            x = _turned(x, axis, places, -width[0], mode) if odd else take(x, places, axis)
    return x


def _turned(x: Any, axis: int, places: Array, start: int, mode: str) -> Any:
    """x turned about its ends: 2 end - x behind one of them, and behind both x again, raised by twice what it rises."""
    n, shape = x.shape[axis], (-1, *(1,) * (x.ndim - 1 - axis))
    at = np.reshape(np.arange(start, start + len(places), like=places), shape)
    times, rest = np.divmod(at, 2 * n if mode == "symmetric" else max(2 * n - 2, 1))
    first, last, met = _part(x, axis, slice(0, 1)), _part(x, axis, slice(-1, None)), take(x, places, axis)
    return np.where(rest < n, met, 2 * last - met) + (2 * times).astype(x.dtype) * (last - first)


def _check_values(mode: str, constant_values: Any, end_values: Any, stat_length: Any) -> None:
    if isinstance(constant_values, Traced) or isinstance(end_values, Traced):
        raise TypeError(
            "pad: constant_values= and end_values= take no Tensor, its gradient would be lost; use concatenate"
        )
    for name, given, modes in (
        ("constant_values", constant_values, ("constant",)),
        ("end_values", end_values, ("linear_ramp",)),
        ("stat_length", stat_length, STATISTICS),
    ):
        if np.any(given) and mode not in modes:
            raise ValueError(f"pad: mode {mode!r} takes no {name}=, which is for {', '.join(modes)}")


def _beside(x: Any, axis: int, sides: Sequence[Any]) -> Any:
    return concatenate([sides[0], x, sides[1]], axis=axis)


def _part(x: Any, axis: int, part: slice) -> Any:
    return getitem(x, index=(slice(None),) * axis + (part,))


def _ramp(x: Any, axis: int, side: int, width: int, end: float) -> Any:
    """From an end value to the first element, or from the last one to an end value, in equal steps."""
    edge = _part(x, axis, slice(0, 1) if side == 0 else slice(-1, None))
    rise = edge - float(end)
    share = np.reshape(np.arange(width, like=x).astype(rise.dtype) / (width or 1), (-1, *(1,) * (x.ndim - 1 - axis)))
    ramp = float(end) + rise * share
    return ramp if side == 0 else np.flip(ramp, axis)


def _even(x: Any, axis: int, mode: str, side: int, width: int, length: int | None) -> Any:
    """The same element all along: a statistic of the first ones, or of the last."""
    n = x.shape[axis]
    taken = n if length is None else min(int(length), n)
    part = _part(x, axis, slice(0, taken) if side == 0 else slice(n - taken, n))
    found = STATISTICS[mode](part, axis=axis, keepdims=True)
    return broadcast_to(found, (*x.shape[:axis], width, *x.shape[axis + 1 :]))
