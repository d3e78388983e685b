"""Synthetic sets: the course's points in the plane, and a sequence task. Rows are samples.

In the course's columns they are `x.T` and `y[None]`. A whole number seeds NumPy's legacy generator, whose numbers the
course's exercises and scikit-learn draw.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.data.samples import Samples

LegacySeed = int | np.random.RandomState


def flower(n: int = 400, *, seed: LegacySeed = 1) -> Samples:
    """The planar flower: red and blue petals, of course 1, week 3.

    Returns:
        points (n, 2) and classes 0 and 1, int64 of shape (n,), the first half of them 0.

    Angle t from 3.12 j to 3.12 (j + 1) with noise 0.2, radius 4 sin(4t) with noise 0.2, for class j.

    Example:
        >>> x, y = flower()
        >>> x.shape, y.sum()
        ((400, 2), np.int64(200))
    """
    rng, half = _legacy(seed), n // 2
    points = []
    for j in (0, 1):
        t = np.linspace(j * 3.12, (j + 1) * 3.12, half) + 0.2 * rng.standard_normal(half)
        r = 4.0 * np.sin(4.0 * t) + 0.2 * rng.standard_normal(half)
        points.append(np.column_stack([r * np.sin(t), r * np.cos(t)]))
    return Samples(np.concatenate(points), np.repeat([0, 1], half))


def moons(n: int = 300, *, noise: float = 0.2, seed: LegacySeed = 3) -> Samples:
    """Two interleaved half circles, of course 2, week 2: scikit-learn's `make_moons`, number for number.

    Example:
        >>> x, y = moons(100)
        >>> x.shape, y.sum()
        ((100, 2), np.int64(50))
    """
    outer, inner = np.linspace(0, np.pi, n // 2), np.linspace(0, np.pi, n - n // 2)
    x = np.concatenate([np.cos(outer), 1.0 - np.cos(inner)])
    y = np.concatenate([np.sin(outer), 0.5 - np.sin(inner)])
    return _scattered(np.column_stack([x, y]), len(outer), noise, _legacy(seed))


def circles(n: int = 300, *, noise: float = 0.05, factor: float = 0.8, seed: LegacySeed = 1) -> Samples:
    """One circle in another, of course 2, week 1: scikit-learn's `make_circles`, number for number.

    Args:
        n: points.
        noise: standard deviation of what is added.
        factor: radius of the inner circle; that of the outer one is 1.
        seed: a number or a legacy generator.

    Example:
        >>> x, y = circles(100, noise=0.0)
        >>> np.unique(np.hypot(*x.T).round(6))
        array([0.8, 1. ])
    """
    outer = np.linspace(0, 2 * np.pi, n // 2, endpoint=False)
    inner = np.linspace(0, 2 * np.pi, n - n // 2, endpoint=False)
    rings = [np.column_stack([np.cos(outer), np.sin(outer)]), factor * np.column_stack([np.cos(inner), np.sin(inner)])]
    return _scattered(np.concatenate(rings), len(outer), noise, _legacy(seed))


def blobs(n: int = 300, *, centers: Any = 3, std: float = 1.0, seed: LegacySeed = 0) -> Samples:
    """Clouds of points around centers, a class each: scikit-learn's `make_blobs`, number for number.

    Args:
        n: points, as evenly divided as can be.
        centers: how many, drawn uniformly from -10 to 10, or their places, (k, features).
        std: standard deviation of each cloud.
        seed: a number or a legacy generator.

    Example:
        >>> x, y = blobs(90, centers=[[0.0, 0.0], [5.0, 5.0]])
        >>> x.shape, np.bincount(y)
        ((90, 2), array([45, 45]))
    """
    rng = _legacy(seed)
    places = rng.uniform(-10.0, 10.0, (centers, 2)) if isinstance(centers, int) else np.asarray(centers, dtype=float)
    counts = [n // len(places) + (k < n % len(places)) for k in range(len(places))]
    points = [rng.normal(place, std, (count, places.shape[1])) for place, count in zip(places, counts, strict=True)]
    order = np.arange(n)
    rng.shuffle(order)
    return Samples(np.concatenate(points)[order], np.repeat(np.arange(len(places)), counts)[order])


def adding_problem(n: int = 1000, length: int = 100, *, seed: int | np.random.Generator = 0) -> Samples:
    """Sequences of pairs (number, mark); the target is the sum of the two numbers that are marked.

    Returns:
        x (n, length, 2): numbers from 0 to 1, and marks, two of which are 1, one in each half; y (n,).

    To answer always 1 has a mean squared error of 1/6. S. Hochreiter and J. Schmidhuber, Long Short-Term Memory (1997).

    Example:
        >>> x, y = adding_problem(4, length=10)
        >>> np.allclose((x[:, :, 0] * x[:, :, 1]).sum(axis=1), y)
        True
    """
    if length < 2:
        raise ValueError(f"adding_problem: two of length={length} numbers cannot be marked")
    rng = np.random.default_rng(seed)
    numbers, marks = rng.random((n, length)), np.zeros((n, length))
    marks[np.arange(n), rng.integers(0, length // 2, n)] = 1.0
    marks[np.arange(n), rng.integers(length // 2, length, n)] = 1.0
    return Samples(np.stack([numbers, marks], axis=-1), (numbers * marks).sum(axis=1))


def _legacy(seed: LegacySeed) -> np.random.RandomState:
    return seed if isinstance(seed, np.random.RandomState) else np.random.RandomState(seed)


def _scattered(points: Any, first: int, noise: float, rng: np.random.RandomState) -> Samples:
    """Points in random order with noise; the first ones are of class 0."""
    order = np.arange(len(points))
    rng.shuffle(order)
    return Samples(points[order] + rng.normal(scale=noise, size=points.shape), (order >= first).astype(np.int64))
