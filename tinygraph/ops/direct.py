"""Cross-correlation and its two transposes by loops, which numba compiles: no patches are copied.

Samples come last here too. What one place of the kernel meets, on the way of a row of the output, is then a run of the
input, and runs of several places under several kernels make a tile: see `tinygraph.ops.compiled.tiles`.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np

from tinygraph.op import Array, Mapped
from tinygraph.ops import patches
from tinygraph.ops.patches import Padding, padded, turned_about
from tinygraph.ops.window import Sizes, places, reach

__all__: list[str] = []  # what is called stands in tinygraph.ops.conv

VECTOR = 32  # bytes
TILES = ((4, 3), (6, 2), (3, 3), (4, 2), (2, 4), (1, 4))  # rows, and vectors of each, that fit the registers
COLUMNS = 3  # places of the kernel in a tile of its gradient, of at most four rows


def conv(x: Array, weight: Array, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> Array:
    kernel, o = weight.shape[2:], weight.shape[0] // groups
    if not _looped(x, weight, kernel):
        how: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        return _elsewhere(conv, patches.conv, x, weight, how)
    out = places("conv", padded(x.shape[2:], padding), kernel, stride, dilation)
    length, lanes = out[-1] * len(x), VECTOR // x.itemsize
    high, wide = min(TILES, key=lambda t: _whole(o, t[0]) * _whole(length, t[1] * lanes))
    room = max(length, wide * lanes)
    held, starts, met = _runs(x, out, kernel, stride, padding, dilation, groups, room)
    rows = np.zeros_like(x, shape=(groups, _whole(o, high), len(met)), order="C")
    rows[:, :o] = weight.reshape(groups, o, -1)
    rows = rows.reshape(groups, -1, high, len(met)).swapaxes(2, 3).copy()
    y = np.empty_like(x, shape=(groups, rows.shape[1], high, starts.shape[1], room), order="C")
    _loops().correlate((0,) * high, (0,) * wide, held, starts, met, rows, y, length)
    y = y.reshape(groups, -1, starts.shape[1], room)[:, :o, :, :length]
    return patches.samples_first(y.reshape(groups * o, *out, len(x)))


def conv_transpose(
    y: Array, weight: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    around = tuple((n - 1 - a, n - 1 - b) for n, (a, b) in zip(reach(weight.shape[2:], dilation), padding, strict=True))
    if max(stride) > 1 or min(a for a, _ in around) < 0 or not _looped(y, weight, weight.shape[2:]):
        how: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        return _elsewhere(conv_transpose, patches.conv_transpose, y, weight, how | {"size": size})
    return conv(y, turned_about(weight, groups), stride, around, dilation, groups)


def conv_weight(
    y: Array, x: Array, kernel: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    if not _looped(y, x, kernel):
        how: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        return _elsewhere(conv_weight, patches.conv_weight, y, x, how | {"kernel": kernel})
    out, (o, c) = y.shape[2:], (y.shape[1] // groups, x.shape[1] // groups)
    high = min((4, 3, 2, 1), key=lambda n: _whole(o, n))
    lanes, length = VECTOR // y.itemsize, out[-1] * len(x)
    held, starts, met = _runs(x, out, kernel, stride, padding, dilation, groups, lanes)
    many = len(met)
    met = np.concatenate([met, met[:1].repeat(-many % COLUMNS)])
    shape = (groups, _whole(o, high), *out, len(x))
    flat = np.zeros_like(y, shape=(math.prod(shape) + lanes,), order="C")
    flat[:-lanes].reshape(shape)[:, :o] = patches.samples_last(y).reshape(groups, o, *out, len(x))
    w = np.zeros_like(y, shape=(groups, shape[1] // high, high, len(met), lanes), order="C")
    _loops().correlate_weight((0,) * high, (0,) * COLUMNS, held, starts, met, flat, length, w)
    return w.sum(axis=-1).reshape(groups, -1, len(met))[:, :o, :many].reshape(groups * o, c, *kernel)


def _whole(n: int, by: int) -> int:
    return -(-n // by) * by


def _runs(
    x: Array, out: Sizes, kernel: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int, room: int
) -> tuple[Array, Array, Array]:
    """The input, all in a row; where each line of outputs begins, (groups, lines); how far from there each place is.

    With a stride, what one place of the kernel meets on its way along a row is put side by side. A row of the output
    may be shorter than a tile, which then reads beyond the end, into the `room` there.
    """
    step, samples = stride[-1], len(x)
    *lead, across = padded(x.shape[2:], padding)
    along = -(-across // step)
    shape = (x.shape[1], *lead, step, along, samples)
    held = np.zeros_like(x, shape=(math.prod(shape) + room,), order="C")
    image = held[: len(held) - room].reshape(shape)
    inside, kept = patches.within(x.shape[2:], padding)
    if step == 1:
        image[..., 0, :, :][inside] = patches.samples_last(x)[kept]
    else:
        framed = np.zeros_like(x, shape=(*shape[:-3], along * step, samples), order="C")
        framed[inside] = patches.samples_last(x)[kept]
        image[...] = framed.reshape((*shape[:-3], along, step, samples)).swapaxes(-3, -2)
    apart = tuple(s // x.itemsize for s in image.strides)
    return held, *_loops().offsets(apart, x.shape[1], out, kernel, stride, dilation, groups)


def _looped(x: Array, y: Array, kernel: Sizes) -> bool:
    """Whether the loops are for this: plain arrays of floats, and a kernel of more than one place."""
    plain = type(x) is type(y) is np.ndarray and x.dtype == y.dtype and x.dtype in (np.float32, np.float64)
    return plain and min(x.size, y.size) > 0 and math.prod(kernel) > 1


def _elsewhere(own: Any, other: Any, x: Array, y: Array, how: dict[str, Any]) -> Array:
    """What follows a calculation sees one call; other arrays, other numbers and matrix products go by patches."""
    found = NotImplemented
    for array in (x, y):
        if type(array) is not np.ndarray and not isinstance(array, Mapped) and hasattr(array, "__array_function__"):
            found = array.__array_function__(own, (type(array),), (x, y), how)
            break
    return other(x, y, **how) if found is NotImplemented else found


def _loops() -> Any:
    try:
        return import_module("tinygraph.ops.compiled.tiles")
    except ImportError:
        raise ImportError("conv: method='direct' needs numba: pip install 'tinygraph[jit]'") from None
