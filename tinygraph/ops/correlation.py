"""Cross-correlation and its two transposes, by matrix products of patches.

With x the input, w the weight and y the output, sum(y * conv(x, w)) is linear in each of the three. Its derivatives by
y, x and w are three operations, `conv`, `conv_transpose` and `conv_weight`, and the rules of each are the other two.

Inside, samples come last: (C, H, W, N). What one place of the kernel meets is then made of long runs, which are copied
several times as fast as the short rows of an image.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from tinygraph.op import Array, Op, op
from tinygraph.ops.window import Sizes, places, taps

__all__: list[str] = []  # what is called stands in tinygraph.ops.conv

Padding = tuple[tuple[int, int], ...]  # before and after, along each axis; less than 0 after cuts off

STRIP = 2**19  # elements of the matrix of patches that is held at once


# --- from images to matrices and back


def _turned(x: Array) -> Array:
    """(N, C, ...) as (C, ..., N)."""
    turned = x.transpose((*range(1, x.ndim), 0))
    step = getattr(x, "strides", (0,))[0]
    if step and step % 1024 == 0 and len(x) > 8:  # samples that far apart crowd into few sets of the cache
        rows = x.reshape(len(x), -1)
        spaced = np.empty_like(rows, shape=(len(x), rows.shape[1] + 16))
        spaced[:, :-16] = rows
        return spaced[:, :-16].T.reshape(turned.shape)
    return turned


def _turned_back(x: Array) -> Array:
    return x.transpose((x.ndim - 1, *range(x.ndim - 1)))


def _framed(x: Array, padding: Padding, groups: int) -> Array:
    """(groups, C / groups, ..., N), zeros around."""
    size, shape = x.shape[2:], (groups, x.shape[1] // groups, *padded(x.shape[2:], padding), len(x))
    turned = _turned(x)
    if not any(map(any, padding)):
        return turned.reshape(-1).reshape(shape)
    framed = np.zeros_like(x, shape=(x.shape[1], *shape[2:]), order="C")
    inside, kept = _inside(size, padding)
    framed[inside] = turned[kept]
    return framed.reshape(shape)


def _unframed(framed: Array, size: Sizes, padding: Padding) -> Array:
    """(N, C, ...) out of the frame."""
    whole = framed.reshape((framed.shape[0] * framed.shape[1], *framed.shape[2:]))
    if any(map(any, padding)):
        inside, kept = _inside(size, padding)
        cut = whole[inside]
        if any(after < 0 for _, after in padding):
            whole = np.zeros_like(cut, shape=(len(cut), *size, cut.shape[-1]))
            whole[kept] = cut
        else:
            whole = cut
    return _turned_back(whole)


@lru_cache
def padded(size: Sizes, padding: Padding) -> Sizes:
    """The size of the frame."""
    return tuple(a + n + b for n, (a, b) in zip(size, padding, strict=True))


@lru_cache
def _inside(size: Sizes, padding: Padding) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The index of the image in its frame, and of what is there of it."""
    kept = [n + min(b, 0) for n, (_, b) in zip(size, padding, strict=True)]
    there = (slice(a, a + n) for n, (a, _) in zip(kept, padding, strict=True))
    return (..., *there, slice(None)), (..., *(slice(0, n) for n in kept), slice(None))


def _rows(weight: Array, groups: int) -> Array:
    """(groups, out / groups, places of the kernel * in / groups)."""
    o, c, k = weight.shape[0], weight.shape[1], math.prod(weight.shape[2:])
    return weight.reshape((groups, o // groups, c, k)).swapaxes(2, 3).reshape((groups, o // groups, k * c))


def _patches(framed: Array, kernel: Sizes, out: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    """im2col, (groups, places of the kernel * in / groups, places * N)."""
    groups, c, samples = framed.shape[0], framed.shape[1], framed.shape[-1]
    k, shape = math.prod(kernel), (c, *out, samples)
    if k == 1 and framed.shape[1:] == shape:
        return framed.reshape((groups, c, math.prod(out) * samples))
    held = np.empty_like(framed, shape=(groups, k, *shape))
    for i, tap in enumerate(taps(kernel, out, stride, dilation, after=1)):
        held[:, i] = framed[tap]
    return held.reshape((groups, k * c, math.prod(out) * samples))


def _add_patches(framed: Array, patches: Array, kernel: Sizes, out: Sizes, stride: Sizes, dilation: Sizes) -> None:
    """col2im, into the frame."""
    groups, c, samples = framed.shape[0], framed.shape[1], framed.shape[-1]
    parts = patches.reshape((groups, math.prod(kernel), c, *out, samples))
    for i, tap in enumerate(taps(kernel, out, stride, dilation, after=1)):
        framed[tap] += parts[:, i]


def _strips(
    kernel: Sizes, out: Sizes, channels: int, samples: int, stride: Sizes
) -> Iterator[tuple[slice, slice, Sizes]]:
    """Cut the output into strips along its first axis, so that a matrix of patches stays of a bounded size.

    For each: its columns in the matrix of the output, where its input begins, and its size.
    """
    row = math.prod(out[1:]) * samples
    many = max(1, STRIP // max(1, math.prod(kernel) * channels * row))
    for a in range(0, out[0], many):
        b = min(a + many, out[0])
        yield slice(a * row, b * row), slice(a * stride[0], None), (b - a, *out[1:])


# --- the three operations


def _conv(x: Array, weight: Array, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> Array:
    kernel = weight.shape[2:]
    out = places("conv", padded(x.shape[2:], padding), kernel, stride, dilation)
    framed, rows = _framed(x, padding, groups), _rows(weight, groups)
    shape = (weight.shape[0], *out, len(x))
    y = np.empty_like(framed, shape=shape, dtype=np.result_type(x.dtype, weight.dtype))
    flat = y.reshape((groups, rows.shape[1], math.prod(shape[1:])))
    for columns, start, size in _strips(kernel, out, x.shape[1], len(x), stride):
        patches = _patches(framed[:, :, start], kernel, size, stride, dilation)
        np.matmul(rows, patches, out=flat[:, :, columns])
    return _turned_back(y)


def _conv_transpose(
    y: Array, weight: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    kernel, out, channels = weight.shape[2:], y.shape[2:], weight.shape[1]
    rows = _rows(weight, groups).swapaxes(1, 2)
    flat = _turned(y).reshape((groups, y.shape[1] // groups, math.prod(out) * len(y)))
    framed = np.zeros_like(
        flat,
        shape=(groups, channels, *padded(size, padding), len(y)),
        dtype=np.result_type(y.dtype, weight.dtype),
    )
    for columns, start, part in _strips(kernel, out, groups * channels, len(y), stride):
        _add_patches(framed[:, :, start], rows @ flat[:, :, columns], kernel, part, stride, dilation)
    return _unframed(framed, size, padding)


def _conv_weight(
    y: Array, x: Array, kernel: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    out, (o, c) = y.shape[2:], (y.shape[1], x.shape[1] // groups)
    framed = _framed(x, padding, groups)
    flat = _turned(y).reshape((groups, o // groups, math.prod(out) * len(y)))
    total: Any = 0.0
    for columns, start, size in _strips(kernel, out, x.shape[1], len(x), stride):
        patches = _patches(framed[:, :, start], kernel, size, stride, dilation)
        total = flat[:, :, columns] @ patches.swapaxes(1, 2) + total
    return total.reshape((groups, o // groups, math.prod(kernel), c)).swapaxes(2, 3).reshape((o, c, *kernel))


conv: Op = op(
    _conv,
    kind="multilinear",
    vjps=[
        lambda g, ans, x, weight, **how: conv_transpose(g, weight, size=x.shape[2:], **how),
        lambda g, ans, x, weight, **how: conv_weight(g, x, kernel=weight.shape[2:], **how),
    ],
    name="conv",
    latex="{x} * {y}",
)
conv_transpose: Op = op(
    _conv_transpose,
    kind="multilinear",
    vjps=[
        lambda g, ans, y, weight, size, **how: conv(g, weight, **how),
        lambda g, ans, y, weight, size, **how: conv_weight(y, g, kernel=weight.shape[2:], **how),
    ],
    name="conv_transpose",
    latex=r"{x} *^\top {y}",
)
conv_weight: Op = op(
    _conv_weight,
    kind="multilinear",
    vjps=[
        lambda g, ans, y, x, kernel, **how: conv(x, g, **how),
        lambda g, ans, y, x, kernel, **how: conv_transpose(y, g, size=x.shape[2:], **how),
    ],
    name="conv_weight",
)
