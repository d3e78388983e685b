"""The method of a convolution that is measured to be the fastest: once for each kind of call, and kept."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from threading import Lock
from time import perf_counter
from typing import Any

import numpy as np

from tinygraph.ops.correlation import METHODS
from tinygraph.ops.patches import Padding, padded
from tinygraph.ops.window import Sizes, places

__all__: list[str] = []  # what is called stands in tinygraph.ops.conv

KEPT = 1024  # choices
ROUNDS = 3
_LOCK = Lock()


def fastest(x: Sizes, weight: Sizes, dtype: np.dtype[Any], **how: Any) -> str:
    """The method that takes the least time for all three products of an x and a weight of these shapes.

    Each is done once and then measured three times, in turn; threads that ask at the same time wait for one answer.
    """
    with _LOCK:
        return _fastest(x, weight, dtype, **how)


@lru_cache(KEPT)
def _fastest(
    x: Sizes, weight: Sizes, dtype: np.dtype[Any], stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> str:
    able = [name for name in METHODS if name != "direct" or find_spec("numba")]
    if dtype.kind != "f" or min(x) == 0:
        return able[0]
    out = places("conv", padded(x[2:], padding), weight[2:], stride, dilation)
    rng, how = np.random.default_rng(0), (stride, padding, dilation, groups)
    image, kernel, g = (rng.normal(size=s).astype(dtype) for s in (x, weight, (x[0], weight[0], *out)))

    def seconds(name: str) -> float:
        method, start = METHODS[name], perf_counter()
        method.conv(image, kernel, *how)
        method.conv_transpose(g, kernel, x[2:], *how)
        method.conv_weight(g, image, weight[2:], *how)
        return perf_counter() - start

    for name in able:
        seconds(name)  # which compiles, and fills caches
    rounds = [[seconds(name) for name in able] for _ in range(ROUNDS)]
    return min(zip(map(min, zip(*rounds, strict=True)), able, strict=True))[1]
