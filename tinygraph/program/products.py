"""Products of matrices: `x.dot(y)` takes half the time of `x @ y` to begin, and is the same call of BLAS, or nearly.

Which routine a product goes to depends on shapes and strides alone, never on the numbers. So where both give the same
bits for random numbers of the same layout, they give the same bits for all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

SMALL = 1 << 19  # products of numbers; with more, the beginning does not count
TRIED = 256  # results that are compared, at least
Layout = tuple[tuple[int, ...], tuple[int, ...], str]


def by_dot(x: Any, y: Any, product: Any) -> bool:
    """Whether `x.dot(y)` gives the bits of the product of two matrices."""
    arrays = (x, y, product)
    if not all(isinstance(a, np.ndarray) and a.ndim == 2 and a.dtype == x.dtype and a.size for a in arrays):
        return False
    if x.dtype.char not in "fd" or not product.flags.c_contiguous or x.size * y.shape[1] > SMALL:
        return False
    return _same((x.shape, x.strides, x.dtype.char), (y.shape, y.strides, y.dtype.char))


@lru_cache(4096)
def _same(x: Layout, y: Layout) -> bool:
    rng = np.random.default_rng(0)
    a, b = _array(*x), _array(*y)
    if a is None or b is None:
        return False
    for _ in range(2 + TRIED // (a.shape[0] * b.shape[1])):
        for numbers in (rng.normal, _signs):
            a[...], b[...] = numbers(size=a.shape), numbers(size=b.shape)
            if (a @ b).tobytes() != a.dot(b).tobytes():
                return False
    return True


def _array(shape: tuple[int, ...], strides: tuple[int, ...], dtype: str) -> np.ndarray[Any, Any] | None:
    """An array of its own memory with this layout; None where steps go backwards or elements share their place."""
    if min(strides) < np.dtype(dtype).itemsize:
        return None
    size = sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) + np.dtype(dtype).itemsize
    return np.ndarray(shape, dtype, np.zeros(size, np.uint8), 0, strides)


def _signs(size: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Zeros and ones of both signs: a sum of zeros has a sign too."""
    n = np.arange(size[0] * size[1]) * 7 % 5
    return np.array([-0.0, 1.0, -1.0, 0.0, -0.0])[n].reshape(size)
