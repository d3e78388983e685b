"""Augmentation: images a little changed, as pure functions of (images, generator).

Each function here makes one that `Batches(augment=...)` calls for each batch. Images are (n, height, width) or
(n, channels, height, width); each one is changed in its own way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Augment = Callable[[Array, np.random.Generator], Array]


def compose(*steps: Augment) -> Augment:
    """One change after the other.

    Example:
        >>> changed = compose(flip(), noise(0.1))(np.zeros((2, 8, 8)), np.random.default_rng(0))
        >>> changed.shape
        (2, 8, 8)
    """

    def composed(images: Array, rng: np.random.Generator) -> Array:
        for step in steps:
            images = step(images, rng)
        return images

    return composed


def crop(padding: int, size: int | tuple[int, int] | None = None, *, fill: float = 0.0) -> Augment:
    """A random window of `size`, of the images padded by so many pixels on each side.

    Args:
        padding: in pixels.
        size: of the window, a number or (height, width); None is that of the images.
        fill: the value of the padding.

    Raises:
        ValueError: a window larger than the padded images.

    Example:
        >>> crop(2, size=6)(np.ones((3, 8, 8)), np.random.default_rng(0)).shape
        (3, 6, 6)
    """

    def cropped(images: Array, rng: np.random.Generator) -> Array:
        _check(images, "crop")
        n, (height, width) = len(images), images.shape[-2:]
        h, w = (height, width) if size is None else (size, size) if isinstance(size, int) else size
        tops, lefts = height + 2 * padding - h, width + 2 * padding - w
        if tops < 0 or lefts < 0:
            raise ValueError(f"crop: a window of {(h, w)} in images of {(height, width)} padded by {padding}")
        around = [(0, 0)] * (images.ndim - 2) + [(padding, padding)] * 2
        padded = np.pad(images, around, constant_values=images.dtype.type(fill))
        rows = rng.integers(0, tops + 1, n)[:, None] + np.arange(h)
        columns = rng.integers(0, lefts + 1, n)[:, None] + np.arange(w)
        picked = np.arange(n)[:, None, None]
        windows = padded[picked, ..., rows[:, :, None], columns[:, None, :]]  # (n, h, w, channels)
        return windows if images.ndim == 3 else np.moveaxis(windows, -1, 1)

    return cropped


def shift(most: int, *, fill: float = 0.0) -> Augment:
    """Move each image by up to `most` pixels up or down and left or right; `fill` comes in at the edges.

    Example:
        >>> shift(1)(np.ones((1, 3, 3)), np.random.default_rng(0)).sum() <= 9.0
        np.True_
    """
    return crop(most, fill=fill)


def flip(probability: float = 0.5) -> Augment:
    """Mirror images left to right, each with this probability.

    Example:
        >>> flip(1.0)(np.array([[[1.0, 2.0]]]), np.random.default_rng(0))
        array([[[2., 1.]]])
    """

    def flipped(images: Array, rng: np.random.Generator) -> Array:
        _check(images, "flip")
        mirrored = rng.random(len(images)) < probability
        return np.where(mirrored.reshape(-1, *[1] * (images.ndim - 1)), images[..., ::-1], images)

    return flipped


def noise(std: float) -> Augment:
    """Add normal noise of mean 0 and this standard deviation, to arrays of any shape.

    Example:
        >>> noise(0.0)(np.ones(2), np.random.default_rng(0))
        array([1., 1.])
    """

    def noisy(x: Array, rng: np.random.Generator) -> Array:
        added = x + std * rng.standard_normal(x.shape)
        return added.astype(x.dtype if x.dtype.kind == "f" else added.dtype, copy=False)

    return noisy


def _check(images: Array, name: str) -> None:
    if images.ndim not in (3, 4):
        raise ValueError(
            f"{name}: images are (n, height, width) or (n, channels, height, width), not {images.shape}; reshape rows "
            "of pixels first"
        )
