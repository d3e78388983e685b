"""Pooling: the maximum or the average of each window of an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import Any

import numpy as np

from tinygraph.op import Array, Each, Kink, Op, bare, op
from tinygraph.ops.reduce import amax
from tinygraph.ops.shape import as_array
from tinygraph.ops.window import Sizes, places, reach, sizes, taps

__all__ = ["avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d"]

Frame = tuple[tuple[int, int], ...]  # how many elements before and after, along each of the last axes
INF = float("inf")
NAN = float("nan")


# --- the taps of the windows, and their adjoint


def _framed(x: Array, frame: Frame, value: float) -> Array:
    """x with a frame of one value around it, in the order of memory that x has."""
    if not any(map(any, frame)):
        return x
    framed = np.full_like(x, value, shape=_around(x.shape, frame))
    framed[_within(x.shape, frame)] = x
    return framed


@lru_cache
def _around(shape: Sizes, frame: Frame) -> Sizes:
    lead = len(shape) - len(frame)
    return (*shape[:lead], *(a + n + b for n, (a, b) in zip(shape[lead:], frame, strict=True)))


@lru_cache
def _within(shape: Sizes, frame: Frame) -> tuple[Any, ...]:
    moved = shape[len(shape) - len(frame) :]
    return (..., *(slice(a, a + n) for n, (a, _) in zip(moved, frame, strict=True)))


def _indices(shape: Sizes, kernel: Sizes, stride: Sizes, dilation: Sizes, frame: Frame) -> tuple[Any, ...]:
    """For each place in the window, the index of what it meets of the framed x."""
    framed = _around(shape, frame)[len(shape) - len(kernel) :]
    out = places("pool", framed, kernel, stride, dilation)
    return taps(kernel, out, stride, dilation)


def _views(x: Array, outside: float, frame: Frame, **moves: Sizes) -> list[Array]:
    framed = _framed(x, frame, outside)
    return [framed[index] for index in _indices(x.shape, frame=frame, **moves)]


def _tap_add(*parts: Array, at: Sequence[Any], shape: Sizes) -> Array:
    total = np.zeros_like(parts[0], np.result_type(*(p.dtype for p in parts)), shape=shape)
    for part, index in zip(parts, at, strict=True):
        total[index] += part
    return total


tap_add: Op = op(
    _tap_add,
    kind="linear",
    vjps=Each(lambda i, g, ans, *parts, at, shape: g[at[i]]),
    name="tap_add",
)


def _put_back(parts: Sequence[Array], shape: Sizes, frame: Frame, **moves: Sizes) -> Array:
    """Zeros of a shape, with a part added wherever the places in the window met the framed x."""
    at = _indices(shape, frame=frame, **moves)
    return tap_add(*parts, at=at, shape=_around(shape, frame))[_within(shape, frame)]


# --- maximum and sum of each window


def _max_pool(
    x: Array, kernel: Sizes = (2,), stride: Sizes = (2,), dilation: Sizes = (1,), frame: Frame = ((0, 0),)
) -> Array:
    first, *others = _views(x, -INF, frame, kernel=kernel, stride=stride, dilation=dilation)
    return reduce(np.maximum, others, first.copy() if not others else first)


def _max_pool_vjp(g: Array, ans: Array, x: Array, **how: Any) -> Array:
    top = bare(ans)
    hits = [(view == top).astype(g.dtype) for view in _views(bare(x), NAN, **how)]  # nothing equals the NaN around
    share = g / reduce(np.add, hits)
    return _put_back([hit * share for hit in hits], x.shape, **how)


def _gap(x: Array, **how: Any) -> Array:
    """The distance between the two largest of each window, the margin of a tie."""
    return amax.kinks[0].margin(np.stack(_views(x, -INF, **(max_pool.params | how))), axis=0)


def _sum_pool(x: Array, kernel: Sizes, stride: Sizes, dilation: Sizes, frame: Frame) -> Array:
    first, *others = _views(x, 0.0, frame, kernel=kernel, stride=stride, dilation=dilation)
    return reduce(np.add, others, first.copy() if not others else first)


max_pool: Op = op(
    _max_pool,
    vjps=[_max_pool_vjp],
    kinks=[Kink("several elements of a window are the largest", _gap, "the same share to each of them")],
    name="max_pool",
    symbol="max",
    latex=r"\max {x}",
)
sum_pool: Op = op(
    _sum_pool,
    kind="linear",
    vjps=[
        lambda g, ans, x, kernel, stride, dilation, frame: _put_back(
            (g,) * math.prod(kernel), x.shape, frame, kernel=kernel, stride=stride, dilation=dilation
        )
    ],
    name="sum_pool",
    symbol="Σ",
)


# --- as they are called


def max_pool1d(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """The largest element of each window along the last axis; the arguments are those of `max_pool2d`.

    Args:
        x: (N, C, L), with any number of axes before the last.

    Raises:
        ValueError: as `max_pool2d`.

    Example:
        >>> max_pool1d(np.array([[1.0, 3.0, 2.0, 0.0]]), 2)
        array([[3., 2.]])
    """
    return _max_pooled("max_pool1d", 1, x, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """The largest element of each window of an image.

    Where several are the largest, each gets the same share of the gradient; PyTorch gives it all to the first.

    Args:
        x: (N, C, H, W), with any number of axes before the last two.
        kernel_size: of the window; a whole number, or one for each axis, as are all the others.
        stride: how far the window moves, by default its own size.
        padding: elements around x that never are the largest; at most half of the window.
        dilation: how far the elements of a window are from each other.
        ceil_mode: also take windows that begin inside and end outside.

    Returns:
        (N, C, H', W'), H' = (H + 2 * padding - dilation * (kh - 1) - 1) // stride + 1.

    Raises:
        ValueError: a window larger than the padded x, or padding more than half of it.

    Example:
        >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
        array([[[[ 5.,  7.],
                 [13., 15.]]]])
    """
    return _max_pooled("max_pool2d", 2, x, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool1d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """The average of each window along the last axis; the arguments are those of `avg_pool2d`.

    Args:
        x: (N, C, L), with any number of axes before the last.

    Raises:
        ValueError: as `avg_pool2d`.

    Example:
        >>> avg_pool1d(np.array([[1.0, 3.0, 2.0, 0.0]]), 2)
        array([[2., 1.]])
    """
    return _avg_pooled("avg_pool1d", 1, x, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """The average of each window of an image.

    Args:
        x: (N, C, H, W), with any number of axes before the last two.
        kernel_size, stride, ceil_mode: as in `max_pool2d`.
        padding: zeros around x, at most half of the window.
        count_include_pad: whether these zeros count; what lies beyond them never does.

    Returns:
        (N, C, H', W'), of the size that `max_pool2d` has.

    Raises:
        ValueError: a window larger than the padded x, or padding more than half of it.

    Example:
        >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
        array([[[[ 2.5,  4.5],
                 [10.5, 12.5]]]])
    """
    return _avg_pooled("avg_pool2d", 2, x, kernel_size, stride, padding, ceil_mode, count_include_pad)


def _max_pooled(
    name: str, axes: int, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Any:
    x = as_array(x)
    how, _ = _ways(name, x.shape, axes, kernel, stride, padding, dilation, ceil_mode)
    return max_pool(x, **how)


def _avg_pooled(
    name: str, axes: int, x: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool
) -> Any:
    x = as_array(x)
    how, margin = _ways(name, x.shape, axes, kernel, stride, padding, 1, ceil_mode)
    total = sum_pool(x, **how)
    kernel, frame = how["kernel"], how["frame"]
    if not any((a and not count_include_pad) or b > p for (a, b), p in zip(frame, margin, strict=True)):
        return total / math.prod(kernel)
    for axis, (k, s, n, (a, _), p) in enumerate(
        zip(kernel, how["stride"], x.shape[-axes:], frame, margin, strict=True), start=-axes
    ):
        first = np.arange(total.shape[axis], like=bare(x)) * s - a
        low, high = (-a, n + p) if count_include_pad else (0, n)
        counted = np.minimum(first + k, high) - np.maximum(first, low)
        total = total / counted.astype(x.dtype).reshape((-1, *(1,) * (-axis - 1)))
    return total


def _ways(
    name: str,
    shape: Sizes,
    axes: int,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
) -> tuple[dict[str, Any], Sizes]:
    """The params of the operation, and the padding: the frame may be wider after, for windows that end outside."""
    moved = pooled_axes(name, shape, axes)
    kernel = sizes(name, "kernel_size", kernel, axes, 1)
    stride = kernel if stride is None else sizes(name, "stride", stride, axes, 1)
    margin, dilation = sizes(name, "padding", padding, axes), sizes(name, "dilation", dilation, axes, 1)
    span = reach(kernel, dilation)
    if any(2 * p > s for p, s in zip(margin, span, strict=True)):
        raise ValueError(f"{name}: padding {margin} must be at most half of the window, which reaches over {span}")
    places(name, tuple(n + 2 * p for n, p in zip(moved, margin, strict=True)), kernel, stride, dilation)
    after = tuple(
        _last(n, s, step, p) if ceil_mode else p for n, s, step, p in zip(moved, span, stride, margin, strict=True)
    )
    frame = tuple(zip(margin, after, strict=True))
    return {"kernel": kernel, "stride": stride, "dilation": dilation, "frame": frame}, margin


def pooled_axes(name: str, shape: Sizes, axes: int) -> Sizes:
    """The sizes of the axes over which windows move."""
    if len(shape) < axes or min(shape[-axes:]) < 1:
        raise ValueError(f"{name}: pools over the last {axes} axes of x, none of them empty; got shape {shape}")
    return shape[-axes:]


def _last(n: int, span: int, stride: int, padding: int) -> int:
    """How far the last window that begins within x and its padding before reaches beyond x; at least the padding."""
    more = -((span - n - 2 * padding) // stride)
    if more * stride >= n + padding:
        more -= 1
    return max(padding, more * stride + span - n - padding)
