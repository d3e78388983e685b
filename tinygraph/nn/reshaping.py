"""Layers that change the shape alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygraph.nn.module import Module


class Flatten(Module):
    """Axes start_axis to end_axis as one; by default all but the samples'. PyTorch's start_dim and end_dim.

    Raises:
        ValueError: axes that x does not have, or in the wrong order.

    Example:
        >>> Flatten()(np.zeros((5, 3, 2, 2))).shape
        (5, 12)
    """

    def __init__(self, start_axis: int = 1, end_axis: int = -1) -> None:
        self.start_axis, self.end_axis = start_axis, end_axis

    def forward(self, x: Any) -> Any:
        shape = np.shape(x)
        first, last = _axis(self, self.start_axis, shape), _axis(self, self.end_axis, shape)
        if last < first:
            raise ValueError(f"{self}: axis {self.end_axis} is before {self.start_axis} in an x of shape {shape}")
        return np.reshape(x, (*shape[:first], int(np.prod(shape[first : last + 1])), *shape[last + 1 :]))

    def extra_repr(self) -> str:
        return "" if (self.start_axis, self.end_axis) == (1, -1) else f"{self.start_axis}, {self.end_axis}"


class Unflatten(Module):
    """One axis as several, of the given sizes; one of them may be -1, for what is left.

    Raises:
        ValueError: an axis that x does not have, or sizes that it does not divide into.

    Example:
        >>> Unflatten(1, (3, 2, -1))(np.zeros((5, 12))).shape
        (5, 3, 2, 2)
    """

    def __init__(self, axis: int, sizes: Sequence[int]) -> None:
        self.axis, self.sizes = axis, tuple(sizes)

    def forward(self, x: Any) -> Any:
        shape = np.shape(x)
        axis = _axis(self, self.axis, shape)
        known = int(np.prod([n for n in self.sizes if n != -1]))
        left = shape[axis] // known if known else 0
        sizes = tuple(left if n == -1 else n for n in self.sizes)
        if int(np.prod(sizes)) != shape[axis] or self.sizes.count(-1) > 1:
            raise ValueError(f"{self}: axis {self.axis} of x, of shape {shape}, does not divide into {self.sizes}")
        return np.reshape(x, (*shape[:axis], *sizes, *shape[axis + 1 :]))

    def extra_repr(self) -> str:
        return f"{self.axis}, {self.sizes}"


def _axis(layer: Module, axis: int, shape: tuple[int, ...]) -> int:
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"{layer}: x of shape {shape} has no axis {axis}")
    return axis % len(shape)
