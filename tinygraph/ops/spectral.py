"""Cross-correlation and its two transposes by the fast Fourier transform, for large kernels.

At each frequency there is one matrix product, and the size of the kernel costs nothing. The rounding is that of the
largest element of an image, not of each sum; what is not finite spreads over the whole image.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tinygraph.op import Array
from tinygraph.ops import patches
from tinygraph.ops.patches import Padding, padded
from tinygraph.ops.window import Sizes, places, reach

__all__: list[str] = []  # what is called stands in tinygraph.ops.conv

FACTORS = (2, 3, 5, 7, 11)  # of the lengths at which transforms are fast


def conv(x: Array, weight: Array, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> Array:
    dtype, framed, kernel = np.result_type(x.dtype, weight.dtype), padded(x.shape[2:], padding), weight.shape[2:]
    out = places("conv", framed, kernel, stride, dilation)
    if dtype.kind not in "fc" or not len(x):
        return patches.conv(x, weight, stride, padding, dilation, groups)
    rows = _kernels(_turned_about(_spread(weight, dilation)), framed, groups, dtype)
    y = _images(_framed(x, padding), framed, groups, dtype) @ rows.swapaxes(2, 3)
    return _signal(_beside(y, 1), framed, dtype)[_met(reach(kernel, dilation), out, stride)]


def conv_transpose(
    y: Array, weight: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    dtype, framed = np.result_type(y.dtype, weight.dtype), padded(size, padding)
    if dtype.kind not in "fc" or not len(y):
        return patches.conv_transpose(y, weight, size, stride, padding, dilation, groups)
    rows = _kernels(_spread(weight, dilation), framed, groups, dtype)
    x = _images(_spread(y, stride), framed, groups, dtype) @ rows
    begins = (slice(a, a + n) for n, (a, _) in zip(size, padding, strict=True))
    x = _signal(_beside(x, 1), framed, dtype)[(..., *begins)]
    cut = [(0, n - found) for n, found in zip(size, x.shape[2:], strict=True)]
    return np.pad(x, ((0, 0), (0, 0), *cut)) if any(map(any, cut)) else x


def conv_weight(
    y: Array, x: Array, kernel: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    dtype, framed, out = np.result_type(x.dtype, y.dtype), padded(x.shape[2:], padding), y.shape[2:]
    if dtype.kind not in "fc" or not len(y):
        return patches.conv_weight(y, x, kernel, stride, padding, dilation, groups)
    grads = _images(_turned_about(_spread(y, stride)), framed, groups, dtype)
    weight = grads.swapaxes(2, 3) @ _images(_framed(x, padding), framed, groups, dtype)
    return _signal(_beside(weight, 0), framed, dtype)[_met(reach(out, stride), kernel, dilation)]


# --- to frequencies and back


def _images(x: Array, size: Sizes, groups: int, dtype: Any) -> Array:
    """(frequencies, groups, N, C / groups)."""
    found = _spectrum(x, size, dtype)
    return found.reshape((len(x), groups, x.shape[1] // groups, -1)).transpose((3, 1, 0, 2))


def _kernels(weight: Array, size: Sizes, groups: int, dtype: Any) -> Array:
    """(frequencies, groups, out / groups, in / groups)."""
    found = _spectrum(weight, size, dtype)
    return found.reshape((groups, len(weight) // groups, weight.shape[1], -1)).transpose((3, 0, 1, 2))


def _spectrum(x: Array, size: Sizes, dtype: Any) -> Array:
    forward = np.fft.fftn if dtype.kind == "c" else np.fft.rfftn
    return forward(x, s=_room(size), axes=tuple(range(-len(size), 0)))


def _beside(found: Array, axis: int) -> Array:
    """(frequencies, groups, ., .) as (., ., frequencies), where groups stand beside each other along one axis."""
    found = found.transpose((2, 1, 3, 0) if axis else (1, 2, 3, 0))
    one, other, third, many = found.shape
    return found.reshape((one, other * third, many) if axis else (one * other, third, many))


def _signal(found: Array, size: Sizes, dtype: Any) -> Array:
    """Back from (N, C, frequencies)."""
    room, whole = _room(size), dtype.kind == "c"
    inverse = np.fft.ifftn if whole else np.fft.irfftn
    frequencies = room if whole else (*room[:-1], room[-1] // 2 + 1)
    found = found.reshape((*found.shape[:2], *frequencies))
    return inverse(found, s=room, axes=tuple(range(-len(size), 0))).astype(dtype)


@lru_cache
def _room(size: Sizes) -> Sizes:
    """Lengths at least so long at which transforms are fast."""

    def fast(n: int) -> bool:
        for factor in FACTORS:
            while n % factor == 0:
                n //= factor
        return n == 1

    return tuple(next(m for m in range(n, 2 * n + 1) if fast(m)) for n in size)


# --- what is transformed


def _framed(x: Array, padding: Padding) -> Array:
    size = x.shape[2:]
    kept = x[(..., *(slice(0, n + min(b, 0)) for n, (_, b) in zip(size, padding, strict=True)))]
    around = [(a, max(b, 0)) for a, b in padding]
    return np.pad(kept, ((0, 0), (0, 0), *around)) if any(map(any, around)) else kept


def _spread(x: Array, apart: Sizes) -> Array:
    """With zeros between the elements, which are then so far apart."""
    if max(apart) == 1:
        return x
    wide: Array = np.zeros_like(x, shape=(*x.shape[:2], *reach(x.shape[2:], apart)))
    wide[(..., *(slice(None, None, n) for n in apart))] = x
    return wide


def _turned_about(x: Array) -> Array:
    return x[(..., *(slice(None, None, -1),) * (x.ndim - 2))]


def _met(span: Sizes, many: Sizes, step: Sizes) -> tuple[Any, ...]:
    """Where what is so long lies wholly inside: so many places, so far apart."""
    return (..., *(slice(n - 1, n + (m - 1) * s, s) for n, m, s in zip(span, many, step, strict=True)))
