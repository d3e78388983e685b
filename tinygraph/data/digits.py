"""Real images of handwritten digits, and a split into training and held-out images."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

Images = np.ndarray[Any, np.dtype[np.float64]]
Labels = np.ndarray[Any, np.dtype[np.int64]]


class Split(NamedTuple):
    """Training and held-out data; rows are samples."""

    train_x: Any
    train_y: Any
    held_out_x: Any
    held_out_y: Any


def digits() -> tuple[Images, Labels]:
    """1797 images of 8 x 8 pixels, and the digits they show.

    Returns:
        images, float64 of shape (1797, 64), from 0 (paper) to 1 (ink), the rows of pixels one after the other;
        labels, int64 of shape (1797,), 0 to 9.

    The test set of E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, 1998, doi:10.24432/C50P49, licensed under CC BY 4.0. It comes with the package.

    Example:
        >>> images, labels = digits()
        >>> images.shape, images.max(), labels[:5]
        ((1797, 64), np.float64(1.0), array([0, 1, 2, 3, 4]))
    """
    with (files(__package__) / "digits.npz").open("rb") as file, np.load(file) as stored:
        return stored["images"] / 16.0, stored["labels"].astype(np.int64)


def split(x: Any, y: Any, *, held_out: float = 0.2, seed: int = 0) -> Split:
    """Set a part of the samples aside, the same part of each class, at random.

    Args:
        x: samples, the rows of an array of shape (n, ...).
        y: their classes, shape (n,).
        held_out: the part to set aside, between 0 and 1.
        seed: of the choice and of the order.

    Raises:
        ValueError: x and y of different lengths, or a part outside 0 to 1.

    Example:
        >>> parts = split(np.arange(10.0), np.array([0, 1] * 5), held_out=0.4)
        >>> sorted(parts.held_out_y.tolist()), len(parts.train_x)
        ([0, 0, 1, 1], 6)
    """
    x, y = np.asarray(x), np.asarray(y)
    if len(x) != len(y):
        raise ValueError(f"split: {len(x)} samples and {len(y)} labels")
    if not 0.0 <= held_out <= 1.0:
        raise ValueError(f"split: held_out={held_out} is not between 0 and 1")
    rng = np.random.default_rng(seed)
    aside = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        places = rng.permutation(np.flatnonzero(y == label))
        aside[places[: round(held_out * len(places))]] = True
    train, held = rng.permutation(np.flatnonzero(~aside)), rng.permutation(np.flatnonzero(aside))
    return Split(x[train], y[train], x[held], y[held])
