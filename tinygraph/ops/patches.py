"""Cross-correlation and its two transposes by im2col: matrix products of patches.

Inside, samples come last: (C, H, W, N). What one place of the kernel meets is then made of long runs, which are copied
several times as fast as the short rows of an image.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinygraph.op import Array
from tinygraph.ops.window import Sizes, places, reach, taps

__all__: list[str] = []  # what is called stands in tinygraph.ops.conv

Padding = tuple[tuple[int, int], ...]  # before and after, along each axis; less than 0 after cuts off

STRIP = 2**19  # elements of patches that are copied at once
WIDE = 128  # elements of a row of the output that are worth a product of its own


# --- from images to matrices and back


def samples_last(x: Array) -> Array:
    """(N, C, ...) as (C, ..., N)."""
    turned = x.transpose((*range(1, x.ndim), 0))
    step = getattr(x, "strides", (0,))[0]
    if step and step % 1024 == 0 and len(x) > 8:  # samples that far apart crowd into few sets of the cache
        rows = x.reshape(len(x), -1)
        spaced = np.empty_like(rows, shape=(len(x), rows.shape[1] + 16))
        spaced[:, :-16] = rows
        return spaced[:, :-16].T.reshape(turned.shape)
    return turned


def samples_first(x: Array) -> Array:
    return x.transpose((x.ndim - 1, *range(x.ndim - 1)))


def _framed(x: Array, padding: Padding, groups: int) -> Array:
    """(groups, C / groups, ..., N), zeros around."""
    size, shape = x.shape[2:], (groups, x.shape[1] // groups, *padded(x.shape[2:], padding), len(x))
    turned = samples_last(x)
    if not any(map(any, padding)):
        return turned.reshape(-1).reshape(shape)
    framed = np.zeros_like(x, shape=(x.shape[1], *shape[2:]), order="C")
    inside, kept = within(size, padding)
    framed[inside] = turned[kept]
    return framed.reshape(shape)


def _unframed(framed: Array, size: Sizes, padding: Padding) -> Array:
    """(N, C, ...) out of the frame."""
    whole = framed.reshape((framed.shape[0] * framed.shape[1], *framed.shape[2:]))
    if any(map(any, padding)):
        inside, kept = within(size, padding)
        cut = whole[inside]
        if any(after < 0 for _, after in padding):
            whole = np.zeros_like(cut, shape=(len(cut), *size, cut.shape[-1]))
            whole[kept] = cut
        else:
            whole = cut
    return samples_first(whole)


@lru_cache
def padded(size: Sizes, padding: Padding) -> Sizes:
    """The size of the frame."""
    return tuple(a + n + b for n, (a, b) in zip(size, padding, strict=True))


@lru_cache
def within(size: Sizes, padding: Padding) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The index of the image in its frame, and of what is there of it."""
    kept = [n + min(b, 0) for n, (_, b) in zip(size, padding, strict=True)]
    there = (slice(a, a + n) for n, (a, _) in zip(kept, padding, strict=True))
    return (..., *there, slice(None)), (..., *(slice(0, n) for n in kept), slice(None))


def _rows(weight: Array, groups: int) -> Array:
    """(groups, out / groups, places of the kernel * in / groups)."""
    o, c, k = weight.shape[0], weight.shape[1], math.prod(weight.shape[2:])
    return weight.reshape((groups, o // groups, c, k)).swapaxes(2, 3).reshape((groups, o // groups, k * c))


def _patches(framed: Array, kernel: Sizes, out: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    """im2col, (groups, rows of the output, places of the kernel * in / groups, places in a row * N).

    Columns of the kernel are copied, its rows are a window that slides over the copy. Where rows are short, all places
    are copied, and stand in one row.
    """
    if not _wide(out, framed.shape[-1]):
        framed, kernel, out, stride, dilation = (
            framed[:, :, None], (1, *kernel), (1, *out), (1, *stride), (1, *dilation)
        )  # fmt: skip
    (high, *across), step, gap = kernel, stride[0], dilation[0]
    span, skip = (high - 1) * gap + 1, step if high == 1 else 1
    turned = framed.swapaxes(1, 2)[:, : (out[0] - 1) * step + span : skip]
    shape = (*turned.shape[:2], math.prod(across), *turned.shape[2:3], *out[1:], framed.shape[-1])
    if turned.shape[3:] == shape[4:]:
        held = turned
    else:
        held = np.empty_like(framed, shape=shape)
        for i, tap in enumerate(taps(tuple(across), out[1:], stride[1:], dilation[1:], after=1)):
            held[:, :, i] = turned[tap]
    held = held.reshape((*shape[:2], shape[2] * shape[3], math.prod(shape[4:])))
    if high == 1:
        return held
    rows = sliding_window_view(held, span, axis=1)[:, ::step, ..., ::gap]
    return rows.transpose((0, 1, 4, 2, 3)).reshape((shape[0], out[0], high * held.shape[2], held.shape[3]))


def _add_patches(framed: Array, patches: Array, kernel: Sizes, out: Sizes, stride: Sizes, dilation: Sizes) -> None:
    """col2im, into the frame."""
    groups, c, samples = framed.shape[0], framed.shape[1], framed.shape[-1]
    parts = patches.reshape((groups, math.prod(kernel), c, *out, samples))
    for i, tap in enumerate(taps(kernel, out, stride, dilation, after=1)):
        framed[tap] += parts[:, i]


def _wide(out: Sizes, samples: int) -> bool:
    """Whether a row of the output is long enough to be a matrix product of its own."""
    return len(out) > 1 and math.prod(out[1:]) * samples >= WIDE


def _strips(kernel: Sizes, out: Sizes, channels: int, samples: int) -> Iterator[tuple[int, int, slice]]:
    """Cut the output into strips along its first axis, so that a matrix of patches stays of a bounded size.

    For each: its first row and the one after its last, and its columns in the matrix of the output.
    """
    row = math.prod(out[1:]) * samples
    many = max(1, STRIP // max(1, math.prod(kernel) * channels * row))
    for a in range(0, out[0], many):
        b = min(a + many, out[0])
        yield a, b, slice(a * row, b * row)


def _each_row(flat: Array, columns: slice, rows: int) -> Array:
    """(groups, rows, channels / groups, places in a row * N), of the matrix of an output."""
    part = flat[:, :, columns]
    return part.reshape((*part.shape[:2], rows, part.shape[2] // rows)).swapaxes(1, 2)


# --- the three products


def conv(x: Array, weight: Array, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> Array:
    kernel = weight.shape[2:]
    out = places("conv", padded(x.shape[2:], padding), kernel, stride, dilation)
    framed, rows = _framed(x, padding, groups), _rows(weight, groups)
    shape = (weight.shape[0], *out, len(x))
    y = np.empty_like(framed, shape=shape, dtype=np.result_type(x.dtype, weight.dtype))
    flat = y.reshape((groups, rows.shape[1], math.prod(shape[1:])))
    for a, b, columns in _strips(_copied(kernel, out, len(x)), out, x.shape[1], len(x)):
        patches = _patches(framed[:, :, a * stride[0] :], kernel, (b - a, *out[1:]), stride, dilation)
        np.matmul(rows[:, None], patches, out=_each_row(flat, columns, patches.shape[1]))
    return samples_first(y)


def conv_transpose(
    y: Array, weight: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    kernel, out, channels = weight.shape[2:], y.shape[2:], weight.shape[1]
    around = tuple((n - 1 - a, n - 1 - b) for n, (a, b) in zip(reach(kernel, dilation), padding, strict=True))
    read, added = y.shape[1] // groups * math.prod(size), channels * math.prod(out)
    if max(stride) == 1 and min(a for a, _ in around) >= 0 and _gathers(kernel, read, added):
        return conv(y, turned_about(weight, groups), stride, around, dilation, groups)
    rows = _rows(weight, groups).swapaxes(1, 2)
    flat = samples_last(y).reshape((groups, y.shape[1] // groups, math.prod(out) * len(y)))
    framed = np.zeros_like(
        flat,
        shape=(groups, channels, *padded(size, padding), len(y)),
        dtype=np.result_type(y.dtype, weight.dtype),
    )
    for a, b, columns in _strips(kernel, out, groups * channels, len(y)):
        part = (b - a, *out[1:])
        _add_patches(framed[:, :, a * stride[0] :], rows @ flat[:, :, columns], kernel, part, stride, dilation)
    return _unframed(framed, size, padding)


def conv_weight(
    y: Array, x: Array, kernel: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    out, (o, c) = y.shape[2:], (y.shape[1], x.shape[1] // groups)
    framed = _framed(x, padding, groups)
    flat = samples_last(y).reshape((groups, o // groups, math.prod(out) * len(y)))
    total: Any = 0.0
    for a, b, columns in _strips(_copied(kernel, out, len(x)), out, x.shape[1], len(x)):
        patches = _patches(framed[:, :, a * stride[0] :], kernel, (b - a, *out[1:]), stride, dilation)
        total = np.add.reduce(_each_row(flat, columns, patches.shape[1]) @ patches.swapaxes(2, 3), axis=1) + total
    return total.reshape((groups, o // groups, math.prod(kernel), c)).swapaxes(2, 3).reshape((o, c, *kernel))


def _copied(kernel: Sizes, out: Sizes, samples: int) -> Sizes:
    """The places of the kernel that `_patches` copies."""
    return kernel[1:] if _wide(out, samples) else kernel


def _gathers(kernel: Sizes, read: int, added: int) -> bool:
    """Whether a transpose is cheaper as a convolution, which reads so many elements instead of adding up so many."""
    return math.prod(kernel) == 1 or 2 * read <= added * (kernel[0] + 1)


def turned_about(weight: Array, groups: int) -> Array:
    """The kernel of the transpose, (in, out / groups, ...)."""
    o, c, *kernel = weight.shape
    turned = weight.reshape((groups, o // groups, c, *kernel)).swapaxes(1, 2)
    return turned.reshape((groups * c, o // groups, *kernel))[(..., *(slice(None, None, -1),) * len(kernel))]
