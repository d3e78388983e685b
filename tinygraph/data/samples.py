"""Samples with their targets, their order, and their parts: training, dev and test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Samples(NamedTuple):
    """Inputs and targets, of as many samples each.

    Example:
        >>> x, y = Samples(np.zeros((5, 2)), np.arange(5))
        >>> len(x), len(y)
        (5, 5)
    """

    x: Any
    y: Any


@dataclass(frozen=True)
class Split:
    """What `split` returns: the `parts`, each with its x and y. Unpacks to x and y of one part after the other.

    Example:
        >>> data = split(np.zeros((10, 3)), np.arange(10.0), "60/20/20")
        >>> [len(part.x) for part in (data.train, data.dev, data.test)]
        [6, 2, 2]
        >>> train_x, train_y, dev_x, dev_y, test_x, test_y = data
    """

    parts: tuple[Samples, ...]

    @property
    def train(self) -> Samples:
        return self.parts[0]

    @property
    def dev(self) -> Samples:
        """The second part: what hyper-parameters are chosen by. Of two parts it is the test set too."""
        return self.parts[1]

    @property
    def test(self) -> Samples:
        """The last part."""
        return self.parts[-1]

    @property
    def train_x(self) -> Any:
        return self.train.x

    @property
    def train_y(self) -> Any:
        return self.train.y

    @property
    def held_out_x(self) -> Any:
        """Of two parts: the inputs that are not trained on."""
        return self.dev.x

    @property
    def held_out_y(self) -> Any:
        return self.dev.y

    def __iter__(self) -> Iterator[Any]:
        return (array for part in self.parts for array in part)

    def __len__(self) -> int:
        return 2 * len(self.parts)


def split(
    x: Any,
    y: Any,
    policy: str | Sequence[float] = "80/20",
    *,
    stratify: Any = None,
    seed: int | np.random.Generator = 0,
    axis: int = 0,
) -> Split:
    """Shuffle and divide samples into training, dev and test parts of one distribution.

    The course's policies: "70/30" or "70/20/10" for thousands of samples, "98/1/1" or "98.9/1/0.1" for a million
    (course 2, week 1). Each part has the size that it is given, to the nearest sample.

    Args:
        x: samples along `axis`.
        y: their targets, along the last axis where `axis` is not 0 (the course's columns), else along the first.
        policy: per cents joined by slashes, or fractions that add up to 1; training comes first.
        stratify: classes of the samples, shape (n,), each of which is divided likewise, to within one or two samples;
            True: those of y; False: none. None: those of y if these are whole numbers, truth values or text.
        seed: of the choice and of the order.

    Raises:
        ValueError: x and y of different lengths; parts that do not add up, or that get no sample.

    Example:
        >>> data = split(np.arange(10.0), np.array([0, 1] * 5), "60/40")
        >>> sorted(data.test.y.tolist()), len(data.train.x)
        ([0, 0, 1, 1], 6)
    """
    x, y = np.asarray(x), np.asarray(y)
    y_axis = 0 if axis == 0 else y.ndim - 1
    n = _count(x, axis, "x")
    if _count(y, y_axis, "y") != n:
        raise ValueError(f"split: {n} samples and {_count(y, y_axis, 'y')} labels")
    sizes = _sizes(n, policy)
    rng = np.random.default_rng(seed)
    classes = _classes(y, stratify, n)
    which = np.empty(n, dtype=int)
    shuffled = rng.permutation(n)
    grouped = shuffled if classes is None else shuffled[np.argsort(classes[shuffled], kind="stable")]
    which[grouped] = np.roll(_spread(sizes), rng.integers(n) if n else 0)
    places = [rng.permutation(np.flatnonzero(which == k)) for k in range(len(sizes))]
    return Split(tuple(Samples(x.take(part, axis), y.take(part, y_axis)) for part in places))


def _count(array: Array, axis: int, name: str) -> int:
    if not -array.ndim <= axis < array.ndim:
        raise ValueError(f"split: {name} of shape {array.shape} has no axis {axis} for the samples")
    return int(array.shape[axis])


def _sizes(n: int, policy: str | Sequence[float]) -> list[int]:
    """How many of n samples each part gets."""
    try:
        parts = [float(p) / 100 for p in policy.split("/")] if isinstance(policy, str) else [float(p) for p in policy]
    except (TypeError, ValueError):
        raise ValueError(f'split: {policy!r} is no policy: write "70/20/10", or fractions (0.7, 0.2, 0.1)') from None
    if len(parts) < 2 or min(parts) < 0 or abs(sum(parts) - 1) > 1e-9:
        raise ValueError(f"split: the parts of {policy!r} must be two or more that add up to the whole")
    bounds = [round(n * p) for p in np.cumsum(parts)]
    sizes: list[int] = np.diff([0, *bounds]).tolist()
    for size, part in zip(sizes, parts, strict=True):
        if part > 0 and size < 1 and n:
            raise ValueError(
                f"split: {100 * part:g} % of {n} samples is none; choose a larger part than {policy!r} has"
            )
    return sizes


def _spread(sizes: Sequence[int]) -> Array:
    """The number of a part for each sample, spread so that every stretch has its share of each part.

    >>> _spread([4, 2])
    array([0, 1, 0, 0, 1, 0])
    """
    places = np.concatenate([(np.arange(size) + 0.5) / max(size, 1) for size in sizes])
    return np.repeat(np.arange(len(sizes)), sizes)[np.argsort(places, kind="stable")]


def _classes(y: Array, stratify: Any, n: int) -> Array | None:
    """The class of each sample as a number; None where there are none."""
    if stratify is False or (stratify is None and not _discrete(y)):
        return None
    labels = y if stratify is None or stratify is True else np.asarray(stratify)
    if labels.size != n:
        raise ValueError(f"split: classes of shape {labels.shape} for {n} samples; one for each is needed")
    return np.unique(labels.ravel(), return_inverse=True)[1]


def _discrete(y: Array) -> bool:
    one_each = y.size == max(y.shape, default=0)
    return one_each and (y.dtype.kind in "biuUS" or (y.dtype.kind == "f" and bool(np.all(y == np.round(y)))))
