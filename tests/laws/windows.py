"""Inputs for the operations on windows, convolutions and pools, and what each computes, written out place by place."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

import numpy as np

from laws.cases import NAMED, Case, array, distinct, shape

Sizes = tuple[int, ...]


def some(r: Random, axes: int, low: int, high: int) -> Sizes:
    return tuple(r.randint(low, high) for _ in range(axes))


def room(kernel: Sizes, out: Sizes, how: dict[str, Any], spare: Sizes = ()) -> Sizes:
    """The size of an array over which a kernel moves to so many places; the stride may leave some of it over."""
    padding = how.get("padding", how.get("frame", ((0, 0),) * len(out)))
    moved = zip(kernel, out, how["stride"], how["dilation"], padding, spare or (0,) * len(out), strict=True)
    return tuple((n - 1) * s + (k - 1) * d + 1 - a - b + min(left, s - 1) for k, n, s, d, (a, b), left in moved)


def moves(r: Random, axes: int) -> dict[str, Any]:
    return {"stride": some(r, axes, 1, 2), "dilation": some(r, axes, 1, 2)}


def windows_case(r: Random) -> Case:
    axes = r.randint(1, 2)
    how, kernel = moves(r, axes), some(r, axes, 1, 2)
    size = room(kernel, some(r, axes, 1, 2), how, some(r, axes, 0, 1))
    return Case([array(r, (*shape(r, 0, 1, 2), *size))], {"kernel": kernel, **how})


def window_add_case(r: Random) -> Case:
    axes = r.randint(1, 2)
    how, kernel, out = moves(r, axes), some(r, axes, 1, 2), some(r, axes, 1, 2)
    size = room(kernel, out, how, some(r, axes, 0, 1))
    return Case([array(r, (*shape(r, 0, 1, 2), *out, *kernel))], {"shape": size, **how})


def view_case(r: Random) -> Case:
    a = array(r, (3, 2))
    return Case(
        [a],
        r.choice(
            [
                {"window_shape": (2, 2)},
                {"window_shape": 2, "axis": 0},
                {"window_shape": (2,), "axis": -1},
                {"window_shape": (1, 3), "axis": (1, 0)},
                {"window_shape": (2, 2), "axis": (0, 0)},
            ]
        ),
    )


def convolution(r: Random) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
    """x, weight and output of some convolution, and its parameters: an end may be cut off, which is less than none."""
    axes, groups = r.randint(1, 2), r.randint(1, 2)
    how: dict[str, Any] = moves(r, axes) | {"groups": groups}
    kernel, out = some(r, axes, 1, 2), some(r, axes, 1, 2)
    how["padding"] = tuple((r.randint(0, 1), r.randint(-1, 1)) for _ in range(axes))
    size = room(kernel, out, how, some(r, axes, 0, 1))
    if min(size) < 1:
        how["padding"] = ((0, 0),) * axes
        size = room(kernel, out, how)
    samples, c, o = r.randint(1, 2), groups * r.randint(1, 3 - groups), groups * r.randint(1, 3 - groups)
    x, weight = array(r, (samples, c, *size)), array(r, (o, c // groups, *kernel))
    return x, weight, array(r, (samples, o, *out)), how


def conv_case(r: Random) -> Case:
    x, weight, _, how = convolution(r)
    return Case([x, weight], how)


def conv_transpose_case(r: Random) -> Case:
    x, weight, y, how = convolution(r)
    return Case([y, weight], {"size": x.shape[2:], **how})


def conv_weight_case(r: Random) -> Case:
    x, weight, y, how = convolution(r)
    return Case([y, x], {"kernel": weight.shape[2:], **how})


def pool_case(r: Random) -> Case:
    axes = r.randint(1, 2)
    kernel = some(r, axes, 1, 3)
    how: dict[str, Any] = {"kernel": kernel, **moves(r, axes)}
    how["frame"] = tuple((r.randint(0, k // 2), r.randint(0, k // 2)) for k in kernel)
    size = room(kernel, some(r, axes, 1, 2), how, some(r, axes, 0, 1))
    if min(size) < 2:  # a window may meet the frame alone
        how["frame"] = ((0, 0),) * axes
        size = room(kernel, (1,) * axes, how)
    return Case([distinct(r, (*shape(r, 0, 1, 2), *size))], how)


def max_pool_case(r: Random) -> Case:
    case = pool_case(r)
    case.kinks = NAMED["max_pool"].kinks
    return case


def tap_add_case(r: Random) -> Case:
    size = some(r, r.randint(1, 2), 2, 4)
    at = [(..., *(slice(a, a + 2) for a in (r.randint(0, n - 2) for n in size))) for _ in range(r.randint(1, 3))]
    lead = shape(r, 0, 1, 2)
    return Case([array(r, (*lead, *(2,) * len(size))) for _ in at], {"at": at, "shape": (*lead, *size)})


RECIPES = {
    "conv": conv_case,
    "conv_transpose": conv_transpose_case,
    "conv_weight": conv_weight_case,
    "max_pool": max_pool_case,
    "sum_pool": pool_case,
    "tap_add": tap_add_case,
    "window_add": window_add_case,
    "windows": windows_case,
}

# --- what each computes


def met(out: Sizes, kernel: Sizes, how: dict[str, Any]) -> Any:
    """Each place of the output, each place in the kernel, and the element of the input where they meet."""
    before = [a for a, _ in how.get("padding", how.get("frame", ((0, 0),) * len(out)))]
    for p in itertools.product(*map(range, out)):
        for k in itertools.product(*map(range, kernel)):
            at = zip(p, how["stride"], k, how["dilation"], before, strict=True)
            yield p, k, tuple(i * s + j * d - a for i, s, j, d, a in at)


def count(size: Sizes, kernel: Sizes, how: dict[str, Any]) -> Sizes:
    padding = how.get("padding", how.get("frame", ((0, 0),) * len(size)))
    moved = zip(size, kernel, how["stride"], how["dilation"], padding, strict=True)
    return tuple(len(range(0, n + a + b - (k - 1) * d, s)) for n, k, s, d, (a, b) in moved)


def inside(at: Sizes, size: Sizes) -> bool:
    return all(0 <= i < n for i, n in zip(at, size, strict=True))


def windows(x: np.ndarray, kernel: Sizes, **how: Any) -> np.ndarray:
    lead, size = x.shape[: -len(kernel)], x.shape[-len(kernel) :]
    out = count(size, kernel, how)
    y = np.zeros((*lead, *out, *kernel), x.dtype)
    for p, k, at in met(out, kernel, how):
        y[(..., *p, *k)] = x[(..., *at)]
    return y


def window_add(g: np.ndarray, shape: Sizes, **how: Any) -> np.ndarray:
    axes = len(shape)
    x = np.zeros((*g.shape[: -2 * axes], *shape), g.dtype)
    for p, k, at in met(g.shape[-2 * axes : -axes], g.shape[-axes:], how):
        x[(..., *at)] += g[(..., *p, *k)]
    return x


def pairs(groups: int, out: int, channels: int) -> Any:
    """Output channel, place of an input channel in the weight, input channel."""
    for o in range(out):
        for c in range(channels // groups):
            yield o, c, o // (out // groups) * (channels // groups) + c


def conv(x: np.ndarray, weight: np.ndarray, groups: int, **how: Any) -> np.ndarray:
    size, kernel = x.shape[2:], weight.shape[2:]
    out = count(size, kernel, how)
    y = np.zeros((len(x), len(weight), *out), np.result_type(x, weight))
    for p, k, at in met(out, kernel, how):
        if inside(at, size):
            for o, w, c in pairs(groups, len(weight), x.shape[1]):
                y[(slice(None), o, *p)] += weight[(o, w, *k)] * x[(slice(None), c, *at)]
    return y


def conv_transpose(y: np.ndarray, weight: np.ndarray, size: Sizes, groups: int, **how: Any) -> np.ndarray:
    channels = weight.shape[1] * groups
    x = np.zeros((len(y), channels, *size), np.result_type(y, weight))
    for p, k, at in met(y.shape[2:], weight.shape[2:], how):
        if inside(at, size):
            for o, w, c in pairs(groups, len(weight), channels):
                x[(slice(None), c, *at)] += weight[(o, w, *k)] * y[(slice(None), o, *p)]
    return x


def conv_weight(y: np.ndarray, x: np.ndarray, kernel: Sizes, groups: int, **how: Any) -> np.ndarray:
    weight = np.zeros((y.shape[1], x.shape[1] // groups, *kernel), np.result_type(x, y))
    for p, k, at in met(y.shape[2:], kernel, how):
        if inside(at, x.shape[2:]):
            for o, w, c in pairs(groups, y.shape[1], x.shape[1]):
                weight[(o, w, *k)] += (y[(slice(None), o, *p)] * x[(slice(None), c, *at)]).sum()
    return weight


def pooled(reduce: Any) -> Any:
    def of(x: np.ndarray, kernel: Sizes, **how: Any) -> np.ndarray:
        lead, size = x.shape[: -len(kernel)], x.shape[-len(kernel) :]
        out, seen = count(size, kernel, how), {}
        for p, _, at in met(out, kernel, how):
            if inside(at, size):
                seen.setdefault(p, []).append(x[(..., *at)])
        y = np.zeros((*lead, *out), x.dtype)
        for p, elements in seen.items():
            y[(..., *p)] = reduce(np.array(elements), axis=0)
        return y

    return of


def tap_add(*parts: np.ndarray, at: Any, shape: Sizes) -> np.ndarray:
    total = np.zeros(shape, np.result_type(*parts))
    for part, index in zip(parts, at, strict=True):
        np.add.at(total, index, part)
    return total


REFERENCES = {
    "conv": conv,
    "conv_transpose": conv_transpose,
    "conv_weight": conv_weight,
    "max_pool": pooled(np.max),
    "sum_pool": pooled(np.sum),
    "tap_add": tap_add,
    "window_add": window_add,
    "windows": windows,
}
