"""Windows that slide over an array: reading them, and adding them back where they overlap.

Reading windows (`windows`) and adding them up (`window_add`) are adjoint: each is the other's rule. Convolution and
pooling see a window as its taps: what one place of the kernel meets, at every place of the kernel's way, is a slice.
"""

from __future__ import annotations

import itertools
import math
import operator
from functools import lru_cache
from typing import Any

import numpy as np

from tinygraph.op import Array, Op, op, spells
from tinygraph.ops.shape import axis_in

__all__ = ["fold", "sliding_window_view", "unfold", "window_add", "windows"]

Sizes = tuple[int, ...]
Tap = tuple[Any, ...]


# --- geometry: one number for each axis along which a window moves


def sizes(name: str, what: str, value: Any, axes: int, least: int = 0) -> Sizes:
    """A whole number for each axis, given as one for all or as a sequence."""
    given = tuple(value) if isinstance(value, tuple | list) else (value,) * axes
    try:
        found = tuple(map(operator.index, given))
    except TypeError:
        found = ()
    if len(found) != axes or min(found, default=least) < least:
        whole = "a whole number" if axes == 1 else f"a whole number, or {axes} of them"
        raise ValueError(f"{name}: {what} must be {whole}, none below {least}; got {value!r}")
    return found


def reach(kernel: Sizes, dilation: Sizes) -> Sizes:
    """How far a kernel reaches along each axis, gaps included."""
    return tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))


@lru_cache
def places(name: str, padded: Sizes, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Sizes:
    """How many windows find room along each axis."""
    span = reach(kernel, dilation)
    if any(s > n for s, n in zip(span, padded, strict=True)):
        dilated = f", {span} with its dilation," if span != kernel else ""
        raise ValueError(
            f"{name}: a kernel of size {kernel}{dilated} is larger than the input of size {padded}, padding included; "
            "take a smaller kernel, or pad"
        )
    return tuple((n - s) // step + 1 for n, s, step in zip(padded, span, stride, strict=True))


@lru_cache
def taps(kernel: Sizes, out: Sizes, stride: Sizes, dilation: Sizes, after: int = 0) -> tuple[Tap, ...]:
    """For each place in a kernel, in order, the index of what it meets of the input on its way.

    It moves over the last axes of the input, but for so many after them.

    Example:
        >>> taps((2,), (3,), (2,), (1,))
        ((Ellipsis, slice(0, 5, 2)), (Ellipsis, slice(1, 6, 2)))
    """
    along = [
        [slice(i * d, i * d + (n - 1) * s + 1, s) for i in range(k)]
        for k, n, s, d in zip(kernel, out, stride, dilation, strict=True)
    ]
    return tuple((..., *tap, *(slice(None),) * after) for tap in itertools.product(*along))


# --- reading windows and its adjoint


def _read(x: Array, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    lead, moved = x.shape[: -len(kernel)], x.shape[-len(kernel) :]
    out = places("windows", moved, kernel, stride, dilation)
    held = np.empty_like(x, shape=(math.prod(kernel), *lead, *out))
    for k, tap in enumerate(taps(kernel, out, stride, dilation)):
        held[k] = x[tap]
    axes = len(kernel)
    return np.moveaxis(held.reshape((*kernel, *lead, *out)), range(axes), range(-axes, 0))


def _add_up(g: Array, shape: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    axes = len(shape)
    lead, out, kernel = g.shape[: -2 * axes], g.shape[-2 * axes : -axes], g.shape[-axes:]
    parts = np.moveaxis(g, range(-axes, 0), range(axes)).reshape((math.prod(kernel), *lead, *out))
    total = np.zeros_like(g, shape=(*lead, *shape))
    for k, tap in enumerate(taps(kernel, out, stride, dilation)):
        total[tap] += parts[k]
    return total


_windows: Op = op(
    _read,
    kind="linear",
    vjps=[
        lambda g, ans, x, kernel, stride, dilation: _added(g, shape=x.shape[-len(kernel) :], **_on(stride, dilation))
    ],
    name="windows",
)
_added: Op = op(
    _add_up,
    kind="linear",
    vjps=[
        lambda g, ans, x, shape, stride, dilation: _windows(g, kernel=x.shape[-len(shape) :], **_on(stride, dilation))
    ],
    name="window_add",
)


def _on(stride: Sizes, dilation: Sizes) -> dict[str, Sizes]:
    return {"stride": stride, "dilation": dilation}


def windows(x: Any, kernel_size: Any, stride: Any = 1, dilation: Any = 1) -> Any:
    """All windows of a size, moved over the last axes of x.

    windows(x, (k,))[..., p, i] = x[..., p * stride + i * dilation], and so for each axis.

    Args:
        x: (..., H, W), for a kernel of two axes.
        kernel_size: a whole number for one axis, or one for each.
        stride: how far a window is from the next.
        dilation: how far the elements of a window are from each other.

    Returns:
        (..., places along H, along W, kernel_size): a copy, with kernel_size times as many elements.

    Raises:
        ValueError: a kernel that is larger than x, or sizes that are not whole numbers.

    Example:
        >>> windows(np.array([1.0, 2.0, 3.0, 4.0]), 2, stride=2)
        array([[1., 2.],
               [3., 4.]])
    """
    kernel, stride, dilation = _moves("windows", kernel_size, stride, dilation)
    if np.ndim(x) < len(kernel):
        raise ValueError(f"windows: a kernel of {len(kernel)} axes needs as many in x, got shape {np.shape(x)}")
    return _windows(x, kernel=kernel, stride=stride, dilation=dilation)


def window_add(x: Any, shape: Any, stride: Any = 1, dilation: Any = 1) -> Any:
    """Zeros of `shape` with windows added where they came from, overlaps and all: the adjoint of `windows`.

    Args:
        x: windows as `windows` gives them, (..., places, kernel_size).
        shape: the size along the axes over which the windows moved.
        stride, dilation: as in `windows`.

    Returns:
        (..., *shape).

    Raises:
        ValueError: windows that do not fit that shape.

    Example:
        >>> window_add(np.array([[1.0, 2.0], [10.0, 20.0]]), 3)
        array([ 1., 12., 20.])
    """
    shape, stride, dilation = _moves("window_add", shape, stride, dilation)
    axes, given = len(shape), np.shape(x)
    if len(given) < 2 * axes:
        raise ValueError(f"window_add: windows over {axes} axes have {2 * axes} axes at least, got shape {given}")
    fit = places("window_add", shape, given[-axes:], stride, dilation)
    if given[-2 * axes : -axes] != fit:
        raise ValueError(
            f"window_add: {given[-2 * axes : -axes]} windows of size {given[-axes:]} came from no array of shape "
            f"{shape}, which has {fit} of them; see stride= and dilation="
        )
    return _added(x, shape=shape, stride=stride, dilation=dilation)


def _moves(name: str, size: Any, stride: Any, dilation: Any) -> tuple[Sizes, Sizes, Sizes]:
    axes = len(size) if isinstance(size, tuple | list) else 1
    size = sizes(name, "the size", size, axes, 1)
    return size, sizes(name, "stride", stride, axes, 1), sizes(name, "dilation", dilation, axes, 1)


# --- NumPy's and PyTorch's names for them


@spells(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x: Any, window_shape: Any, axis: Any = None) -> Any:
    """Windows over chosen axes, all by default, as new last axes: `np.lib.stride_tricks.sliding_window_view`.

    Of an array of tinygraph it makes a copy, not a view.

    Example:
        >>> sliding_window_view(np.array([1.0, 2.0, 3.0]), 2)
        array([[1., 2.],
               [2., 3.]])
    """
    shape = tuple(window_shape) if isinstance(window_shape, tuple | list) else (window_shape,)
    axes = range(np.ndim(x)) if axis is None else tuple(axis) if isinstance(axis, tuple | list) else (axis,)
    if len(shape) != len(axes):
        raise ValueError(f"sliding_window_view: a window of shape {shape} for {len(axes)} axes; give a size for each")
    for a, size in zip([axis_in(a, np.ndim(x)) for a in axes], shape, strict=True):
        x = np.moveaxis(windows(np.moveaxis(x, a, -1), size), -2, a)
    return x


def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The patches that a convolution meets, as columns: im2col, PyTorch's `unfold`.

    Args:
        x: (N, C, H, W), or (C, H, W).
        kernel_size, dilation, stride: whole numbers, or two of them.
        padding: zeros before and after, along each axis.

    Returns:
        (N, C * kh * kw, L), a column for each of the L patches.

    Raises:
        ValueError: a kernel that is larger than the padded x.

    Example:
        >>> unfold(np.arange(9.0).reshape(1, 3, 3), 2)
        array([[0., 1., 3., 4.],
               [1., 2., 4., 5.],
               [3., 4., 6., 7.],
               [4., 5., 7., 8.]])
    """
    shape = np.shape(x)
    if len(shape) not in (3, 4):
        raise ValueError(f"unfold: takes (N, C, H, W) or (C, H, W), got shape {shape}")
    margin = sizes("unfold", "padding", padding, 2)
    if any(margin):
        x = np.pad(x, ((0, 0),) * (len(shape) - 2) + tuple((p, p) for p in margin))
    patches = windows(x, sizes("unfold", "kernel_size", kernel_size, 2, 1), stride, dilation)
    columns = np.moveaxis(patches, (-2, -1), (-4, -3))  # (..., C, kh, kw, places)
    return np.reshape(columns, (*shape[:-3], math.prod(np.shape(columns)[-5:-2]), math.prod(np.shape(columns)[-2:])))


def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Add patches up into images: col2im, PyTorch's `fold`, the adjoint of `unfold`.

    Args:
        x: (N, C * kh * kw, L), or without N.
        output_size: (H, W) of the images.
        kernel_size, dilation, padding, stride: as in `unfold`.

    Returns:
        (N, C, H, W).

    Raises:
        ValueError: columns that do not fit.

    Example:
        >>> fold(np.ones((4, 4)), 3, 2)
        array([[[1., 2., 1.],
                [2., 4., 2.],
                [1., 2., 1.]]])
    """
    size, kernel = sizes("fold", "output_size", output_size, 2, 1), sizes("fold", "kernel_size", kernel_size, 2, 1)
    margin, shape = sizes("fold", "padding", padding, 2), np.shape(x)
    step, gap = sizes("fold", "stride", stride, 2, 1), sizes("fold", "dilation", dilation, 2, 1)
    padded = tuple(n + 2 * p for n, p in zip(size, margin, strict=True))
    out = places("fold", padded, kernel, step, gap)
    if len(shape) not in (2, 3) or shape[-2] % math.prod(kernel) or shape[-1] != math.prod(out):
        raise ValueError(
            f"fold: x of shape {shape} does not fit: (N, C * {math.prod(kernel)}, {math.prod(out)}) makes images of "
            f"size {size} with a kernel of size {kernel}"
        )
    patches = np.reshape(x, (*shape[:-2], shape[-2] // math.prod(kernel), *kernel, *out))
    images = window_add(np.moveaxis(patches, (-4, -3), (-2, -1)), padded, step, gap)
    return images[(..., *(slice(p, p + n) for p, n in zip(margin, size, strict=True)))] if any(margin) else images
